"""Outages on the real engine: silence alerts by itself, also where the worker is dead; every joined customer hears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from complaints.base import PackRef, Refused
from complaints.systemic.issue import JoinComplaint, ResolveSystemic, fold_systemic
from complaints.systemic.outages import AnnounceOutage, GradeOutage, SummariseOutage, VerifyOutageOver
from ledger import packs as published
from ledger import reads
from policies.arithmetic.durations import Duration
from policies.pack import Pack
from policies.vocabulary import Channel, Role
from runtime.settings import Settings
from scheduler import compose, scheduling
from tests.complaints.systemic.test_outages import ALL, grade
from tests.support.living import PACK, Living, dora, living, reaching, ref_of
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import eventually
from tests.workflows.test_systemic import do, opened
from worker import working
from workflows.contract import systemic_workflow_id

QUIET = timedelta(seconds=2)

BRIEF: Pack = PACK.model_copy(
    update={
        "name": "brief",
        "outages": (grade(1, "2 s", "2 s", *ALL), grade(2, "1 h", "1 h", Channel.WEB, Channel.MAIL)),
    }
)
"""Two seconds to speak, for an emergency."""
REF: PackRef = ref_of(BRIEF)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Living]:
    async with living(settings, BRIEF) as running:
        yield running


async def graded(service: Living, number: int = 1) -> str:
    """An outage of this grade that dora opened."""
    issue = await opened(service)
    await do(
        service, issue, GradeOutage(grade=number, reason=await service.text(issue, "All tills."), pack=REF)
    )
    return issue


async def silences(service: Living, issue: str) -> int:
    return (await service.types(issue)).count("OutageSilent")


async def overdue_alerts(service: Living, issue: str) -> list[str]:
    """To whom the alerts of silence went, in the order they were queued."""
    async with service.sql.connect() as conn:
        rows = await conn.execute(
            text("SELECT recipient FROM outbox WHERE stream = :s AND kind = 'outage_overdue' ORDER BY id"),
            {"s": issue},
        )
        return [row.recipient for row in rows]


async def test_an_outage_that_nobody_speaks_of_alerts_by_itself_again_and_again(service: Living) -> None:
    issue = await graded(service)

    async def silent_twice() -> bool:
        return await silences(service, issue) >= 2

    await eventually(silent_twice, what="two silences")
    told = [h for h in await service.record.read(issue) if h.event.type == "OutageSilent"]
    assert told[0].occurred_at - fold_systemic((await service.record.read(issue))[:2]).opened_at >= QUIET
    who = await overdue_alerts(service, issue)
    assert who[:2] == [f"role:{Role.SUPERVISOR}", f"role:{Role.DEPARTMENT_HEAD}"]
    await do(service, issue, VerifyOutageOver(text=await service.text(issue, "It works again.")))
    count = await silences(service, issue)
    async with service.sql.connect() as conn:
        view = await reads.systemic_issue(conn, issue)
    assert view is not None and view.wake_at is None, "time has no more to say"
    assert (view.outage_phase, view.version) == ("verified", view.sequence)
    assert count >= 2


async def test_every_joined_customer_hears_and_the_end_needs_a_summary(service: Living) -> None:
    issue = await graded(service, 2)
    early, late = await service.receive(), await service.receive()
    await do(service, issue, JoinComplaint(complaint=early))
    over = (Channel.WEB, Channel.MAIL)
    await do(service, issue, AnnounceOutage(text=await service.text(issue, "Tills are down."), over=over))
    await do(service, issue, JoinComplaint(complaint=late))

    async def both_hear() -> bool:
        for ref in (early, late):
            letters = [letter.kind for letter in (await service.case(ref)).letters.sent]
            assert letters.count("systemic_update") == 1
        return True

    await eventually(both_hear, what="both customers to be written to")
    resolve = ResolveSystemic(text=await service.text(issue, "Renewed."))
    with pytest.raises(Refused) as early_end:
        await do(service, issue, resolve)
    assert early_end.value.code == "not_summarised"
    await do(service, issue, VerifyOutageOver(text=await service.text(issue, "It works again.")))
    await do(service, issue, SummariseOutage(text=await service.text(issue, "A certificate ran out.")))
    await do(service, issue, resolve)
    await service.client.get_workflow_handle(systemic_workflow_id(issue)).result()


async def test_an_announcement_sent_twice_is_made_once(service: Living) -> None:
    issue = await graded(service, 2)
    said = AnnounceOutage(text=await service.text(issue, "Down."), over=(Channel.WEB, Channel.MAIL))
    first = await do(service, issue, said, "once")
    assert (await do(service, issue, said, "once")).sequence == first.sequence
    assert (await service.types(issue)).count("OutageAnnounced") == 1


async def test_a_pack_that_the_worker_learns_of_later_grades_when_it_does(service: Living) -> None:
    """It was published a moment ago: the order waits for it, and is not refused."""
    fresh = BRIEF.model_copy(update={"name": "fresh"})
    issue = await opened(service)
    async with service.sql.begin() as conn:
        await published.publish(conn, fresh)
    body = GradeOutage(grade=2, reason=await service.text(issue, "All tills."), pack=ref_of(fresh))
    order = service.order(dora, body, "grade")
    await service.engine.execute_systemic(issue, order)

    async def is_graded() -> bool:
        return "OutageGraded" in await service.types(issue)

    await eventually(is_graded, what="the grading")


async def test_with_the_worker_dead_the_watchdog_alerts_and_the_worker_finds_it_done(
    settings: Settings, mail: CaughtMail
) -> None:
    async with reaching(settings, BRIEF) as service:
        async with working(settings):
            issue = await graded(service)
            await do(service, issue, AnnounceOutage(text=await service.text(issue, "Down."), over=ALL))
        before = await silences(service, issue)
        parts = compose(settings)
        await parts.directory.add(
            id="dora", login="dora", name="Dora", email="dora@example.org", roles=[Role.SUPERVISOR]
        )
        async with scheduling(settings):
            (first, *_) = await mail.wait_for(
                "dora@example.org", where=lambda one: "overdue" not in str(one["Subject"])
            )
            assert text_of(first).startswith("Down."), "the words to say stand in the mail itself"
            late = f"News on a disturbance is overdue: {issue}"
            await mail.wait_for("dora@example.org", where=lambda one: str(one["Subject"]) == late)
        assert await silences(service, issue) == before, "the record is the workflow's to write"
        queued = await overdue_alerts(service, issue)
        assert queued
        await parts.sql.dispose()
        async with working(settings):

            async def recorded() -> bool:
                return await silences(service, issue) > before

            await eventually(recorded, what="the silence on record")
        after = await overdue_alerts(service, issue)
        assert len(after) == len(set(await _keys(service, issue))), "nobody is told the same twice"


async def _keys(service: Living, issue: str) -> list[str]:
    async with service.sql.connect() as conn:
        rows = await conn.execute(
            text("SELECT dedupe FROM outbox WHERE stream = :s AND kind = 'outage_overdue'"), {"s": issue}
        )
        return [row.dedupe for row in rows]


async def test_an_outage_goes_on_from_its_record_with_its_moment_intact(service: Living) -> None:
    issue = await graded(service, 2)
    held = fold_systemic(await service.record.read(issue))
    handle = service.client.get_workflow_handle(systemic_workflow_id(issue))
    await handle.terminate()
    assert await service.engine.revive_systemic(issue, held)
    over = (Channel.WEB, Channel.MAIL)
    await do(service, issue, AnnounceOutage(text=await service.text(issue, "Down."), over=over))
    outage = fold_systemic(await service.record.read(issue)).outage
    assert outage is not None and outage.latest is not None
    assert outage.news_by == outage.latest.at + Duration.parse("1 h").microseconds * timedelta(microseconds=1)
    assert outage.missed == 0
