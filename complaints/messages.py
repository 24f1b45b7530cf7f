"""Messages: which letters and alerts an event calls for, to whom, and under which dedupe key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any, Literal

from pydantic import AwareDatetime

from complaints.base import SYSTEM, Event, Frozen, Happening
from complaints.case import Case
from complaints.chapters.actions import ActionOverdue, EffectivenessCheckDue
from complaints.chapters.departments import DepartmentAsked, DepartmentTold
from complaints.chapters.escalation import Escalated
from complaints.chapters.extensions import ExtensionAsked, ExtensionGranted, ExtensionRefused
from complaints.chapters.feedback import LowScoreEscalated
from complaints.chapters.internal_review import InternalReviewOpened
from complaints.chapters.letters import LEAVES_BY_ITSELF, LetterMoved, LetterQueued
from complaints.chapters.outside import OutsideDeadlinePassed
from complaints.chapters.ownership import Assigned, HandoverOffered
from complaints.chapters.pilots import PilotOverdue
from complaints.people.dispatching import Dispatched, DispatchFailed
from complaints.people.recipients import each_once, resolve
from complaints.people.tiers import TierRaised
from complaints.timing.occurrences import (
    AcknowledgementExpired,
    ClockBreached,
    ClockWarned,
    RungClimbed,
    RungUnheld,
)
from policies.pack import Pack
from policies.vocabulary import AlertChannel, DeliveryState, Role

MessageKind = Literal[
    "letter",
    "alert_warning",
    "alert_breach",
    "alert_escalation",
    "alert_low_score",
    "handover_offered",
    "assigned",
    "department_told",
    "dispatch_failed",
    "extension_asked",
    "extension_decided",
    "letter_by_hand",
    "tier_raised",
    "internal_review_opened",
    "letter_bounced",
    "outside_overdue",
    "action_overdue",
    "check_due",
    "outage_announced",
    "outage_overdue",
    "systemic_suspected",
    "target_missed",
    "alert_expired",
    "alert_nobody",
    "watchdog_late",
    "morning_worklist",
    "weekly_report",
    "overdue_summary",
    "template_sample",
]


WEBHOOKS = "webhooks"
"""The recipient of what goes to every endpoint that has asked for it."""


class Message(Frozen):
    """A row for the outbox. It names nobody: `to` is `staff:<id>`, `role:<role>`, `department:<name>`,
    `on_duty:<rota>`, `webhooks` or `party:<id>`.

    `dedupe` is unique over all messages ever. `fallback` is asked where `to` resolves to nobody.
    `digest` names the group in which it may be told together with others; None goes out by itself.
    `letter` and `template` are set for letters: the letter's id and the pack's template. `occurrence`, `rung`,
    `repeat` and `who` (the ladder's word) are set for the calls of a ladder; all but `who` also for what tells
    that the acknowledgement of a call has expired.
    `called_at` is the moment that called for it, where that was time alone: what its lateness is measured from.
    """

    dedupe: str
    kind: MessageKind
    to: str
    fallback: str | None = None
    channel: AlertChannel = AlertChannel.MAIL
    letter: str | None = None
    template: str | None = None
    text_id: str | None = None
    clock: str | None = None
    occurrence: int | None = None
    rung: int | None = None
    repeat: int | None = None
    who: str | None = None
    due_at: AwareDatetime | None = None
    called_at: AwareDatetime | None = None
    digest: str | None = None


def messages(pack: Pack, case: Case, told: Happening) -> Iterator[Message]:
    """What one happening calls for; `case` is the case after it.

    Keys are made of what the event is, never of who noticed it: the workflow and the watchdog make the same.
    """
    by_time_alone = told.actor == SYSTEM and told.command is None and told.occurred_at >= case.recorded_at
    for message in _called_for(told.event, case, told):
        yield message.model_copy(update={"called_at": told.occurred_at}) if by_time_alone else message


@singledispatch
def _called_for(event: Event, case: Case, told: Happening) -> Iterator[Message]:
    """Most events concern nobody who does not look."""
    yield from ()


@_called_for.register
def _letter(event: LetterQueued, case: Case, told: Happening) -> Iterator[Message]:
    if event.channel not in LEAVES_BY_ITSELF:
        key = f"{case.reference}/letter/{event.letter}/by-hand"
        yield _alert(case, "letter_by_hand", key, "owner", letter=event.letter)
    else:
        yield Message(
            dedupe=f"{case.reference}/letter/{event.letter}/mail",
            kind="letter",
            to=f"party:{event.party}",
            letter=event.letter,
            template=event.kind,
            text_id=event.text.id if event.text else None,
        )


@_called_for.register
def _bounced(event: LetterMoved, case: Case, told: Happening) -> Iterator[Message]:
    if event.state is DeliveryState.BOUNCED:
        key = f"{case.reference}/bounced/{event.letter}/{case.sequence}"
        yield _alert(case, "letter_bounced", key, "owner", letter=event.letter)


@_called_for.register
def _warned(event: ClockWarned, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/{event.clock}/{event.occurrence}/warning/{event.warning}"
    key += _of_due_moment(case, event)
    yield _alert(case, "alert_warning", key, "owner", clock=event.clock, due_at=event.due_at)


@_called_for.register
def _breached(event: ClockBreached, case: Case, told: Happening) -> Iterator[Message]:
    # Of a breach in our own time the ladder tells. This one was late before anyone could know: one alert
    # for the whole complaint, and imported ones are told together with their like.
    if event.before_recording:
        group = f"overdue/{case.source.split(':')[0]}" if case.source else None
        key = f"{case.reference}/breached-before-recording"
        yield _alert(case, "alert_breach", key, "owner", clock=event.clock, due_at=event.due_at, digest=group)


@_called_for.register
def _climbed(event: RungClimbed, case: Case, told: Happening) -> Iterator[Message]:
    # A rung before the due moment warns; at a moment that is past nothing is warned of.
    kind: MessageKind = "alert_warning" if told.occurred_at <= event.due_at else "alert_breach"
    yield from _calls(case, kind, event, event.tell, event.due_at)


@_called_for.register
def _unheld(event: RungUnheld, case: Case, told: Happening) -> Iterator[Message]:
    if event.nobody:
        key = f"{case.reference}/{event.clock}/{event.occurrence}/{event.rung}/{event.repeat}/nobody"
        key += _of_due_moment(case, event)
        yield _alert(
            case, "alert_nobody", key, f"role:{Role.ADMINISTRATOR}", clock=event.clock, due_at=event.due_at
        )
    elif event.due_at is not None:
        kind: MessageKind = "alert_warning" if told.occurred_at <= event.due_at else "alert_breach"
        yield from _calls(case, kind, event, event.passed_to, event.due_at)


@_called_for.register
def _expired(event: AcknowledgementExpired, case: Case, told: Happening) -> Iterator[Message]:
    words = (*((f"person:{event.by}",) if event.by else ()), *event.tell)
    # One run may be acknowledged, and forgotten, more than once.
    key = f"{case.reference}/{event.clock}/{event.occurrence}/expired/{told.occurred_at.isoformat()}"
    # It belongs to the call that was acknowledged: from its mail, too, it can be acknowledged again.
    rungs = case.clocks.find(event.clock, event.occurrence).rungs
    rung, repeat = rungs[-1] if rungs else (None, None)
    of_rung = {
        "clock": event.clock, "occurrence": event.occurrence, "rung": rung, "repeat": repeat,
        "due_at": event.due_at,
    }  # fmt: skip
    moment = _of_due_moment(case, event)
    ways = tuple(AlertChannel(way) for way in event.over) or (AlertChannel.MAIL,)
    for who in each_once(case, words):
        for way in ways:
            if way is not AlertChannel.WEBHOOK:
                of_way = f"{key}/{who}" if way is AlertChannel.MAIL else f"{key}/{who}/{way}"
                yield _alert(case, "alert_expired", of_way + moment, who, channel=way, **of_rung)
    if AlertChannel.WEBHOOK in ways:
        yield Message(
            dedupe=f"{key}/webhook{moment}",
            kind="alert_expired",
            to=WEBHOOKS,
            channel=AlertChannel.WEBHOOK,
            **of_rung,
        )


def _calls(
    case: Case,
    kind: MessageKind,
    event: RungClimbed | RungUnheld,
    words: tuple[str, ...],
    due_at: AwareDatetime,
) -> Iterator[Message]:
    """A rung's call: to each of these people over each way that reaches a person, and once over webhooks."""
    call = f"{case.reference}/{event.clock}/{event.occurrence}/{event.rung}/{event.repeat}"
    of_rung = {
        "clock": event.clock, "occurrence": event.occurrence, "rung": event.rung, "repeat": event.repeat,
        "due_at": due_at,
    }  # fmt: skip
    moment = _of_due_moment(case, event)
    ways = tuple(AlertChannel(way) for way in event.over) or (AlertChannel.MAIL,)
    for who in each_once(case, words):
        for way in ways:
            if way is not AlertChannel.WEBHOOK:
                key = f"{call}/{who}/{way}{moment}"
                yield _alert(case, kind, key, who, channel=way, who=who, **of_rung)
    if AlertChannel.WEBHOOK in ways and isinstance(event, RungClimbed):
        yield Message(
            dedupe=f"{call}/webhook{moment}", kind=kind, to=WEBHOOKS, channel=AlertChannel.WEBHOOK, **of_rung
        )


@_called_for.register
def _escalated(event: Escalated, case: Case, told: Happening) -> Iterator[Message]:
    for who in each_once(case, event.tell):
        key = f"{case.reference}/escalated/{case.escalation.level}/{who}"
        yield _alert(case, "alert_escalation", key, who)


@_called_for.register
def _tier_raised(event: TierRaised, case: Case, told: Happening) -> Iterator[Message]:
    if told.occurred_at >= case.recorded_at:  # what was late before recording has its one alert
        for who in each_once(case, event.tell):
            yield _alert(case, "tier_raised", f"{case.reference}/tier/{event.to}/{who}", who)


@_called_for.register
def _extension_asked(event: ExtensionAsked, case: Case, told: Happening) -> Iterator[Message]:
    run = case.clocks.find(event.clock, event.occurrence)
    for who in each_once(case, event.tell):
        key = f"{case.reference}/{event.clock}/{event.occurrence}/extension-asked/{case.sequence}/{who}"
        yield _alert(case, "extension_asked", key, who, clock=event.clock, due_at=run.due_at)


@_called_for.register
def _extension_decided(
    event: ExtensionGranted | ExtensionRefused, case: Case, told: Happening
) -> Iterator[Message]:
    run = case.clocks.find(event.clock, event.occurrence)
    key = f"{case.reference}/{event.clock}/{event.occurrence}/extension-decided/{case.sequence}"
    yield _alert(case, "extension_decided", key, "owner", clock=event.clock, due_at=run.due_at)


@_called_for.register
def _low_score(event: LowScoreEscalated, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/low-score/{case.sequence}"
    yield _alert(case, "alert_low_score", key, f"role:{Role.SUPERVISOR}")


@_called_for.register
def _internal_review(event: InternalReviewOpened, case: Case, told: Happening) -> Iterator[Message]:
    for role in (Role.SUPERVISOR, Role.COMPLIANCE_OFFICER):
        key = f"{case.reference}/internal-review/{case.internal_review.number}/role:{role}"
        yield _alert(case, "internal_review_opened", key, f"role:{role}")


@_called_for.register
def _outside_deadline(event: OutsideDeadlinePassed, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/outside/{event.outside_case}/{event.deadline}/{event.due_at.isoformat()}"
    yield _alert(case, "outside_overdue", key, "owner", due_at=event.due_at)


@_called_for.register
def _action_overdue(event: ActionOverdue, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/action/{event.action}/overdue/{event.due_at.isoformat()}"
    yield _alert(case, "action_overdue", key, f"person:{event.owner}", due_at=event.due_at)


@_called_for.register
def _pilot_overdue(event: PilotOverdue, case: Case, told: Happening) -> Iterator[Message]:
    # What is due of the action is its comparison; how many pilots there were tells one from the next.
    found = case.post_mortem.find(event.action)
    number = len(found.pilots) if found is not None else 0
    key = f"{case.reference}/action/{event.action}/pilot/{number}/{event.ends_at.isoformat()}"
    yield _alert(case, "action_overdue", key, f"person:{event.owner}", due_at=event.ends_at)


@_called_for.register
def _check_due(event: EffectivenessCheckDue, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/action/{event.action}/check/{told.occurred_at.isoformat()}"
    yield _alert(case, "check_due", key, f"role:{Role.SUPERVISOR}")


@_called_for.register
def _offered(event: HandoverOffered, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/handover/{case.sequence}"
    yield _alert(case, "handover_offered", key, f"person:{event.to.id}")


@_called_for.register
def _department_told(
    event: DepartmentTold | DepartmentAsked, case: Case, told: Happening
) -> Iterator[Message]:
    key = f"{case.reference}/department/{event.department}/{case.sequence}"
    yield _alert(case, "department_told", key, f"department:{event.department}")


@_called_for.register
def _nobody_found(event: DispatchFailed, case: Case, told: Happening) -> Iterator[Message]:
    key = f"{case.reference}/dispatch-failed/{case.sequence}"
    yield _alert(case, "dispatch_failed", key, f"role:{Role.SUPERVISOR}")


@_called_for.register
def _assigned(event: Assigned | Dispatched, case: Case, told: Happening) -> Iterator[Message]:
    yield _alert(case, "assigned", f"{case.reference}/assigned/{case.sequence}", f"person:{event.to.id}")


def _of_due_moment(case: Case, event: ClockWarned | RungClimbed | RungUnheld | AcknowledgementExpired) -> str:
    """What sets the alerts of a due moment that was extended, or moved by a pack, apart from those of the former."""
    run = case.clocks.find(event.clock, event.occurrence)
    times = {"extended": run.extensions, "moved": run.moves, "ladder": run.ladders}
    return "".join(f"/{how}-{often}" for how, often in times.items() if often)


def _alert(case: Case, kind: MessageKind, dedupe: str, word: str, **more: Any) -> Message:
    """An alert to whomever a ladder's word stands for, under a key that does not depend on who that is now."""
    to, fallback = resolve(case, word)
    return Message(dedupe=dedupe, kind=kind, to=to, fallback=fallback, **more)
