"""Answers given while Temporal is away: recorded by the same rules, once, and heard by the workflow afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from activities.cases import Cases, Held
from activities.unaided import Unaided
from activities.watching.catching_up import CatchingUp
from complaints.base import Actor, Command, Order, Refused, TextRef
from complaints.chapters.escalation import AcknowledgeAlert, Escalate, ReleaseAlert
from complaints.chapters.intake import Acknowledge
from complaints.references import reference
from ledger.unaided import UNDER_WAY, keep, unaided_orders
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.activities.watching.test_watchdog import overdue
from tests.complaints.support import ana, ben
from workflows.client import EngineAway, Unknown

CLOCK = "response"


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


def unaided(office: Office) -> Unaided:
    return Unaided(office.sql, office.record, Cases(office.sql, office.record), office.clock)


def order(office: Office, actor: Actor, body: Command) -> Order:
    return Order(id=str(uuid4()), actor=actor, body=body, at=office.clock.now())


async def kept(office: Office) -> list[str]:
    async with office.sql.connect() as conn:
        found = await conn.execute(select(unaided_orders.c.command_id).order_by(unaided_orders.c.id))
        return list(found.scalars())


async def types(office: Office, stream: str) -> list[str]:
    return [told.event.type for told in await office.record.read(stream)]


async def test_an_alert_is_answered_by_the_record_alone_with_what_time_had_brought_before(
    office: Office,
) -> None:
    stream = await overdue(office)
    assert "ClockBreached" not in await types(office, stream), "no workflow has woken"
    answer = order(office, ana, AcknowledgeAlert(clock=CLOCK))
    outcome = await unaided(office).execute(stream, answer)
    assert outcome.events == ("AlertAcknowledged",) and not outcome.duplicate
    told = await types(office, stream)
    assert told.index("ClockBreached") < told.index("AlertAcknowledged")
    assert outcome.sequence == len(told)
    (run,) = (await office.case(stream)).clocks.all_running(CLOCK)
    assert run.acknowledged_by == ana.id
    again = await unaided(office).execute(stream, answer)
    assert again.duplicate and again.sequence == outcome.sequence
    assert await types(office, stream) == told, "sent again, it is the same answer"
    assert await kept(office) == [answer.id]


async def test_what_the_rules_refuse_is_refused_and_nothing_is_kept(office: Office) -> None:
    stream = await office.receive()
    with pytest.raises(Refused, match="No alert of this complaint"):
        await unaided(office).execute(stream, order(office, ana, AcknowledgeAlert(clock=CLOCK)))
    assert await kept(office) == []
    with pytest.raises(Unknown):
        await unaided(office).execute(
            reference(uuid4().int % 2**55), order(office, ana, AcknowledgeAlert(clock=CLOCK))
        )
    assert await kept(office) == []


async def test_a_command_that_needs_the_workflow_is_none_of_its_own(office: Office) -> None:
    stream = await office.receive()
    with pytest.raises(ValueError, match="needs the complaint's workflow"):
        await unaided(office).execute(stream, order(office, ana, Acknowledge()))
    assert "Acknowledged" not in await types(office, stream)


async def test_of_two_who_answer_at_once_one_is_recorded_and_the_other_hears_so(office: Office) -> None:
    stream = await overdue(office)
    orders = [order(office, actor, AcknowledgeAlert(clock=CLOCK)) for actor in (ana, ben)]
    came = await asyncio.gather(
        *(unaided(office).execute(stream, it) for it in orders), return_exceptions=True
    )
    (refused,) = [it for it in came if isinstance(it, Refused)]
    assert refused.code == "already_done"
    assert (await types(office, stream)).count("AlertAcknowledged") == 1
    (won,) = [it.id for it, outcome in zip(orders, came, strict=True) if outcome is not refused]
    assert await kept(office) == [won]


class _Overtaken(Cases):
    """Reads a complaint when the same order has just been carried out by somebody else."""

    def __init__(self, office: Office, order: Order) -> None:
        super().__init__(office.sql, office.record)
        self._office = office
        self._order = order

    async def read(self, reference: str) -> Held | None:
        await unaided(self._office).execute(reference, self._order)
        return await super().read(reference)


async def test_an_order_that_is_sent_twice_at_once_is_answered_alike_and_kept_for_the_workflow(
    office: Office,
) -> None:
    stream = await overdue(office)
    answer = order(office, ana, AcknowledgeAlert(clock=CLOCK))
    late = Unaided(office.sql, office.record, _Overtaken(office, answer), office.clock)
    outcome = await late.execute(stream, answer)
    assert outcome.duplicate and outcome.events == ("AlertAcknowledged",)
    assert await kept(office) == [answer.id], "else the workflow would never hear of it"


class _Hearing:
    """Who is told: away for so many calls, then there."""

    def __init__(self, away: int = 0, broken: str = "", sick: Container[str] = ()) -> None:
        self.away = away
        self.broken = broken
        self.sick = sick
        self.tried: list[str] = []
        self.heard: list[tuple[str, str]] = []

    async def tell(self, reference: str, order: Order) -> None:
        self.tried.append(reference)
        if reference == self.broken:
            raise ValueError("this one can not be told")
        if reference in self.sick:
            raise EngineAway("its history has outgrown what Temporal takes")
        if self.away:
            self.away -= 1
            raise EngineAway("still away")
        self.heard.append((reference, order.id))


async def test_what_was_recorded_is_kept_until_it_was_heard_in_the_order_in_which_it_was_given(
    office: Office,
) -> None:
    stream = await overdue(office)
    reason = TextRef(id=str(uuid4()), digest="0" * 64)
    bodies = (AcknowledgeAlert(clock=CLOCK), ReleaseAlert(clock=CLOCK), Escalate(reason=reason))
    given = [order(office, ana, body) for body in bodies]
    for each in given:
        await unaided(office).execute(stream, each)
    hearing = _Hearing(away=1)
    catching_up = CatchingUp(office.sql, hearing)
    assert await catching_up.tell() == 0
    assert await kept(office) == [each.id for each in given]
    assert await catching_up.tell() == len(given)
    assert hearing.heard == [(stream, each.id) for each in given]
    assert await kept(office) == [] and await catching_up.tell() == 0


async def test_an_order_that_was_never_recorded_is_told_nobody(office: Office) -> None:
    stream = await overdue(office)
    failed, under_way = (order(office, ana, AcknowledgeAlert(clock=CLOCK)) for _ in range(2))
    c = unaided_orders.c
    async with office.sql.begin() as conn:
        await keep(conn, stream, failed)
        await conn.execute(update(unaided_orders).values(kept_at=c.kept_at - 2 * UNDER_WAY))
        await keep(conn, stream, under_way)
    hearing = _Hearing()
    assert await CatchingUp(office.sql, hearing).tell() == 0
    assert hearing.heard == []
    assert await kept(office) == [under_way.id]


async def test_a_workflow_that_can_not_be_told_keeps_no_other_from_hearing(office: Office) -> None:
    broken, whole = await overdue(office), await overdue(office)
    given = []
    for stream in (broken, broken, whole):
        reason = TextRef(id=str(uuid4()), digest="0" * 64)
        given.append(order(office, ana, Escalate(reason=reason)))
        await unaided(office).execute(stream, given[-1])
    hearing = _Hearing(broken=broken)
    assert await CatchingUp(office.sql, hearing).tell() == 1
    assert hearing.heard == [(whole, given[2].id)]
    assert await kept(office) == [given[0].id, given[1].id], "they are told again, in their order"


async def test_workflows_that_take_nothing_keep_no_other_from_hearing_until_it_is_temporal_that_is_away(
    office: Office,
) -> None:
    streams = [await overdue(office) for _ in range(4)]
    given: dict[str, list[str]] = {stream: [] for stream in streams}
    for stream in (streams[0], *streams):
        reason = TextRef(id=str(uuid4()), digest="0" * 64)
        each = order(office, ana, Escalate(reason=reason))
        given[stream].append(each.id)
        await unaided(office).execute(stream, each)

    away = _Hearing(sick=streams)
    assert await CatchingUp(office.sql, away).tell() == 0
    assert away.tried == streams[:3], "after three in a row it is Temporal that is away"

    hearing = _Hearing(sick=streams[:2])
    assert await CatchingUp(office.sql, hearing).tell() == 2
    assert hearing.heard == [(stream, given[stream][0]) for stream in streams[2:]]
    assert await kept(office) == [*given[streams[0]], *given[streams[1]]], (
        "they are told again, in their order"
    )
