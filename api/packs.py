"""The published packs as the API holds them: by digest for reading, by name for what comes in now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import PackRef, Refused
from complaints.case import Case
from complaints.timing.occurrences import Occurrence
from ledger.database import autocommit
from ledger.packs import digests, load_all
from policies.pack import Pack

LOOK_AGAIN_S = 5.0
"""Seconds after which what was published meanwhile is looked for again."""


@dataclass(frozen=True)
class Under:
    """The packs of one complaint: the one it is under, and those whose promises are over since it was moved."""

    now: Pack
    former: Mapping[str, Pack]

    def of(self, run: Occurrence) -> Pack:
        """The pack whose promise a run is, or was."""
        return self.now if run.pack is None else self.former[run.pack.digest]


class Packs:
    """Read from the database when first needed. A version never changes, so one that is held stays right."""

    def __init__(self, engine: AsyncEngine, usual: str) -> None:
        """`usual` is the name of the pack that holds where nobody names one."""
        self._engine = autocommit(engine)
        self._usual = usual
        self._held: Mapping[str, Pack] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def all(self, *, at_once: bool = False) -> tuple[Pack, ...]:
        """Every published version, by name and version; `at_once`: with what was published this very moment."""
        await self._look(at_once=at_once)
        return tuple(sorted(self._held.values(), key=lambda pack: (pack.name, pack.version)))

    async def of(self, ref: PackRef) -> Pack:
        """The very version a complaint is pinned to. Raises LookupError where it was never published here."""
        return await self.of_digest(ref.digest)

    async def of_digest(self, digest: str) -> Pack:
        """The version of this digest. Raises LookupError where it was never published here."""
        if digest not in self._held:
            await self._look(at_once=True)
        return self._held[digest]

    async def under(self, case: Case) -> Under:
        """The packs that a complaint is under, and was. Raises LookupError, as `of` does."""
        refs = {run.pack.digest: run.pack for run in case.clocks.occurrences if run.pack is not None}
        former = {digest: await self.of(ref) for digest, ref in refs.items()}
        return Under(await self.of(case.pack), former)

    async def named(self, name: str, version: int | None, at: datetime) -> Pack | None:
        """The published pack of this name and version, without a version the one that holds at `at`; else None."""
        for at_once in (False, True):
            every = [pack for pack in await self.all(at_once=at_once) if pack.name == name]
            if version is None and every:
                return await self.for_receipt(name, at)
            found = next((pack for pack in every if pack.version == version), None)
            if found is not None:
                return found
        return None

    async def for_receipt(self, name: str | None, received_at: datetime) -> Pack:
        """The version that a complaint received at this instant is handled under.

        That is the newest of this name which held on the day of receipt in its own zone, or the first one
        there was. Without a name: the usual one, or the only one published. Raises Refused.
        """
        await self._look()
        if name is not None and all(pack.name != name for pack in self._held.values()):
            await self._look(at_once=True)  # it may have been published a moment ago
        names = sorted({pack.name for pack in self._held.values()})
        if name is None:
            name = self._usual if self._usual in names or len(names) != 1 else names[0]
        if name not in names:
            there_are = ", ".join(names) or "none yet"
            raise Refused("pack_not_published", f"No pack of this name is published. Published: {there_are}.")
        versions = sorted(
            (pack for pack in self._held.values() if pack.name == name), key=lambda pack: pack.version
        )
        held = [p for p in versions if p.holds_from <= received_at.astimezone(ZoneInfo(p.timezone)).date()]
        return held[-1] if held else versions[0]

    async def _look(self, *, at_once: bool = False) -> None:
        now = asyncio.get_running_loop().time
        if not at_once and now() < self._looked + LOOK_AGAIN_S and self._held:
            return
        async with self._looking:
            if not at_once and now() < self._looked + LOOK_AGAIN_S and self._held:
                return  # somebody looked while this one waited
            async with self._engine.connect() as conn:
                if await digests(conn) != self._held.keys():
                    self._held = await load_all(conn)
            self._looked = now()


def ref_of(pack: Pack) -> PackRef:
    """What a complaint is pinned to."""
    return PackRef(name=pack.name, version=pack.version, digest=pack.digest)
