"""Every command in its place: the lives of tests/support/every_command.py, told through the pure functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import NamedTuple

from complaints.base import Actor, AttachmentRef, Command, Order, PackRef, TextRef
from complaints.case import Case
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.migration import MigratePack
from complaints.chapters.payments import ReportPayment
from complaints.systemic.issue import (
    OpenSystemicIssue,
    SystemicIssue,
    decide_systemic,
    evolve_systemic,
    fold_systemic,
    open_systemic,
    pack_needed,
)
from policies.pack import Pack
from tests.complaints.support import RECEIVED, Story, iris, machine, text
from tests.support.every_command import LIVES, outage
from tests.support.life_steps import COMING, SYSTEMIC


class Given(NamedTuple):
    """A command that fits: to which case, under which pack, by whom, when."""

    case: Case
    pack: Pack
    actor: Actor
    body: Command
    at: datetime


class GivenToIssue(NamedTuple):
    """A command that fits a systemic issue."""

    issue: SystemicIssue | None
    pack: Pack | None
    actor: Actor
    body: Command
    at: datetime


class Teller:
    """A hand (tests/support/hands.py) that keeps the case before each command."""

    def __init__(self) -> None:
        self.given: list[Given] = []
        self._texts = count(1)
        self._story: Story | None = None

    @property
    def story(self) -> Story:
        assert self._story is not None, "a life begins with its receipt"
        return self._story

    async def text(self, words: str) -> TextRef:
        return text(words)

    async def file(self, name: str) -> AttachmentRef:
        held = text(f"what is in {name}")
        return AttachmentRef(
            id="f-1", digest=held.digest, size=3, media_type="text/plain", filename=text(name)
        )

    async def receives(self, body: ReceiveComplaint, pack: Pack, *, days_ago: int = 0) -> None:
        received_at = RECEIVED - timedelta(days=days_ago)
        self._story = Story(body, pack=pack, received_at=received_at if days_ago else None)
        self.given.append(Given(self.story.case, pack, iris, body, self.story.now))

    async def does(self, actor: Actor, body: Command) -> None:
        at = self._keep(actor, body)
        if isinstance(body, MigratePack):
            self.story.migrate(actor, COMING[body.pack.name], at)
        else:
            self.story.do(actor, body, at)

    async def hears(self, body: Command) -> None:
        at = self._keep(machine, body)
        assert self.story.do(machine, body, at), f"{body.type} was no news"

    async def pays(self, actor: Actor, body: Command, *, ends: str) -> None:
        await self.does(actor, body)
        (due,) = self.story.case.remedies.payments_in_flight()
        report = {"remedy": due.remedy, "attempt": due.attempt, "direction": due.direction, "outcome": ends}
        await self.hears(ReportPayment.model_validate(report))

    async def case(self) -> Case:
        return self.story.case

    def now(self) -> datetime:
        # What is due in seconds is still to come when the next command is given, a minute from now.
        return self.story.now + timedelta(minutes=5)

    async def until(self, moment: datetime) -> None:
        self.story.until(max(moment, self.story.now))

    async def sees(self, holds: Callable[[Case], bool]) -> None:
        self.story.until(self.story.now)
        assert holds(self.story.case)

    def _keep(self, actor: Actor, body: Command) -> datetime:
        """Remembers the command with the case as time has left it; when the command is given."""
        at = self.story.now + timedelta(minutes=1)
        self.story.until(at)
        self.given.append(Given(self.story.case, self.story.pack, actor, body, at))
        return at


class IssueTeller:
    """The same for a systemic issue."""

    def __init__(self) -> None:
        self.given: list[GivenToIssue] = []
        self.issue: SystemicIssue | None = None
        self._orders = count(1)
        self._now = datetime(2025, 9, 1, 2, 0, tzinfo=UTC)

    async def text(self, words: str) -> TextRef:
        return text(words)

    async def opens(self, actor: Actor, body: OpenSystemicIssue) -> None:
        order = self._order(actor, body)
        self.given.append(GivenToIssue(None, None, actor, body, order.at))
        self.issue = fold_systemic(open_systemic(SYSTEMIC, order))

    async def does(self, actor: Actor, body: Command) -> None:
        issue = self.issue
        assert issue is not None
        pack = _coming(pack_needed(issue, body))
        order = self._order(actor, body)
        self.given.append(GivenToIssue(issue, pack, actor, body, order.at))
        for told in decide_systemic(issue, order, pack):
            issue = evolve_systemic(issue, told)
        self.issue = issue

    def now(self) -> datetime:
        return self._now

    def _order(self, actor: Actor, body: Command) -> Order:
        self._now += timedelta(minutes=1)
        return Order(id=f"c{next(self._orders)}", actor=actor, body=body, at=self._now)


def _coming(ref: PackRef | None) -> Pack | None:
    return None if ref is None else COMING[ref.name]


class Told(NamedTuple):
    """All lives told: the commands in their places, and how each complaint ended."""

    given: tuple[Given, ...]
    endings: tuple[Story, ...]
    to_issues: tuple[GivenToIssue, ...]
    issue: SystemicIssue


@cache
def told() -> Told:
    """Every life, told once for all tests."""

    async def tell() -> Told:
        tellers = []
        for life in LIVES:
            teller = Teller()
            await life(teller)
            tellers.append(teller)
        issue = IssueTeller()
        await outage(issue)
        assert issue.issue is not None
        return Told(
            tuple(given for teller in tellers for given in teller.given),
            tuple(teller.story for teller in tellers),
            tuple(issue.given),
            issue.issue,
        )

    return asyncio.run(tell())
