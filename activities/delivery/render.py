"""What letters, alerts and digests say: the pack's templates filled with what the record holds. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.cases import Held
from activities.delivery.promised import answer_due
from activities.delivery.wording import PLAIN, UNREACHABLE, day, instant, lasting, span, sum_of, word
from complaints.base import TextRef
from complaints.chapters.endings import ComplaintDeclined, ComplaintForwarded
from complaints.chapters.letters import Letter as Sent
from complaints.chapters.remedies import Remedy, RemedyState
from ledger.texts import Erased
from policies.letters import Letter, Written, fields_in
from policies.pack import Pack

_LISTED = 200
"""How many complaints a digest names; the rest it counts."""


@dataclass(frozen=True)
class Sender:
    """What every message is signed with, and where its links lead."""

    organisation: str
    address: str
    base_url: str

    def case_page(self, reference: str) -> str:
        """Where staff look at a complaint."""
        return f"{self.base_url}/desk/complaints/{reference}"

    def alert_page(self, token: str) -> str:
        """Where whoever was told of an alert says that they have seen it; the token is the secret."""
        return f"{self.base_url}/alerts/{token}"

    def storm_page(self, token: str) -> str:
        """Where whoever was told of many alerts in one mail acknowledges them all; the token is the secret."""
        return f"{self.base_url}/alerts/all/{token}"

    def worklist(self) -> str:
        """Where staff find their complaints."""
        return f"{self.base_url}/desk"

    def overdue_list(self) -> str:
        """Where staff find all that is overdue."""
        return f"{self.base_url}/desk?overdue=true"

    def mails_page(self) -> str:
        """Where staff choose which reports they get."""
        return f"{self.base_url}/desk/mails"

    def unsubscribe_page(self, token: str) -> str:
        """Where a report is ended, by a click or by a mail program (RFC 8058); the token is the secret."""
        return f"{self.base_url}/unsubscribe/{token}"

    def systemic_page(self, reference: str) -> str:
        """Where staff look at a systemic issue."""
        return f"{self.base_url}/desk/systemic/{reference}"

    def systemic_list(self) -> str:
        """Where staff find systemic issues, and what is suspected to be one."""
        return f"{self.base_url}/desk/systemic"

    def figures_page(self, pack: str) -> str:
        """Where staff look at the figures of a pack."""
        return f"{self.base_url}/desk/figures?pack={pack}"

    def progress_page(self, token: str) -> str:
        """Where a customer follows a complaint; the token is the secret."""
        return f"{self.base_url}/progress/{token}"


@dataclass(frozen=True)
class AlertLine:
    """One complaint in a digest; `due_at` is None where no deadline is meant.

    `acknowledge` is where the reader says that the alert was seen; None where there is nothing to acknowledge.
    """

    reference: str
    clock: str | None
    due_at: datetime | None
    acknowledge: str | None = None


def template(pack: Pack, kind: str, language: str) -> tuple[str, Letter]:
    """The pack's wording of a kind of message, and its language: as asked, else the pack's first."""
    worded = pack.letters.get(kind) or (UNREACHABLE if kind == "alert_unreachable" else PLAIN)
    for wanted in (language, language.partition("-")[0], *pack.languages, "en"):
        if wanted in worded:
            return wanted, worded[wanted]
    return next(iter(worded.items()))


def texts_of_letter(held: Held, letter: Sent) -> Iterator[str]:
    """The ids of the texts that a letter needs to be written."""
    case = held.when_queued(letter.id)
    refs: list[TextRef | None] = [letter.text]
    if letter.kind == "final_response":
        draft = case.feedback.draft
        refs += [draft.next_step, draft.outstanding] if draft else []
        for issue in case.investigation.issues:
            refs += [issue.text, issue.decision.reasons if issue.decision else None]
    if letter.kind == "forwarded":
        refs += [told.event.to for told in held.happenings if isinstance(told.event, ComplaintForwarded)]
    for ref in refs:
        if ref is not None:
            yield ref.id


def write_letter(
    sender: Sender,
    held: Held,
    letter: Sent,
    *,
    language: str,
    texts: Mapping[str, str | Erased],
    link: str,
) -> Written:
    """A letter to a customer, as the case stood when it was queued; `texts`: those of `texts_of_letter`."""
    case = held.when_queued(letter.id)
    pack = held.pack_of(case)
    language, wording = template(pack, letter.kind, language)
    zone, at = pack.timezone, letter.queued_at

    def said(ref: TextRef | None, otherwise: str = "") -> str:
        found = None if ref is None else texts.get(ref.id)
        if ref is None:
            return otherwise
        return found if isinstance(found, str) else word(language, "(erased)")

    draft, due = case.feedback.draft, answer_due(held, letter)
    fields = {
        "reference": case.reference,
        "organisation": sender.organisation,
        "date": day(at, zone),
        "link": link,
        "text": said(letter.text),
        "received": instant(case.received_at, zone),
        "answer_due": _by(due, zone, language),
        "next_step": _next_step(letter.kind, language),
        "outside_body": _outside_body(pack, language),
        "outside_time_limit": lasting(pack.outside_body.time_limit, language),
        "dispute_until": instant(pack.after(at, pack.windows.dispute), zone),
        "stage": word(language, draft.stage) if draft else "",
        "decisions": "",
        "remedies": "",
        "outstanding": word(language, "Nothing."),
        "appeal": "",
        "forwarded_to": "",
    }
    if letter.kind == "final_response":
        fields["decisions"] = "\n".join(
            f"– {said(issue.text)}: {word(language, issue.decision.outcome)}. {said(issue.decision.reasons)}"
            for issue in case.investigation.issues
            if issue.decision is not None
        )
        # A remedy's note is for colleagues: what is said of it to the customer stands in the text.
        remedies = [_remedy(item, zone, language) for item in case.remedies.items if item.live]
        fields["remedies"] = "\n".join(remedies) or word(language, "Nothing.")
        if draft is not None:
            fields["outstanding"] = said(draft.outstanding, fields["outstanding"])
            fields["next_step"] = said(draft.next_step, fields["next_step"])
    for told in held.happenings:
        if isinstance(told.event, ComplaintDeclined):
            until = instant(told.event.appeal_by, zone)
            fields["appeal"] = word(language, "tell us by {until}: {link}").format(until=until, link=link)
        elif isinstance(told.event, ComplaintForwarded):
            fields["forwarded_to"] = said(told.event.to)
    filled = wording.filled(fields)
    if letter.text is None or "text" in fields_in(wording.body):
        return filled
    # What a colleague wrote to the customer is not lost because the pack's wording has no place for it.
    return filled._replace(body=f"{fields['text']}\n\n{filled.body}")


def write_alert(
    sender: Sender,
    held: Held,
    kind: str,
    *,
    language: str,
    clock: str | None,
    due_at: datetime | None,
    now: datetime,
    owner: str | None,
    acknowledge: str | None = None,
) -> Written:
    """An alert to a member of staff about one complaint; `owner` is the name of who answers for it.

    `acknowledge` is where the reader says that it was seen; None where that is not asked.
    """
    pack, case = held.pack, held.case
    language, wording = template(pack, kind, language)
    score = case.feedback.score
    lapses = case.ownership.offer_lapses_at
    return wording.filled(
        {
            "reference": case.reference,
            "organisation": sender.organisation,
            "date": day(now, pack.timezone),
            "link": sender.case_page(case.reference),
            "clock": clock_title(pack, clock, language),
            "due": instant(due_at, pack.timezone) if due_at else word(language, "no fixed date"),
            "late_by": span(now - due_at, language) if due_at else "",
            "owner": owner or word(language, "nobody yet"),
            "score": str(score.points) if score else "",
            "acknowledge": word(language, "Seen it? Say so here: {link}").format(link=acknowledge)
            if acknowledge
            else "",
            "answer_due": _by(lapses, pack.timezone, language),
            "text": "",
        }
    )


def write_digest(
    sender: Sender,
    pack: Pack,
    lines: Sequence[AlertLine],
    *,
    language: str,
    now: datetime,
    unreachable: bool,
    told_before: int = 0,
    acknowledge_all: str | None = None,
) -> Written:
    """One mail about many complaints: those longest overdue first, at most 200 by name.

    `told_before`: how many others the earlier mails of the same storm named. `acknowledge_all` is where the
    reader says that all of it was seen; None where that is not asked.
    """
    language, wording = template(pack, "alert_digest", language)
    ordered = sorted(lines, key=lambda line: (line.due_at is None, line.due_at or now, line.reference))
    told = [_digest_line(sender, pack, line, language) for line in ordered[:_LISTED]]
    if len(ordered) > _LISTED:
        told.append(f"… + {len(ordered) - _LISTED}")
    if acknowledge_all is not None:
        told += [
            "",
            word(language, "Seen them all? Acknowledge all of these: {link}").format(link=acknowledge_all),
        ]
    if told_before:
        count = len({line.reference for line in lines})
        grown = word(language, "New since the last mail: {new}. In all: {total}.")
        told.insert(0, grown.format(new=count, total=count + told_before))
    if unreachable:
        told.insert(
            0, UNREACHABLE[language if language in UNREACHABLE else "en"].subject.format(reference="↓")
        )
    text = "\n".join(told)
    return wording.filled(
        {
            "reference": str(len(lines)),
            "organisation": sender.organisation,
            "date": instant(now, pack.timezone),
            "link": sender.worklist(),
            "count": str(len({line.reference for line in lines})),
            "lines": text,
            "text": text,
        }
    )


def clock_title(pack: Pack, clock: str | None, language: str) -> str:
    """A clock's title in a language; its id where the pack (another version's) does not know it."""
    if clock is None:
        return ""
    try:
        title = pack.clock(clock).title
    except KeyError:
        return clock
    return title.get(language) or title["en"]


def _digest_line(sender: Sender, pack: Pack, line: AlertLine, language: str) -> str:
    due = instant(line.due_at, pack.timezone) if line.due_at else ""
    parts = (line.reference, clock_title(pack, line.clock, language), due, sender.case_page(line.reference))
    told = " · ".join(part for part in parts if part)
    if line.acknowledge is None:
        return told
    return f"{told}\n    {word(language, 'Seen it? Say so here: {link}').format(link=line.acknowledge)}"


def _by(moment: datetime | None, zone: str, language: str) -> str:
    """By when something is answered."""
    return instant(moment, zone) if moment else word(language, "the earliest moment we can")


def _next_step(kind: str, language: str) -> str:
    match kind:
        case "acknowledgement":
            return word(language, "we look into it and write to you.")
        case "final_response" | "dispute_outcome":
            return word(language, "please tell us whether this settles the matter for you.")
        case "dispute_acknowledgement":
            return word(language, "whoever looks at it again decides, and we write to you.")
        case "progress_report":
            return word(language, "we finish our work on it and send you our answer.")
        case _:
            return word(language, "follow the link to write to us.")


def _outside_body(pack: Pack, language: str) -> str:
    body = pack.outside_body
    return f"{body.name.get(language) or body.name['en']} ({body.contact})"


def _remedy(remedy: Remedy, zone: str, language: str) -> str:
    """One line of the final response. Only the provider's word makes it "paid" (DESIGN, Remedy)."""
    parts = [word(language, remedy.kind)]
    if remedy.amount is not None:
        parts.append(sum_of(remedy.amount))
    if remedy.state in (RemedyState.PAID, RemedyState.FULFILLED):
        parts.append(word(language, remedy.state))
    elif remedy.due_by is not None:
        parts.append(word(language, "by {date}").format(date=day(remedy.due_by, zone)))
    return f"– {', '.join(parts)}"
