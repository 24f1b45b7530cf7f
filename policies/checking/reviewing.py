"""What a sound pack still leaves to its organisation: choices nobody has made, calendars that run out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from policies.arithmetic.calendars import BeyondKnown
from policies.pack import Pack, Path
from policies.rules import Sourced
from policies.wording.in_words import NOBODY_YET, listed, words


def unmade_choices(pack: Pack) -> tuple[tuple[Path, Sourced], ...]:
    """Every choice that no organisation has made its own yet, with its path in the pack."""
    return tuple((path, rule) for path, rule in pack.choices() if rule.chosen_by == NOBODY_YET)


def choices_unmade_first(pack: Pack) -> tuple[tuple[Path, Sourced], ...]:
    """Every choice, those that nobody has made yet before those that somebody has."""
    return tuple(sorted(pack.choices(), key=lambda found: found[1].chosen_by != NOBODY_YET))


def warnings(pack: Pack) -> Iterator[str]:
    """What is no error, but somebody should look at, as sentences."""
    unmade = Counter(words(str(path[0])) for path, _ in unmade_choices(pack))
    if unmade:
        parts = (f"{part} ({count})" if count > 1 else part for part, count in unmade.items())
        what = "choice" if unmade.total() == 1 else "choices"
        yield f"{unmade.total()} {what} that nobody has made their own: {listed(parts)}"
    for name, calendar in pack.calendars.items():
        if calendar.known_until is None:
            continue
        beyond = (
            "after that deadlines count weekly hours alone"
            if calendar.beyond_known is BeyondKnown.WEEKLY_HOURS
            else "no deadline can be worked out after that"
        )
        yield f"the calendar {name} is known only until {calendar.known_until}; {beyond}"
