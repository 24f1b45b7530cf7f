"""What a form's field that names something of the case can be set to: each choice with the words of the case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from activities.delivery.wording import sum_of
from api.desk.times import Face
from api.desk.words import headed, said
from complaints.base import HANDLING, Command, TextRef
from complaints.case import Case
from complaints.chapters.extensions import asked
from complaints.chapters.letters import Letter
from complaints.chapters.remedies import Remedy
from ledger.directory import StaffMember
from policies.pack import Pack
from policies.vocabulary import DeliveryState

_SHORT = 60


@dataclass(frozen=True)
class Choice:
    """One choice: what is sent, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True)
class Around:
    """What forms are made with: the case and its pack, who works here, how texts and instants are shown.

    `held` is None for what is no complaint (a systemic issue); `packs` are the published ones to choose from.
    """

    held: Case | None
    pack: Pack
    staff: Sequence[StaffMember]
    face: Face
    words_of: Callable[[TextRef | None], str]
    packs: Sequence[Pack] = ()

    @property
    def case(self) -> Case:
        """The complaint. Raises LookupError where there is none."""
        if self.held is None:
            raise LookupError("these forms are not about a complaint")
        return self.held

    @property
    def names(self) -> Mapping[str, str]:
        """{staff id: name}, those who have left among them."""
        return {member.id: member.name for member in self.staff}

    def short(self, ref: TextRef | None) -> str:
        """The beginning of a text, on one line."""
        words = " ".join(self.words_of(ref).split())
        return words if len(words) <= _SHORT else f"{words[:_SHORT].rstrip()}…"


def of_case(command: type[Command], name: str, around: Around) -> tuple[Choice, ...] | None:
    """The choices for a field of this name, or None where it is no name of something in the case."""
    if name == "department" and not around.pack.departments:
        return None  # it is typed: the pack does not say which there are
    own = f"{command.__name__}.{name}"
    find = _FINDERS.get(own if name == "reason" or own in _FINDERS else name)
    return None if find is None else tuple(find(around))


def people(command: type[Command], around: Around) -> tuple[Choice, ...]:
    """Who works here, by name and role; only those who handle complaints where one is to be handled."""
    conflicted = () if around.held is None else around.held.ownership.conflicted
    handling = command.__name__ in ("OfferHandover", "Assign", "AssignReviewer")
    return tuple(
        Choice(member.id, f"{member.name} ({', '.join(said(role) for role in member.roles)})")
        for member in around.staff
        if member.active and member.id not in conflicted and (not handling or HANDLING & set(member.roles))
    )


def published(around: Around) -> tuple[Choice, ...]:
    """The published packs, each version by title."""
    return tuple(
        Choice(f"{pack.name}@{pack.version}", f"{pack.title['en']}, version {pack.version}")
        for pack in around.packs
    )


def remedy_words(remedy: Remedy) -> str:
    """`R1: refund of CNY 12.00, offered`."""
    amount = f" of {sum_of(remedy.amount)}" if remedy.amount is not None else ""
    return f"{remedy.id}: {said(remedy.kind)}{amount}, {said(remedy.state)}"


def letter_words(letter: Letter) -> str:
    """`L2: final response, sent`."""
    return f"{letter.id}: {said(letter.kind)}, {said(letter.state)}"


def _issues(around: Around) -> Iterable[Choice]:
    for issue in around.case.investigation.issues:
        decided = f" ({said(issue.decision.outcome)})" if issue.decision else ""
        yield Choice(issue.id, f"{issue.id}: {around.short(issue.text)}{decided}")


def _remedies(around: Around) -> Iterable[Choice]:
    return (Choice(remedy.id, remedy_words(remedy)) for remedy in around.case.remedies.items)


def _letters(around: Around) -> Iterable[Choice]:
    final = (DeliveryState.DELIVERED, DeliveryState.SERVED_OTHERWISE)
    return (Choice(i.id, letter_words(i)) for i in around.case.letters.sent if i.state not in final)


def _drafts(around: Around) -> Iterable[Choice]:
    draft = around.case.feedback.draft
    if draft is not None:
        by = around.names.get(draft.drafted_by, "somebody")
        yield Choice(
            draft.id, f"{draft.id}: {said(draft.stage)}, drafted by {by}, {around.face.at(draft.drafted_at)}"
        )


def _questions(around: Around) -> Iterable[Choice]:
    for question in around.case.investigation.questions:
        if question.answered_at is None:
            yield Choice(
                question.id, f"{question.id}: to {question.department}: {around.short(question.text)}"
            )


def _outside(around: Around) -> Iterable[Choice]:
    for item in around.case.dispute.outside:
        if item.open:
            yield Choice(item.id, f"{item.id}: {around.short(item.body)}")


def _parties(around: Around) -> Iterable[Choice]:
    for party in around.case.parties:
        if party.role == "representative" and party.revoked_at is None:
            yield Choice(party.id, f"{party.id}: {around.short(party.name) or headed(party.role)}")


def _reachable(around: Around) -> Iterable[Choice]:
    for party in around.case.parties:
        if party.revoked_at is None:
            who = around.short(party.name) or headed(party.role)
            yield Choice(party.id, f"{party.id}: {who}, now by {said(party.channel)}")


def _departments(around: Around) -> Iterable[Choice]:
    return (Choice(name, title["en"]) for name, title in around.pack.departments.items())


def _alerts(around: Around) -> Iterable[Choice]:
    alarming = {
        run.clock: None
        for run in around.case.clocks.occurrences
        if run.running and (run.rungs or run.breached_at) and run.acknowledged_at is None
    }
    return (Choice(clock, around.pack.clock(clock).title["en"]) for clock in alarming)


def _alarming(around: Around) -> Iterable[Choice]:
    alarming = dict.fromkeys(run.clock for run in around.case.clocks.occurrences if run.alarming)
    return (Choice(clock, around.pack.clock(clock).title["en"]) for clock in alarming)


def _held(around: Around) -> Iterable[Choice]:
    for run in around.case.clocks.occurrences:
        if run.running and run.held_until is not None:
            title = around.pack.clock(run.clock).title["en"]
            yield Choice(run.clock, f"{title}, held until {around.face.at(run.held_until)}")


def _extendable(around: Around) -> Iterable[Choice]:
    for rule in around.pack.clocks:
        if rule.extension is not None:
            for run in around.case.clocks.all_running(rule.id)[:1]:
                due = f", due {around.face.due(run.due_at)}" if run.due_at else ""
                yield Choice(rule.id, f"{rule.title['en']}{due}: {rule.extension.by} more")


def _more_time_asked(around: Around) -> Iterable[Choice]:
    for run in asked(around.case):
        rule = around.pack.clock(run.clock)
        by = f": {rule.extension.by} more" if rule.extension else ""
        yield Choice(run.clock, f"{rule.title['en']}{by}")


def _problem_types(around: Around) -> Iterable[Choice]:
    return (Choice(name, problem.title["en"]) for name, problem in around.pack.problem_types.items())


def _reasons_to_pause(around: Around) -> Iterable[Choice]:
    return (Choice(name, rule.title["en"]) for name, rule in around.pack.pause_reasons.items())


def _pauses(around: Around) -> Iterable[Choice]:
    for pause in around.case.clocks.pauses:
        if pause.to is None:
            rule = around.pack.pause_reasons.get(pause.reason)
            title = rule.title["en"] if rule else headed(pause.reason)
            yield Choice(pause.reason, f"{title}, since {around.face.at(pause.start)}")


def _actions(around: Around) -> Iterable[Choice]:
    for action in around.case.post_mortem.actions:
        who = around.names.get(action.owner, "somebody who has left")
        yield Choice(
            action.id, f"{action.id}: {around.short(action.text)} ({who}, by {around.face.day(action.due)})"
        )


_FINDERS: Mapping[str, Callable[[Around], Iterable[Choice]]] = {
    "issue": _issues,
    "remedy": _remedies,
    "letter": _letters,
    "draft": _drafts,
    "outside_case": _outside,
    "party": _parties,
    "ChangePreferredChannel.party": _reachable,
    "department": _departments,
    "clock": _alerts,
    "SnoozeAlert.clock": _alarming,
    "ReleaseAlert.clock": _held,
    "AskExtension.clock": _extendable,
    "GrantExtension.clock": _more_time_asked,
    "RefuseExtension.clock": _more_time_asked,
    "problem_type": _problem_types,
    "action": _actions,
    "question": _questions,
    "PauseClocks.reason": _reasons_to_pause,
    "ResumeClocks.reason": _pauses,
}
