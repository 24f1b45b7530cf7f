"""Which open complaints look alike enough to be suspected of one cause, and stand in no systemic issue together yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.systemic.suspicion import Suspicion, Told, earliest, suspected
from policies.pack import Pack


async def suspicions(conn: AsyncConnection, packs: Iterable[Pack], now: datetime) -> tuple[Suspicion, ...]:
    """What is suspected at `now` (service time), by pack and problem type.

    Of each pack the newest version's rule holds for all complaints under that name. What one unresolved
    systemic issue has joined already is left out.
    """
    newest = {pack.name: pack for pack in sorted(packs, key=lambda pack: pack.version)}
    found: list[Suspicion] = []
    for _, pack in sorted(newest.items()):
        if pack.systemic_suspected is None:
            continue
        given = {
            "pack": pack.name,
            "since": earliest(pack, now),
            "now": now,
            "complaints": pack.systemic_suspected.complaints,
            "sites": pack.systemic_suspected.sites,
        }
        alike = [Told(*row) for row in await conn.execute(_ALIKE, given)]
        of_pack = suspected(pack, alike, now)
        found += [item for item in of_pack if not await _joined(conn, item.complaints)]
    return tuple(found)


async def _joined(conn: AsyncConnection, references: tuple[str, ...]) -> bool:
    """Whether one systemic issue that is not resolved has them all."""
    return await conn.scalar(_JOINED, {"references": list(references)}) is not None


_AMONG = (
    "open AND pack = :pack AND problem_type IS NOT NULL AND site IS NOT NULL"
    " AND received_at BETWEEN :since AND :now"
)
_ALIKE = text(
    f"""
    WITH many AS (
        SELECT problem_type FROM complaints WHERE {_AMONG} GROUP BY problem_type
        HAVING count(*) >= :complaints AND count(DISTINCT site) >= :sites
    )
    SELECT reference, problem_type, site, received_at FROM complaints JOIN many USING (problem_type)
    WHERE {_AMONG}
    """  # noqa: S608 - our own words
)

_REFERENCES = bindparam("references", type_=ARRAY(Text))
_JOINED = text(
    "SELECT reference FROM systemic_issues WHERE resolved_at IS NULL AND members @> :references LIMIT 1"
).bindparams(_REFERENCES)
_MEMBERS = text("SELECT reference, site FROM complaints WHERE reference = ANY (:references)").bindparams(
    _REFERENCES
)


async def sites_of(conn: AsyncConnection, references: Iterable[str]) -> dict[str, str | None]:
    """{reference: the code of its site, None where it has none}, of those complaints that are on record."""
    rows = await conn.execute(_MEMBERS, {"references": list(references)})
    return {row.reference: row.site for row in rows}
