"""Events as they are stored, and the happenings that they say."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

import complaints.transition  # noqa: F401 - with it every chapter has registered its events
from complaints.base import Event, Frozen, Happening
from ledger.tables import events


class UnknownEventError(Exception):
    """The record holds an event of a type that this version of the service does not know."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of the record. `body` is the canonical text, `previous` and `hash` are 32 bytes each."""

    stream: str
    sequence: int
    v: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    command: str | None
    body: str
    previous: bytes
    hash: bytes

    def happening(self) -> Happening:
        """What it says. Raises UnknownEventError."""
        event_class = Event.REGISTRY.get(self.type)
        if event_class is None:
            raise UnknownEventError(
                f"Event {self.sequence} of {self.stream} is of the type {self.type}, which this version does"
                " not know. Start the version that wrote it, or a newer one."
            )
        return Happening(
            event=event_class.model_validate_json(self.body),
            occurred_at=self.occurred_at,
            recorded_at=self.recorded_at,
            actor=self.actor,
            command=self.command,
        )


class Recorded(Frozen):
    """What a command came to: its happenings, and the sequences of the first and the last of them."""

    stream: str
    command: str
    first: int
    last: int
    happenings: tuple[Happening, ...]


def select_events() -> Select[Any]:
    """All columns that make a StoredEvent, in their order."""
    e = events.c
    return select(
        e.stream, e.sequence, e.v, e.type, e.occurred_at, e.recorded_at, e.actor, e.command_id, e.body,
        e.previous, e.hash,
    )  # fmt: skip


def stored(rows: Iterable[Any]) -> tuple[StoredEvent, ...]:
    """The rows of a `select_events` query."""
    return tuple(stored_event(row) for row in rows)


def stored_event(row: Any) -> StoredEvent:
    """One row of a `select_events` query; columns that were added after those of the event are left out."""
    return StoredEvent(*row[:_COLUMNS])


_COLUMNS = len(fields(StoredEvent))


def happenings(found: Iterable[StoredEvent]) -> tuple[Happening, ...]:
    """What these events say, in their order. Raises UnknownEventError."""
    return tuple(event.happening() for event in found)


def recorded(found: tuple[StoredEvent, ...]) -> Recorded | None:
    """What the command of these events came to; None where there are none. All are of one stream."""
    if not found or found[0].command is None:
        return None
    return Recorded(
        stream=found[0].stream,
        command=found[0].command,
        first=found[0].sequence,
        last=found[-1].sequence,
        happenings=happenings(found),
    )
