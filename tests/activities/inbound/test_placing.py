"""Placing: a mail reaches the one complaint that it belongs to, in the name of whoever may write there, or a person."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from complaints.base import SYSTEM, Actor
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.escalation import ReportUnheld
from complaints.chapters.intake import AddNote, AttachEvidence, ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import next_wakeup
from ledger import intake
from ledger.database import autocommit
from ledger.inbound import MailErased, State
from ledger.orphans import sweep_texts
from ledger.texts import destroy_key
from policies.vocabulary import Channel, Role
from runtime.settings import Settings
from tests.activities.inbound.conftest import OURS, MailRoom, open_mail_room
from tests.activities.inbound.lmtp import hand_on, real, written
from tests.activities.office import administrator
from tests.complaints.support import PACK, ana


async def test_an_answer_becomes_what_the_customer_wrote_and_waits_while_the_engine_is_away(
    room: MailRoom,
) -> None:
    reference = await room.office.receive()
    await room.letter_sent(reference)
    kept = await room.takes(real("outlook_reply"))
    assert (kept.state, kept.reference) == (State.RECEIVED, reference)
    message, file = await room.orders()
    assert isinstance(message.body, WriteMessage)
    assert (message.actor.id, message.body.channel) == ("party:P1", Channel.MAIL)
    assert message.occurred_at == kept.taken_at, "what counts is when the gateway had it"
    (said,) = await room.read(message.body.text.id)
    assert said.startswith("It was the store at the station.")
    assert "Which store was it?" in said
    assert "– receipt.pdf (application/octet-stream, 18 bytes)" in said
    assert isinstance(file.body, AttachEvidence)
    assert (file.body.attachment.media_type, file.body.attachment.size) == ("application/pdf", 18)
    before = await room.telling()
    assert await room.mail.teller.tell() == 0, "nobody answers where Temporal should be"
    assert await room.telling() == before
    async with room.office.sql.begin() as conn:
        await conn.execute(text("UPDATE texts SET created_at = now() - interval '9 days'"))
        await sweep_texts(conn)
    assert await room.read(message.body.text.id) == [said], "what waits to be told is not swept away"


async def test_mail_to_one_complaint_waits_in_its_order(room: MailRoom) -> None:
    reference = await room.office.receive()
    await room.letter_sent(reference)
    for words in ("One.", "Two.", "Three."):
        await hand_on(room.port, written(words, answers=OURS))
    await room.mail.placer.place()
    ids = [order.body.text.id for order in await room.orders() if isinstance(order.body, WriteMessage)]
    assert await room.read(*ids) == ["One.", "Two.", "Three."]


async def test_without_a_thread_the_reference_counts_from_a_known_address_only(room: MailRoom) -> None:
    reference = await room.office.receive()
    by_wei = await room.takes(
        written("Any news?", sender="WEI@Example.org", subject=f"about {reference.lower()}")
    )
    assert (by_wei.state, by_wei.reference) == (State.RECEIVED, reference)
    forged = await room.takes(written("Pay me.", sender="mallory@evil.example", subject=reference))
    assert (forged.state, forged.why, forged.reference) == (State.UNPLACED, "unknown_sender", None)
    two_in_one = await room.takes(
        written("Pay me.", sender='"wei@example.org" <mallory@evil.example>', subject=reference)
    )
    assert two_in_one.why == "unknown_sender"
    in_a_thread = await room.takes(written("Hi", sender="mallory@evil.example", answers=OURS))
    assert in_a_thread.why == "unknown_thread"
    assert len(await room.orders()) == 1


async def test_what_colleagues_answer_to_an_alert_becomes_a_note(room: MailRoom) -> None:
    reference = await room.office.receive()
    await room.letter_sent(reference)
    kept = await room.takes(written("I called her.", sender="Ana <ana@staff.example.org>", answers=OURS))
    assert kept.reference == reference
    (note,) = await room.orders()
    assert isinstance(note.body, AddNote)
    assert note.actor.id == "ana"
    alone = await room.takes(written("Lunch?", sender="ana@staff.example.org"))
    assert (alone.state, alone.why) == (State.UNPLACED, "from_staff")


@pytest.mark.parametrize(
    ("name", "state", "why"),
    [
        ("vacation", State.AUTO_REPLY, "auto_submitted"),
        ("vacation_by_subject", State.AUTO_REPLY, "vacation"),
        ("newsletter", State.AUTO_REPLY, "bulk"),
        ("list_loop", State.LOOP, "our_own"),
        ("hops", State.LOOP, "too_many_hops"),
        ("empty", State.UNPLACED, "no_sender"),
        ("dsn_postfix", State.BOUNCE, "not_ours"),
        ("wrong_check", State.UNPLACED, "new"),
        ("forged_reference", State.UNPLACED, "unknown_reference"),
        ("gmail_reply", State.UNPLACED, "unknown_reference"),
        ("broken_mime", State.UNPLACED, "new"),
    ],
)
async def test_what_is_nobodys_answer_is_known_for_what_it_is(
    room: MailRoom, name: str, state: State, why: str
) -> None:
    kept = await room.takes(real(name))
    assert (kept.state, kept.why) == (state, why)


async def test_more_than_a_person_writes_is_taken_for_a_loop(mail_settings: Settings) -> None:
    async with open_mail_room(mail_settings, inbound_most_an_hour=2) as room:
        for number in range(3):
            await hand_on(room.port, written(f"Mail {number}", sender="Wei@example.org"))
        await hand_on(room.port, written("Another's", sender="mina@example.org"))
        await room.mail.placer.place()
        new = (State.UNPLACED, "new")
        assert await room.states() == [new, new, (State.LOOP, "too_many"), new]


async def test_a_new_mail_becomes_a_complaint_where_a_pack_is_set(mail_settings: Settings) -> None:
    async with open_mail_room(mail_settings, inbound_pack=PACK.name) as room:
        kept = await room.takes(real("big5"))
        assert kept.state is State.PLACED
        assert kept.reference is not None
        async with autocommit(room.office.sql).connect() as conn:
            waiting = await intake.waits(conn, kept.reference)
        assert waiting is not None
        body = waiting.order.body
        assert isinstance(body, ReceiveComplaint)
        assert (body.channel, waiting.order.occurred_at) == (Channel.MAIL, kept.taken_at)
        (party,) = body.parties
        refs = (body.subject, body.narrative, party.name, party.address)
        assert await room.read(*(ref.id for ref in refs if ref is not None)) == [
            "投訴：水壺漏水", "我的水壺漏水，到現在還沒有人回覆。\n請盡快處理。", "Wei Example", "wei@example.org",
        ]  # fmt: skip
        assert party.language == "zh"
        await hand_on(room.port, real("big5"))
        await room.mail.placer.place()
        assert len(await room.all()) == 1, "delivered twice it is one complaint"


async def test_what_can_not_be_attached_is_named_and_the_rest_is_attached(mail_settings: Settings) -> None:
    async with open_mail_room(mail_settings, inbound_pack=PACK.name) as room:
        kept = await room.takes(real("inline_picture"))
        assert kept.state is State.RECEIVED, "its files wait until the complaint is on record"
        (file,) = await room.orders()
        assert isinstance(file.body, AttachEvidence)
        assert file.body.attachment.media_type == "image/png"
        assert await room.read(file.body.attachment.filename.id) == ["水壶.png"]
        async with autocommit(room.office.sql).connect() as conn:
            waiting = await intake.waits(conn, kept.reference or "")
        assert waiting is not None
        assert isinstance(waiting.order.body, ReceiveComplaint)
        assert waiting.order.body.narrative is not None
        (said,) = await room.read(waiting.order.body.narrative.id)
        assert "evil.exe (application/x-msdownload, 5 bytes): not attached." in said


async def test_a_placed_mail_goes_with_the_complaints_personal_data(room: MailRoom) -> None:
    reference = await room.office.receive()
    await room.letter_sent(reference)
    kept = await room.takes(written("My address is 5 Elm Street.", answers=OURS))
    mails = room.mail.placer._mails
    async with room.office.sql.begin() as conn:
        assert b"Elm Street" in await mails.open(conn, kept.id)
        await destroy_key(conn, reference)
    async with room.office.sql.connect() as conn:
        with pytest.raises(MailErased):
            await mails.open(conn, kept.id)
        assert (await conn.execute(text("SELECT sealed FROM inbound"))).scalar_one() is None


# What mail systems say ------------------------------------------------------------------------------------


async def outbox_rows(room: MailRoom) -> list[tuple[str, str, str, str | None, bool]]:
    async with room.office.sql.connect() as conn:
        rows = await conn.execute(
            text("SELECT kind, recipient, state, last_error, told_at IS NULL FROM outbox ORDER BY id")
        )
        return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("name", "status"), [("dsn_postfix", "5.1.1"), ("dsn_exchange", "5.1.10"), ("bounce_qmail", None)]
)
async def test_a_letter_that_came_back_is_told_to_its_complaint(
    room: MailRoom, name: str, status: str | None
) -> None:
    reference = await room.office.receive()
    await room.letter_sent(reference)
    async with room.office.sql.begin() as conn:
        await conn.execute(text("UPDATE outbox SET told_at = now()"))
    kept = await room.takes(real(name))
    assert (kept.state, kept.reference) == (State.BOUNCE, reference)
    assert await outbox_rows(room) == [("letter", "party:P1", "bounced", status, True)]
    again = await room.takes(
        real(name).replace(b"4ABC@", b"other@").replace(b"-1@", b"-2@") + b"\r\nmore\r\n"
    )
    assert again.reference == reference
    assert len(await outbox_rows(room)) == 1


async def test_a_delay_is_noted_and_changes_nothing(room: MailRoom) -> None:
    reference = await room.office.receive()
    await room.letter_sent(reference)
    kept = await room.takes(real("dsn_delayed"))
    assert (kept.state, kept.why, kept.reference) == (State.BOUNCE, "delayed 4.4.1", reference)
    assert [row[2] for row in await outbox_rows(room)] == ["sent"]


async def test_an_alert_that_came_back_goes_to_somebody_else(room: MailRoom) -> None:
    reference = await room.office.receive()
    row = text(
        "INSERT INTO outbox (dedupe, stream, kind, recipient, fallback, channel, state, message_id, told_at)"
        " VALUES (:kind, :ref, :kind, 'staff:ana', :fallback, 'mail', 'sent', :id, now())"
    )
    async with room.office.sql.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
        for kind, fallback in (("assigned", "role:supervisor"), ("check_due", None)):
            given = {"ref": reference, "id": OURS, "kind": kind, "fallback": fallback}
            await conn.execute(row, given)
    await room.takes(real("dsn_postfix"))
    assert sorted(await outbox_rows(room)) == [
        ("alert_unreachable", "role:administrator", "queued", None, True),
        ("assigned", "role:supervisor", "queued", None, True),
        ("assigned", "staff:ana", "bounced", "5.1.1", True),
        ("check_due", "staff:ana", "bounced", "5.1.1", True),
    ]


async def test_the_call_of_a_rung_that_came_back_is_passed_on_at_once(room: MailRoom) -> None:
    reference = await room.office.receive()
    await room.office.do(reference, ana, TakeOwnership())
    called = text(
        "SELECT id, clock, occurrence FROM outbox WHERE rung = 0 AND who = 'owner' AND channel = 'mail'"
    )
    case = await room.office.case(reference)
    calls: list[Any] = []
    while not calls:  # until the first rung of some clock is climbed
        climbs_at = next_wakeup(PACK, case)
        assert climbs_at is not None
        case = await room.office.until(reference, climbs_at)
        async with room.office.sql.connect() as conn:
            calls = [*await conn.execute(called)]
    call, clock, occurrence = calls[0]
    away = ReportUnheld(
        clock=clock, occurrence=occurrence, rung=0, repeat=0, word="owner_supervisor", why="away"
    )
    await room.office.do(reference, Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,)), away, case.latest_at)
    async with room.office.sql.begin() as conn:
        await conn.execute(text("UPDATE outbox SET state = 'sent', sent_at = now(), told_at = now()"))
        await conn.execute(
            text("UPDATE outbox SET message_id = :id WHERE id = :call"), {"id": OURS, "call": call}
        )
    await room.takes(real("dsn_postfix"))
    async with room.office.sql.connect() as conn:
        back = await conn.execute(
            text("SELECT state, last_error, told_at IS NULL FROM outbox WHERE id = :id"), {"id": call}
        )
        assert tuple(back.one()) == ("unheld", "unreachable", True)
    await room.office.passing_on().pass_on(reference)
    async with room.office.sql.connect() as conn:
        queued = (
            (await conn.execute(text("SELECT recipient FROM outbox WHERE state = 'queued'"))).scalars().all()
        )
    assert set(queued) == {"role:department_head"}, "the next rung's people are called"


async def test_the_call_of_a_role_that_came_back_from_each_of_its_holders_is_passed_on(
    room: MailRoom,
) -> None:
    await administrator(room.office)
    reference = await room.office.receive()
    call = "INSERT INTO outbox (dedupe, stream, kind, recipient, who, fallback, channel, clock, occurrence, rung,"
    call += " repeat, state, message_id, place, told_at) VALUES (:key, :ref, 'alert_breach', :to, 'role:supervisor',"
    call += " 'role:administrator', 'mail', 'response', 1, 0, 0, :state, :id, :place, now()) RETURNING id"
    async with room.office.sql.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
        given = {"key": "k", "ref": reference, "to": "role:supervisor", "state": "expanded"}
        role = (await conn.execute(text(call), {**given, "id": None, "place": None})).scalar_one()
        for to, message_id in (("staff:dora", OURS), ("staff:sam", OURS.replace("a1", "b2"))):
            one = {"key": f"k/{to}", "to": to, "state": "sent", "id": message_id, "place": role}
            await conn.execute(text(call), {**given, **one})
    await room.takes(real("dsn_postfix"))
    first = [
        ("alert_breach", "role:supervisor", "expanded", None, False),
        ("alert_breach", "staff:dora", "bounced", "5.1.1", True),
    ]
    told = ("alert_unreachable", "role:administrator", "queued", None, True)
    sent = ("alert_breach", "staff:sam", "sent", None, False)
    assert await outbox_rows(room) == [*first, sent, told], (
        "Sam has it: administrators hear that Dora has not"
    )
    await room.takes(real("dsn_postfix").replace(b"a1" * 20, b"b2" * 20).replace(b"4ABC@", b"other@"))
    back = ("alert_breach", "staff:sam", "unheld", "unreachable", True)
    assert await outbox_rows(room) == [*first, back, told], "now nobody has it, and the ladder hears so"
