"""One run of a clock of a complaint, found by its names and explained."""

from __future__ import annotations

from api.deps import Deps
from api.problems import Problem
from api.reads import folded
from complaints.case import Case
from complaints.timing.explained import Explained, explained
from complaints.timing.occurrences import Occurrence
from policies.pack import Pack

LARGEST_OCCURRENCE = 2**31 - 1


async def run_explained(
    deps: Deps, reference: str, clock: str, occurrence: int | None
) -> tuple[Case, Pack, Explained]:
    """One run of a clock of a complaint; the latest where none is named. Raises Problem (404, 503)."""
    case, _ = await folded(deps, reference)
    run = _found(case, clock, occurrence)
    pack = (await deps.packs.under(case)).of(run)
    return case, pack, explained(pack, case, run)


def _found(case: Case, clock: str, occurrence: int | None) -> Occurrence:
    runs = [run for run in case.clocks.occurrences if run.clock == clock]
    if not runs:
        raise Problem(404, "unknown_clock", "No clock of this name has run for this complaint.")
    if occurrence is None:
        return runs[-1]
    for run in runs:
        if run.number == occurrence:
            return run
    times = "once" if len(runs) == 1 else f"{len(runs)} times"
    raise Problem(
        404, "unknown_occurrence", f"There is no such run of this clock: it has run {times} so far."
    )
