"""What a scripted life needs of whoever plays it: the pure functions alone, or the whole living service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from complaints.base import Actor, AttachmentRef, Command, TextRef
from complaints.case import Case
from complaints.chapters.intake import ReceiveComplaint
from complaints.systemic.issue import OpenSystemicIssue
from policies.pack import Pack


class Hand(Protocol):
    """Leads one complaint. Each step is over when it is on record, and raises Refused where it is refused."""

    async def text(self, words: str) -> TextRef:
        """A reference to these words."""
        ...

    async def file(self, name: str) -> AttachmentRef:
        """A reference to a file of this name."""
        ...

    async def receives(self, body: ReceiveComplaint, pack: Pack, *, days_ago: int = 0) -> None:
        """The complaint comes in, or came in days before it is recorded."""
        ...

    async def does(self, actor: Actor, body: Command) -> None:
        """Somebody decides."""
        ...

    async def hears(self, body: Command) -> None:
        """A fact comes in from outside."""
        ...

    async def pays(self, actor: Actor, body: Command, *, ends: str) -> None:
        """Somebody orders a payment or takes one back, and the provider's word comes: `settled`, `refused`."""
        ...

    async def case(self) -> Case:
        """The complaint as it is on record."""
        ...

    def now(self) -> datetime:
        """The present instant (UTC)."""
        ...

    async def until(self, moment: datetime) -> None:
        """Lets time pass that moment."""
        ...

    async def sees(self, holds: Callable[[Case], bool]) -> None:
        """Waits until this is on record, of which time alone is the cause."""
        ...


class IssueHand(Protocol):
    """Leads one systemic issue."""

    async def text(self, words: str) -> TextRef:
        """A reference to these words."""
        ...

    async def opens(self, actor: Actor, body: OpenSystemicIssue) -> None:
        """The issue is opened."""
        ...

    async def does(self, actor: Actor, body: Command) -> None:
        """Somebody decides."""
        ...

    def now(self) -> datetime:
        """The present instant (UTC)."""
        ...
