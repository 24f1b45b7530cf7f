"""What callers do: commands and complaints over our HTTP, updates and starts over the yardstick's client."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from bench.bare import QUEUE
from bench.http import Connection, wanted
from bench.stack import House

Call = Callable[[], Awaitable[str]]
"""One call from beginning to end; it returns which kind of call it was."""

PLAIN = "no text"
TEXT = "text + key"
BARE = "bare"

NOTE = (
    "Called the customer back at noon. The parcel was left at the gate in the rain although the order says"
    " that a signature is needed; photographs follow by mail."
)
COMPLAINT = {
    "pack": "retail-2025",
    "channel": "mail",
    "subject": "Parcel left in the rain",
    "narrative": "The driver left the parcel by the gate. The books inside are ruined, and nobody rang.",
    "parties": [{"name": "Rosa Lind", "address": "rosa@example.org", "channel": "mail"}],
}


async def open_complaints(house: House, count: int) -> tuple[str, ...]:
    """Complaints that ana owns, ready to be worked on; their references."""
    references = []
    async with Connection(house.api_port) as connection:
        for _ in range(count):
            received = await connection.post("/complaints", COMPLAINT, token=house.tokens["usr_iris"])
            reference: str = wanted(received, 201).json()["reference"]
            # Its workflow may still be recording the receipt: the command waits for that by itself.
            taken = await connection.post(
                f"/complaints/{reference}/commands/take-ownership", {}, token=house.tokens["usr_ana"]
            )
            wanted(taken, 200)
            references.append(reference)
    return tuple(references)


class Commands:
    """The mixture of commands: by turns one without a text (a handover offered, then withdrawn) and a note with one.

    `callers(n)` gives each caller a connection and complaints of its own, as n people at work have.
    """

    def __init__(self, house: House, references: Sequence[str], resources: AsyncExitStack) -> None:
        self._house = house
        self._references = references
        self._resources = resources
        self._steps = {reference: itertools.cycle(_STEPS) for reference in references}

    async def callers(self, count: int) -> tuple[Call, ...]:
        return tuple([await self._caller(self._references[n::count]) for n in range(count)])

    async def _caller(self, references: Sequence[str]) -> Call:
        connection = await self._resources.enter_async_context(Connection(self._house.api_port))
        turn = itertools.cycle(references)
        token = self._house.tokens["usr_ana"]

        async def call() -> str:
            reference = next(turn)
            slug, body, kind = next(self._steps[reference])
            key = str(uuid4()) if kind is TEXT else None
            path = f"/complaints/{reference}/commands/{slug}"
            wanted(await connection.post(path, body, token=token, key=key), 200)
            return kind

        return call


_ADD_NOTE = ("add-note", {"text": NOTE}, TEXT)
_STEPS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("offer-handover", {"to": "usr_ben"}, PLAIN),
    _ADD_NOTE,
    ("withdraw-handover", {}, PLAIN),
    _ADD_NOTE,
)


async def intake_callers(house: House, count: int, resources: AsyncExitStack) -> tuple[Call, ...]:
    """Callers that hand in one complaint after the other, each with its texts."""

    async def caller() -> Call:
        connection = await resources.enter_async_context(Connection(house.api_port))

        async def call() -> str:
            wanted(await connection.post("/complaints", COMPLAINT, token=house.tokens["usr_iris"]), 201)
            return TEXT

        return call

    return tuple([await caller() for _ in range(count)])


async def start_bare_workflows(client: Client, count: int) -> tuple[str, ...]:
    """Workflows of the yardstick that wait for updates; their ids."""
    ids = tuple(f"bare/{uuid4()}" for _ in range(count))
    for id_ in ids:
        await client.start_workflow("BareUpdated", id=id_, task_queue=QUEUE)
    return ids


def bare_update_callers(client: Client, ids: Sequence[str], count: int) -> tuple[Call, ...]:
    """Callers that update the yardstick's workflows, each its own ones."""

    def caller(mine: Sequence[str]) -> Call:
        turn = itertools.cycle([client.get_workflow_handle(id_) for id_ in mine])

        async def call() -> str:
            await next(turn).execute_update("command", NOTE, result_type=str)
            return BARE

        return call

    return tuple(caller(ids[n::count]) for n in range(count))


def bare_start_callers(client: Client, count: int) -> tuple[Call, ...]:
    """Callers that start a workflow of the yardstick with one activity and wait for its end."""

    async def call() -> str:
        await client.execute_workflow("BareStarted", NOTE, id=f"bare/{uuid4()}", task_queue=QUEUE)
        return BARE

    return (call,) * count
