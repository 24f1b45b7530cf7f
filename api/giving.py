"""Giving a command, for routes and forms alike: store its texts, hand over the order, tell what came of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import Deps
from api.filing import file_command
from api.idempotency import command_id
from api.inputs import Gathered, PackGiven, Told, build, gather
from api.packs import ref_of
from api.problems import Problem
from api.security import not_known, sender_of
from api.unavailable import not_recorded_yet
from complaints.base import Command, Order, PackRef, Person, Refused, TextRef, permit_role
from complaints.chapters.endings import MergeInto
from complaints.references import is_systemic, parse
from complaints.systemic.issue import JoinComplaint, OpenSystemicIssue
from ledger import intake, reads
from ledger.directory import Bearer
from ledger.idempotency import KeyReused, remember
from ledger.texts import StreamErased, TextConflict
from workflows.client import EngineAway, Unknown
from workflows.contract import Outcome


@dataclass(frozen=True)
class Given:
    """A command that was taken: its id, and its outcome, or None while it is still at work."""

    command_id: str
    outcome: Outcome | None


class Execute(Protocol):
    """How an order is carried out: by a complaint (`Engine.execute`) or a systemic issue (`execute_systemic`)."""

    def __call__(self, reference: str, order: Order) -> Awaitable[Outcome | None]: ...


@dataclass(frozen=True)
class Way:
    """How a command came: who carries it out, under which name its key is kept, whose key, and what was seen."""

    execute: Execute
    route: str
    sender: str
    key: str | None
    expected_version: int | None = None


async def give(
    deps: Deps,
    caller: Bearer,
    reference: str,
    command: type[Command],
    sent: Told,
    *,
    key: str | None = None,
    expected_version: int | None = None,
) -> Given:
    """Give a complaint or systemic issue the command that was sent for it (an instance of `inputs.body_of(command)`).

    `key` is the caller's idempotency key: the same one again gives the recorded outcome. `expected_version`
    is the version the caller saw. Raises Refused (the rules say no), and Problem: 404 unknown, 422 for a key
    that was used otherwise or a person or complaint that is not known, 503 where the engine is away.
    """
    permit_role(command, caller.actor)
    if caller.reference is not None and sent.occurred_at is not None:
        # Windows for objections and the like are judged by it; a customer could go back into one that closed.
        raise Problem(
            422, "time_not_yours", "Only staff can say when something happened; leave out occurred_at."
        )
    execute = deps.engine.execute_systemic if command.to_systemic else deps.engine.execute
    way = Way(execute, command.__name__, sender_of(caller), key, expected_version)
    id_ = command_id(way.sender, key)
    gathered = gather(sent, id_)
    marked = (
        "" if key is None else deps.fingerprints.of(f"{reference}/{way.route}", sent, str(expected_version))
    )
    refs = await prepare(deps, way, reference, gathered.texts, id_=id_, marked=marked)
    people, packs = await attest(deps, gathered), await packs_named(deps, gathered)
    body = build(command, sent, id_, refs, people, packs=packs)
    await others_exist(deps, body)
    await file_command(deps, reference, caller.actor, body, gathered)
    order = Order(
        id=id_,
        actor=caller.actor,
        body=body,
        at=deps.clock.now(),
        occurred_at=sent.occurred_at,
        expected_version=expected_version,
    )
    return await hand_over(deps, way, reference, order)


async def prepare(
    deps: Deps, way: Way, reference: str, texts: Mapping[str, str], *, id_: str, marked: str
) -> Mapping[str, TextRef]:
    """Bind the key and store the texts: two statements on one connection, none where there is neither.

    Each is whole in itself and the same when sent again, so no transaction is put round them. Texts are
    stored only for a complaint that exists, lest anyone could fill the record with keys and texts.
    Raises Problem (404 unknown, 422 key reused) and Refused (erased).
    """
    if way.key is None and not texts:
        return {}
    async with deps.reading.connect() as conn:
        if not await exists(deps, conn, reference):
            raise not_known(reference)
        try:
            if way.key is not None:
                await remember(
                    conn, key=way.key, actor=way.sender, route=way.route, fingerprint=marked, reference=reference,
                    command_id=id_, lazily=bool(texts),
                )  # fmt: skip
            return await deps.texts.put(conn, reference, texts)
        except KeyReused as reused:
            raise Problem(422, "key_reused", str(reused)) from None
        except TextConflict:
            raise Problem(422, "key_reused", "This Idempotency-Key was used with another text.") from None
        except StreamErased:
            raise Refused(
                "erased", "The texts of this complaint were erased; nothing can be added to it."
            ) from None


async def exists(deps: Deps, conn: AsyncConnection, reference: str) -> bool:
    """Whether anything has this reference, recorded or still waiting to be; asked once for each."""
    if reference in deps.known:
        return True
    if await deps.record.sequence(reference) == 0 and not await intake.accepted(conn, reference):
        return False
    deps.known.add(reference)
    return True


async def attest(deps: Deps, gathered: Gathered) -> Mapping[str, Person]:
    """The people who are named, as the directory attests them now; who is not known is left out."""
    found = {staff: await deps.directory.person(staff) for staff in sorted(gathered.staff)}
    return {staff: person for staff, person in found.items() if person is not None}


async def packs_named(deps: Deps, gathered: Gathered) -> Mapping[PackGiven, PackRef]:
    """The published packs that are named. Raises Problem (422) for one that is not published."""
    found: dict[PackGiven, PackRef] = {}
    for given in gathered.packs:
        pack = await deps.packs.named(given.name, given.version, deps.clock.now())
        if pack is None:
            raise Problem(422, "unknown_pack", "No pack of this name and version is published; compare them.")
        found[given] = ref_of(pack)
    return found


async def others_exist(deps: Deps, body: Command) -> None:
    """The rules see one stream at a time: that the other ones are there is looked up here. Raises Problem (422)."""
    match body:
        case MergeInto(into=other) | JoinComplaint(complaint=other):
            others: tuple[str, ...] = (other,)
        case OpenSystemicIssue(complaints=others):
            pass
        case _:
            return
    for other in others:
        try:
            reference = parse(other)
        except Refused as refused:
            raise Problem(422, refused.code, refused.sentence) from None
        if is_systemic(reference):
            raise Problem(
                422,
                "bad_reference",
                "This is the reference of a systemic issue; give a complaint's.",
            )
        async with deps.reading.connect() as conn:
            if not await exists(deps, conn, reference):
                raise Problem(
                    422,
                    "unknown_complaint",
                    "There is no complaint of the other reference; compare it again.",
                )


async def hand_over(deps: Deps, way: Way, reference: str, order: Order) -> Given:
    """Hand the order to the engine and wait for what comes of it; counts and times it."""
    began = time.perf_counter()
    counted = "failed"
    try:
        outcome = await _carried_out(deps, way, reference, order)
        counted = "running" if outcome is None else "duplicate" if outcome.duplicate else "recorded"
    except (Refused, EngineAway, Unknown) as answered:
        match answered:
            case Refused():
                counted = answered.code
            case Unknown():
                counted = "unknown"
            case _:
                counted = "engine_away"
        # Sent again after an uncertain answer, it may be in the record: then that is the answer.
        outcome = None if way.key is None else await _recorded(deps, order.id)
        if outcome is None and isinstance(answered, Unknown):
            raise await _not_there(deps, reference) from None
        if outcome is None:
            raise
        counted = "duplicate"
    finally:
        deps.metrics.command(order.body.type, counted, time.perf_counter() - began)
    if outcome is None and way.key is None:
        # The place to look has to know it, though nobody named a key.
        async with deps.reading.connect() as conn:
            await remember(
                conn, key=order.id, actor=way.sender, route=way.route, fingerprint="", reference=reference,
                command_id=order.id,
            )  # fmt: skip
    return Given(order.id, outcome)


async def _carried_out(deps: Deps, way: Way, reference: str, order: Order) -> Outcome | None:
    """By the engine; by the record alone, while it is away, what does not need it."""
    try:
        return await way.execute(reference, order)
    except EngineAway as away:
        if not order.body.unaided:
            raise
        try:
            return await deps.unaided.execute(reference, order)
        except Unknown:  # received, and not recorded before the engine is back
            raise away from None


async def _recorded(deps: Deps, id_: str) -> Outcome | None:
    async with deps.reading.connect() as conn:
        found = await reads.command(conn, id_)
    if found is None:
        return None
    return Outcome(
        reference=found.stream,
        version=found.last,
        sequence=found.last,
        events=tuple(told.event.type for told in found.happenings),
        duplicate=True,
    )


async def _not_there(deps: Deps, reference: str) -> Problem:
    async with deps.reading.connect() as conn:
        waiting = await intake.waits(conn, reference)
    return not_known(reference) if waiting is None else not_recorded_yet(reference)
