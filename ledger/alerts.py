"""Alerts as people see them: who was called by which rung, over what, whether it reached them, and what came of it.

It is read from the outbox and the read model, so that it can be seen while the engine is away: a call that
the watchdog queued stands here before the record says that the rung was climbed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, DateTime, Integer, Text, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.timing.occurrences import ClockState
from ledger.outbox import NOWHERE, State, outbox
from ledger.tables import clocks

PAGE_AT_MOST: Final = 200


class Reached(StrEnum):
    """Whether a call came to whom it was meant for."""

    UNDER_WAY = "under_way"  # it waits to be sent, or to be sent again
    SENT = "sent"  # it has left, and whoever carries it has taken it
    BOUNCED = "bounced"  # refused for good, or there is no way to reach them
    GIVEN_UP = "given_up"  # tried too often; it lies with the dead letters
    NOBODY = "nobody"  # nobody was there; it was passed on
    NOT_SENT = "not_sent"  # there was nothing left to say


_REACHED: Final = {
    State.QUEUED: Reached.UNDER_WAY,
    State.SENT: Reached.SENT,
    State.BOUNCED: Reached.BOUNCED,
    State.DEAD: Reached.GIVEN_UP,
    State.UNHELD: Reached.NOBODY,
    State.DROPPED: Reached.NOT_SENT,
}


class Call(Frozen):
    """One call of a rung on one recipient (`staff:<id>`, or a word that nobody stood for), over one channel.

    `who` is the ladder's word that the recipient stands for. `queued_at` and `sent_at` are real time; `status`
    is a code or a name of ours for what went wrong last. `extensions` and `moves` are those of the run when
    the rung called: a due moment that was extended, or moved by another pack, has its ladder anew.
    """

    id: int
    kind: str
    clock: str
    occurrence: int
    rung: int
    repeat: int
    who: str | None
    recipient: str
    channel: str
    reached: Reached
    attempts: int
    queued_at: AwareDatetime
    sent_at: AwareDatetime | None
    status: str | None
    extensions: int = 0
    moves: int = 0


class Alert(Frozen):
    """What a clock's ladder has told somebody of one run, and how the run stands.

    `kind` (complaints.messages.MessageKind), `rung` and `repeat` (both from 0) are of the latest call on them; `calls`
    are all of that call. `due_at` is as the run stands, None while it is paused; it and what follows are the service's
    own time.
    """

    id: int
    kind: str
    reference: str
    pack: str
    pack_version: int
    owner: str | None
    clock: str
    occurrence: int
    state: ClockState
    due_at: AwareDatetime | None
    rung: int
    repeat: int
    told_at: AwareDatetime
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    held_until: AwareDatetime | None
    calls: tuple[Call, ...] = ()

    def held(self, at: datetime) -> bool:
        """Whether an acknowledgement holds at this instant: until it expires, or for good where it does not."""
        return self.acknowledged_at is not None and (self.held_until is None or self.held_until > at)


class Height(Frozen):
    """How high the ladders of a complaint have climbed: `rung` from 0, and whether somebody has it in hand.

    Of several clocks it is the one that nobody has acknowledged, of those the one that climbed highest.
    """

    rung: int
    acknowledged: bool


class Wanted(StrEnum):
    """Which alerts to list: those nobody has acknowledged, those somebody has, or those of clocks that are over too."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ALL = "all"


async def calls_of(conn: AsyncConnection, reference: str) -> tuple[Call, ...]:
    """Every call that a ladder of this complaint has made, oldest first; each recipient by itself.

    What no webhook and no chat address was there for is left out: it was to reach nobody.
    """
    c = outbox.c
    query = (
        select(*(c[name] for name in _COLUMNS))
        .where(
            c.stream == reference,
            c.rung.is_not(None),
            c.state != State.EXPANDED,
            or_(c.state != State.DROPPED, c.last_error.is_distinct_from(NOWHERE)),
        )
        .order_by(c.id)
    )
    return tuple(_call(row._mapping) for row in await conn.execute(query))


async def alerts(
    conn: AsyncConnection,
    people: Collection[str],
    *,
    at: datetime,
    wanted: Wanted = Wanted.OPEN,
    before: int | None = None,
    limit: int = 50,
) -> tuple[Alert, ...]:
    """What these people (staff ids) were told, one entry for each run of a clock, the latest told first.

    `at` is the service's present: an acknowledgement that has expired is one no more. `before` is the id where
    the last page ended; `limit` is cut to PAGE_AT_MOST. One statement.
    """
    given = {
        "recipients": [f"staff:{id_}" for id_ in people], "at": at, "wanted": wanted, "before": before,
        "limit": max(1, min(limit, PAGE_AT_MOST)),
    }  # fmt: skip
    found = await conn.execute(_ALERTS, given)
    return tuple(alert_of(row.body) for row in found)


def alert_of(body: Mapping[str, Any]) -> Alert:
    """An alert from a row of CALLS."""
    return Alert(**{**body, "calls": tuple(_call(call) for call in body["calls"])})


async def heights(conn: AsyncConnection, references: Collection[str], at: datetime) -> dict[str, Height]:
    """{reference: how high its ladders have climbed} of those complaints whose running clocks have called."""
    c = clocks.c
    query = select(c.reference, c.rung, c.acknowledged_at, c.held_until).where(
        c.reference.in_(list(references)), c.rung.is_not(None), c.met_at.is_(None), c.stopped_at.is_(None)
    )
    found: dict[str, Height] = {}
    for row in await conn.execute(query):
        held = row.acknowledged_at is not None and (row.held_until is None or row.held_until > at)
        new, old = Height(rung=row.rung, acknowledged=held), found.get(row.reference)
        if old is None or (not new.acknowledged, new.rung) > (not old.acknowledged, old.rung):
            found[row.reference] = new
    return found


def _call(row: Mapping[Any, Any]) -> Call:
    fields = {name: row[name] for name in _COLUMNS if name not in ("dedupe", "state", "last_error")}
    laps = {
        name: _lap(row["dedupe"], mark) for name, mark in (("extensions", "extended"), ("moves", "moved"))
    }
    return Call(**fields, **laps, reached=reached(row["state"]), status=row["last_error"])


def reached(state: str) -> Reached:
    """What the state of a message to one person says to people."""
    return _REACHED[State(state)]


def _lap(dedupe: str, mark: str) -> int:
    """What the key says of the due moment (complaints.messages): `…/extended-2/moved-1/…`; 0 where nothing."""
    found = re.search(rf"/{mark}-([0-9]{{1,6}})(?:/|$)", dedupe)
    return int(found[1]) if found else 0


_COLUMNS = ("id", "dedupe", "kind", "clock", "occurrence", "rung", "repeat", "who", "recipient", "channel", "state",
            "attempts", "queued_at", "sent_at", "last_error")  # fmt: skip

# A call that was made before its rung's climbing is on record counts as well: the calls come from the outbox.
# What was told before an acknowledgement expired is told again by the calls that follow. What no webhook and no chat
# address was there for is left out, as in `calls_of`.
CALLS: Final = f"""
    told AS MATERIALIZED (
        SELECT stream, clock, occurrence, max(id) AS id
        FROM outbox
        WHERE rung IS NOT NULL AND state <> 'expanded' AND recipient = ANY (:recipients)
        GROUP BY stream, clock, occurrence
    ), calls AS MATERIALIZED (
        SELECT told.id, latest.kind, told.stream AS reference, complaints.pack, complaints.pack_version,
            complaints.owner, told.clock, told.occurrence, clocks.state, clocks.due_at, latest.rung, latest.repeat,
            coalesce(latest.sent_at, latest.queued_at) AS told_at,
            clocks.acknowledged_at, clocks.acknowledged_by, clocks.held_until
        FROM told
        JOIN outbox AS latest ON latest.id = told.id
        JOIN complaints ON complaints.reference = told.stream
        CROSS JOIN LATERAL (  -- each by its key: how many there are is guessed too high, and all clocks would be read
            SELECT * FROM clocks WHERE clocks.reference = told.stream AND clocks.clock = told.clock
                AND clocks.occurrence = told.occurrence OFFSET 0
        ) AS clocks
        WHERE (CAST(:before AS bigint) IS NULL OR told.id < :before)
            AND (:wanted = 'all' OR clocks.met_at IS NULL AND clocks.stopped_at IS NULL
                AND (clocks.acknowledged_at IS NOT NULL
                    AND (clocks.held_until IS NULL OR clocks.held_until > :at)) = (:wanted = 'acknowledged'))
        ORDER BY told.id DESC LIMIT :limit
    ), called AS (
        SELECT calls.id, to_jsonb(calls) || jsonb_build_object('calls', (
            SELECT coalesce(jsonb_agg(to_jsonb(each) ORDER BY each.id), '[]') FROM (
                SELECT {", ".join(_COLUMNS)} FROM outbox
                WHERE stream = calls.reference AND clock = calls.clock AND occurrence = calls.occurrence
                    AND outbox.rung = calls.rung AND repeat = calls.repeat AND state <> 'expanded'
                    AND recipient = ANY (:recipients)
                    AND NOT (state = 'dropped' AND last_error IS NOT DISTINCT FROM '{NOWHERE}')
            ) AS each
        )) AS body
        FROM calls
    )"""  # noqa: S608 - our own column names
"""Those calls as (id, body), `body` for `alert_of`: to be put behind WITH, and given what `PARAMETERS` names."""

PARAMETERS: Final = (
    bindparam("recipients", type_=ARRAY(Text)),
    bindparam("at", type_=DateTime(timezone=True)),
    bindparam("before", type_=BigInteger),
    bindparam("wanted", type_=Text),
    bindparam("limit", type_=Integer),
)

_ALERTS = (
    text(f"WITH {CALLS} SELECT body FROM called ORDER BY id DESC").bindparams(*PARAMETERS).columns(body=JSONB)  # noqa: S608 - our own words
)
