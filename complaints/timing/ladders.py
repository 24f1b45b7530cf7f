"""Ladders: which call of an alarm comes next and when, what holds it, and whom it goes to where nobody is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from complaints.base import INSTANT, Coming
from complaints.people.recipients import resolve
from complaints.timing.occurrences import AcknowledgementExpired, Occurrence
from policies.ladders import Unanswered
from policies.vocabulary import AlertChannel

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.arithmetic.durations import Duration
    from policies.pack import ClockRule, Ladder, Pack, Pauses, Rung


class Spot(NamedTuple):
    """A call that lies ahead: of which rung (from 0), which repeat of it (0: the first call), when, whom, how.

    `before_breach`: it comes without waiting for the clock to be breached.
    """

    rung: int
    repeat: int
    when: datetime
    tell: tuple[str, ...]
    over: tuple[AlertChannel, ...]
    before_breach: bool


def ladder_of(pack: Pack, case: Case, rule: ClockRule) -> Ladder | None:
    """The ladder by which this clock alarms for this complaint as it is classed now; None where it has none."""
    for choice in rule.ladders_if:
        if choice.applies_if.holds(**dict(case.classes)):
            return pack.ladders[choice.ladder]
    return None if rule.ladder is None else pack.ladders[rule.ladder]


def expiry(ladder: Ladder, run: Occurrence, due_at: datetime, paused: Pauses = ()) -> Coming | None:
    """When the acknowledgement that holds the ladder expires; None where none does.

    While the clock stands still (`paused`) nothing is forgotten: then it is as soon as it goes on.
    """
    run = run.on(ladder.id)
    if run.acknowledged_at is None or run.held_until is None:
        return None
    until = run.held_until
    for start, to in sorted(_before(due_at, paused)):
        if start <= until < to:
            until = to
    # Those of the rung that it stands on hear of it; an alert that no rung gave is the owner's.
    rung = ladder.rungs[min(run.rungs[-1][0], len(ladder.rungs) - 1)] if run.rungs else None
    return Coming(
        until,
        AcknowledgementExpired(
            clock=run.clock,
            occurrence=run.number,
            by=run.acknowledged_by,
            tell=rung.tell if rung else ("owner",),
            over=rung.over if rung else (AlertChannel.MAIL,),
            due_at=due_at,
        ),
    )


def _before(due_at: datetime, paused: Pauses) -> tuple[tuple[datetime, datetime], ...]:
    """The pauses that have moved the due moment; after due no pause holds a ladder back."""
    return tuple((start, to) for start, to in paused if to is not None and start < due_at)


class Ascent(NamedTuple):
    """A run on its ladder: what its calls depend on. `paused` are the pauses in which its clock stands still."""

    pack: Pack
    rule: ClockRule
    ladder: Ladder
    run: Occurrence
    due_at: datetime
    paused: Pauses

    def spots(self) -> Iterator[Spot]:
        """The next call of every rung that has one to make; those at or after due never come before it.

        Nothing here looks at an acknowledgement that holds the whole ladder: see `expiry`.
        """
        if (own := self.run.on(self.ladder.id)) is not self.run:
            yield from self._replace(run=own).spots()
            return
        for index, rung in enumerate(self.ladder.rungs):
            climbed = [at for at, (number, _) in enumerate(self.run.rungs) if number == index]
            repeat = len(climbed)
            if not repeat:
                when = self._first_call(index)
            elif (
                rung.repeat_every is None
                or repeat > rung.repeat_at_most
                or self.run.acknowledged_at is not None
            ):
                continue
            else:
                when = self._repeated(index, rung.repeat_every, climbed)
            if self.ladder.holds is not None and self.run.resumed_at is not None:
                when = max(when, self.run.resumed_at)
            yield Spot(index, repeat, when, rung.tell, rung.over, before_breach=rung.at.sign < 0)

    def _own_moment(self, index: int) -> datetime:
        """When a rung calls by itself, counted from due in the clock's own time."""
        nominal = self.pack.offset_from(
            self.rule, self.run.started_at, self.due_at, self.ladder.rungs[index].at, self.paused,
            extensions=self.run.extensions,
        )  # fmt: skip
        return nominal if nominal < self.due_at else nominal + INSTANT  # nothing is late before it is late

    def _first_call(self, index: int) -> datetime:
        """At its own moment, or as soon as the rung before it has gone unanswered for too long."""
        own = self._own_moment(index)
        if index == 0 or self.ladder.unanswered is Unanswered.WAITS:
            return own
        within = self.ladder.rungs[index - 1].acknowledge_within
        called = self._called_at(index - 1)
        if within is None or called is None or self.run.acknowledged_at is not None:
            return own  # what is acknowledged is answered, also where that holds nothing else
        unanswered = min(own, self._after(called, within))
        early = self.ladder.rungs[index].at.sign < 0
        return unanswered if early else max(unanswered, self.due_at + INSTANT)

    def _called_at(self, index: int) -> datetime | None:
        """When a rung called first; None before it has."""
        return self._known().get((index, 0))

    def _known(self) -> dict[tuple[int, int], datetime]:
        """When each call went out, as far as that is known: in old states it is of the latest alone."""
        known = len(self.run.climbed_at)
        return dict(zip(self.run.rungs[-known:], self.run.climbed_at, strict=True)) if known else {}

    def _after(self, start: datetime, span: Duration) -> datetime:
        """So long after a call, in the clock's own time: while it stood still nobody had to stir."""
        return self.pack.after(start, span, self.rule, paused=_before(self.due_at, self.paused))

    def _repeated(self, index: int, every: Duration, climbed: list[int]) -> datetime:
        """Counted from its last call, or as ladders without a hold always did, from its own moment."""
        last = self._known().get(self.run.rungs[climbed[-1]])
        if self.ladder.holds is not None and last is not None:
            return self._after(last, every)
        when = self._own_moment(index)
        for _ in climbed:
            when = self._after(when, every)
        return when


class Call(NamedTuple):
    """Which call of a ladder: of which rung (from 0) and which repeat of it, and for whom it was made."""

    rung: int
    repeat: int
    who: str


def passed_to(case: Case, ladder: Ladder, run: Occurrence, call: Call) -> tuple[str, ...] | None:
    """Whom a call goes to when nobody was there for it; None while somebody else who was called may be there.

    The next rung's people where the whole of this one was not there, and so on up; empty: none are left.
    """
    before = {word for number, again, word in run.unheld if (number, again) == (call.rung, call.repeat)}
    after = before | {call.who}
    above = ladder.rungs[call.rung :]
    missing = _missing(case, above, after)
    left = tuple(word for word in _called(case, above, after) if word not in missing)
    if not left:
        return ()
    known = _called(case, above, before)
    return tuple(word for word in left if word not in known) or None


def _called(case: Case, rungs: tuple[Rung, ...], unheld: set[str]) -> tuple[str, ...]:
    """The words that a call has gone out for: a rung's, and those of the next where nobody of the former was there."""
    called: list[str] = []
    missing = _missing(case, rungs, unheld)
    for rung in rungs:
        called += [word for word in rung.tell if word not in called]
        if not missing.issuperset(called):
            break
    return tuple(called)


def _missing(case: Case, rungs: tuple[Rung, ...], unheld: set[str]) -> set[str]:
    """The words for whom nobody is there; two words may stand for one person, who is called once."""
    addresses = {resolve(case, word)[0] for word in unheld}
    return unheld | {word for rung in rungs for word in rung.tell if resolve(case, word)[0] in addresses}
