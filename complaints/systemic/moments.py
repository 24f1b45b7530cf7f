"""What time alone makes happen to a systemic issue: an outage without news, a risk that nobody looked at again. Pure.

due_systemic(pack, issue, at)   -> happenings that time alone makes happen up to `at`
next_wakeup_systemic(issue)     -> the first instant at which `due_systemic` will have something to say, or None
messages_about(issue, told)     -> the alerts that a happening calls for
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from complaints.base import SYSTEM, Event, Happening
from complaints.messages import Message
from complaints.systemic.issue import SystemicIssue, evolve_systemic
from complaints.systemic.outages import messages_about_outage, next_silence, silence
from complaints.systemic.risks import messages_about_risk, next_review_missed, review_missed
from policies.pack import Pack


def next_wakeup_systemic(issue: SystemicIssue) -> datetime | None:
    """The first instant at which `due_systemic` will have something to say, or None.

    What is done exactly when it was due is in time, so that is the instant after.
    """
    coming = (next_silence(issue), next_review_missed(issue))
    return min((when for when in coming if when is not None), default=None)


def due_systemic(
    pack: Pack | None, issue: SystemicIssue, at: datetime, recorded_at: datetime | None = None
) -> tuple[Happening, ...]:
    """What time alone has made happen up to and including `at`, earliest first; recorded at `recorded_at` or `at`.

    `pack` is the one that the issue's outage is graded by, None where it is no outage.
    """
    out: list[Happening] = []
    while True:
        when = next_wakeup_systemic(issue)
        if when is None or when > at:
            return tuple(out)
        event: Event = silence(pack, issue) if when == next_silence(issue) else review_missed(issue)
        told = Happening(event=event, occurred_at=when, recorded_at=recorded_at or at, actor=SYSTEM)
        issue = evolve_systemic(issue, told)
        out.append(told)


def messages_about(issue: SystemicIssue, told: Happening) -> Iterator[Message]:
    """The alerts that one happening calls for; `issue` is the issue after it.

    Keys are made of what the event is, never of who noticed it: the workflow and the watchdog make the same.
    Letters to customers are not among them: each joined complaint writes its own (systemic.tells).
    """
    yield from messages_about_outage(issue, told)
    yield from messages_about_risk(issue, told)
