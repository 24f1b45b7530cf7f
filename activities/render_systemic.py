"""What mails to staff about systemic issues say: an outage to be spoken of, one nobody spoke of, a suspected cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from activities.cases import HeldIssue
from activities.render import Sender, template
from activities.wording import day, instant, word
from complaints.suspicion import Suspicion
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
