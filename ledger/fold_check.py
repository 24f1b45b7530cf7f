"""Whether the read model is what the events amount to: streams folded again and compared with their rows."""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.case import Case
from complaints.lifecycle import evolve
from complaints.systemic.issue import SystemicIssue, SystemicOpened, evolve_systemic
from complaints.systemic.view import SystemicView, systemic_view
from complaints.view import CaseView, ClockView, view
from ledger.retention import NOT_WORKED_OUT
from ledger.stored import StoredEvent, UnknownEventError
from ledger.tables import clocks, complaints, systemic_issues
from policies.pack import Pack

_VIEWS_AT_ONCE = 100

View = CaseView | SystemicView


class FoldCheck:
    """Takes events in order, folds them, and compares a batch of views with the read model at a time."""

    def __init__(self, packs: Mapping[str, Pack]) -> None:
        """`packs` by digest."""
        self._packs = packs
        self._folded: Case | SystemicIssue | None = None
        self._given_up = False
        self._views: dict[str, View] = {}
        self.compared = 0

    @property
    def full(self) -> bool:
        """Whether it is time to compare."""
        return len(self._views) >= _VIEWS_AT_ONCE

    def event(self, event: StoredEvent) -> Iterator[str]:
        """Folds one more event; yields a sentence where that can not be done."""
        if self._given_up:
            return
        try:
            told = event.happening()
            if isinstance(self._folded, SystemicIssue) or isinstance(told.event, SystemicOpened):
                before = self._folded if isinstance(self._folded, SystemicIssue) else None
                self._folded = evolve_systemic(before, told)
            else:
                self._folded = evolve(self._folded, told)
        except UnknownEventError as error:
            self._given_up = True
            yield str(error)
        except Exception as error:  # whatever a damaged body makes the rules do
            self._given_up = True
            yield (
                f"Stream {event.stream}, event {event.sequence}: it can not be applied to what comes before"
                f" it ({type(error).__name__})."
            )

    def end_stream(self) -> Iterator[str]:
        """The stream is whole: keeps its view for the next comparison, or says why there is none."""
        folded, self._folded = self._folded, None
        given_up, self._given_up = self._given_up, False
        if folded is None or given_up:
            return
        if isinstance(folded, SystemicIssue):
            self._views[folded.reference] = systemic_view(folded)
            return
        pack = self._packs.get(folded.pack.digest)
        if pack is None:
            yield (
                f"Stream {folded.reference}: the pack it is pinned to ({folded.pack.name} version"
                f" {folded.pack.version}, digest {folded.pack.digest}) is not stored."
            )
            return
        wanted = view(pack, folded)
        self._views[folded.reference] = wanted.model_copy(update={"clocks": _sorted(wanted.clocks)})

    async def compare(self, conn: AsyncConnection) -> list[tuple[str, str]]:
        """The streams whose rows differ from what their events amount to, with a sentence each."""
        expected, self._views = self._views, {}
        if not expected:
            return []
        self.compared += len(expected)
        shown = await _shown(conn, list(expected))
        wrong = []
        for reference, wanted in expected.items():
            found = shown.get(reference)
            if found is None:
                wrong.append((reference, f"Stream {reference}: the read model does not show it."))
            elif differing := ", ".join(_differing(wanted, found)):
                said = f"Stream {reference}: the read model differs from its events in {differing}."
                wrong.append((reference, said))
        return wrong


def _differing(wanted: View, found: View) -> list[str]:
    fields = wanted.__class__.model_fields
    differing = [name for name in fields if getattr(wanted, name) != getattr(found, name, None)]
    if isinstance(found, CaseView) and found.erased_from == NOT_WORKED_OUT:
        # From before the read model had it: it says that it does not know, which is no fault.
        return [name for name in differing if name != "erased_from"]
    return differing


async def _shown(conn: AsyncConnection, references: list[str]) -> dict[str, View]:
    """The rows of these streams as views, with their clocks by name and number."""
    ticking: dict[str, list[ClockView]] = {reference: [] for reference in references}
    for row in await conn.execute(select(clocks).where(clocks.c.reference.in_(references))):
        columns = dict(row._mapping)
        ticking[columns.pop("reference")].append(ClockView(**columns))
    shown: dict[str, View] = {}
    for row in await conn.execute(select(complaints).where(complaints.c.reference.in_(references))):
        columns = dict(row._mapping)
        del columns["changed_at"]
        shown[row.reference] = CaseView(**columns, clocks=_sorted(ticking[row.reference]))
    for row in await conn.execute(select(systemic_issues).where(systemic_issues.c.reference.in_(references))):
        columns = dict(row._mapping)
        del columns["changed_at"]
        shown[row.reference] = SystemicView(**columns)
    return shown


def _sorted(running: Iterable[ClockView]) -> tuple[ClockView, ...]:
    return tuple(sorted(running, key=lambda clock: (clock.clock, clock.occurrence)))
