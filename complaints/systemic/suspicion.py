"""Suspicion: many complaints of one problem type from several sites in a short time may have one cause. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from complaints.base import INSTANT
from complaints.messages import Message
from policies.arithmetic.durations import Duration, Unit
from policies.pack import Pack
from policies.vocabulary import Role

SUSPICION = "suspected/"
"""What the outbox's stream begins with for an alert of this kind, which no single complaint has."""

_AT_MOST_DAYS = {
    Unit.SECONDS: 1, Unit.MINUTES: 1, Unit.HOURS: 1, Unit.CALENDAR_DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 31,
    Unit.YEARS: 366,
}  # fmt: skip


class Told(NamedTuple):
    """An open complaint that may share a cause with others."""

    reference: str
    problem_type: str
    site: str
    received_at: datetime


class Suspicion(NamedTuple):
    """Complaints (by reference, oldest first) that may have one cause, and how many of them each site has."""

    pack: str
    problem_type: str
    complaints: tuple[str, ...]
    sites: tuple[tuple[str, int], ...]

    @property
    def stream(self) -> str:
        """The outbox's name for what it is about."""
        return f"{SUSPICION}{self.pack}/{self.problem_type}"


def earliest(pack: Pack, now: datetime) -> datetime:
    """The earliest receipt that the pack's rule still counts at `now`: its span from then on is not over yet.

    ValueError for a pack without such a rule, or one that counts working time, which has no calendar here.
    """
    if pack.systemic_suspected is None:
        raise ValueError(f"the pack {pack.name} suspects nothing")
    span = pack.systemic_suspected.within
    low, high = now - _at_most(span), now
    while high - low > INSTANT:  # `after` never goes back as its start goes on
        middle = low + (high - low) // 2
        low, high = (low, middle) if pack.after(middle, span) >= now else (middle, high)
    return high


def suspected(pack: Pack, complaints: Iterable[Told], now: datetime) -> tuple[Suspicion, ...]:
    """What the pack's rule makes of the open complaints under it, by problem type; empty without a rule."""
    rule = pack.systemic_suspected
    if rule is None:
        return ()
    since = earliest(pack, now)
    by_type: dict[str, list[Told]] = {}
    for told in sorted(complaints, key=lambda item: (item.received_at, item.reference)):
        if since <= told.received_at <= now:
            by_type.setdefault(told.problem_type, []).append(told)
    found = []
    for problem_type, alike in sorted(by_type.items()):
        sites = Counter(told.site for told in alike)
        if len(alike) >= rule.complaints and len(sites) >= rule.sites:
            references = tuple(told.reference for told in alike)
            found.append(Suspicion(pack.name, problem_type, references, tuple(sites.most_common())))
    return tuple(found)


def alert(suspicion: Suspicion, now: datetime) -> Message:
    """The alert to supervisors: one for a pack and a problem type in a week (ISO 8601, UTC)."""
    year, week, _ = now.astimezone(UTC).isocalendar()
    return Message(
        dedupe=f"{suspicion.stream}/{year}-W{week:02}",
        kind="systemic_suspected",
        to=f"role:{Role.SUPERVISOR}",
        fallback=f"role:{Role.DEPARTMENT_HEAD}",
    )


def _at_most(span: Duration) -> timedelta:
    """A length that the span never passes, clock changes and long months included."""
    days = _AT_MOST_DAYS.get(span.unit)
    if days is None:
        raise ValueError(f"a suspicion looks back over days or hours, not over {span}")
    if span.unit in (Unit.SECONDS, Unit.MINUTES, Unit.HOURS):
        return timedelta(microseconds=span.microseconds) + INSTANT
    return timedelta(days=days * span.amount + 3)
