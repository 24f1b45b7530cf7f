"""Messages: which letters and alerts an event calls for, to whom, and under which dedupe key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import AwareDatetime

from complaints.actions import ActionOverdue, EffectivenessCheckDue
from complaints.base import Frozen, Happening
from complaints.case import Case
from complaints.clocks import ClockBreached, ClockWarned, RungClimbed
from complaints.escalation import Escalated
from complaints.feedback import LowScoreEscalated
from complaints.letters import LetterMoved, LetterQueued
from complaints.outside import OutsideDeadlinePassed
from complaints.ownership import Assigned, HandoverOffered
from policies.pack import Pack
from policies.vocabulary import Channel, DeliveryState, Role

MessageKind = Literal[
    "letter",
    "alert_warning",
    "alert_breach",
    "alert_escalation",
    "alert_low_score",
    "handover_offered",
    "assigned",
    "letter_bounced",
    "outside_overdue",
    "action_overdue",
    "check_due",
]


class Message(Frozen):
    """A row for the outbox. It names nobody: `to` is `staff:<id>`, `role:<role>` or `party:<id>`.

    `dedupe` is unique over all messages ever. `fallback` is asked where `to` resolves to nobody.
    `digest` names the group in which it may be told together with others; None goes out by itself.
    `letter` and `template` are set for letters: the letter's id and the pack's template.
    """

    dedupe: str
    kind: MessageKind
    to: str
    fallback: str | None = None
    channel: Channel = Channel.MAIL
    letter: str | None = None
    template: str | None = None
    text_id: str | None = None
    clock: str | None = None
    due_at: AwareDatetime | None = None
    digest: str | None = None


def messages(pack: Pack, case: Case, told: Happening) -> Iterator[Message]:
    """What one happening calls for; `case` is the case after it.

    Keys are made of what the event is, never of who noticed it: the workflow and the watchdog make the same.
    """
    event, ref = told.event, case.reference
    match event:
        case LetterQueued() if event.channel in (Channel.MAIL, Channel.WEB, Channel.APP):
            yield Message(
                dedupe=f"{ref}/letter/{event.letter}/mail", kind="letter", to=f"party:{event.party}",
                letter=event.letter, template=event.kind, text_id=event.text.id if event.text else None,
            )  # fmt: skip
        case ClockWarned():
            to, fallback = resolve(case, "owner")
            yield Message(
                dedupe=f"{ref}/{event.clock}/{event.occurrence}/warning/{event.warning}/{to}",
                kind="alert_warning", to=to, fallback=fallback, clock=event.clock, due_at=event.due_at,
            )  # fmt: skip
        case ClockBreached(before_recording=True):
            # Late before anyone could know: one alert for the complaint, told with its like.
            to, fallback = resolve(case, "owner")
            yield Message(
                dedupe=f"{ref}/breached-before-recording/{to}", kind="alert_breach", to=to, fallback=fallback,
                clock=event.clock, due_at=event.due_at, digest=f"overdue/{case.source.split(':')[0]}" if case.source else None,
            )  # fmt: skip
        case RungClimbed():
            for who in event.tell:
                to, fallback = resolve(case, who)
                yield Message(
                    dedupe=f"{ref}/{event.clock}/{event.occurrence}/{event.rung}/{event.repeat}/{who}/mail",
                    kind="alert_breach", to=to, fallback=fallback, clock=event.clock, due_at=event.due_at,
                )  # fmt: skip
        case Escalated():
            for who in event.tell:
                to, fallback = resolve(case, who)
                yield Message(
                    dedupe=f"{ref}/escalated/{case.escalation.level}/{who}", kind="alert_escalation", to=to,
                    fallback=fallback,
                )  # fmt: skip
        case LowScoreEscalated():
            yield Message(
                dedupe=f"{ref}/low-score/{case.sequence}",
                kind="alert_low_score",
                to=f"role:{Role.SUPERVISOR}",
            )
        case OutsideDeadlinePassed():
            to, fallback = resolve(case, "owner")
            yield Message(
                dedupe=f"{ref}/outside/{event.outside_case}/{event.deadline}/{event.due_at.isoformat()}/{to}",
                kind="outside_overdue", to=to, fallback=fallback, due_at=event.due_at,
            )  # fmt: skip
        case ActionOverdue():
            yield Message(
                dedupe=f"{ref}/action/{event.action}/overdue/{event.due_at.isoformat()}",
                kind="action_overdue", to=f"staff:{event.owner}", fallback=f"role:{Role.SUPERVISOR}",
                due_at=event.due_at,
            )  # fmt: skip
        case EffectivenessCheckDue():
            yield Message(
                dedupe=f"{ref}/action/{event.action}/check/{told.occurred_at.isoformat()}", kind="check_due",
                to=f"role:{Role.SUPERVISOR}", fallback=f"role:{Role.ADMINISTRATOR}",
            )  # fmt: skip
        case LetterMoved(state=DeliveryState.BOUNCED):
            to, fallback = resolve(case, "owner")
            yield Message(
                dedupe=f"{ref}/bounced/{event.letter}/{case.sequence}", kind="letter_bounced", to=to,
                fallback=fallback, letter=event.letter,
            )  # fmt: skip
        case HandoverOffered():
            yield Message(
                dedupe=f"{ref}/handover/{case.sequence}", kind="handover_offered", to=f"staff:{event.to.id}"
            )
        case Assigned():
            yield Message(
                dedupe=f"{ref}/assigned/{case.sequence}", kind="assigned", to=f"staff:{event.to.id}"
            )
        case _:
            return


def resolve(case: Case, who: str) -> tuple[str, str]:
    """The address a ladder's word stands for in this case, and whom to ask where there is nobody."""
    nobody = f"role:{Role.SUPERVISOR}"
    own = case.ownership
    match who:
        case "owner":
            return (f"staff:{own.owner}" if own.owner else nobody), nobody
        case "owner_supervisor":
            return (f"staff:{own.supervisor}" if own.supervisor else nobody), f"role:{Role.DEPARTMENT_HEAD}"
        case _ if who.startswith("person:"):
            return f"staff:{who.removeprefix('person:')}", nobody
        case _:
            return who, f"role:{Role.ADMINISTRATOR}"
