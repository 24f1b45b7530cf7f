"""What mails to staff about systemic issues say: an outage to speak of, or overdue, a risk to review, a suspicion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from activities.cases import HeldIssue
from activities.delivery.render import Sender, template
from activities.delivery.wording import day, instant, word
from complaints.systemic.issue import SystemicIssue
from complaints.systemic.suspicion import Suspicion
from policies.letters import Written, fields_in
from policies.pack import Pack


def write_outage_alert(
    sender: Sender,
    held: HeldIssue,
    kind: str,
    *,
    language: str,
    words: str,
    due_at: datetime | None,
    now: datetime,
) -> Written:
    """An alert to a member of staff about an outage; `words` are those to say to customers, else empty.

    Raises ValueError for a systemic issue that is no outage.
    """
    pack = held.pack
    if pack is None:
        raise ValueError(f"{held.issue.reference} is no outage")
    language, wording = template(pack, kind, language)
    written = wording.filled(
        {
            "reference": held.issue.reference,
            "organisation": sender.organisation,
            "date": day(now, pack.timezone),
            "link": sender.systemic_page(held.issue.reference),
            "due": instant(due_at, pack.timezone) if due_at else word(language, "no fixed date"),
            "text": words,
        }
    )
    if not words or "text" in fields_in(wording.body):
        return written
    return written._replace(body=f"{words}\n\n{written.body}")


def write_risk_review(
    sender: Sender, pack: Pack, issue: SystemicIssue, *, language: str, due_at: datetime | None, now: datetime
) -> Written:
    """An alert that the risk of a systemic issue was not looked at again in time.

    The subject is the pack's for checks that are due; what it says of an action's effect does not fit a risk.
    """
    language, wording = template(pack, "check_due", language)
    due = instant(due_at, pack.timezone) if due_at else word(language, "no fixed date")
    said = word(language, "its risk was to be looked at again by {due}. Please assess it anew.")
    link = sender.systemic_page(issue.reference)
    told = {
        "reference": issue.reference,
        "organisation": sender.organisation,
        "date": day(now, pack.timezone),
        "link": link,
        "text": "",
    }
    body = f"{issue.reference}: {said.format(due=due)}\n{link}\n"
    return wording.filled(told)._replace(body=body)


def write_suspicion(
    sender: Sender, pack: Pack, suspicion: Suspicion, *, language: str, now: datetime
) -> Written:
    """An alert that many complaints may have one cause: how many, of which sites."""
    language, wording = template(pack, "systemic_suspected", language)
    problem = pack.problem_types.get(suspicion.problem_type)
    title = suspicion.problem_type if problem is None else problem.title.get(language) or problem.title["en"]
    lines = [title, *_sites(suspicion.sites)]
    return wording.filled(
        {
            "reference": title,
            "organisation": sender.organisation,
            "date": day(now, pack.timezone),
            "link": sender.systemic_list(),
            "count": str(len(suspicion.complaints)),
            "lines": "\n".join(lines),
            "text": "\n".join(lines),
        }
    )


def _sites(counted: Sequence[tuple[str, int]]) -> list[str]:
    return [f"– {site}: {count}" for site, count in counted]
