"""Ladders: how an alarm climbs, rung by rung, and where each rung has its origin."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from policies.arithmetic.durations import Duration, Offset
from policies.rules import A_NAME, Basis, Frozen, Name, Source, Sourced
from policies.vocabulary import AlertChannel, Role


def _known_recipient(word: str) -> str:
    kind, _, who = word.partition(":")
    if word in ("owner", "owner_supervisor") or (kind == "person" and who):
        return word
    if kind == "role" and who in {role.value for role in Role}:
        return word
    if kind == "on_duty" and A_NAME.fullmatch(who):
        return word
    raise ValueError(
        f"'{word}' is nobody: write owner, owner_supervisor, role:<role>, on_duty:<rota> or person:<id>"
    )


Recipient = Annotated[str, AfterValidator(_known_recipient)]


class Rung(Frozen):
    """One step of a ladder: when, who, how, and what follows where nobody stirs.

    `raise_tier` moves the case up to the next tier of handling, `reassign_to` has the service give it to
    somebody with that role; `note_required`: whoever acknowledges it has to say what is being done. Where a rung
    says nothing of its origin it has its ladder's; which one holds, `Ladder.sourced_rungs` says.
    """

    at: Offset
    tell: tuple[Recipient, ...] = Field(min_length=1)
    over: tuple[AlertChannel, ...] = Field(default=(AlertChannel.MAIL,), min_length=1)
    repeat_every: Duration | None = None
    repeat_at_most: int = Field(default=0, ge=0, le=100)
    acknowledge_within: Duration | None = None
    raise_tier: bool = False
    reassign_to: Role | None = None
    note_required: bool = False
    basis: Basis | None = None
    source: Source | None = None
    since: date | None = None
    chosen_by: str | None = None

    @property
    def says_its_origin(self) -> bool:
        """Whether anything of its origin is its own."""
        return any(part is not None for part in (self.basis, self.source, self.since, self.chosen_by))


class SourcedRung(Sourced):
    """A rung with the origin that holds for it: part by part its own, or else its ladder's."""

    rung: Rung


class Unanswered(StrEnum):
    """What a ladder does where a rung's time to acknowledge passes and nobody did."""

    WAITS = "waits"  # for the next rung's own moment
    CLIMBS = "climbs"  # to the next rung at once


class Ladder(Sourced):
    """How an alarm climbs while a clock stays overdue; `id` is its name in the pack.

    `holds`: how long an acknowledgement holds the whole ladder before it expires and the ladder goes on; None:
    it ends the repeats for good and nothing else. `snooze_at_most`: for how long somebody may ask for silence
    at a time; None: not at all. Both count in the clock's own time.
    """

    id: Name
    rungs: tuple[Rung, ...] = Field(min_length=1)
    holds: Duration | None = None
    snooze_at_most: Duration | None = None
    unanswered: Unanswered = Unanswered.WAITS

    def sourced_rungs(self) -> tuple[SourcedRung, ...]:
        """Every rung with its origin. Who chose goes with the basis: a rung's own basis is nobody else's choice."""
        return tuple(
            SourcedRung(
                basis=rung.basis or self.basis,
                source=rung.source or self.source,
                since=rung.since or self.since,
                chosen_by=rung.chosen_by or (self.chosen_by if rung.basis is None else None),
                rung=rung,
            )
            for rung in self.rungs
        )
