"""The published packs, kept word for word: a complaint finds the very version it is pinned to."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from sqlalchemy import Column, DateTime, Integer, Table, Text, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.metadata import metadata
from policies.pack import Pack

packs = Table(
    "packs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("content", Text, nullable=False),  # Pack.canonical()
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("digest"),
)


class PackChangedError(Exception):
    """This name and version was published with other content; the text says so to whoever publishes."""


class PackDamagedError(Exception):
    """What is stored under a digest does not have it."""


async def publish(conn: AsyncConnection, pack: Pack) -> bool:
    """Keeps this version for good; False where it is kept already. The caller commits.

    Raises PackChangedError where the same name and version is kept with another digest: complaints
    may be pinned to it, so a change needs a version of its own.
    """
    values = {
        "name": pack.name,
        "version": pack.version,
        "digest": pack.digest,
        "content": pack.canonical(),
    }
    new = await conn.execute(insert(packs).values(values).on_conflict_do_nothing().returning(packs.c.version))
    if new.first() is not None:
        return True
    kept = await conn.execute(
        select(packs.c.digest).where(packs.c.name == pack.name, packs.c.version == pack.version)
    )
    if kept.scalar_one_or_none() == pack.digest:
        return False
    raise PackChangedError(
        f"Pack {pack.name} version {pack.version} was published already, with other content."
        f" Complaints may be pinned to it: publish the change as version {pack.version + 1}."
    )


async def load(conn: AsyncConnection, digest: str) -> Pack | None:
    """The pack of this digest, or None. Raises PackDamagedError."""
    row = (await conn.execute(select(packs.c.content).where(packs.c.digest == digest))).first()
    return None if row is None else _pack(row.content, digest)


async def load_all(conn: AsyncConnection) -> dict[str, Pack]:
    """Every pack that was ever published, by digest. Raises PackDamagedError."""
    rows = await conn.execute(select(packs.c.content, packs.c.digest).order_by(packs.c.name, packs.c.version))
    return {row.digest: _pack(row.content, row.digest) for row in rows}


async def digests(conn: AsyncConnection) -> frozenset[str]:
    """Which packs there are, at a hundredth of the cost of reading them."""
    return frozenset((await conn.scalars(select(packs.c.digest))).all())


def in_force(published: Iterable[Pack], at: datetime) -> tuple[Pack, ...]:
    """Of each name the version that what is received at this instant falls under, by name.

    That is the newest which holds on that day in its own zone; a pack that holds from later on is left out.
    """
    newest: dict[str, Pack] = {}
    for pack in sorted(published, key=lambda pack: pack.version):
        if pack.holds_from <= at.astimezone(ZoneInfo(pack.timezone)).date():
            newest[pack.name] = pack
    return tuple(newest[name] for name in sorted(newest))


def _pack(content: str, digest: str) -> Pack:
    if sha256(content.encode()).hexdigest() != digest:
        raise PackDamagedError(f"The content of the pack stored under digest {digest} was changed.")
    return Pack.from_canonical(content)
