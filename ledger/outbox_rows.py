"""What the outbox gives and takes: messages that are leased, outcomes, dead letters, and what makes a storm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from complaints.base import Frozen

NOWHERE = "nobody has asked for it"
"""The status of what no webhook, or no chat address, was there for: the other ways tell the same."""


NOTICE = """rung IS NULL AND digest IS NULL AND recipient LIKE 'staff:%'
    AND kind NOT IN ('letter', 'morning_worklist', 'weekly_report', 'overdue_summary', 'template_sample')"""
"""What is for somebody's information: an alert to one member of staff that no ladder calls for.

Letters, reports and what is told in a digest are none. Indexes are made with these very words (migration 0019).
"""


class State(StrEnum):
    """How far a message has come. A leased one is QUEUED still, with a lease."""

    QUEUED = "queued"
    SENT = "sent"  # a mail server has taken it
    BOUNCED = "bounced"  # refused for good, or there is no way to reach the recipient
    EXPANDED = "expanded"  # became one message for each person whom the recipient stands for
    DEAD = "dead"  # given up; a person has to look
    UNHELD = "unheld"  # nobody was there whom the call of a rung could reach; it was passed on
    DROPPED = "dropped"  # there is nothing left to send: the texts were erased


class Leased(Frozen):
    """A message that is ours to send until the lease ends. `attempts` counts this one.

    `bundle` is set for what leaves together with others, `storm` where that is a storm's;
    `told_before` is how many complaints earlier mails of this storm named.
    """

    id: int
    dedupe: str
    stream: str
    kind: str
    recipient: str
    fallback: str | None
    channel: str
    letter: str | None
    template: str | None
    text_id: str | None
    clock: str | None
    occurrence: int | None
    rung: int | None
    repeat: int | None
    who: str | None
    due_at: AwareDatetime | None
    digest: str | None
    attempts: int
    bundle: int | None = None
    storm: int | None = None
    told_before: int = 0
    place: int = 0

    @property
    def line(self) -> tuple[str, str, str]:
        """Messages of one line leave in their order: a complaint's letters, its alerts to one recipient."""
        letter = self.kind == "letter"
        return (self.stream, "letter", "") if letter else (self.stream, self.recipient, self.channel)


@dataclass(frozen=True)
class Storm:
    """What makes many alerts a storm, which is told to one person in few mails; times in real seconds.

    A storm: alerts about `complaints` complaints came for one person over one channel `within` this time.
    """

    complaints: int = 8
    within: float = 60.0
    quiet: float = 5.0
    """With no further alert for so long, what waits is held no longer; one that waits alone goes as it is."""
    every: float = 60.0
    """A storm has at most one mail in this time; none of its alerts waits longer."""
    over: float = 600.0
    """So long after its last mail, what comes is another storm, with a thread of its own."""

    def at_speed(self, speed: float) -> Storm:
        """The same where time goes `speed` times as fast as outside: alerts come in as much closer together."""
        return replace(
            self,
            within=self.within / speed,
            quiet=self.quiet / speed,
            every=self.every / speed,
            over=self.over / speed,
        )

    def figures(self) -> dict[str, int | timedelta]:
        """As the statements name them."""
        return {
            "storm_from": self.complaints,
            "storm_within": timedelta(seconds=self.within),
            "storm_quiet": timedelta(seconds=self.quiet),
            "storm_every": timedelta(seconds=self.every),
            "storm_over": timedelta(seconds=self.over),
        }


STORM = Storm()


class Outcome(Frozen):
    """What came of one leased message. QUEUED: it goes back, to be tried again in `after` seconds.

    `after` None: when it was to be tried anyway, so that it keeps its place. `counts` False: that was no
    attempt.
    """

    id: int
    state: State
    message_id: str | None = None
    error: str | None = None
    after: float | None = None
    counts: bool = True


class Untold(Frozen):
    """A message whose outcome its workflow does not know yet: a letter, or a call that reached nobody.

    `settled_at` is real time.
    """

    id: int
    stream: str
    letter: str | None
    channel: str
    state: State
    status: str | None
    settled_at: AwareDatetime
    clock: str | None = None
    occurrence: int | None = None
    rung: int | None = None
    repeat: int | None = None
    who: str | None = None


class DeadLetter(Frozen):
    """A message that was given up, for a person to look at; `resent_by` sent it again, in vain."""

    id: int
    dedupe: str
    stream: str
    kind: str
    recipient: str
    channel: str
    attempts: int
    queued_at: AwareDatetime
    last_error: str | None
    resent_by: str | None = None


class Depth(Frozen):
    """The outbox in figures. `oldest_seconds`: how long the oldest that may go out has waited (0: none)."""

    queued: int
    leased: int
    dead: int
    untold: int
    oldest_seconds: float
