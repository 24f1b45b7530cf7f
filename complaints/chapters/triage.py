"""Triage: what a complaint is, how grave, for whom; said once, and again when it turns out otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from complaints.base import HANDLING, Code, Command, Context, Event, Happening, Refused, TextRef
from policies.vocabulary import Fact, FeedbackClass, Kind, Role, Severity, Tier

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


class Triaged(Event):
    """The classes from here on; the clocks of the former ones are recalculated from their original start."""

    kind: Kind
    severity: Severity
    tier: Tier
    feedback_class: FeedbackClass | None
    simple: bool
    problem_type: str | None = None
    reason: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        # A reclassification (it alone has a reason) is no second triage: what ran from the first runs on from it.
        return () if self.reason is not None else (Fact.TRIAGED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(
            kind=self.kind,
            severity=self.severity,
            tier=self.tier,
            feedback_class=self.feedback_class,
            simple=self.simple,
            problem_type=self.problem_type,
        )


def permit_classes(
    pack: Pack, *, kind: Kind, severity: Severity, tier: Tier, problem_type: str | None
) -> None:
    """Refuse a class, or a type of problem, that the pack does not sort by. Raises Refused."""
    permit_class(pack, "kind", kind, pack.kinds)
    permit_class(pack, "severity", severity, pack.severities)
    permit_class(pack, "customer tier", tier, pack.tiers)
    if problem_type is not None:
        permit_class(pack, "problem type", problem_type, tuple(pack.problem_types))


def permit_class(pack: Pack, what: str, given: str, known: Iterable[str]) -> None:
    """Refuse one class that is not among those that the pack knows. Raises Refused."""
    if given not in (has := tuple(known)):
        raise Refused(
            "not_in_pack",
            f"The pack {pack.name} has no {what} “{given.replace('_', ' ')}”; "
            f"it has: {', '.join(word.replace('_', ' ') for word in has) or 'none'}.",
        )


class Triage(Command):
    """Say what kind of complaint this is, how severe, and for which tier of customer."""

    title: ClassVar[str] = "Triage"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    kind: Kind
    severity: Severity
    tier: Tier
    feedback_class: FeedbackClass | None = None
    simple: bool = False
    problem_type: Code | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.at(Fact.TRIAGED):
            raise Refused("already_done", "This complaint was triaged already; reclassify it, with a reason.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        permit_classes(
            ctx.rules, kind=self.kind, severity=self.severity, tier=self.tier, problem_type=self.problem_type
        )
        yield Triaged(
            kind=self.kind, severity=self.severity, tier=self.tier,
            feedback_class=self.feedback_class, simple=self.simple, problem_type=self.problem_type,
        )  # fmt: skip


class Reclassify(Command):
    """Correct the classes, with the reason; what was breached stays breached."""

    title: ClassVar[str] = "Reclassify"
    who: ClassVar[frozenset[Role]] = HANDLING

    kind: Kind
    severity: Severity
    tier: Tier
    feedback_class: FeedbackClass | None = None
    simple: bool = False
    problem_type: Code | None = None
    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not case.at(Fact.TRIAGED):
            raise Refused("not_triaged", "Triage this complaint first.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        permit_classes(
            ctx.rules, kind=self.kind, severity=self.severity, tier=self.tier, problem_type=self.problem_type
        )
        same = (case.kind, case.severity, case.tier, case.feedback_class, case.simple, case.problem_type)
        if same == (
            self.kind, self.severity, self.tier, self.feedback_class, self.simple, self.problem_type,
        ):  # fmt: skip
            raise Refused("nothing_changes", "The complaint has these classes already.")
        yield Triaged(
            kind=self.kind, severity=self.severity, tier=self.tier,
            feedback_class=self.feedback_class, simple=self.simple, problem_type=self.problem_type,
            reason=self.reason,
        )  # fmt: skip
