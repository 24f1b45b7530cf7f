"""The fate of a message that was taken out of the outbox: what became of it, and what comes of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.directory import Mailbox
from ledger.outbox import State


@dataclass(frozen=True)
class Fate:
    """What becomes of a message. QUEUED: it is tried again, and `counts` says whether that was an attempt.

    `recipients` take it over where it reached nobody by itself. `status` holds codes or words of ours only.
    UNHELD is the fate of a call that nobody has; `beside` is it where somebody else does, or may yet.
    """

    state: State
    status: str | None = None
    message_id: str | None = None
    counts: bool = True
    recipients: tuple[str, ...] = ()
    keep_fallback: bool = False
    kind: str | None = None
    beside: Fate | None = None


def becomes(
    boxes: Sequence[Mailbox],
    *,
    state: State = State.EXPANDED,
    status: str | None = None,
    keep_fallback: bool = False,
    kind: str | None = None,
) -> Fate:
    """The fate of a message that goes to these people instead, each with one of their own."""
    who = tuple(f"staff:{box.staff}" for box in boxes)
    return Fate(state, status, recipients=who, keep_fallback=keep_fallback, kind=kind)
