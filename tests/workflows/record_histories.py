"""Records the histories that test_replay.py replays, on real servers: `python -m tests.workflows.record_histories`.

A name or two records those alone. Record anew only what a deliberate change of workflow code makes
obsolete, once nothing in production runs under the old one any more: a history that no longer replays is
what the test is for.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from cli import prepare
from complaints.base import Command, Order, Person, TextRef
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.escalation import AcknowledgeAlert, ReleaseAlert, ReportUnheld, SnoozeAlert
from complaints.chapters.intake import AddNote
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.chapters.payments import PaymentState
from complaints.lifecycle import next_wakeup
from complaints.references import SPACE, systemic_reference
from complaints.systemic.issue import (
    JoinComplaint,
    OpenSystemicIssue,
    PlanSystemic,
    ResolveSystemic,
    UpdateSystemic,
)
from complaints.systemic.outages import AnnounceOutage, GradeOutage, SummariseOutage, VerifyOutageOver
from complaints.systemic.risk_state import Treatment
from complaints.systemic.risks import AssessRisk
from policies.vocabulary import Channel
from runtime.child import Running
from runtime.clock import Clock, ClockSpec
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.settings import load_settings
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer
from tests.complaints.systemic.test_outages import grade
from tests.support.actions import runs_of
from tests.support.lives import BRISK, Life, whole_life
from tests.support.living import PACK, Living, ana, customer, dora, living, machine, reaching, ref_of
from tests.support.payments import TOKEN, PaymentDesk, payment_desk
from tests.support.waiting import eventually
from tests.workflows import recorded
from workflows.contract import complaint_workflow_id, systemic_workflow_id
from workflows.payment import payment_workflow_id

SPEED = 60
QUICK = 6_000
"""For what takes days: fifty hours of alarms go by in half a minute, those that lie close in one wake-up."""
OUTAGES = PACK.model_copy(
    update={"name": "outages", "outages": (grade(1, "15 min", "30 min", Channel.WEB, Channel.MAIL),)}
)
"""A pack that gives fifteen minutes to speak of an emergency: fifteen seconds, as time goes here."""
SHORT_RUNS = "limit.historyCount.suggestContinueAsNew=120"
"""The server then suggests continue-as-new after so many events; what it suggested is in the history."""


@dataclass(frozen=True)
class Stage:
    """What the stories are played on: the service, the same at a quick clock, its bank, its database's process."""

    service: Living
    quick: Living
    desk: PaymentDesk
    postgres: Running


async def paid_life(stage: Stage) -> list[str]:
    """Receipt, remedy paid, answer, closure, post-mortem with an action, archive."""
    life = await whole_life(stage.service)
    return [complaint_workflow_id(life.reference), payment_workflow_id(await _key(life))]


async def dispute(stage: Stage) -> list[str]:
    """The answer contested, reviewed by others, and answered again."""
    life = await Life.begun(stage.service)
    await life.owned()
    await life.decided()
    await life.answered()
    await life.disputed()
    return [complaint_workflow_id(life.reference)]


async def breach(stage: Stage) -> list[str]:
    """Nobody does anything: every warning, every breach, every rung of every ladder."""
    life = await Life.begun(stage.quick, PACK)

    async def over() -> bool:
        return next_wakeup(PACK, await life.service.case(life.reference)) is None

    await eventually(over, within=90.0, what="the last alarm")
    return [complaint_workflow_id(life.reference)]


async def ladder(stage: Stage) -> list[str]:
    """An alarm is acknowledged and forgotten, expires, is snoozed and released, and calls somebody who is away."""
    life = await Life.begun(stage.quick, PACK)
    service, note = life.service, await life.text("The parts are on their way.")
    await life.has("RungClimbed")
    await life.does(ana, AcknowledgeAlert(clock="response", note=note))
    await life.has("AcknowledgementExpired")
    until = service.clock.now() + timedelta(hours=3)
    await life.does(ana, SnoozeAlert(clock="response", until=until, note=note))
    await life.does(ana, ReleaseAlert(clock="response"))
    away = ReportUnheld(
        clock="response", occurrence=1, rung=1, repeat=0, word="role:department_head", why="away"
    )
    await service.engine.tell(life.reference, service.order(machine, away))
    await life.has("RungUnheld")
    return [complaint_workflow_id(life.reference)]


async def pause(stage: Stage) -> list[str]:
    """The clocks stand still for the customer, twice: until a person says so, and until the customer writes."""
    life = await Life.begun(stage.service)
    await life.owned()
    await life.does(ana, PauseClocks(reason="waiting_for_customer"))
    await life.does(ana, ResumeClocks(reason="waiting_for_customer"))
    await life.does(ana, PauseClocks(reason="waiting_for_customer"))
    await life.does(customer, WriteMessage(text=await life.text("Here is the receipt.")))
    await life.has("ClockBreached")  # that of first handling, which no pause stops
    return [complaint_workflow_id(life.reference)]


async def database_away(stage: Stage) -> list[str]:
    """The record is away while a command is carried out: the patient activity takes the commit over."""
    life = await Life.begun(stage.service)
    await life.owned()
    note = AddNote(text=await life.text("Written while the database was away."))
    await stage.postgres.kill()
    giving = asyncio.create_task(life.service.engine.execute(life.reference, life.service.order(ana, note)))

    async def taken_over() -> bool:
        handle = life.service.client.get_workflow_handle(complaint_workflow_id(life.reference))
        return bool((await handle.describe()).raw_description.pending_activities)

    await eventually(taken_over, within=20.0, what="the patient activity")
    await stage.postgres.start()
    await giving
    await life.has("NoteAdded", within=60.0)
    return [complaint_workflow_id(life.reference)]


async def late_payment(stage: Stage) -> list[str]:
    """The provider takes the order, is asked again and again, and settles late."""
    life = await Life.begun(stage.service)
    await life.owned()
    await life.decided()
    await stage.desk.behave("settle_late")
    await life.paid()
    key = await _key(life)

    async def pending() -> bool:
        flying = (await life.service.case(life.reference)).remedies.of("R1").in_flight
        return flying is not None and flying.state is PaymentState.PENDING

    await eventually(pending, within=20.0, what="the payment to be pending")
    await stage.desk.settle(key)
    await life.settled()
    await stage.desk.behave("settle")
    return [complaint_workflow_id(life.reference), payment_workflow_id(key)]


async def systemic(stage: Stage) -> list[str]:
    """Two complaints joined, told of an update, of the plan and of the end."""
    service = stage.service
    lives = [await Life.begun(service), await Life.begun(service)]
    reference = systemic_reference(uuid4().int % SPACE)

    async def order(body: Command) -> Order:
        return service.order(dora, body)

    async def text(words: str) -> TextRef:
        return await service.text(reference, words)

    opening = OpenSystemicIssue(name=await text("Cracked kettles"), description=await text("One batch."))
    await service.engine.open_systemic(reference, await order(opening))
    for life in lives:
        await service.engine.execute_systemic(reference, await order(JoinComplaint(complaint=life.reference)))
    update = UpdateSystemic(text=await text("The batch was withdrawn."), tell_customers=True)
    await service.engine.execute_systemic(reference, await order(update))
    planned = PlanSystemic(text=await text("Every batch is tested from now on."))
    await service.engine.execute_systemic(reference, await order(planned))
    resolved = ResolveSystemic(text=await text("No such kettle is left."), tell_customers=True)
    await service.engine.execute_systemic(reference, await order(resolved))

    async def told() -> bool:
        heard = [(await service.types(life.reference)).count("SystemicHeard") for life in lives]
        return min(heard) == 2

    await eventually(told, within=30.0, what="both complaints to be told")
    return [systemic_workflow_id(reference), complaint_workflow_id(lives[0].reference)]


async def outage(stage: Stage) -> list[str]:
    """Graded, silent past its moment, announced, silent again, over, summed up and resolved."""
    service = stage.service
    life = await Life.begun(service)
    reference = systemic_reference(uuid4().int % SPACE)

    async def gives(body: Command) -> None:
        await service.engine.execute_systemic(reference, service.order(dora, body))

    async def text(words: str) -> TextRef:
        return await service.text(reference, words)

    async def silent(times: int) -> None:
        async def told() -> bool:
            return (await service.types(reference)).count("OutageSilent") >= times

        await eventually(told, within=60.0, what=f"{times} silences")

    opening = OpenSystemicIssue(
        name=await text("Tills are down"), description=await text("All."), complaints=(life.reference,)
    )
    await service.engine.open_systemic(reference, service.order(dora, opening))
    await gives(GradeOutage(grade=1, reason=await text("No till works."), pack=ref_of(OUTAGES)))
    await silent(1)
    over = tuple(OUTAGES.outages[0].over)
    await gives(AnnounceOutage(text=await text("We are on it."), over=over))
    await silent(2)
    await gives(AnnounceOutage(text=await text("We are still on it."), over=over))
    await gives(VerifyOutageOver(text=await text("All tills work.")))
    await gives(SummariseOutage(text=await text("A certificate ran out.")))
    await gives(ResolveSystemic(text=await text("It is renewed by itself now.")))

    async def told() -> bool:
        return (await service.types(life.reference)).count("SystemicHeard") == 5

    await eventually(told, within=30.0, what="the complaint to be told")
    await service.client.get_workflow_handle(systemic_workflow_id(reference)).result()
    return [systemic_workflow_id(reference)]


async def risk(stage: Stage) -> list[str]:
    """A risk that nobody looked at again in time, then somebody did, and a later one that is never due."""
    service = stage.service
    reference = systemic_reference(uuid4().int % SPACE)

    async def gives(body: Command) -> None:
        await service.engine.execute_systemic(reference, service.order(dora, body))

    async def assessed(review_in: timedelta) -> AssessRisk:
        return AssessRisk(
            likelihood=4, impact=3, treatment=Treatment.REDUCE,
            reasons=await service.text(reference, "Another batch may leak."),
            owner=Person(id=ana.id, roles=ana.roles), review_by=service.clock.now() + review_in,
        )  # fmt: skip

    name = await service.text(reference, "Kettles leak")
    await service.engine.open_systemic(
        reference, service.order(dora, OpenSystemicIssue(name=name, description=name))
    )
    await gives(await assessed(timedelta(minutes=5)))

    async def overdue() -> bool:
        return "RiskReviewDue" in await service.types(reference)

    await eventually(overdue, within=60.0, what="the review to be overdue")
    await gives(await assessed(timedelta(days=30)))
    await gives(PlanSystemic(text=await service.text(reference, "Exchange them.")))
    await gives(ResolveSystemic(text=await service.text(reference, "Exchanged.")))
    await service.client.get_workflow_handle(systemic_workflow_id(reference)).result()
    return [systemic_workflow_id(reference)]


async def continue_as_new(stage: Stage) -> list[str]:
    """More commands than fit in one run, a payment in flight among them, and one sent again in a later run."""
    life = await Life.begun(stage.service)
    await life.owned()
    await life.decided()
    await stage.desk.behave("settle_late")
    await life.paid()
    for number in range(1, 25):
        await life.does(ana, AddNote(text=await life.text(f"Note {number}.")), f"note-{number}")
    again = await life.service.engine.execute(
        life.reference, life.service.order(ana, AddNote(text=await life.text("Again.")), "note-1")
    )
    assert again is not None and again.duplicate
    await stage.desk.settle(await _key(life))
    await life.settled()
    await stage.desk.behave("settle")
    return [complaint_workflow_id(life.reference)]


async def _key(life: Life) -> str:
    case = await life.service.case(life.reference)
    return case.remedies.of("R1").payments[0].key


Story = Callable[[Stage], Awaitable[list[str]]]
STORIES: Sequence[Story] = (
    paid_life, dispute, breach, ladder, pause, database_away, late_payment, systemic, outage, risk,
)  # fmt: skip
IN_SHORT_RUNS: Sequence[Story] = (continue_as_new,)


@asynccontextmanager
async def staged(folder: Path, *dynamic: str) -> AsyncIterator[Stage]:
    """All servers in an empty folder; `dynamic` are settings of Temporal's."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(payment_desk(folder))
        server = PostgresServer(folder / "postgres", free_port())
        binary = await get_temporal(_say)
        temporal = TemporalServer(folder / "temporal", free_port(), binary=binary, dynamic=dynamic)
        running = {}
        for name, child in (("postgres", server.child()), ("temporal", temporal.child())):
            running[name] = Running(child, folder / f"{name}.log")
            await running[name].start()
            stack.push_async_callback(running[name].stop)
        await server.create_database("redress")
        settings = load_settings(
            mode="test",
            database_url=server.url(),
            temporal_address=temporal.address,
            data_dir=folder,
            clock=_clock(SPEED),
            master_key="cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
            payments_url=desk.url,
            payments_token=TOKEN,
        )
        await asyncio.to_thread(prepare, settings)
        service = await stack.enter_async_context(living(settings, BRISK, OUTAGES))
        quick = await stack.enter_async_context(
            reaching(settings.model_copy(update={"clock": _clock(QUICK)}), BRISK)
        )
        yield Stage(service, quick, desk, running["postgres"])


def _clock(speed: int) -> ClockSpec:
    now = Clock().now()
    return ClockSpec(real_anchor=now, virtual_anchor=now, speed=speed)


async def record(stories: Iterable[Story], *dynamic: str) -> None:
    """Plays the stories one after the other, and keeps the histories of what each led."""
    with _empty_folder() as folder:
        async with staged(folder, *dynamic) as stage:
            for story in stories:
                for workflow_id in await story(stage):
                    kind = workflow_id.partition("/")[0]
                    for number, history in enumerate(
                        await runs_of(stage.service.client, workflow_id), start=1
                    ):
                        name = f"{story.__name__.replace('_', '-')}-{kind}-{number}"
                        size = recorded.keep(name, workflow_id, history)
                        _say(f"{name}: {len(history.events)} events, {size} bytes")


@contextmanager
def _empty_folder() -> Iterator[Path]:
    """A folder that an unprivileged database can reach."""
    with tempfile.TemporaryDirectory(prefix="redress-record-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's own word


async def main(wanted: Collection[str]) -> None:
    """Records all stories, or those that are named."""

    def chosen(stories: Iterable[Story]) -> list[Story]:
        return [story for story in stories if not wanted or story.__name__ in wanted]

    for pack in (PACK, BRISK, OUTAGES):
        recorded.keep_pack(pack)
    for stories, dynamic in ((chosen(STORIES), ()), (chosen(IN_SHORT_RUNS), (SHORT_RUNS,))):
        if stories:
            await record(stories, *dynamic)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
