"""What callers and workflows say to each other: start, outcome, the live view, and their names."""

from __future__ import annotations

from pydantic import AwareDatetime

from complaints.base import Frozen, Order, PackRef
from complaints.case import Case
from complaints.systemic.issue import SystemicIssue
from runtime.clock import ClockSpec

COMPLAINT = "Complaint"
SYSTEMIC = "SystemicIssue"
PAYMENT = "Payment"


def complaint_workflow_id(reference: str) -> str:
    return f"complaint/{reference}"


def systemic_workflow_id(reference: str) -> str:
    return f"systemic/{reference}"


class Handled(Frozen):
    """A command that is in the record already: its id and the sequence of the last event it caused."""

    id: str
    sequence: int


class ComplaintStart(Frozen):
    """What a complaint's workflow starts with: its receipt, or (after continue-as-new, or recovery) its case.

    Exactly one of `order` and `case` is set. `handled` are the recent command ids, oldest first.
    """

    reference: str
    pack: PackRef
    clock: ClockSpec
    order: Order | None = None
    case: Case | None = None
    handled: tuple[Handled, ...] = ()
    payments_started: tuple[str, ...] = ()


class SystemicStart(Frozen):
    """As ComplaintStart, for a systemic issue. `told` are the keys of the facts already signalled."""

    reference: str
    clock: ClockSpec
    order: Order | None = None
    issue: SystemicIssue | None = None
    handled: tuple[Handled, ...] = ()


class Outcome(Frozen):
    """What a command did. `version` is the complaint's version afterwards (its ETag)."""

    reference: str
    version: int
    sequence: int
    events: tuple[str, ...] = ()
    duplicate: bool = False


class LiveClock(Frozen):
    clock: str
    occurrence: int
    due_at: AwareDatetime | None
    breached: bool


class Live(Frozen):
    """What the workflow itself holds at this moment (the one query there is)."""

    reference: str
    sequence: int
    version: int
    phase: str
    wake_at: AwareDatetime | None
    clocks: tuple[LiveClock, ...]
    handled: tuple[str, ...]
    run_history_length: int
