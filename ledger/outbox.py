"""The outbox: messages that wait to be sent, leased to one dispatcher at a time, and what became of each.

All times here are real, by the database's clock. No row holds an address or a text, nor any error's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

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

from complaints.messages import Message
from ledger import outbox_statements as statements
from ledger.metadata import metadata
from ledger.outbox_rows import (
    NOTICE,
    NOWHERE,
    STORM,
    DeadLetter,
    Depth,
    Leased,
    Outcome,
    State,
    Storm,
    Untold,
)

__all__ = (
    "CHANNEL",
    "NOTICE",
    "NOWHERE",
    "STORM",
    "DeadLetter",
    "Depth",
    "Leased",
    "Outcome",
    "State",
    "Storm",
    "Untold",
    "dead_letters",
    "depth",
    "expand",
    "lease",
    "lease_bundle",
    "lease_digest",
    "lease_storm",
    "not_passed_on",
    "outbox",
    "queue",
    "resend",
    "resend_all",
    "retry",
    "settle",
    "settle_all",
    "told",
    "untold",
)

CHANNEL: Final = "outbox"
"""What is notified (LISTEN) when messages were queued."""


_INSTANT = DateTime(timezone=True)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("dedupe", Text, nullable=False, unique=True),
    Column("stream", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column(
        "recipient", Text, nullable=False
    ),  # staff:…, role:…, department:…, on_duty:…, webhook:… or party:…
    Column("fallback", Text),
    Column("channel", Text, nullable=False),
    Column("letter", Text),
    Column("template", Text),
    Column("text_id", Text),
    Column("clock", Text),
    Column("occurrence", Integer),  # this and the next three: which call of which rung of a ladder it is
    Column("rung", Integer),
    Column("repeat", Integer),
    Column("who", Text),  # the ladder's word that it goes out for: owner, on_duty:…
    Column("due_at", _INSTANT),  # the complaint's own time
    Column("called_at", _INSTANT),  # the complaint's own time: the moment that called for it
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
    Column("place", BigInteger),  # the id of the message that this one stands in for; none: its own
    Column("bundle", BigInteger),  # what leaves together, ever again the same: the lowest id of these
    Column("storm", BigInteger),  # the first bundle of the storm that this one was told in
    Column("resent_by", Text),  # who had a dead letter sent again, and when the last time
    Column("resent_at", _INSTANT),
    Column("seen_at", _INSTANT),  # when whoever it is for marked it as seen: what is for information alone
    CheckConstraint("state IN (" + ", ".join(f"'{state}'" for state in State) + ")", name="state_known"),
)

_queued = outbox.c.state == text("'queued'")
Index("ix_outbox_available_at", outbox.c.available_at, outbox.c.id, postgresql_where=_queued)
Index("ix_outbox_streams", outbox.c.stream, outbox.c.id, postgresql_where=_queued)
Index("ix_outbox_bundles", outbox.c.bundle, postgresql_where=_queued & outbox.c.bundle.is_not(None))
Index("ix_outbox_together", outbox.c.bundle, postgresql_where=outbox.c.bundle.is_not(None))
Index(
    "ix_outbox_flow",
    outbox.c.recipient,
    outbox.c.channel,
    outbox.c.queued_at,
    postgresql_where=text("kind <> 'letter' AND digest IS NULL"),
)
Index(
    "ix_outbox_storms",
    outbox.c.recipient,
    outbox.c.channel,
    outbox.c.sent_at,
    postgresql_where=outbox.c.storm.is_not(None),
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
    postgresql_where=text(
        "told_at IS NULL AND (kind = 'letter' AND state IN ('sent', 'bounced') OR state = 'unheld')"
    ),
)
Index("ix_outbox_calls", outbox.c.stream, outbox.c.id, postgresql_where=outbox.c.rung.is_not(None))
Index("ix_outbox_calls_of", outbox.c.recipient, outbox.c.id, postgresql_where=outbox.c.rung.is_not(None))
Index("ix_outbox_notices", outbox.c.recipient, outbox.c.queued_at, outbox.c.id, postgresql_where=text(NOTICE))
Index(
    "ix_outbox_decided", outbox.c.stream, outbox.c.clock, outbox.c.id,
    postgresql_where=outbox.c.kind == text("'extension_decided'"),
)  # fmt: skip
Index("ix_outbox_queued_at", outbox.c.queued_at, postgresql_where=outbox.c.called_at.is_not(None))
Index("ix_outbox_sent_at", outbox.c.sent_at, postgresql_where=outbox.c.state == text("'sent'"))
Index("ix_outbox_dead", outbox.c.id, postgresql_where=outbox.c.state == text("'dead'"))
Index("ix_outbox_message_id", outbox.c.message_id, postgresql_where=outbox.c.message_id.is_not(None))


async def queue(conn: AsyncConnection, stream: str, messages: Iterable[Message]) -> int:
    """Queue messages of a stream; one whose dedupe key was ever used is left out. Returns how many are new.

    In the caller's transaction; dispatchers hear of it when that commits.
    """
    rows = [
        {
            "dedupe": message.dedupe, "stream": stream, "kind": message.kind, "recipient": message.to,
            "fallback": message.fallback, "channel": message.channel, "letter": message.letter,
            "template": message.template, "text_id": message.text_id, "clock": message.clock,
            "occurrence": message.occurrence, "rung": message.rung, "repeat": message.repeat,
            "who": message.who, "due_at": message.due_at, "called_at": message.called_at,
            "digest": message.digest,
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


async def lease(
    conn: AsyncConnection,
    *,
    limit: int,
    holder: str,
    seconds: float,
    storm: Storm = STORM,
    held: Sequence[str] = (),
) -> tuple[Leased, ...]:
    """Take up to `limit` messages that may go out now, for `seconds`; one statement, in the order of leaving.

    What was put off in one line (`Leased.line`) keeps all behind it waiting, and so does a message that has
    yet to become one for each person. What somebody else is just taking is passed over; a lease that ran
    out is up for taking again. Alerts that are part of a storm are left to `lease_storm`; nothing goes out
    over the channels that are `held`.
    """
    given = {
        "limit": limit, "holder": holder, "lease": timedelta(seconds=seconds), "held": held,
        **storm.figures(),
    }  # fmt: skip
    return _leased((await conn.execute(statements.LEASE, given)).all())


async def lease_digest(
    conn: AsyncConnection,
    *,
    holder: str,
    seconds: float,
    quiet: float,
    at_most: float,
    held: Sequence[str] = (),
) -> tuple[Leased, ...]:
    """Take all messages of one group (recipient and digest) once nothing was added to it for `quiet` seconds,
    or its oldest has waited for `at_most` seconds; nothing where no group is ready. One statement.
    """
    given = {
        "holder": holder,
        "lease": timedelta(seconds=seconds),
        "quiet": timedelta(seconds=quiet),
        "at_most": timedelta(seconds=at_most),
        "held": held,
    }
    return _leased((await conn.execute(statements.LEASE_DIGEST, given)).all())


async def lease_storm(
    conn: AsyncConnection, *, holder: str, seconds: float, storm: Storm, held: Sequence[str] = ()
) -> tuple[Leased, ...]:
    """Take all alerts of one storm that wait, where its next mail is due; else nothing. One statement."""
    given = {"holder": holder, "lease": timedelta(seconds=seconds), "held": held, **storm.figures()}
    return _leased((await conn.execute(statements.LEASE_STORM, given)).all())


async def lease_bundle(
    conn: AsyncConnection, *, holder: str, seconds: float, held: Sequence[str] = ()
) -> tuple[Leased, ...]:
    """Take what was to leave together and did not: the very messages that were one before. One statement."""
    given = {"holder": holder, "lease": timedelta(seconds=seconds), "held": held}
    return _leased((await conn.execute(statements.LEASE_BUNDLE, given)).all())


def _leased(rows: Sequence[Any]) -> tuple[Leased, ...]:
    return tuple(
        sorted((Leased(**row._mapping) for row in rows), key=lambda message: (message.place, message.id))
    )


async def settle_all(conn: AsyncConnection, outcomes: Sequence[Outcome], *, holder: str) -> int:
    """Say what became of messages that `holder` has leased; those no longer its own stay as they are.

    One statement for all. Returns how many were its own.
    """
    given = {
        "ids": [outcome.id for outcome in outcomes],
        "states": [outcome.state for outcome in outcomes],
        "message_ids": [outcome.message_id for outcome in outcomes],
        "errors": [outcome.error for outcome in outcomes],
        "afters": [outcome.after for outcome in outcomes],
        "counted": [outcome.counts for outcome in outcomes],
        "holder": holder,
    }
    return (await conn.execute(statements.SETTLE_ALL, given)).rowcount


async def settle(
    conn: AsyncConnection,
    ids: Sequence[int],
    *,
    holder: str,
    state: State,
    message_id: str | None = None,
    error: str | None = None,
) -> int:
    """Settle messages that shared one fate; see `settle_all`."""
    outcomes = [Outcome(id=id_, state=state, message_id=message_id, error=error) for id_ in ids]
    return await settle_all(conn, outcomes, holder=holder)


async def retry(
    conn: AsyncConnection, ids: Sequence[int], *, holder: str, after: float, error: str, counts: bool = True
) -> int:
    """Give leased messages back, to be tried again in `after` seconds.

    With `counts` False the attempt is not held against them: it was our mail server that was away.
    """
    outcomes = [Outcome(id=id_, state=State.QUEUED, error=error, after=after, counts=counts) for id_ in ids]
    return await settle_all(conn, outcomes, holder=holder)


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
    """What is settled and the workflow has to be told of, oldest first, without `leave_out`."""
    rows = await conn.execute(statements.UNTOLD, {"limit": limit, "leave_out": leave_out})
    return tuple(Untold(**row._mapping) for row in rows)


async def unheld(conn: AsyncConnection, stream: str) -> tuple[Untold, ...]:
    """The calls of a complaint that reached nobody and that its workflow has not been told of, oldest first."""
    rows = await conn.execute(statements.UNHELD, {"stream": stream})
    return tuple(Untold(**row._mapping) for row in rows)


async def not_passed_on(
    conn: AsyncConnection, *, limit: int, leave_out: Sequence[int] = ()
) -> tuple[tuple[int, str], ...]:
    """(id, stream) of calls that reached nobody and that no workflow knows of, oldest first, without `leave_out`."""
    rows = await conn.execute(statements.NOT_PASSED_ON, {"limit": limit, "leave_out": leave_out})
    return tuple((row.id, row.stream) for row in rows)


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


async def resend(conn: AsyncConnection, id: int, *, by: str | None = None) -> bool:  # noqa: A002 - its name
    """Try a dead letter again from the start, and note who wanted that; False where it is none."""
    given = {"id": id, "recipient": None, "channel": None, "error": None, "by": by}
    return bool((await conn.execute(statements.RESEND, given)).scalar_one())


async def resend_all(
    conn: AsyncConnection,
    *,
    recipient: str | None = None,
    channel: str | None = None,
    error: str | None = None,
    by: str | None = None,
) -> int:
    """Try all dead letters again that went to `recipient`, over `channel`, or failed with `error`.

    What is given narrows, `error` by how the status begins (`421`). Returns how many there were.
    """
    given = {"id": None, "recipient": recipient, "channel": channel, "error": error, "by": by}
    return int((await conn.execute(statements.RESEND, given)).scalar_one())


async def depth(conn: AsyncConnection) -> Depth:
    """How much waits, for metrics and the health page."""
    return Depth(**(await conn.execute(statements.DEPTH)).one()._mapping)
