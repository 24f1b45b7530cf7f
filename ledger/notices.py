"""Notices: alerts that are for somebody's information, listed with the calls of ladders, until seen or over.

A notice is what is told to a member of staff and no ladder calls for: a warning, an escalation by hand, a handover
offered, a raised tier. Nobody has to acknowledge it. It leaves the open list when its cause is over, when whoever it is
for marks it as seen, or after LASTS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Boolean, Interval, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.timing.occurrences import ClockState
from ledger.alerts import CALLS, PAGE_AT_MOST, PARAMETERS, Alert, Reached, Wanted, alert_of, reached
from ledger.outbox import NOTICE

LASTS: Final = timedelta(days=30)
"""So long after it was queued (real time) a notice is among the open ones at most."""


class Notice(Frozen):
    """One alert to one member of staff that is for their information.

    `kind` is complaints.messages.MessageKind. `stream` is what it is about: a complaint or a systemic issue by its
    reference, or what figures and the watchdog have. `pack`, `pack_version` and `owner` are the complaint's, None for
    what is about none; `clock_state` is that of the clock's latest run. `due_at` is the service's own time, all else
    real. `over`: its cause is no more (see CAUSE_OVER).
    """

    id: int
    kind: str
    stream: str
    staff: str
    channel: str
    reached: Reached
    attempts: int
    queued_at: AwareDatetime
    sent_at: AwareDatetime | None
    status: str | None
    pack: str | None
    pack_version: int | None
    owner: str | None
    clock: str | None
    clock_state: ClockState | None
    due_at: AwareDatetime | None
    seen_at: AwareDatetime | None
    over: bool


class Told(Frozen):
    """A page of what people were told: the calls of ladders first, then the notices, each the latest first."""

    calls: tuple[Alert, ...]
    notices: tuple[Notice, ...]


async def told(
    conn: AsyncConnection,
    people: Collection[str],
    *,
    at: datetime,
    wanted: Wanted = Wanted.OPEN,
    before: int | None = None,
    calls: bool = True,
    limit: int = 50,
) -> Told:
    """What these people (staff ids) were told, at most `limit` (cut to PAGE_AT_MOST) in all. One statement.

    `at` is the service's present. `before` is the id where the last page ended: of a call or, with `calls` False
    (the page ended among the notices), of a notice.
    """
    given = {
        "recipients": [f"staff:{id_}" for id_ in people], "at": at, "wanted": wanted,
        "limit": max(1, min(limit, PAGE_AT_MOST)), "lasts": LASTS,
        # No call has an id below 1: with the calls behind us none is looked for.
        "before": before if calls else 0, "before_notice": None if calls else before,
    }  # fmt: skip
    rows = (await conn.execute(_TOLD, given)).all()
    return Told(
        calls=tuple(alert_of(row.body) for row in rows if not row.notice),
        notices=tuple(_notice(row.body) for row in rows if row.notice),
    )


async def mark_seen(conn: AsyncConnection, staff: str, ids: Sequence[int]) -> int:
    """This person has seen these notices; returns how many were theirs. One marked before keeps its moment."""
    return (await conn.execute(_SEEN, {"me": f"staff:{staff}", "ids": ids})).rowcount


def _notice(body: Mapping[str, Any]) -> Notice:
    fields = {name: value for name, value in body.items() if name not in ("state", "recipient")}
    return Notice(**fields, staff=body["recipient"].removeprefix("staff:"), reached=reached(body["state"]))


# `place` is set for what stands in for a message to somebody else: then it is not the reader who was offered
# or given the complaint. An extension is decided by a later notice to its owner. What goes on after a complaint was
# answered (actions, letters, a low score) is over when all of it is archived.
CAUSE_OVER: Final = """
    CASE
        WHEN complaints.reference IS NULL THEN false
        WHEN NOT complaints.live THEN true
        WHEN notice.kind = 'handover_offered' THEN complaints.offered_to IS NULL
            OR notice.place IS NULL AND notice.recipient <> 'staff:' || complaints.offered_to
        WHEN notice.kind = 'assigned' THEN NOT complaints.open OR complaints.owner IS NULL
            OR notice.place IS NULL AND notice.recipient <> 'staff:' || complaints.owner
        WHEN notice.kind = 'dispatch_failed' THEN NOT complaints.open OR complaints.owner IS NOT NULL
        WHEN notice.clock IS NOT NULL AND run.running IS NOT TRUE THEN true
        WHEN notice.kind = 'alert_warning' THEN notice.due_at <= :at
        WHEN notice.kind = 'extension_asked' THEN EXISTS (
            SELECT FROM outbox AS decided WHERE decided.kind = 'extension_decided'
                AND decided.stream = notice.stream AND decided.clock = notice.clock AND decided.id > notice.id
        )
        WHEN notice.kind IN ('action_overdue', 'check_due', 'outside_overdue', 'letter_bounced', 'letter_by_hand',
            'alert_low_score', 'internal_review_opened') THEN false
        ELSE NOT complaints.open
    END"""
"""Whether what a notice tells of is no more, from the read model."""

_STATEMENT = text(
    f"""
    WITH {CALLS}, notices AS MATERIALIZED (
        SELECT notice.id, notice.kind, notice.stream, notice.recipient, notice.channel, notice.state,
            notice.attempts, notice.queued_at, notice.sent_at, notice.last_error AS status, complaints.pack,
            complaints.pack_version, complaints.owner, notice.clock, run.state AS clock_state, notice.due_at,
            notice.seen_at, cause.over
        FROM (
            SELECT * FROM outbox
            WHERE {NOTICE} AND recipient = ANY (:recipients) AND state NOT IN ('expanded', 'dropped')
                AND (CAST(:before_notice AS bigint) IS NULL OR id < :before_notice)
                AND (:wanted = 'all' OR (seen_at IS NULL) = (:wanted = 'open'))
                AND queued_at > CASE WHEN :wanted = 'all' THEN '-infinity' ELSE now() - :lasts END
        ) AS notice
        LEFT JOIN complaints ON complaints.reference = notice.stream
        CROSS JOIN LATERAL (
            SELECT (array_agg(state ORDER BY occurrence DESC))[1] AS state,
                bool_or(met_at IS NULL AND stopped_at IS NULL) AS running
            FROM clocks WHERE clocks.reference = notice.stream AND clocks.clock = notice.clock
        ) AS run
        CROSS JOIN LATERAL (SELECT {CAUSE_OVER} AS over) AS cause
        WHERE :wanted = 'all' OR NOT cause.over
        ORDER BY notice.id DESC LIMIT :limit
    )
    SELECT false AS notice, id, body FROM called
    UNION ALL SELECT true, id, to_jsonb(notices) FROM notices
    ORDER BY notice, id DESC LIMIT :limit
    """  # noqa: S608 - our own words
).bindparams(*PARAMETERS, bindparam("before_notice", type_=BigInteger), bindparam("lasts", type_=Interval))
_TOLD = _STATEMENT.columns(notice=Boolean, id=BigInteger, body=JSONB)

_SEEN = text(
    f"""
    UPDATE outbox SET seen_at = coalesce(seen_at, now())
    WHERE id = ANY (:ids) AND recipient = :me AND {NOTICE}
    """  # noqa: S608 - our own words
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("me", type_=Text))
