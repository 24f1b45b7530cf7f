"""What may never be broken, whatever died: read out of the record and held against what people were told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import select

from api.idempotency import command_id
from complaints.base import Happening
from complaints.case import Case
from complaints.chapters.intake import ComplaintReceived
from complaints.chapters.letters import LetterQueued
from complaints.lifecycle import evolve, fold
from complaints.messages import messages
from complaints.timing.occurrences import ClockBreached, ClockStarted, ClockWarned, RungClimbed
from ledger.outbox import NOWHERE, State, outbox
from ledger.tables import events
from policies.pack import Pack
from tests.support.house import House
from tests.support.living import PACK
from tests.support.load import Answered, Load
from tests.support.waiting import PATIENCE, eventually
from workflows.client import EngineAway

_AT_ONCE = 8
_REFUSALS = ("owned", "not_the_owner")
"""What the load itself provokes: two want to own one complaint, and one writes before owning it."""


async def kept(house: House, load: Load) -> None:
    """Every promise, over everything that the load did. The load has ended; the house is calm."""
    until = house.clock.now()
    calm_by = await house.calm(within=150.0)
    assert load.faults == [], "\n".join(load.faults[:20])
    streams = dict(zip(load.references, await _each(house, load.references), strict=True))
    await answers_stand(house, load.commands)
    broken = [
        f"{reference}: {fault}"
        for reference, told in streams.items()
        for fault in (*_lost(told), *_doubled(told), *_missed(fold(told) if told else None, until))
    ]
    assert broken == []
    await alerts_went_out(house, streams, calm_by)
    await workflows_agree(house, load.references)
    report = await house.verified()
    assert report.ok, "\n".join(report.sentences())


async def _each(house: House, references: Iterable[str]) -> Sequence[tuple[Happening, ...]]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(reference: str) -> tuple[Happening, ...]:
        async with slots:
            return await house.record.read(reference)

    return await asyncio.gather(*(one(reference) for reference in references))


async def answers_stand(house: House, commands: Sequence[Answered]) -> None:
    """What was answered as done is in the record, once and as told; what was refused is not in it at all."""
    async with house.reading.connect() as conn:
        found = await conn.execute(
            select(events.c.command_id, events.c.stream, events.c.sequence, events.c.type)
            .where(events.c.command_id.is_not(None))
            .order_by(events.c.stream, events.c.sequence)
        )
        recorded: dict[str, list[tuple[str, int, str]]] = {}
        for command, stream, sequence, type_ in found:
            recorded.setdefault(command, []).append((stream, sequence, type_))
    for command, rows in recorded.items():
        sequences = [sequence for _, sequence, _ in rows]
        assert len({stream for stream, _, _ in rows}) == 1, f"{command} is in two streams"
        assert sequences[-1] - sequences[0] == len(sequences) - 1, f"{command} was recorded twice"
    given = {command_id(f"usr_{answer.who}", answer.key): answer for answer in commands}
    assert len(given) == len(commands), "two commands had one id"
    for id_, answer in given.items():
        if answer.status == HTTPStatus.OK:
            assert id_ in recorded, f"answered, and not in the record: {answer}"
            told = (answer.body["command_id"], answer.body["reference"], answer.body["sequence"])
            assert told == (id_, recorded[id_][-1][0], recorded[id_][-1][1]), f"told otherwise: {answer}"
        else:
            assert answer.body.get("code") in _REFUSALS, f"refused for no reason of the load's: {answer}"
            assert id_ not in recorded, f"refused, and in the record: {answer}"
    notes = [answer for answer in commands if answer.path.endswith("add-note")]
    assert all(note.status == HTTPStatus.OK for note in notes)
    noted = sum(type_ == "NoteAdded" for rows in recorded.values() for _, _, type_ in rows)
    assert noted == len(notes), f"{len(notes)} notes were written, {noted} are in the record"


def _lost(told: Sequence[Happening]) -> Iterable[str]:
    if not told:
        yield "its reference was given out, and it has no stream"
    elif not isinstance(told[0].event, ComplaintReceived):
        yield f"it begins with {told[0].event.type}"


def _doubled(told: Sequence[Happening]) -> Iterable[str]:
    """Events that happen once, by what makes them the same."""
    seen = Counter(key for happening in told if (key := _once(happening)) is not None)
    yield from (f"{key} happened {times} times" for key, times in seen.items() if times > 1)


def _once(told: Happening) -> tuple[object, ...] | None:
    match event := told.event:
        case ComplaintReceived():
            return (event.type,)
        case ClockStarted() | ClockBreached():
            return event.type, event.clock, event.occurrence
        case ClockWarned():
            return event.type, event.clock, event.occurrence, event.warning
        case RungClimbed():
            return event.type, event.clock, event.occurrence, event.rung, event.repeat
        case LetterQueued():
            return event.type, event.letter
        case _:
            return None


def _missed(case: Case | None, until: object) -> Iterable[str]:
    """Deadlines that passed before `until`, or before they were met, without a word in the record."""
    for run in () if case is None else case.clocks.occurrences:
        due = run.frozen_due or run.due_at
        end = run.met_at or run.stopped_at or until
        if due is not None and due < end and run.breached_at is None:  # type: ignore[operator]
            yield f"{run.key} was due at {due}, ended at {end}, and its breach was never recorded"


async def alerts_went_out(house: House, streams: dict[str, tuple[Happening, ...]], calm_by: datetime) -> None:
    """Each message that the record calls for is in the outbox under its key, and was really caught once sent.

    What was queued by `calm_by` was sent; the fast clock may have called for more since.
    """
    async with house.reading.connect() as conn:
        c = outbox.c
        query = select(c.dedupe, c.state, c.channel, c.storm, c.message_id, c.last_error, c.queued_at)
        rows = (await conn.execute(query)).all()
    state = {row.dedupe: State(row.state) for row in rows}
    assert len(state) == len(rows)
    # No program has asked to be told: what goes out over webhooks goes to nobody here.
    untold = {row.dedupe for row in rows if row.channel == "webhook" and row.last_error == NOWHERE}
    wanted = {key for told in streams.values() for key in _called_for(PACK, told)}
    assert len(wanted) > len(streams), "the load ran into no deadlines: it shows nothing"
    assert wanted - state.keys() == set(), "called for by the record, and not in the outbox"
    stuck = {
        row.dedupe: row.state
        for row in rows
        if row.state not in (State.SENT, State.EXPANDED)
        and row.dedupe not in untold
        and row.queued_at <= calm_by
    }
    assert stuck == {}
    mails = [row for row in rows if row.state == State.SENT and row.channel == "mail"]
    alone = [row.message_id for row in mails if row.storm is None]
    assert len(set(alone)) == len(alone), "two messages went out under one Message-ID"
    caught = {str(mail["Message-ID"]) for mail in house.mail.all()}
    assert {row.message_id for row in mails} - caught == set(), "said to be sent, and no mail arrived"


def _called_for(pack: Pack, told: Iterable[Happening]) -> Iterable[str]:
    case: Case | None = None
    for happening in told:
        case = evolve(case, happening)
        yield from (message.dedupe for message in messages(pack, case, happening))


async def workflows_agree(house: House, references: Iterable[str]) -> None:
    """Each workflow runs and holds just what the record says."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(reference: str) -> None:
        async def same() -> bool:
            try:
                live = await house.engine.live(reference)
            except EngineAway as away:  # what was started a moment ago may not answer yet
                raise AssertionError(f"{reference}: {away}") from None
            case = fold(await house.record.read(reference))
            assert live.sequence == case.sequence, f"{reference}: {live.sequence}, recorded {case.sequence}"
            return True

        async with slots:
            await eventually(
                same, within=PATIENCE, what=f"the workflow of {reference} to hold what is recorded"
            )

    await asyncio.gather(*(one(reference) for reference in references))
