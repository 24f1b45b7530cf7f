"""A customer answers our question by mail, on the real engine: the pause that waited for it ends, once."""

from __future__ import annotations

from sqlalchemy import text

from complaints.chapters.conversation import AskCustomer, CustomerWrote
from complaints.chapters.intake import NoteAdded
from complaints.chapters.ownership import TakeOwnership
from ledger import inbound
from ledger.database import autocommit
from ledger.directory import Directory
from ledger.inbound import State
from policies.loading import packs_available, publish, read_pack
from policies.pack import Pack
from runtime.ports import free_port
from runtime.settings import Settings
from scheduler import scheduling
from tests.activities.inbound.lmtp import hand_on, written
from tests.support.lives import Life
from tests.support.living import Living, ana, living
from tests.support.mail import CaughtMail
from tests.support.waiting import eventually

CENTRE: Pack = publish(read_pack(next(path for path in packs_available() if path.stem == "service-centre")))


async def placed(service: Living, many: int) -> None:
    """Waits until so many mails are with their complaints."""

    async def look() -> bool:
        async with autocommit(service.sql).connect() as conn:
            found = await inbound.counts(conn)
        assert found == {State.PLACED: many}
        return True

    await eventually(look, what="the mail to be placed")


async def test_the_answer_ends_the_pause_and_counts_from_when_the_gateway_had_it(
    settings: Settings, mail: CaughtMail
) -> None:
    settings = settings.model_copy(update={"lmtp_port": free_port()})
    port = settings.lmtp_port
    assert port is not None
    async with living(settings, CENTRE) as service, scheduling(settings) as parts:
        await parts.inbound.gateway.listening.wait()
        await Directory(service.sql).add(
            id=ana.id, login="ana", name="Ana", email="ana@staff.example.org", roles=ana.roles
        )
        life = await Life.begun(service, CENTRE)
        await life.does(ana, TakeOwnership())
        await life.does(ana, AskCustomer(text=await life.text("Which store was it?")))
        (asked,) = await mail.wait_for("wei@example.org", where=lambda sent: "Which store" in str(sent))
        assert (await service.case(life.reference)).clocks.open_pause("waiting_for_customer") is not None
        ours = str(asked["Message-ID"])
        assert await hand_on(port, written("The one at the station.", answers=ours)) == [250]
        await placed(service, 1)
        told = await service.record.read(life.reference)
        (wrote,) = [item for item in told if isinstance(item.event, CustomerWrote)]
        case = await service.case(life.reference)
        assert case.clocks.open_pause("waiting_for_customer") is None
        async with autocommit(service.sql).connect() as conn:
            (kept,) = await inbound.listed(conn)
            words = await service.texts.get(conn, [wrote.event.text.id])  # type: ignore[attr-defined]
        assert (wrote.actor, wrote.occurred_at) == ("party:P1", kept.taken_at)
        assert list(words.values()) == ["The one at the station."]

        # It dies between telling and noting that it was told: it tells again, and nothing is new.
        await parts.inbound.teller.tell()
        async with service.sql.begin() as conn:
            await conn.execute(text("UPDATE inbound SET state = 'received'"))
        await placed(service, 1)
        assert (await service.types(life.reference)).count("CustomerWrote") == 1

        by_ana = written("She sounds upset.", sender="ana@staff.example.org", subject=f"Re: {life.reference}")
        assert await hand_on(port, by_ana) == [250]
        await placed(service, 2)
        notes = [
            item for item in await service.record.read(life.reference) if isinstance(item.event, NoteAdded)
        ]
        assert [note.actor for note in notes] == [ana.id]


async def test_a_new_mail_is_a_complaint_on_record_with_its_file(settings: Settings) -> None:
    settings = settings.model_copy(update={"lmtp_port": free_port(), "inbound_pack": CENTRE.name})
    port = settings.lmtp_port
    assert port is not None
    async with living(settings, CENTRE) as service, scheduling(settings) as running:
        await running.inbound.gateway.listening.wait()
        boundary = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"'
        parts = (
            "--b\r\nContent-Type: text/plain\r\n\r\nIt leaks.\r\n"
            '--b\r\nContent-Type: text/plain; name="log.txt"\r\n\r\ndrip\r\n--b--'
        )
        raw = written(parts, subject="A kettle", head=boundary)
        raw = raw.replace(b"Content-Type: text/plain; charset=utf-8\r\n\r\n--b", b"X-End: 1\r\n\r\n--b")
        assert await hand_on(port, raw) == [250]
        await placed(service, 1)
        async with autocommit(service.sql).connect() as conn:
            (kept,) = await inbound.listed(conn)
        assert kept.reference is not None
        case = await service.case(kept.reference)
        assert (case.received_at, len(case.attachments)) == (kept.taken_at, 1)
