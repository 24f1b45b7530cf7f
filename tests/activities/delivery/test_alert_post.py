"""Who a ladder's call reaches: deputies, the next rung where nobody is there, programs, and the desk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from activities.delivery.pace import Pace
from complaints.chapters.escalation import AcknowledgeAlert, ReportUnheld
from complaints.chapters.intake import Acknowledge
from complaints.chapters.ownership import TakeOwnership
from complaints.people.deputising import Absence, Team
from complaints.people.duty import Handover, Rota, on_duty
from complaints.timing.occurrences import RungUnheld
from ledger import outbox, packs
from ledger.alert_links import AlertLinks
from ledger.duty import Duty
from ledger.outbox import State
from policies.vocabulary import Role
from runtime.settings import Settings
from tests.activities.office import QUICK, Office, administrator, open_office
from tests.complaints.support import PACK, ana
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import PATIENCE, eventually

PEOPLE = {name: f"{name}@staff.example.org" for name in ("ana", "dora", "emil", "root")}
CLOCK = "response"
LADDER = PACK.ladders[PACK.clock(CLOCK).ladder or ""]
IMPATIENT = replace(QUICK, attempts=1)
"""What is put off once is given up."""


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def overdue(office: Office) -> str:
    """A complaint of Ana's whose response is a minute late: the first rung has called."""
    now = office.clock.now()
    stream = await office.receive(at=now - timedelta(minutes=16))
    await office.do(stream, ana, TakeOwnership(), at=now - timedelta(minutes=15, seconds=30))
    await office.until(stream, now)
    return stream


async def away(office: Office, *staff: str, deputies: dict[str, tuple[str, ...]] | None = None) -> None:
    duty, now = Duty(office.sql), office.clock.now()
    for person, others in (deputies or {}).items():
        await duty.set_deputies(person, others, "root")
    for person in staff:
        gone = Absence(person=person, begins_at=now - timedelta(days=1), ends_at=now + timedelta(days=1))
        await duty.add_absence(gone, "root")


async def telling(office: Office, word: str) -> None:
    """From now on complaints come in under a pack whose first rung tells this word alone."""
    rung = LADDER.rungs[0].model_copy(update={"tell": (word,)})
    ladder = LADDER.model_copy(update={"rungs": (rung, *LADDER.rungs[1:])})
    pack = PACK.model_copy(update={"version": 999, "ladders": {**PACK.ladders, ladder.id: ladder}})
    office.pack = pack
    async with office.sql.begin() as conn:
        await packs.publish(conn, pack)


async def calls(office: Office, stream: str, channel: str = "mail") -> dict[tuple[str, str], str]:
    """{(the ladder's word, recipient): state} of the calls of the first rung's first time."""
    table = outbox.outbox.c
    query = select(table.who, table.recipient, table.state).where(
        table.stream == stream, table.clock == CLOCK, table.channel == channel, table.rung == 0
    )
    async with office.sql.connect() as conn:
        return {(row.who, row.recipient): row.state for row in await conn.execute(query)}


async def settled(office: Office) -> None:
    async def look() -> bool:
        waiting = [key for key, state in (await office.outbox()).items() if state == State.QUEUED]
        assert not waiting, waiting
        return True

    await eventually(look)


async def test_a_deputy_is_told_in_place_of_who_is_away(office: Office, mail: CaughtMail) -> None:
    stream = await overdue(office)
    await away(office, "ana", deputies={"ana": ("emil",)})
    async with office.dispatching():
        await mail.wait_for(PEOPLE["emil"], where=lambda found: str(found["Subject"]) == f"Overdue: {stream}")
        await settled(office)
    assert not mail.to(PEOPLE["ana"])
    assert await calls(office, stream) == {
        ("owner", "staff:ana"): "expanded", ("owner", "staff:emil"): "sent",
        ("owner_supervisor", "staff:dora"): "sent",
    }  # fmt: skip
    assert not [order for _, order in office.workflows.told if isinstance(order.body, ReportUnheld)]


async def test_who_is_there_beside_somebody_who_is_away_has_the_call_and_the_record_hears_of_it(
    office: Office, mail: CaughtMail
) -> None:
    stream = await overdue(office)
    await away(office, "ana")
    async with office.dispatching():
        await mail.wait_for(PEOPLE["dora"], where=lambda found: stream in str(found["Subject"]))

        async def told() -> bool:
            bodies = [order.body for _, order in office.workflows.told]
            unheld = [body for body in bodies if isinstance(body, ReportUnheld)]
            assert {(body.word, body.why) for body in unheld} == {("owner", "away")}
            return True

        await eventually(told)
        await settled(office)
    assert not mail.to(PEOPLE["emil"]), "the supervisor is there: the head is not called before their time"


async def test_with_temporal_away_a_call_that_reaches_nobody_goes_to_the_next_rung_at_once(
    office: Office, mail: CaughtMail
) -> None:
    office.workflows.away = 10_000
    stream = await overdue(office)
    await away(office, "ana", "dora")
    async with office.dispatching():
        (told, *_) = await mail.wait_for(PEOPLE["emil"], where=lambda found: stream in str(found["Subject"]))
        await settled(office)
    assert "Response" in text_of(told)
    found = await calls(office, stream)
    assert found[("owner", "staff:ana")] == found[("owner_supervisor", "staff:dora")] == "unheld"
    assert found[("role:department_head", "staff:emil")] == "sent"
    subjects = [str(one["Subject"]) for one in mail.to(PEOPLE["emil"])]
    assert len(subjects) == len({str(one["Message-ID"]) for one in mail.to(PEOPLE["emil"])})


async def test_with_temporal_silent_a_call_is_passed_on_while_something_else_is_being_told(
    office: Office, mail: CaughtMail
) -> None:
    office.workflows.silent = True
    other = await office.receive()
    await office.do(other, ana, Acknowledge())
    await away(office, "ana", "dora")
    async with office.dispatching():
        await asyncio.wait_for(office.workflows.asked.wait(), PATIENCE)
        stream = await overdue(office)
        await mail.wait_for(PEOPLE["emil"], where=lambda found: stream in str(found["Subject"]))


async def test_where_nobody_at_all_is_there_the_administrators_hear_it(
    office: Office, mail: CaughtMail
) -> None:
    office.workflows.away = 10_000
    await administrator(office)
    stream = await overdue(office)
    await away(office, "ana", "dora", "emil")
    async with office.dispatching():
        (told,) = await mail.wait_for(
            PEOPLE["root"], where=lambda found: str(found["Subject"]).startswith("Nobody could be called")
        )
        await settled(office)
    assert stream in str(told["Subject"])


async def test_an_address_that_takes_nothing_counts_as_nobody(office: Office, mail: CaughtMail) -> None:
    await office.directory.add(
        id="ana", login="ana", name="Ana", email="no such address", roles=ana.roles, supervisor="dora"
    )
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE["dora"], where=lambda found: stream in str(found["Subject"]))
        await settled(office)
    assert (await calls(office, stream))[("owner", "staff:ana")] == "unheld"


async def test_a_call_stands_on_the_desk_and_programs_that_nobody_set_up_hear_nothing(
    office: Office, mail: CaughtMail
) -> None:
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE["ana"], where=lambda found: stream in str(found["Subject"]))
        await settled(office)
    desk = await calls(office, stream, "desk")
    assert desk == {("owner", "staff:ana"): "sent", ("owner_supervisor", "staff:dora"): "sent"}
    assert list((await calls(office, stream, "webhook")).values()) == ["dropped"]


async def test_a_rung_for_whoever_is_on_duty_reaches_the_person_whose_turn_it_is(
    office: Office, mail: CaughtMail
) -> None:
    await telling(office, "on_duty:desk")
    now = office.clock.now()
    rota = Rota(
        id="desk", title="Desk", timezone="UTC", members=("dora", "emil"),
        handover=Handover(every=1, unit="days", at="00:00"), starts_on=now.date() - timedelta(days=1),
    )  # fmt: skip
    await Duty(office.sql).put_rota(rota, "root")
    (whose,) = on_duty(rota, now)
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE[whose], where=lambda found: str(found["Subject"]) == f"Overdue: {stream}")
        await settled(office)
    assert await calls(office, stream) == {
        ("on_duty:desk", "on_duty:desk"): "expanded", ("on_duty:desk", f"staff:{whose}"): "sent",
    }  # fmt: skip


async def test_who_is_on_duty_outside_the_hours_of_their_team_is_called_all_the_same(
    office: Office, mail: CaughtMail
) -> None:
    await telling(office, "on_duty:night")
    now = office.clock.now()
    another_day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(now.weekday() + 3) % 7]
    team = Team.model_validate(
        {
            "id": "days",
            "title": "Days",
            "timezone": "UTC",
            "members": ["emil"],
            "hours": {another_day: (("09:00", "10:00"),)},
        }
    )
    await Duty(office.sql).put_team(team, "root")
    rota = Rota(
        id="night", title="Night", timezone="UTC", members=("emil",), starts_on=now.date() - timedelta(days=1),
        handover=Handover(every=1, unit="days", at="00:00"),
    )  # fmt: skip
    await Duty(office.sql).put_rota(rota, "root")
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE["emil"], where=lambda found: str(found["Subject"]) == f"Overdue: {stream}")
        await settled(office)
    assert (await calls(office, stream))["on_duty:night", "staff:emil"] == "sent"


async def test_an_address_that_puts_off_for_too_long_is_said_to_take_nothing(
    office: Office, mail: CaughtMail
) -> None:
    stream = await overdue(office)
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE staff SET email = 'greylist@slow.example.org' WHERE id = 'ana'"))
        await conn.execute(
            text("DELETE FROM outbox WHERE rung IS NULL")
        )  # the catcher puts off one mail alone
    async with office.dispatching(IMPATIENT):

        async def told() -> bool:
            bodies = [order.body for _, order in office.workflows.told]
            unheld = [body for body in bodies if isinstance(body, ReportUnheld)]
            assert {(body.word, body.why) for body in unheld} == {("owner", "unreachable")}
            return True

        await eventually(told)
    assert (await calls(office, stream))[("owner", "staff:ana")] == "unheld"


async def test_one_of_a_role_who_can_not_be_reached_does_not_make_the_role_one_of_nobody(
    office: Office, mail: CaughtMail
) -> None:
    await telling(office, "role:department_head")
    await administrator(office)
    await office.directory.add(
        id="fay", login="fay", name="Fay", email="greylist@fay.example.org", roles=[Role.DEPARTMENT_HEAD]
    )
    stream = await overdue(office)
    async with office.dispatching(IMPATIENT):
        await mail.wait_for(PEOPLE["emil"], where=lambda found: str(found["Subject"]) == f"Overdue: {stream}")
        await mail.wait_for(PEOPLE["root"], where=lambda found: stream in str(found["Subject"]))
        await settled(office)
    found = await calls(office, stream)
    assert found[("role:department_head", "staff:emil")] == "sent"
    assert found[("role:department_head", "staff:fay")] == "dead"
    assert not [order for _, order in office.workflows.told if isinstance(order.body, ReportUnheld)]


async def supervisors(office: Office, **emails: str) -> None:
    """Further supervisors, with these addresses."""
    for person, email in emails.items():
        await office.directory.add(
            id=person, login=person, name=person.title(), email=email, roles=[Role.SUPERVISOR]
        )


async def unheld(office: Office) -> set[tuple[str, str]]:
    """{(the ladder's word, why)} of the calls that the workflow was told have reached nobody."""
    bodies = [order.body for _, order in office.workflows.told]
    return {(body.word, body.why) for body in bodies if isinstance(body, ReportUnheld)}


@pytest.mark.parametrize("pace", [QUICK, IMPATIENT], ids=["refused at the door", "put off for too long"])
async def test_with_temporal_away_a_role_of_which_every_mailbox_refuses_goes_up_the_ladder_once(
    office: Office, mail: CaughtMail, pace: Pace
) -> None:
    office.workflows.away = 10_000
    await telling(office, "role:supervisor")
    await administrator(office)
    refuses = "bounce" if pace is QUICK else "greylist"
    await supervisors(
        office, dora=f"{refuses}@a.example.org", sam=f"{refuses}@b.example.org", tess="no such address"
    )
    stream = await overdue(office)
    async with office.dispatching(pace):
        called = await mail.wait_for(
            PEOPLE["emil"], where=lambda found: str(found["Subject"]) == f"Overdue: {stream}"
        )
        await settled(office)
    assert len(called) == len(mail.to(PEOPLE["emil"])) == 1
    found = await calls(office, stream)
    assert found["role:department_head", "staff:emil"] == "sent"
    boxes = [found["role:supervisor", f"staff:{person}"] for person in ("dora", "sam", "tess")]
    assert boxes.count("unheld") == 1, "the last of them says that nobody has it"


async def test_what_is_passed_on_from_a_role_is_what_the_record_then_says(
    office: Office, mail: CaughtMail
) -> None:
    await telling(office, "role:supervisor")
    await administrator(office)
    await supervisors(office, dora="bounce@a.example.org", sam="bounce@b.example.org")
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE["emil"], where=lambda found: stream in str(found["Subject"]))

        async def told() -> bool:
            assert await unheld(office) == {("role:supervisor", "unreachable")}
            return True

        await eventually(told)
        await settled(office)
    before = await office.outbox()
    (order,) = [order for _, order in office.workflows.told if isinstance(order.body, ReportUnheld)]
    case = await office.do(stream, order.actor, order.body)
    (event,) = [told.event for told in await office.record.read(stream) if isinstance(told.event, RungUnheld)]
    assert (event.who, event.why, event.passed_to) == (
        "role:supervisor",
        "unreachable",
        ("role:department_head",),
    )
    assert (0, 0, "role:supervisor") in case.clocks.find(CLOCK, 1).unheld
    assert await office.outbox() == before, "the workflow finds the messages under the same keys"


async def test_a_rota_whose_mailbox_refuses_goes_up_the_ladder(office: Office, mail: CaughtMail) -> None:
    await telling(office, "on_duty:desk")
    await supervisors(office, sam="bounce@a.example.org")
    rota = Rota(
        id="desk", title="Desk", timezone="UTC", members=("sam",),
        handover=Handover(every=1, unit="days", at="00:00"),
        starts_on=office.clock.now().date() - timedelta(days=1),
    )  # fmt: skip
    await Duty(office.sql).put_rota(rota, "root")
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE["emil"], where=lambda found: stream in str(found["Subject"]))
        await settled(office)
    found = await calls(office, stream)
    assert found["on_duty:desk", "staff:sam"] == "unheld"
    assert found["role:department_head", "staff:emil"] == "sent"


async def test_a_role_of_which_one_mailbox_takes_the_call_is_not_passed_on(
    office: Office, mail: CaughtMail
) -> None:
    await telling(office, "role:supervisor")
    await administrator(office)
    await supervisors(office, sam="bounce@b.example.org", tess="bounce@c.example.org")
    stream = await overdue(office)
    async with office.dispatching():
        await mail.wait_for(PEOPLE["dora"], where=lambda found: str(found["Subject"]) == f"Overdue: {stream}")
        (told, *_) = await mail.wait_for(PEOPLE["root"], where=lambda found: stream in str(found["Subject"]))
        await settled(office)
    assert told["Subject"] == f"An alert did not arrive: {stream}", (
        "it does not say that nobody was told: Dora was"
    )
    assert "nobody" not in text_of(told).lower()
    found = await calls(office, stream)
    assert [found["role:supervisor", f"staff:{person}"] for person in ("dora", "sam", "tess")] == [
        "sent",
        "bounced",
        "bounced",
    ]
    assert not mail.to(PEOPLE["emil"])
    assert not await unheld(office)


async def test_an_acknowledgement_that_expired_can_be_given_again_from_the_mail_that_says_so(
    office: Office, mail: CaughtMail
) -> None:
    now = office.clock.now()
    stream = await office.receive(at=now - timedelta(hours=3))
    await office.do(stream, ana, TakeOwnership(), at=now - timedelta(minutes=179))
    await office.do(stream, ana, AcknowledgeAlert(clock=CLOCK), at=now - timedelta(minutes=160))
    await office.until(stream, now - timedelta(minutes=50))
    async with office.dispatching():
        (told, *_) = await mail.wait_for(
            PEOPLE["ana"], where=lambda found: str(found["Subject"]) == f"Still open: {stream}"
        )
        await settled(office)
    link = re.search(r"/alerts/([\w.-]+)", text_of(told))
    assert link is not None, text_of(told)
    async with office.sql.connect() as conn:
        found = await AlertLinks(office.settings.master_key_bytes).find(conn, link[1])
    assert found is not None
    assert (found.reference, found.clock, found.occurrence, found.rung) == (stream, CLOCK, 1, 0)
    assert (found.staff, found.used) == ("ana", None)
