"""A load over HTTP: people who work on many complaints at once, send again until answered, and keep every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any

import httpx

from tests.support.house import House
from tests.support.waiting import eventually

_AGAIN_AFTER = 0.2
_GIVES_UP = httpx.Timeout(30.0, connect=5.0)
_TAKES_AT_MOST = 45.0
"""Seconds in which a command that was taken has to be in the record, whatever was killed meanwhile."""
_THINKS = 0.05
"""Seconds between one command and the next of the same person: a load, not a race for the processor."""

Step = tuple[str, str, Mapping[str, Any]]
"""Who gives which command (its slug) with what body."""

# What begins a complaint's life, by how it is treated: a third is left alone and runs into all its deadlines.
_BEGINNINGS: Sequence[Sequence[Step]] = (
    (),
    (
        ("iris", "acknowledge", {}),
        ("ana", "take-ownership", {}),
        ("ben", "take-ownership", {}),  # refused: somebody owns it
        ("ana", "add-issue", {"text": "It broke after a day."}),
        ("ana", "report-progress", {"text": "We are looking into it."}),
    ),
    (
        ("ben", "take-ownership", {}),
        ("ben", "record-finding", {"text": "The seal was broken."}),
        ("iris", "acknowledge", {}),
    ),
)
_WRITERS = ("ana", "ben", "iris", "dora")


@dataclass(frozen=True)
class Answered:
    """A command that was answered: where it was sent, with which key, and the last word on it."""

    who: str
    path: str
    key: str
    status: int
    body: Mapping[str, Any]


@dataclass
class Load:
    """The people at work. `faults` are answers that nobody should get; `sent_again` counts the others' patience."""

    house: House
    client: httpx.AsyncClient
    references: list[str] = field(default_factory=list)
    commands: list[Answered] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent_again: int = 0
    taken_late: int = 0
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _given: dict[str, int] = field(default_factory=dict)
    _resting: bool = False

    async def send(self, who: str, path: str, body: Mapping[str, Any], key: str) -> Answered:
        """Sends until there is an answer: the same key again on 503 and where the connection broke."""
        headers = {"Authorization": f"Bearer {self.house.tokens[who]}", "Idempotency-Key": key}
        while True:
            try:
                answer = await self.client.post(path, json=dict(body), headers=headers)
            except httpx.TransportError:
                self.sent_again += 1
                await asyncio.sleep(_AGAIN_AFTER)
                continue
            if answer.status_code == HTTPStatus.ACCEPTED and "command_id" in answer.json():
                return await self._carried_out(who, path, body, key, answer.json()["command_id"])
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                if answer.is_server_error:
                    self.faults.append(f"{path} was answered {answer.status_code}: {answer.text}")
                return Answered(who, path, key, answer.status_code, answer.json())
            if "Retry-After" not in answer.headers or "problem+json" not in answer.headers["Content-Type"]:
                self.faults.append(f"{path} was put off without a word when to come back: {answer.text}")
            self.sent_again += 1
            await asyncio.sleep(_AGAIN_AFTER)

    async def _carried_out(
        self, who: str, path: str, body: Mapping[str, Any], key: str, command: str
    ) -> Answered:
        """What comes of a command that was taken and took longer than its caller waits.

        It is looked up as its caller was told to. One that is not recorded by and by can only have been
        refused, and is sent again to hear so: were it carried out only now, what was promised would be broken.
        """
        self.taken_late += 1
        headers = {"Authorization": f"Bearer {self.house.tokens[who]}"}

        async def recorded() -> dict[str, Any] | None:
            try:
                answer = await self.client.get(f"/commands/{command}", headers=headers)
            except httpx.TransportError:
                return None
            told: dict[str, Any] = answer.json() if answer.is_success else {}
            return told if told.get("status") == "recorded" else None

        try:
            told = await eventually(recorded, within=_TAKES_AT_MOST)
        except AssertionError:
            last = await self.send(who, path, body, key)
            if last.status == HTTPStatus.OK and not last.body["duplicate"]:
                self.faults.append(f"{path} was taken, and was carried out only when it was sent again")
            return last
        assert told is not None
        return Answered(who, path, key, HTTPStatus.OK, told)

    async def receive(self) -> str:
        """A complaint by mail; its reference once it is given out."""
        number = next(self._numbers)
        party = {"name": f"Wei {number}", "address": f"wei{number}@example.org", "channel": "mail"}
        body = {"channel": "mail", "narrative": f"Kettle {number} broke.", "parties": [party]}
        taken = await self.send("iris", "/complaints", body, f"receipt-{number}")
        assert taken.status in (HTTPStatus.CREATED, HTTPStatus.ACCEPTED), taken
        reference: str = taken.body["reference"]
        self._given[reference] = 0
        self.references.append(reference)
        return reference

    async def fill(self, complaints: int, *, at_once: int = 6) -> None:
        """So many complaints more, each with its reference."""
        left = iter(range(complaints))

        async def some() -> None:
            for _ in left:
                await self.receive()

        await asyncio.gather(*(some() for _ in range(at_once)))

    async def progress(self, answers: int, within: float = 90.0) -> None:
        """Returns when so many commands more were answered."""
        wanted = len(self.commands) + answers
        await eventually(
            lambda: len(self.commands) >= wanted,
            within=within,
            what=f"{answers} more commands to be answered",
        )

    async def turned_away(self, times: int, within: float = 60.0) -> None:
        """Returns when callers had to send again so many times more."""
        wanted = self.sent_again + times
        await eventually(
            lambda: self.sent_again >= wanted, within=within, what=f"{times} requests to be turned away"
        )

    async def work(self, person: int) -> None:
        """One person's day: the next command of the next complaint, and now and then a new complaint."""
        for turn in count():
            if self._resting:
                return
            if turn % 40 == 39:
                await self.receive()
            # Neighbours have the same complaint in hand now and then, and meet in it.
            reference = self.references[(person // 2 * 37 + turn) % len(self.references)]
            await self._next_command(reference)
            await asyncio.sleep(_THINKS)

    async def _next_command(self, reference: str) -> None:
        nth = self._given[reference]
        self._given[reference] += 1
        manner = self.references.index(reference) % len(_BEGINNINGS)
        beginning = _BEGINNINGS[manner]
        if nth < len(beginning):
            who, slug, body = beginning[nth]
        elif manner == 0:
            return  # left alone
        else:
            who, slug, body = _WRITERS[nth % len(_WRITERS)], "add-note", {"text": f"Note {nth}."}
        path = f"/complaints/{reference}/commands/{slug}"
        self.commands.append(await self.send(who, path, body, f"{reference}-{nth}"))

    def rest(self) -> None:
        """Nobody begins anything new."""
        self._resting = True


@asynccontextmanager
async def loaded(house: House, *, complaints: int = 100, people: int = 6) -> AsyncIterator[Load]:
    """A load on so many complaints; at the end of the block everything that was begun has been answered."""
    async with httpx.AsyncClient(base_url=house.url, timeout=_GIVES_UP) as client:
        load = Load(house, client)
        await load.fill(complaints)
        async with asyncio.TaskGroup() as group:
            for person in range(people):
                group.create_task(load.work(person))
            try:
                yield load
            finally:
                load.rest()
