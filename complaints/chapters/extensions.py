"""Extensions: a clock gets more time where its pack allows it, by somebody else's leave, and the customer is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.letters import LetterKind, letter
from complaints.people.standing import fresh_eyes, still_open
from complaints.timing.clocks import deadline_of
from complaints.timing.occurrences import ExtensionAsk, Occurrence, OnOccurrence
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import ClockRule, Extension

GRANTING = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.APPROVER, Role.COMPLIANCE_OFFICER})
"""Who may be named by packs as granting more time."""


# Events -------------------------------------------------------------------------------------------


class ExtensionAsked(OnOccurrence, Event):
    """`tell` are the roles that may grant it."""

    reason: TextRef
    tell: tuple[str, ...] = ()

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        ask = ExtensionAsk(by=told.actor, at=told.occurred_at, reason=self.reason)
        return found.model_copy(update={"extension_asked": ask})


class ExtensionGranted(OnOccurrence, Event):
    """The clock has more time: `due_at` is its new due moment, None while a pause hides it.

    `by` is what was added; `told` is the kind of the letter that tells the customer, None where none goes.
    """

    due_at: AwareDatetime | None
    by: str
    told: LetterKind | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.HOLDING_REPLIED,) if self.told == "holding_reply" else ()

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        # The warnings and alerts of the former due moment are past; the new one has its own.
        changes = {"extensions": found.extensions + 1, "extension_asked": None, "due_at": self.due_at}
        return found.model_copy(update={**found.anew(), **changes})


class ExtensionRefused(OnOccurrence, Event):
    reason: TextRef

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"extension_asked": None})


# Commands -----------------------------------------------------------------------------------------


def _extendable(case: Case, ctx: Context, clock: str) -> tuple[ClockRule, Extension, Occurrence]:
    """The rule, its extension and its run, of which there can be only one. Raises Refused."""
    rule = next((rule for rule in ctx.rules.clocks if rule.id == clock), None)
    runs = case.clocks.all_running(clock)
    if rule is None or not runs:
        others = (other for other in ctx.rules.clocks if case.clocks.all_running(other.id))
        running = ", ".join(f"“{other.title['en']}”" for other in others)
        named = clock if rule is None else rule.title["en"]
        raise Refused(
            "not_running", f"The clock “{named}” does not run; those that run: {running or 'none'}."
        )
    if rule.extension is None:
        raise Refused(
            "not_extendable",
            f"The pack gives “{rule.title['en']}” no extension.",
            rule=f"{rule.id} ({rule.source.document}, {rule.source.section})",
        )
    return rule, rule.extension, runs[0]


def _in_time(rule: ClockRule, extension: Extension, run: Occurrence, ctx: Context) -> None:
    late = run.breached_at is not None or (run.due_at is not None and ctx.occurred_at > run.due_at)
    if late and not extension.after_due:
        raise Refused(
            "overdue",
            f"“{rule.title['en']}” is overdue, and what is overdue gets no extension; "
            "answer, and say why it took longer.",
            rule=f"{rule.id}.extension ({extension.source.document}, {extension.source.section})",
        )


class AskExtension(Command):
    """Ask for more time for a clock, with the reasons as the customer will read them."""

    title: ClassVar[str] = "Ask for more time"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    clock: str
    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if not any(
            rule.extension is not None and case.clocks.all_running(rule.id) for rule in ctx.rules.clocks
        ):
            raise Refused("not_extendable", "No running clock of this complaint may get more time.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        rule, extension, run = _extendable(case, ctx, self.clock)
        if run.extension_asked is not None:
            raise Refused("already_asked", "More time was asked for already; it waits to be decided on.")
        if run.extensions >= extension.at_most:
            times = "once" if extension.at_most == 1 else f"{extension.at_most} times"
            raise Refused(
                "extended_already",
                f"“{rule.title['en']}” may be extended {times}, and was.",
                rule=f"{rule.id}.extension ({extension.source.document}, {extension.source.section})",
            )
        _in_time(rule, extension, run, ctx)
        tell = tuple(f"role:{role}" for role in extension.approved_by)
        yield ExtensionAsked(clock=run.clock, occurrence=run.number, reason=self.reason, tell=tell)


def asked(case: Case) -> tuple[Occurrence, ...]:
    """The runs for which more time is asked for and not decided on."""
    return tuple(run for run in case.clocks.occurrences if run.running and run.extension_asked is not None)


class _Decision(Command):
    who: ClassVar[frozenset[Role]] = GRANTING

    clock: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not asked(case):
            raise Refused("nothing_to_approve", "Nobody has asked for more time for this complaint.")

    def found(self, case: Case, ctx: Context) -> tuple[ClockRule, Extension, Occurrence, ExtensionAsk]:
        """What is decided on, where the actor may. Raises Refused."""
        rule, extension, run = _extendable(case, ctx, self.clock)
        if run.extension_asked is None:
            raise Refused("nothing_to_approve", f"Nobody has asked for more time for “{rule.title['en']}”.")
        if not ctx.actor.has(*extension.approved_by):
            who = ", ".join(role.replace("_", " ") for role in extension.approved_by)
            raise Refused("not_allowed", f"More time for “{rule.title['en']}” is granted by: {who}.", who=who)
        fresh_eyes(case, ctx.actor, (run.extension_asked.by,), "asked for it")
        return rule, extension, run, run.extension_asked


class GrantExtension(_Decision):
    """Grant the time that somebody else asked for; the customer is told where the pack says so."""

    title: ClassVar[str] = "Grant more time"

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        rule, extension, run, ask = self.found(case, ctx)
        _in_time(rule, extension, run, ctx)
        longer = run.model_copy(update={"extensions": run.extensions + 1})
        queued = None if extension.letter is None else letter(case, extension.letter, ask.reason)
        yield ExtensionGranted(
            clock=run.clock,
            occurrence=run.number,
            due_at=deadline_of(ctx.rules, rule, case, longer),
            by=str(extension.by),
            told=queued.kind if queued is not None else None,
        )
        if queued is not None:
            yield queued


class RefuseExtension(_Decision):
    """Refuse the time that somebody else asked for: the deadline stands."""

    title: ClassVar[str] = "Refuse more time"

    reason: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _, _, run, _ = self.found(case, ctx)
        yield ExtensionRefused(clock=run.clock, occurrence=run.number, reason=self.reason)
