"""Complaints and systemic issues as the record has them: folded from the stream, with the pack it is pinned to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Happening, PackRef
from complaints.case import Case
from complaints.chapters.intake import ComplaintReceived
from complaints.chapters.migration import PackMigrated
from complaints.lifecycle import fold
from complaints.systemic.issue import SystemicIssue, SystemicOpened, fold_systemic
from ledger import packs
from ledger.database import autocommit
from ledger.record import Record
from policies.pack import Pack


class PackMissing(LookupError):  # noqa: N818 - says what is the matter
    """A complaint is pinned to a pack that the database does not have."""


@dataclass(frozen=True)
class Held:
    """One complaint: its pack, its case, and the happenings that it was folded from, oldest first.

    `former` are the packs that it was under before somebody moved it, by digest.
    """

    pack: Pack
    case: Case
    happenings: Sequence[Happening]
    former: Mapping[str, Pack] = field(default_factory=dict)

    def pack_of(self, case: Case) -> Pack:
        """The pack that the case, as it was at some moment, was under then."""
        return self.pack if case.pack.digest == self.case.pack.digest else self.former[case.pack.digest]

    def when_queued(self, letter: str) -> Case:
        """The case as it was when this letter was queued, so that whenever it leaves it says the same.

        The rest of the command that queued it belongs to that moment. KeyError where there is no such letter.
        """
        end = 0
        command: str | None = None
        for index, told in enumerate(self.happenings):
            queued = told.event.type == "LetterQueued" and getattr(told.event, "letter", None) == letter
            if queued or (end and command is not None and told.command == command):
                end, command = index + 1, told.command
            elif end:
                break
        if not end:
            raise KeyError(letter)
        return fold(self.happenings[:end])


def moved_from(happenings: Sequence[Happening]) -> tuple[PackRef, ...]:
    """The packs that a complaint was moved away from."""
    return tuple(told.event.former for told in happenings if isinstance(told.event, PackMigrated))


@dataclass(frozen=True)
class HeldIssue:
    """One systemic issue; `pack` is the one that it is graded by, None where it is no outage."""

    pack: Pack | None
    issue: SystemicIssue


class Cases:
    """Reads complaints from the record; keeps the packs, which never change under their digest."""

    def __init__(self, engine: AsyncEngine, record: Record) -> None:
        self._engine = autocommit(engine)
        self._record = record
        self._packs: dict[str, Pack] = {}

    async def read(self, reference: str) -> Held | None:
        """The complaint, or None where the stream is empty or not a complaint's. Raises PackMissing."""
        held = await self.fold(await self._record.read(reference))
        return held if isinstance(held, Held) else None

    async def read_issue(self, reference: str) -> HeldIssue | None:
        """The systemic issue, or None where the stream is empty or not an issue's. Raises PackMissing."""
        held = await self.fold(await self._record.read(reference))
        return held if isinstance(held, HeldIssue) else None

    async def fold(self, happenings: Sequence[Happening]) -> Held | HeldIssue | None:
        """What the whole stream with these happenings amounts to; None where it is neither. Raises PackMissing."""
        first = happenings[0].event if happenings else None
        if isinstance(first, ComplaintReceived):
            case = fold(happenings)
            former = {ref.digest: await self.pack(ref) for ref in moved_from(happenings)}
            return Held(pack=await self.pack(case.pack), case=case, happenings=happenings, former=former)
        if isinstance(first, SystemicOpened):
            issue = fold_systemic(happenings)
            return HeldIssue(pack=await self.pack(issue.outage.pack) if issue.outage else None, issue=issue)
        return None

    async def case(self, reference: str) -> Case | None:
        """The case alone, or None."""
        held = await self.read(reference)
        return None if held is None else held.case

    async def pack(self, ref: PackRef) -> Pack:
        """The published pack that `ref` names. Raises PackMissing."""
        if ref.digest not in self._packs:
            async with self._engine.connect() as conn:
                found = await packs.load(conn, ref.digest)
            if found is None:
                raise PackMissing(f"pack {ref.name} version {ref.version} is not published in this database")
            self._packs[ref.digest] = found
        return self._packs[ref.digest]
