"""The dispatcher: what people find in their mailboxes, and what the complaint learns of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.delivery.composing import message_id
from activities.delivery.dispatch import Pace
from complaints.chapters.escalation import Escalate
from complaints.chapters.intake import Acknowledge
from complaints.chapters.investigation import ReportProgress
from complaints.chapters.letters import ReportDelivery
from complaints.chapters.ownership import TakeOwnership
from complaints.messages import Message
from ledger import access, outbox
from ledger.texts import destroy_key
from policies.vocabulary import DeliveryState, Role
from runtime.ports import free_port
from runtime.settings import Settings
from tests.activities.office import ORGANISATION, QUICK, Office, administrator, open_office
from tests.complaints.support import ana, dora
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import PATIENCE, eventually

ANA = "ana@staff.example.org"
DORA = "dora@staff.example.org"
ROOT = "root@staff.example.org"


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def states(office: Office, wanted: set[str]) -> dict[str, str]:
    """The outbox once its messages are in these states and no other."""

    async def look() -> dict[str, str]:
        found = await office.outbox()
        assert set(found.values()) == wanted, found
        return found

    return await eventually(look)


async def alert(
    office: Office,
    stream: str,
    *,
    to: str = "staff:ana",
    fallback: str | None = "role:supervisor",
    key: str = "k1",
) -> None:
    due_at = office.clock.now() - timedelta(minutes=5)
    message = Message(
        dedupe=f"{stream}/{key}",
        kind="alert_breach",
        to=to,
        fallback=fallback,
        clock="response",
        due_at=due_at,
    )
    async with office.sql.begin() as conn:
        await outbox.queue(conn, stream, [message])


async def test_a_customer_gets_the_letter_and_the_complaint_learns_that_it_was_sent(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge())
        (letter,) = await mail.wait_for("wei@example.org")
        await eventually(lambda: nothing_left(office), what="it to be noted that the complaint was told")
    assert letter["Subject"] == f"We have your message: {stream}"
    assert letter["From"] == f"{ORGANISATION} <complaints@redress.example>"
    assert letter["To"] == "Wei <wei@example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content_type() == "multipart/alternative"
    parts = [(part.get_content_type(), part.get_content_charset()) for part in letter.iter_parts()]
    assert parts == [("text/plain", "utf-8"), ("text/html", "utf-8")], "the plain text stands first"
    assert stream in text_of(letter)
    assert "(Asia/Shanghai)" in text_of(letter), "times are in the pack's zone"
    (told,) = office.workflows.told
    reference, order = told
    assert reference == stream
    assert re.fullmatch(r"delivery/\d+/sent", order.id)
    assert order.body == ReportDelivery(letter="L1", state=DeliveryState.SENT)
    assert order.actor.has(Role.ADMINISTRATOR)
    assert order.occurred_at is not None
    assert order.occurred_at <= order.at


async def nothing_left(office: Office) -> bool:
    """Whether all is settled, and noted as told: that comes after the telling itself."""
    async with office.sql.connect() as conn:
        depth = await outbox.depth(conn)
    return (depth.queued, depth.untold) == (0, 0)


async def test_the_secret_link_in_a_letter_opens_that_complaint_for_its_customer(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge())
        (letter,) = await mail.wait_for("wei@example.org")
    found = re.search(r"http://127\.0\.0\.1:8080/progress/(\S+)", text_of(letter))
    assert found is not None
    bearer = await office.directory.actor_for_portal(found[1])
    assert bearer is not None
    assert (bearer.actor.id, bearer.reference) == ("party:P1", stream)


async def test_letters_come_in_the_customers_language_and_belong_to_one_thread(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive(language="zh")
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge())
        await office.do(stream, ana, TakeOwnership())
        await office.do(
            stream, ana, ReportProgress(text=await office.text(stream, "零件已訂購。{braces} stay"))
        )
        first, second = await mail.wait_for("wei@example.org", count=2)
    assert first["Subject"] == f"我們已收到您的訊息：{stream}"
    assert second["Subject"] == f"{stream} 的進展"
    assert "零件已訂購。{braces} stay" in text_of(second)
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


async def test_nothing_but_the_mail_itself_names_the_customer(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge(text=await office.text(stream, "Dear Wei, your kettle …")))
        (letter,) = await mail.wait_for("wei@example.org")
    assert "Wei" not in letter["Subject"]
    assert "kettle" not in letter["Subject"]
    async with office.sql.connect() as conn:
        kept = str((await conn.execute(text("SELECT o::text FROM outbox AS o"))).all())
        readings = await access.read(conn, reference=stream)
    assert "wei@" not in kept
    assert [(seen.actor, seen.purpose, seen.what) for seen in readings] == [
        ("system", "letter L1", ("address", "letter"))
    ]


async def test_a_letter_that_the_server_refuses_comes_back_and_nothing_is_tried_again(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive(address="bounce@example.org")
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge())
        await eventually(lambda: bool(office.workflows.told))
    ((_, order),) = office.workflows.told
    assert order.body == ReportDelivery(letter="L1", state=DeliveryState.BOUNCED, status="550 5.1.1")
    assert mail.all() == []
    assert list((await office.outbox()).values()) == ["bounced"]


@pytest.mark.parametrize(
    "address", ["+86 10 5555 0199", "12 Kettle Street, Leeds", "wei@", "a b@example.org"]
)
async def test_a_letter_to_who_has_no_mail_address_comes_back(office: Office, address: str) -> None:
    stream = await office.receive(address=address)
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge())
        await eventually(lambda: bool(office.workflows.told))
    ((_, order),) = office.workflows.told
    assert order.body == ReportDelivery(letter="L1", state=DeliveryState.BOUNCED, status="5.1.3")


async def test_a_letter_that_is_put_off_is_sent_later_once_and_before_the_next_one(
    office: Office, mail: CaughtMail
) -> None:
    address = "greylist@later.example.org"  # the catcher puts each of these off once
    stream = await office.receive(address=address)
    await office.do(stream, ana, Acknowledge())
    await office.do(stream, ana, TakeOwnership())
    await office.do(stream, ana, ReportProgress(text=await office.text(stream, "The part is on its way.")))
    async with office.dispatching():
        await states(office, {"sent"})
    first, second = mail.to(address)
    assert first["Subject"].startswith("We have your message")
    assert second["Subject"].startswith("News on")
    async with office.sql.connect() as conn:
        attempts = (await conn.execute(text("SELECT attempts FROM outbox ORDER BY id"))).scalars().all()
    assert attempts == [2, 1]


async def test_what_is_put_off_too_often_comes_back_or_goes_to_somebody_else(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive(address="greylist@never.example.org")
    await office.do(stream, ana, Acknowledge())
    await alert(office, stream)
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE outbox SET attempts = 2"))  # two of three were made already
        await conn.execute(text("UPDATE staff SET email = 'greylist@staff.example.org' WHERE id = 'ana'"))
    async with office.dispatching():
        await mail.wait_for(DORA)
        await eventually(lambda: bool(office.workflows.told))
    ((_, order),) = office.workflows.told
    assert order.body == ReportDelivery(letter="L1", state=DeliveryState.BOUNCED, status="4.4.7")
    assert await office.outbox() == {
        f"{stream}/letter/L1/mail": "bounced", f"{stream}/k1": "dead", f"{stream}/k1/staff:dora": "sent",
    }  # fmt: skip


async def test_an_erased_complaint_sends_no_letter(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    await office.do(stream, ana, Acknowledge())
    async with office.sql.begin() as conn:
        await destroy_key(conn, stream)
    async with office.dispatching():
        await states(office, {"dropped"})
    assert mail.all() == []


async def test_an_alert_tells_its_reader_what_is_late_and_who_has_it(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    await office.do(stream, ana, TakeOwnership())
    async with office.dispatching():
        await alert(office, stream)
        (told,) = await mail.wait_for(ANA)
    assert told["Subject"] == f"Overdue: {stream}"
    assert '"Response" was due at' in text_of(told)
    assert "late by 5 min" in text_of(told)
    assert "It is with Ana." in text_of(told)
    assert f"http://127.0.0.1:8080/desk/complaints/{stream}" in text_of(told)
    assert office.workflows.told == [], "the record has the rung already"


async def test_a_role_is_everybody_who_has_it_each_by_a_mail(office: Office, mail: CaughtMail) -> None:
    await office.directory.add(id="dan", login="dan", name="Dan", email="dan@staff.example.org",
                               roles=[Role.SUPERVISOR], language="zh")  # fmt: skip
    stream = await office.receive()
    async with office.dispatching():
        await alert(office, stream, to="role:supervisor")
        (for_dora,) = await mail.wait_for(DORA)
        (for_dan,) = await mail.wait_for("dan@staff.example.org")
    assert for_dora["Subject"] == f"Overdue: {stream}"
    assert for_dan["Subject"] == f"已逾期：{stream}"
    assert DORA not in str(for_dan)


async def test_the_reason_for_an_escalation_is_not_in_the_mail(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    async with office.dispatching():
        reason = await office.text(stream, "The customer is a doctor.")
        await office.do(stream, dora, Escalate(reason=reason))
        told = await mail.wait_for(DORA)
    assert told[0]["Subject"] == f"Escalated: {stream}"
    assert "doctor" not in text_of(told[0])


async def test_where_somebody_left_who_stands_in_is_told(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    await office.directory.change("ana", active=False)
    async with office.dispatching():
        await alert(office, stream)
        (told,) = await mail.wait_for(DORA)
    assert told["Subject"] == f"Overdue: {stream}"


async def test_where_a_mailbox_is_gone_who_stands_in_is_told(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE staff SET email = 'bounce@staff.example.org' WHERE id = 'ana'"))
    async with office.dispatching():
        await alert(office, stream)
        await mail.wait_for(DORA)
    assert await office.outbox() == {f"{stream}/k1": "bounced", f"{stream}/k1/staff:dora": "sent"}


async def test_where_nobody_can_be_told_administrators_hear_it(office: Office, mail: CaughtMail) -> None:
    await administrator(office)
    stream = await office.receive()
    async with office.dispatching():
        await alert(office, stream, to="staff:gone", fallback="role:compliance_officer")
        (told,) = await mail.wait_for(ROOT)
    assert told["Subject"] == f"An alert did not arrive: {stream}"
    assert "nor anybody in their place" in text_of(told)


async def test_where_there_is_no_administrator_either_a_dead_letter_is_in_sight(
    office: Office,
) -> None:
    stream = await office.receive()
    async with office.dispatching():
        await alert(office, stream, to="staff:gone", fallback=None)
        await states(office, {"dead"})
    async with office.sql.connect() as conn:
        (dead,) = await outbox.dead_letters(conn)
    assert (dead.stream, dead.last_error) == (stream, "nobody")


async def test_what_was_overdue_before_it_was_known_is_one_mail(office: Office, mail: CaughtMail) -> None:
    """Three imported complaints of long ago: each was late in several ways, and nobody could have known."""
    now = office.clock.now()
    streams = [
        await office.receive(received_at=now - timedelta(days=400 + n), source=f"311:{n}", at=now)
        for n in range(3)
    ]
    async with office.dispatching():
        (told,) = await mail.wait_for(DORA)
        await states(office, {"sent", "expanded"})
    assert told["Subject"] == "Complaints that need attention: 3"
    named = [stream for stream in streams if stream in text_of(told)]
    assert named == streams
    assert text_of(told).index(streams[2]) < text_of(told).index(streams[0]), (
        "the one that is overdue longest comes first"
    )
    assert len(mail.all()) == 1


async def test_nobody_can_guess_the_message_id_of_an_alert_and_so_forge_that_it_came_back(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    await alert(office, stream)
    async with office.dispatching():
        (told,) = await mail.wait_for(ANA)
    assert told["Message-ID"] != message_id(f"{stream}/k1", "redress.example")
    assert re.fullmatch(r"<[0-9a-f]{40}@redress\.example>", told["Message-ID"])


async def test_the_same_message_has_the_same_message_id_whoever_sends_it_and_however_often(
    office: Office, mail: CaughtMail
) -> None:
    """One that dies between sending and settling leaves at most a second mail of the same name."""
    stream = await office.receive()
    await alert(office, stream)
    async with office.dispatching():
        await mail.wait_for(ANA)
        await states(office, {"sent"})
    async with office.sql.begin() as conn:  # as if the first had died before it settled
        await conn.execute(
            text("UPDATE outbox SET state = 'queued', lease_until = now(), leased_by = 'dead one'")
        )
    async with office.dispatching():
        first, second = await mail.wait_for(ANA, count=2)
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_complaint_hears_of_its_letter_when_temporal_is_back(
    office: Office, mail: CaughtMail
) -> None:
    office.workflows.away = 3
    stream = await office.receive()
    async with office.dispatching():
        await office.do(stream, ana, Acknowledge())
        await mail.wait_for("wei@example.org")
        await eventually(lambda: bool(office.workflows.told))
    assert len(office.workflows.told) == 1
    assert office.workflows.away == 0
    assert len(mail.to("wei@example.org")) == 1


async def test_while_our_mail_server_is_away_nothing_is_given_up_and_it_all_leaves_when_it_is_back(
    office: Office, mail: CaughtMail, mail_settings: Settings
) -> None:
    stream = await office.receive()
    for number in range(5):
        await alert(office, stream, key=f"k{number}")
    nowhere = free_port()
    away = Office(
        mail_settings.model_copy(update={"smtp_port": nowhere}), office.sql, office.texts, office.record,
        office.directory, office.cases, office.clock,
    )  # fmt: skip

    async def failed_often() -> bool:
        async with office.sql.connect() as conn:
            row = (await conn.execute(text("SELECT count(last_error), max(attempts) FROM outbox"))).one()
        return bool(row[0] == 5)

    async with away.dispatching():
        failed: bool = await eventually(failed_often)
        assert failed
    assert set((await office.outbox()).values()) == {"queued"}
    async with office.dispatching():
        assert len(await mail.wait_for(ANA, count=5)) == 5
    async with office.sql.connect() as conn:
        attempts = (await conn.execute(text("SELECT attempts FROM outbox"))).scalars().all()
    assert attempts == [1] * 5, "an attempt with no server is not held against a message"


async def test_many_messages_leave_over_few_connections_and_no_faster_than_asked(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    for number in range(40):
        await alert(office, stream, key=f"k{number}")
    async with office.dispatching(Pace(poll=0.5, at_once=3)):
        assert len(await mail.wait_for(ANA, count=40)) == 40
        await states(office, {"sent"})


async def test_a_message_that_can_not_be_written_does_not_keep_others_from_leaving(
    office: Office, mail: CaughtMail
) -> None:
    stream = await office.receive()
    async with office.sql.begin() as conn:
        broken = Message(dedupe="no stream/k1", kind="alert_breach", to="staff:ana")
        await outbox.queue(conn, "no stream", [broken])
        unreadable = Message(dedupe="bad/k2", kind="alert_breach", to="nonsense")
        await outbox.queue(conn, stream, [unreadable])
    await alert(office, stream)
    async with office.dispatching():
        await mail.wait_for(ANA)
        found = await states(office, {"sent", "dead"})
    assert found == {"no stream/k1": "dead", "bad/k2": "dead", f"{stream}/k1": "sent"}


async def test_a_new_message_leaves_at_once(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    async with office.dispatching(Pace(poll=300)):
        await alert(office, stream, key="k1")
        await mail.wait_for(ANA)
        await alert(office, stream, key="k2")
        await mail.wait_for(ANA, count=2)


async def test_the_dispatcher_goes_on_after_its_database_connections_were_cut(
    office: Office, mail: CaughtMail, mail_settings: Settings
) -> None:
    stream = await office.receive()
    async with open_office(mail_settings) as elsewhere, office.dispatching():
        await alert(office, stream, key="k1")
        await mail.wait_for(ANA)
        async with elsewhere.sql.connect() as conn:
            cut = text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert (await conn.execute(cut)).scalar_one() >= 1
            for number in range(5):
                message = Message(
                    dedupe=f"after/{number}", kind="alert_breach", to="staff:ana", clock="response"
                )
                await outbox.queue(conn, stream, [message])
            await conn.commit()
        await mail.wait_for(ANA, count=6)


async def test_stopping_lets_what_is_being_sent_be_finished(office: Office, mail: CaughtMail) -> None:
    stream = await office.receive()
    for number in range(8):
        await alert(office, stream, key=f"k{number}")
    stop = asyncio.Event()
    running = asyncio.create_task(office.dispatcher(QUICK).run(stop))
    await eventually(lambda: bool(mail.to(ANA)))
    stop.set()
    await asyncio.wait_for(running, PATIENCE)
    sent = [key for key, state in (await office.outbox()).items() if state == "sent"]
    assert len(sent) == len(mail.to(ANA)), "what left is settled, what did not is not"
    async with office.sql.connect() as conn:
        leased = (
            await conn.execute(text("SELECT count(*) FROM outbox WHERE lease_until IS NOT NULL"))
        ).scalar_one()
    assert leased == 0
