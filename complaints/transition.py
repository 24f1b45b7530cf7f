"""A transition: what one commit writes, and what it answers. The seam between workflows and the ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from complaints.base import Frozen, Happening
from complaints.case import Case
from complaints.lifecycle import evolve
from complaints.messages import Message, messages
from complaints.systemic.issue import SystemicIssue, evolve_systemic
from complaints.systemic.moments import messages_about
from complaints.systemic.view import SystemicView, systemic_view
from complaints.view import CaseView, view
from policies.pack import Pack


class Commit(Frozen):
    """What one transition writes in one transaction: events from sequence `expected` + 1 on, view, messages.

    `expected` is the sequence that the stream has so far (0 for a new one).
    """

    stream: str
    expected: int
    happenings: tuple[Happening, ...]
    view: CaseView | None = None
    systemic: SystemicView | None = None
    messages: tuple[Message, ...] = ()


class CommitResult(Frozen):
    """`stored` is None where all was recorded as given. Else nothing was written, and `stored` is what the
    stream holds instead: from `expected` on after a conflict; all of the command's with `duplicate`, where
    this command id was recorded before.
    """

    stored: tuple[Happening, ...] | None = None
    sequence: int
    duplicate: bool = False


def transition(pack: Pack, case: Case | None, reference: str, happenings: Iterable[Happening]) -> Commit:
    """The commit that records these happenings on top of the case as it stands."""
    told = tuple(happenings)
    expected = 0 if case is None else case.sequence
    queued: list[Message] = []
    after = case
    for happening in told:
        after = evolve(after, happening)
        queued.extend(messages(pack, after, happening))
    if after is None:
        raise ValueError("a transition records at least one happening")
    return Commit(
        stream=reference, expected=expected, happenings=told, view=view(pack, after), messages=tuple(queued)
    )


def systemic_transition(
    issue: SystemicIssue | None, reference: str, happenings: Iterable[Happening]
) -> Commit:
    """The commit that records these happenings on top of the systemic issue as it stands."""
    told = tuple(happenings)
    queued: list[Message] = []
    after = issue
    for happening in told:
        after = evolve_systemic(after, happening)
        queued.extend(messages_about(after, happening))
    if after is None:
        raise ValueError("a transition records at least one happening")
    expected = 0 if issue is None else issue.sequence
    return Commit(
        stream=reference,
        expected=expected,
        happenings=told,
        systemic=systemic_view(after),
        messages=tuple(queued),
    )
