"""Sites: the shops and branches that complaints are about, and the regions that their codes begin with. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

BETWEEN = "-"
"""Between the region and the rest of a site's code: `north-0117`."""


class Spread(NamedTuple):
    """How many complaints each site and each region has, most first; `nowhere` are those that name no site."""

    sites: tuple[tuple[str, int], ...]
    regions: tuple[tuple[str, int], ...]
    nowhere: int


def region_of(site: str) -> str | None:
    """The region that a site's code begins with; None for a code that names none."""
    region, between, _ = site.partition(BETWEEN)
    return region if between and region else None


def spread(sites: Iterable[str | None]) -> Spread:
    """Where complaints come from, one site (or None) for each complaint."""
    every = tuple(sites)
    named = [site for site in every if site]
    regions = [region for site in named if (region := region_of(site)) is not None]
    return Spread(_counted(named), _counted(regions), len(every) - len(named))


def _counted(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
