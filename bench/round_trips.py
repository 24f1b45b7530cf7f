"""Counts the round trips to the database that a command and an intake take, in the API and in the worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.deps import Deps
from bench.loads import COMPLAINT, NOTE
from ledger.directory import Directory
from policies.vocabulary import Role
from runtime.settings import Settings
from tests.support.living import Living
from tests.support.waiting import eventually

_TRIES = 3


class RoundTrips:
    """Statements, and BEGIN and COMMIT where a transaction is not left to the statement itself."""

    def __init__(self, api: Deps, onlooker: AsyncEngine) -> None:
        """What `onlooker` asks is not counted."""
        self._api = api.sql.sync_engine.pool
        self._onlooker = onlooker.sync_engine.pool
        self.counted: Counter[str] = Counter()

    def _count(self, connection: Connection, *_: Any) -> None:
        pool = connection.engine.pool
        if pool is not self._onlooker:
            self.counted["API" if pool is self._api else "worker"] += 1

    def _count_in_transaction(self, connection: Connection, *_: Any) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            self._count(connection)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts while the context lasts, on every engine of this process."""
        hooks = (
            ("before_cursor_execute", self._count),
            ("begin", self._count_in_transaction),
            ("commit", self._count_in_transaction),
            ("rollback", self._count_in_transaction),
        )
        for name, hook in hooks:
            event.listen(Engine, name, hook)
        try:
            yield
        finally:
            for name, hook in hooks:
                event.remove(Engine, name, hook)


async def count_round_trips(settings: Settings, service: Living) -> Mapping[str, Mapping[str, int]]:
    """By kind of request: round trips by process, once everything is warm (tokens, packs, prepared statements).

    `service` is the living service of these settings, whose worker runs in this process. The least of a few
    tries counts: now and then the worker looks for new packs meanwhile.
    """
    app = create_app(settings)
    deps: Deps = app.state.deps
    counter = RoundTrips(deps, service.sql)
    least: dict[str, Counter[str]] = {}
    try:
        tokens = await _tokens(deps.directory)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as client:
            steps = await _steps(client, tokens, service)
            for step in steps.values():
                await step()
            for _ in range(_TRIES):
                for name, step in steps.items():
                    counter.counted.clear()
                    with counter.counting():
                        await step()
                    counted = Counter(counter.counted)
                    least[name] = min(least.get(name, counted), counted, key=Counter.total)
    finally:
        await deps.close()
    return {name: dict(counted) for name, counted in least.items()}


async def _steps(
    client: httpx.AsyncClient, tokens: Mapping[str, str], service: Living
) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """The requests that are counted, in an order in which they can be repeated."""

    async def post(who: str, path: str, body: Mapping[str, object], key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[who]}"} | ({"Idempotency-Key": key} if key else {})
        return (await client.post(path, json=body, headers=headers)).raise_for_status()

    async def receive() -> str:
        reference: str = (await post("usr_iris", "/complaints", COMPLAINT)).json()["reference"]
        await eventually(lambda: service.record.sequence(reference), what=f"{reference} on record")
        return reference

    commands = f"/complaints/{await receive()}/commands"
    await post("usr_ana", f"{commands}/take-ownership", {})
    return {
        "command that names a person": lambda: post(
            "usr_ana", f"{commands}/offer-handover", {"to": "usr_ben"}
        ),
        "command without a text": lambda: post("usr_ana", f"{commands}/withdraw-handover", {}),
        "command with a text and a key": lambda: post(
            "usr_ana", f"{commands}/add-note", {"text": NOTE}, str(uuid4())
        ),
        "intake, until recorded": receive,
    }


async def _tokens(directory: Directory) -> Mapping[str, str]:
    tokens = {}
    for id_, role in (("usr_ana", Role.HANDLER), ("usr_ben", Role.HANDLER), ("usr_iris", Role.INTAKE_AGENT)):
        login = id_.removeprefix("usr_")
        await directory.add(
            id=id_, login=login, name=login.title(), email=f"{login}@example.org", roles=(role,)
        )
        tokens[id_] = await directory.issue_token(id_)
    return tokens
