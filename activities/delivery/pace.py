"""The dispatcher in figures: how it goes about it, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.delivery.targets import Circuit, Limits
from ledger.outbox import STORM, Storm


@dataclass(frozen=True)
class Pace:
    """How the dispatcher goes about it; all times in real seconds."""

    at_once: int = 48
    lease: float = 40.0
    poll: float = 1.0
    digest_quiet: float = 5.0
    digest_at_most: float = 60.0
    first_wait: float = 5.0
    longest_wait: float = 3600.0
    attempts: int = 20
    """With these waits, a message that is put off each time is given up after some eleven hours."""
    server_away: float = 15.0
    """The longest wait before our own mail server is asked again."""
    in_turn: float = 1.0
    """A complaint's messages leave one after the other, whoever they are for, but none holds others up longer."""
    storm: Storm = STORM
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Stats:
    """What the dispatcher did since it began, by channel, and how its targets are.

    `circuits` counts targets by kind (`mail`, `webhook`, `chat`) and state; their names would tell too much.
    """

    sent: Mapping[str, int]
    deferred: Mapping[str, int]
    bounced: Mapping[str, int]
    dead: Mapping[str, int]
    circuits: Mapping[tuple[str, Circuit], int]
    mail_server_away: bool
    under_way: int
