"""The dispatcher's speed: alerts wait in the outbox, the scheduler starts, and a sink of its own takes them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench.figures import Target
from bench.report import Report
from bench.stack import DISPATCH_DATABASE, Stack
from complaints.messages import Message
from ledger import outbox
from ledger.database import autocommit
from policies.vocabulary import Role
from runtime.child import Child
from runtime.ports import free_port
from runtime.readiness import listens
from runtime.supervisor import Say
from runtime.waiting import until
from tests.activities.office import Office, open_office
from tests.support.sink import times

_ALERTS_EACH = 5
_COMPLAINTS_EACH = 4
"""For one person: fewer than make a storm, of which there would be one mail."""
_WITHIN = 180.0
_UNSENT = text("SELECT count(*) FROM outbox WHERE state <> 'sent'")


@dataclass(frozen=True)
class Speed:
    """`mails` different ones arrived, `doubled` of them more than once; `per_second` from the first to the last."""

    mails: int
    doubled: int
    per_second: float


async def dispatching(stack: Stack, report: Report, *, complaints: int, say: Say) -> None:
    """The chapter: the speed against what it should be."""
    say("Mails …")
    speed = await dispatched(stack, complaints=complaints)
    report.targets.append(Target("mails into a local sink", speed.per_second, "a second", at_least=200))
    report.targets.append(Target("mails that arrived twice", speed.doubled, "mails", at_most=0))
    report.notes.append(
        f"Mails: {speed.mails} alerts about {complaints} complaints were queued, each to somebody else than the"
        " others of its complaint, before the scheduler started; all to one mail domain. The rate is that of"
        " their arrival in the sink, from the first to the last."
    )


async def dispatched(stack: Stack, *, complaints: int) -> Speed:
    """Five alerts for each of so many complaints, each to somebody else, over one mail server and one domain."""
    port, arrivals = free_port(), stack.folder / "arrivals"
    settings = (await stack.settle(DISPATCH_DATABASE)).model_copy(
        update={"smtp_host": "127.0.0.1", "smtp_port": port}
    )
    wanted = complaints * _ALERTS_EACH
    async with open_office(settings) as office:
        await _queue(office, complaints)
        sink = await stack.start(_sink(port, arrivals))
        scheduler = await stack.start(stack.scheduler(settings))
        await _all_sent(office)
        await scheduler.stop()  # what is measured next is to have the machine to itself
        await sink.stop()
    arrived = times(arrivals)
    every = sorted(at for moments in arrived.values() for at in moments)
    if len(arrived) != wanted:
        raise RuntimeError(f"{len(arrived)} of {wanted} mails arrived.")
    return Speed(
        mails=len(arrived),
        doubled=sum(len(moments) > 1 for moments in arrived.values()),
        per_second=(len(every) - 1) / (every[-1] - every[0]),
    )


async def _queue(office: Office, complaints: int) -> None:
    people = complaints * _ALERTS_EACH // _COMPLAINTS_EACH
    for number in range(people):
        await office.directory.add(
            id=f"p{number}", login=f"p{number}", name=f"Person {number}", email=f"p{number}@example.org",
            roles=[Role.HANDLER],
        )  # fmt: skip
    streams = [await office.receive() for _ in range(complaints)]
    for number, stream in enumerate(streams):
        async with office.sql.begin() as conn:
            await outbox.queue(conn, stream, _alerts(office, stream, number * _ALERTS_EACH, people))


def _alerts(office: Office, stream: str, first: int, people: int) -> list[Message]:
    return [
        Message(
            dedupe=f"{stream}/response/1/{rung}/0/mail", kind="alert_breach", clock="response", occurrence=1,
            to=f"staff:p{(first + rung) % people}", rung=rung, repeat=0, who="owner",
            due_at=office.clock.now(),
        )
        for rung in range(_ALERTS_EACH)
    ]  # fmt: skip


def _sink(port: int, arrivals: Path) -> Child:
    argv = (sys.executable, "-m", "tests.support.sink", "--port", str(port), "--file", str(arrivals))
    return Child("sink", argv, listens(port))


async def _all_sent(office: Office) -> None:
    async def sent() -> bool:
        async with autocommit(office.sql).connect() as conn:
            return not await conn.scalar(_UNSENT)

    await until(sent, within=_WITHIN, what="all alerts to be sent")
