"""The outbox: messages that wait to be sent, leased to one dispatcher at a time, and what became of each.

All times here are real, by the database's clock. No row holds an address or a text, nor any error's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import AwareDatetime
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.messages import Message
from ledger import outbox_statements as statements
from ledger.metadata import metadata

CHANNEL: Final = "outbox"
"""What is notified (LISTEN) when messages were queued."""


class State(StrEnum):
    """How far a message has come. A leased one is QUEUED still, with a lease."""

    QUEUED = "queued"
    SENT = "sent"  # a mail server has taken it
    BOUNCED = "bounced"  # refused for good, or there is no way to reach the recipient
    EXPANDED = "expanded"  # became one message for each person whom the recipient stands for
    DEAD = "dead"  # given up; a person has to look
    DROPPED = "dropped"  # there is nothing left to send: the texts were erased


_INSTANT = DateTime(timezone=True)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("dedupe", Text, nullable=False, unique=True),
    Column("stream", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),  # staff:…, role:… or party:…
    Column("fallback", Text),
    Column("channel", Text, nullable=False),
    Column("letter", Text),
    Column("template", Text),
    Column("text_id", Text),
    Column("clock", Text),
    Column("due_at", _INSTANT),  # the complaint's own time
    Column("digest", Text),
    Column("state", Text, nullable=False, server_default=State.QUEUED),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("available_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("lease_until", _INSTANT),
    Column("leased_by", Text),
    Column("queued_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("sent_at", _INSTANT),  # when it was settled
    Column("message_id", Text),
    Column("last_error", Text),  # a status code or a name of ours
    Column("told_at", _INSTANT),  # when the letter's workflow has taken the outcome
    CheckConstraint("state IN (" + ", ".join(f"'{state}'" for state in State) + ")", name="state_known"),
)

_queued = outbox.c.state == text("'queued'")
Index("ix_outbox_available_at", outbox.c.available_at, outbox.c.id, postgresql_where=_queued)
Index(
    "ix_outbox_letters",
    outbox.c.stream,
    outbox.c.id,
    postgresql_where=_queued & (outbox.c.kind == text("'letter'")),
)
Index(
    "ix_outbox_digest",
    outbox.c.recipient,
    outbox.c.digest,
    postgresql_where=_queued & outbox.c.digest.is_not(None),
)
Index(
    "ix_outbox_untold",
    outbox.c.id,
    postgresql_where=text("kind = 'letter' AND told_at IS NULL AND state IN ('sent', 'bounced')"),
)
Index("ix_outbox_dead", outbox.c.id, postgresql_where=outbox.c.state == text("'dead'"))


class Leased(Frozen):
    """A message that is ours to send until the lease ends. `attempts` counts this one."""

    id: int
    dedupe: str
    stream: str
    kind: str
    recipient: str
    fallback: str | None
    channel: str
    letter: str | None
    template: str | None
    text_id: str | None
    clock: str | None
    due_at: AwareDatetime | None
    digest: str | None
    attempts: int


class Untold(Frozen):
    """A letter whose outcome its workflow does not know yet; `settled_at` is real time."""

    id: int
    stream: str
    letter: str
    channel: str
    state: State
    status: str | None
    settled_at: AwareDatetime


class DeadLetter(Frozen):
    """A message that was given up, for a person to look at."""

    id: int
    dedupe: str
    stream: str
    kind: str
    recipient: str
    attempts: int
    queued_at: AwareDatetime
    last_error: str | None


class Depth(Frozen):
    """The outbox in figures. `oldest_seconds`: how long the oldest that may go out has waited (0: none)."""

    queued: int
    leased: int
    dead: int
    untold: int
    oldest_seconds: float


async def queue(conn: AsyncConnection, stream: str, messages: Iterable[Message]) -> int:
    """Queue messages of a stream; one whose dedupe key was ever used is left out. Returns how many are new.

    In the caller's transaction; dispatchers hear of it when that commits.
    """
    rows = [
        {
            "dedupe": message.dedupe, "stream": stream, "kind": message.kind, "recipient": message.to,
            "fallback": message.fallback, "channel": message.channel, "letter": message.letter,
            "template": message.template, "text_id": message.text_id, "clock": message.clock,
            "due_at": message.due_at, "digest": message.digest,
        }
        for message in messages
    ]  # fmt: skip
    if not rows:
        return 0
    new = insert(outbox).values(rows).on_conflict_do_nothing(index_elements=["dedupe"]).returning(outbox.c.id)
    queued = len((await conn.execute(new)).all())
    if queued:
        await conn.execute(select(func.pg_notify(CHANNEL, "")))
    return queued


async def lease(conn: AsyncConnection, *, limit: int, holder: str, seconds: float) -> tuple[Leased, ...]:
    """Take up to `limit` messages that may go out now, oldest first, for `seconds`; one statement.

    Letters of one complaint go in their order: a later one waits until those before it are settled.
    What somebody else is just taking is passed over; a lease that ran out is up for taking again.
    """
    given = {"limit": limit, "holder": holder, "lease": timedelta(seconds=seconds)}
    return _leased((await conn.execute(statements.LEASE, given)).all())


async def lease_digest(
    conn: AsyncConnection, *, holder: str, seconds: float, quiet: float, at_most: float
) -> tuple[Leased, ...]:
    """Take all messages of one group (recipient and digest) once nothing was added to it for `quiet` seconds,
    or its oldest has waited for `at_most` seconds; nothing where no group is ready. One statement.
    """
    given = {
        "holder": holder,
        "lease": timedelta(seconds=seconds),
        "quiet": timedelta(seconds=quiet),
        "at_most": timedelta(seconds=at_most),
    }
    return _leased((await conn.execute(statements.LEASE_DIGEST, given)).all())


def _leased(rows: Sequence[Any]) -> tuple[Leased, ...]:
    return tuple(sorted((Leased(**row._mapping) for row in rows), key=lambda message: message.id))


async def settle(
    conn: AsyncConnection,
    ids: Sequence[int],
    *,
    holder: str,
    state: State,
    message_id: str | None = None,
    error: str | None = None,
) -> int:
    """Say what became of messages that `holder` has leased; those no longer its own stay as they are."""
    given = {"ids": ids, "holder": holder, "state": state, "message_id": message_id, "error": error}
    return (await conn.execute(statements.SETTLE, given)).rowcount


async def retry(
    conn: AsyncConnection, ids: Sequence[int], *, holder: str, after: float, error: str, counts: bool = True
) -> int:
    """Give leased messages back, to be tried again in `after` seconds.

    With `counts` False the attempt is not held against them: it was our mail server that was away.
    """
    given = {
        "ids": ids, "holder": holder, "after": timedelta(seconds=after), "error": error,
        "uncounted": int(not counts),
    }  # fmt: skip
    return (await conn.execute(statements.RETRY, given)).rowcount


async def expand(
    conn: AsyncConnection,
    ids: Sequence[int],
    *,
    holder: str,
    recipients: Sequence[str],
    keep_fallback: bool = False,
    kind: str | None = None,
    state: State = State.EXPANDED,
    error: str | None = None,
) -> int:
    """Settle leased messages and queue in their place one for each of these recipients; one statement.

    Each has its own fate. Their keys are the message's key followed by the recipient. `keep_fallback` lets
    each fall back as the message would have; `kind` says that the story is another one (that somebody
    could not be reached). Returns how many messages are new.
    """
    given = {
        "ids": ids, "holder": holder, "recipients": recipients, "keep_fallback": keep_fallback, "kind": kind,
        "state": state, "error": error,
    }  # fmt: skip
    return int((await conn.execute(statements.EXPAND, given)).one()[0])


async def untold(conn: AsyncConnection, *, limit: int, leave_out: Sequence[int] = ()) -> tuple[Untold, ...]:
    """Letters that are settled and whose workflow has not been told, oldest first, without `leave_out`."""
    rows = await conn.execute(statements.UNTOLD, {"limit": limit, "leave_out": leave_out})
    return tuple(Untold(**row._mapping) for row in rows)


async def told(conn: AsyncConnection, id: int) -> None:  # noqa: A002 - the field's own name
    """The letter's workflow has taken its outcome."""
    await conn.execute(statements.TOLD, {"id": id})


async def dead_letters(
    conn: AsyncConnection, *, limit: int = 100, before: int | None = None
) -> tuple[DeadLetter, ...]:
    """What was given up, newest first; `before` is the id where the last page ended."""
    query = select(*(outbox.c[name] for name in DeadLetter.model_fields)).where(outbox.c.state == State.DEAD)
    if before is not None:
        query = query.where(outbox.c.id < before)
    rows = await conn.execute(query.order_by(outbox.c.id.desc()).limit(limit))
    return tuple(DeadLetter(**row._mapping) for row in rows)


async def resend(conn: AsyncConnection, id: int) -> bool:  # noqa: A002 - the field's own name
    """Try a dead letter again from the start; False where it is none. In the caller's transaction."""
    again = (await conn.execute(statements.RESEND, {"id": id})).rowcount == 1
    if again:
        await conn.execute(select(func.pg_notify(CHANNEL, "")))
    return again


async def depth(conn: AsyncConnection) -> Depth:
    """How much waits, for metrics and the health page."""
    return Depth(**(await conn.execute(statements.DEPTH)).one()._mapping)
