"""Retaining beside a living service: texts go when their time is over, once, and never because a clock was set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from activities.cases import Cases
from activities.watching.assigning import Tells
from activities.watching.retaining import TASK, Retaining
from activities.watching.steadiness import ROUNDS, Doubt, Steadiness
from complaints.base import Actor, Order
from complaints.chapters.erasure import PersonalDataErased, PlaceLegalHold, kept_until
from ledger import retention
from ledger.chain import derive_seal_key
from ledger.packs import load_all
from ledger.runs import begin_anew, claim, claimed, slot_of
from ledger.tables import complaints
from ledger.texts import ERASED
from ledger.verify import Report, verify
from policies.vocabulary import Role
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings
from scheduler import scheduling
from tests.activities.office import NoWorkflows
from tests.support.archived import KEPT, archived, office_of
from tests.support.jumping_scheduler import JUMP_FILE, Jumping
from tests.support.living import PACK, Living, living, reaching
from tests.support.waiting import eventually
from worker import working
from workflows.client import EngineAway
from workflows.contract import complaint_workflow_id

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
olga = Actor(id="usr_olga", roles=(Role.COMPLIANCE_OFFICER,))
ENDED = datetime(2022, 3, 1, 9, 0, tzinfo=UTC)
OVER = KEPT.after(ENDED, KEPT.retention)
"""When the texts of what ended then are over their time."""


@pytest.fixture
def then(settings: Settings) -> Settings:
    """The service two days after that, at a quarter past an hour, which no round ends in the time of a test."""
    now = (OVER + 2 * DAY).replace(minute=15)
    spec = ClockSpec(real_anchor=Clock().now(), virtual_anchor=now)
    return settings.model_copy(update={"clock": spec})


async def watched(service: Living) -> None:
    """As if schedulers had taken each hourly round so far, but for the present one."""
    now = service.clock.now()
    async with service.sql.begin() as conn:
        await begin_anew(conn, TASK)
        for number in range(1, ROUNDS + 1):
            assert await claim(conn, TASK, slot_of(now - number * HOUR, HOUR))


class Sick(NoWorkflows):
    """Workflows of which some take nothing; `tried` are all that were asked."""

    def __init__(self, *sick: str) -> None:
        super().__init__()
        self._sick = sick
        self.tried: list[str] = []

    async def tell(self, reference: str, order: Order) -> None:
        self.tried.append(reference)
        if reference in self._sick:
            raise EngineAway("its history has outgrown what Temporal takes")
        await super().tell(reference, order)


def retaining(service: Living, workflows: Tells | None = None) -> Retaining:
    cases = Cases(service.sql, service.record)
    return Retaining(service.sql, cases, workflows or service.engine, service.clock)


async def erasures(service: Living, ref: str) -> list[tuple[str, PersonalDataErased]]:
    told = await service.record.read(ref)
    return [(one.actor, one.event) for one in told if isinstance(one.event, PersonalDataErased)]


async def gone(service: Living, ref: str) -> None:
    await eventually(lambda: erasures(service, ref), within=60, what=f"the texts of {ref} to be erased")


async def rests(service: Living, ref: str) -> None:
    """Its workflow has come to its end."""
    async with asyncio.timeout(60):
        await service.client.get_workflow_handle(complaint_workflow_id(ref)).result()


async def verified(service: Living) -> Report:
    async with service.sql.connect() as conn:
        packs = await load_all(conn)
    seal_key = derive_seal_key(service.settings.master_key_bytes)
    return await verify(service.sql, seal_key, service.texts.check, packs=packs)


async def listed(service: Living, by: datetime) -> list[str]:
    async with service.sql.connect() as conn:
        return [row.reference for row in (await retention.coming(conn, by)).rows]


async def test_of_two_schedulers_one_erases_what_is_over_its_time_once_and_nothing_else(
    then: Settings,
) -> None:
    async with living(then) as service:
        over, held = await archived(service, ENDED), await archived(service, ENDED)
        young = await archived(service, ENDED + 2 * DAY)  # over its time for less than the grace
        unchosen = await archived(service, ENDED, PACK)  # by a figure that nobody here chose
        reason = await service.text(held, "The court asks.")
        await service.do(held, olga, PlaceLegalHold(reason=reason))
        subject = (await service.case(over)).subject
        assert subject is not None
        assert await listed(service, service.clock.now()) == [over, young]
        await watched(service)
        async with scheduling(then), scheduling(then):
            await gone(service, over)
        assert await erasures(service, over) == [
            ("system", PersonalDataErased(reason="retention_ended", kept_until=OVER))
        ]
        async with service.sql.connect() as conn:
            assert await service.texts.get(conn, [subject.id]) == {subject.id: ERASED}
        assert await erasures(service, held) == []
        assert await erasures(service, young) == []
        assert await erasures(service, unchosen) == []
        assert await listed(service, service.clock.now()) == [young]
        report = await verified(service)
        assert report.ok, report.sentences()

        async with scheduling(then) as parts:  # another start in the same hour takes no further round
            await eventually(lambda: parts.hold.held, within=60, what="it to be on duty")
            assert await parts.retaining.look() == 0
        await watched(service)
        assert await retaining(service).look() == 0, "in the next hour nothing is left to do"


async def test_ordered_twice_before_a_worker_is_there_it_is_done_once(then: Settings) -> None:
    async with reaching(then) as service:
        ref = await archived(service, ENDED)
        for _ in range(2):
            await watched(service)
            assert await retaining(service).look() == 1
        async with working(then):
            await gone(service, ref)
            await rests(service, ref)  # with both orders read
        assert len(await erasures(service, ref)) == 1


async def test_a_legal_hold_that_is_laid_when_it_is_ordered_already_wins(then: Settings) -> None:
    async with reaching(then) as service:
        ref = await archived(service, ENDED)
        await watched(service)
        assert await retaining(service).look() == 1
        reason = await service.text(ref, "The court asks.")
        await office_of(service).do(ref, olga, PlaceLegalHold(reason=reason))
        async with working(then):
            await rests(service, ref)
        assert await erasures(service, ref) == []
        assert (await service.case(ref)).legal_hold
        report = await verified(service)
        assert report.ok, report.sentences()


async def test_nothing_is_ordered_while_the_time_is_in_doubt_nor_lost_while_temporal_is_away(
    then: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with reaching(then) as service:
        ref = await archived(service, ENDED)
        ordered = NoWorkflows()
        assert await retaining(service, ordered).look() == 0, "nobody watched the hours before"
        assert "time_not_watched_long_enough" in capsys.readouterr().out
        await watched(service)
        ordered.away = 1
        assert await retaining(service, ordered).look() == 0
        await watched(service)
        assert await retaining(service, ordered).look() == 1
        (told,) = ordered.told
        assert (told[0], told[1].id, told[1].actor.id) == (ref, f"retention/{ref}", "system")


async def test_one_workflow_that_takes_nothing_keeps_no_other_text_beyond_its_time(then: Settings) -> None:
    async with reaching(then) as service:
        refs = [await archived(service, ENDED - n * DAY) for n in range(6, 0, -1)]  # longest over first
        sick = Sick(refs[0], refs[1], refs[3])
        await watched(service)
        assert await retaining(service, sick).look() == 3
        assert [told[0] for told in sick.told] == [refs[2], refs[4], refs[5]]

        away = Sick(*refs)
        await watched(service)
        assert await retaining(service, away).look() == 0
        assert away.tried == refs[:3], "three in a row, and it is Temporal that is away"


async def test_a_time_that_was_worked_out_by_another_rule_is_put_right(then: Settings) -> None:
    async with reaching(then) as service:
        ref = await archived(service, ENDED, PACK)
        async with service.sql.begin() as conn:
            await conn.execute(update(complaints).values(erased_from=OVER))
        assert await listed(service, service.clock.now()) == [ref]
        await watched(service)
        ordered = NoWorkflows()
        assert await retaining(service, ordered).look() == 0
        assert ordered.told == []
        assert await listed(service, service.clock.now()) == []


async def test_what_was_archived_before_its_end_was_known_is_worked_out(then: Settings) -> None:
    async with reaching(then) as service:
        over, later = await archived(service, ENDED), await archived(service, ENDED + 90 * DAY)
        unchosen = await archived(service, ENDED, PACK)
        held = await archived(service, ENDED)
        reason = await service.text(held, "The court asks.")
        await office_of(service).do(held, olga, PlaceLegalHold(reason=reason))
        async with service.sql.begin() as conn:  # as a worker from before the migration archives them
            await conn.execute(update(complaints).values(erased_from=None))
        report = await verified(service)
        assert [s for s in report.sentences() if "in erased_from" in s and over in s], "it can be found"
        async with service.sql.begin() as conn:  # as the migration leaves them
            await conn.execute(update(complaints).values(erased_from=retention.NOT_WORKED_OUT))
        now = service.clock.now()
        assert await listed(service, now + 365 * DAY) == [], "what is not known is not said"
        report = await verified(service)
        assert report.ok, report.sentences()
        assert await retaining(service, NoWorkflows()).look() == 0
        assert await listed(service, now + 365 * DAY) == [over, later]
        async with service.sql.connect() as conn:
            query = text("SELECT reference, erased_from FROM complaints")
            rows = {row.reference: row.erased_from for row in await conn.execute(query)}
        assert rows == {
            over: OVER,
            later: kept_until(KEPT, await service.case(later)),
            held: None,
            unchosen: None,
        }
        report = await verified(service)
        assert report.ok, report.sentences()


async def test_pages_of_what_ends_hold_each_once_and_come_from_the_index(then: Settings) -> None:
    async with reaching(then) as service:
        refs = [await archived(service, ENDED + n * DAY) for n in (2, 0, 1, 0, 1)]
        by = OVER + DAY
        async with service.sql.connect() as conn:
            first = await retention.coming(conn, by, limit=3)
            rest = await retention.coming(conn, by, cursor=first.next, limit=3)
            with pytest.raises(ValueError, match="page marker"):
                await retention.coming(conn, by, cursor="nonsense")
            for other in ("seqscan", "bitmapscan"):  # which a table of five rows would be read by
                await conn.execute(text(f"SET enable_{other} = off"))
            plan = await conn.execute(
                text(
                    "EXPLAIN SELECT reference FROM complaints WHERE erased_from <= now()"
                    " ORDER BY erased_from, reference LIMIT 200"
                )
            )
            said = "\n".join(plan.scalars())
        found = [row.reference for row in (*first.rows, *rest.rows)]
        assert found == [*sorted((refs[1], refs[3])), *sorted((refs[2], refs[4]))]
        assert (len(first.rows), rest.next) == (3, None)
        assert "ix_complaints_erased_from" in said
        assert "Sort" not in said


def told_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that says by how many seconds this process's time of day is off."""
    off = tmp_path / "off"
    off.write_text("0")
    monkeypatch.setenv(JUMP_FILE, str(off))
    monkeypatch.setattr("runtime.clock.datetime", Jumping)
    return off


async def test_the_time_is_trusted_after_a_day_of_rounds_and_no_more_once_it_was_set(
    then: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    off = told_time(monkeypatch, tmp_path)
    async with reaching(then) as service:
        steadiness = Steadiness(service.sql, service.clock, TASK)
        for _ in range(ROUNDS):  # each an hour after the one before, and nobody saw the clock being set
            steadiness = Steadiness(service.sql, service.clock, TASK)
            found = await steadiness.next_round()
            assert found is not None
            assert found.doubt is Doubt.NOT_WATCHED_LONG_ENOUGH
            assert await steadiness.next_round() is None, "one round an hour"
            off.write_text(str(float(off.read_text()) + 3600))
        steadiness = Steadiness(service.sql, service.clock, TASK)
        found = await steadiness.next_round()
        assert found is not None
        assert found.doubt is Doubt.DATABASE_DIFFERS, "that its time has come as far is not believed"


async def test_a_future_that_was_seen_once_shortens_no_proof_when_it_comes(
    then: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told_time(monkeypatch, tmp_path)
    async with reaching(then) as service:
        now = service.clock.now()
        ahead = [slot_of(now + number * HOUR, HOUR) for number in range(1, ROUNDS + 1)]
        async with service.sql.begin() as conn:
            for slot in ahead:
                assert await claim(conn, TASK, slot)
            assert await claim(conn, "another", ahead[0])
        found = await Steadiness(service.sql, service.clock, TASK).next_round()
        assert found is not None
        async with service.sql.connect() as conn:
            assert await claimed(conn, TASK, ahead) == 0
            assert await claimed(conn, TASK, [slot_of(now, HOUR)]) == 1
            assert await claimed(conn, "another", ahead) == 1


@pytest.mark.parametrize("seconds", [-5, 5, 3600, -3600, 365 * 86400])
async def test_a_clock_that_is_set_starts_the_day_of_rounds_anew(
    then: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: int
) -> None:
    off = told_time(monkeypatch, tmp_path)
    async with reaching(then) as service:
        await watched(service)
        steadiness = Steadiness(service.sql, service.clock, TASK)
        first = await steadiness.next_round()
        assert first is not None
        assert first.doubt is None
        off.write_text(str(seconds))
        after = await steadiness.next_round()
        assert after is not None
        assert after.doubt is Doubt.NOT_WATCHED_LONG_ENOUGH


async def test_a_clock_that_was_set_a_year_ahead_while_nobody_ran_is_not_trusted(
    then: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    off = told_time(monkeypatch, tmp_path)
    async with reaching(then) as service:
        ref = await archived(service, ENDED + 180 * DAY)
        await watched(service)
        off.write_text(str(365 * 86400))
        ordered = NoWorkflows()
        assert await retaining(service, ordered).look() == 0
        assert ordered.told == []
        assert await erasures(service, ref) == []
