"""The calls of ladders in the outbox: a word's call is a message for each person, and one who is reached is enough."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection


async def reached_nobody(conn: AsyncConnection, ids: Sequence[int]) -> tuple[int, ...]:
    """Those of these messages that are a ladder's call which, without all of these, reaches nobody else.

    Whoever else the call went out for, over the same way, was not reached either: nobody has it, and it is under
    way to nobody. What tells administrators of a call is none. In the caller's transaction, to whose end other
    messages of the same calls are kept from being judged: of two that fail at once, the second sees the first.
    """
    if not ids:
        return ()
    given = {"ids": list(ids)}
    await conn.execute(_ONE_BY_ONE, given)
    return tuple((await conn.execute(_REACHED_NOBODY, given)).scalars())


_IDS = bindparam("ids", type_=ARRAY(BigInteger))

# Messages that stand in for one, person by person, have its id as their place: together they are one call.
_ONE_BY_ONE = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended('call ' || call, 0)) FROM (
        SELECT DISTINCT coalesce(place, id) AS call FROM outbox WHERE id = ANY (:ids) AND who IS NOT NULL ORDER BY 1
    ) AS calls
    """
).bindparams(_IDS)

# A statement of its own: what was settled before the lock was had is seen by this one.
_REACHED_NOBODY = text(
    """
    SELECT id FROM outbox AS mine
    WHERE id = ANY (:ids) AND rung IS NOT NULL AND who IS NOT NULL AND kind <> 'alert_unreachable' AND NOT EXISTS (
        SELECT FROM outbox AS other
        WHERE other.stream = mine.stream AND other.rung IS NOT NULL
            AND coalesce(other.place, other.id) = coalesce(mine.place, mine.id) AND other.id <> ALL (:ids)
            AND other.state IN ('queued', 'sent') AND other.kind <> 'alert_unreachable'
    )
    ORDER BY id
    """
).bindparams(_IDS)
