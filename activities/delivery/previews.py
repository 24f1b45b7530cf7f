"""Previews: a pack's wording of a letter or alert filled with values that are made up, and written as mails are. Pure.

All that is made up is nobody's: no value is of a complaint that there is, and the same wording gives the same mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, get_args

from activities.delivery.composing import as_html
from activities.delivery.render import Sender
from activities.delivery.wording import day, instant, lasting, span, sum_of, word
from complaints.base import Money
from complaints.chapters.letters import LetterKind
from complaints.chapters.remedies import RemedyKind, RemedyState
from policies.letters import FIELDS, too_telling
from policies.pack import Pack

REFERENCE: Final = "00B7-9SWW-BZJV"
"""The reference of the complaint that all previews are about."""
_NOW: Final = datetime(2026, 5, 6, 7, 30, tzinfo=UTC)
_TO_CUSTOMERS: Final = frozenset(get_args(LetterKind))
_OF_NO_COMPLAINT: Final = frozenset({"target_missed", "systemic_suspected", "alert_digest"})

_MADE_UP: Mapping[str, tuple[str, str]] = {
    "next_step": ("we look into it and write to you.", "我們將調查並致函告知您。"),
    "text": ("This is where the words stand that a colleague writes.", "此處為同事所寫的內容。"),
    "decisions": (
        "– The kettle leaked: upheld. The seam was never welded.\n– Nobody called back: not upheld. We called twice.",
        "– 水壺漏水：成立。接縫未焊接。\n– 無人回電：不成立。我們曾兩次致電。",
    ),
    "outstanding": ("We have the seams of this batch examined.", "我們將檢查此批次的接縫。"),
    "forwarded_to": ("The delivery company", "配送公司"),
    "owner": ("Ana Example", "安娜（示例）"),
    "score": ("2", "2"),
    "target": ("Satisfaction", "滿意度"),
    "value": ("80 %", "80 %"),
    "wanted": ("at least 85 %", "至少 85 %"),
    "count": ("12", "12"),
}


class Preview(NamedTuple):
    """What a mail looks like. `telling` has the fields by which its subject would tell a stranger of the matter."""

    kind: str
    language: str
    subject: str
    text: str
    html: str
    telling: tuple[str, ...]


def kinds(pack: Pack) -> tuple[str, ...]:
    """The kinds of letters and alerts that the pack words, in the order of the vocabulary."""
    return tuple(kind for kind in FIELDS if kind in pack.letters)


def is_to_customers(kind: str) -> bool:
    """Whether a customer reads it; else staff do."""
    return kind in _TO_CUSTOMERS


def preview(sender: Sender, pack: Pack, kind: str, language: str) -> Preview:
    """The mail of this kind in this language. Raises KeyError where the pack has no such wording."""
    letter = pack.letters[kind][language]
    written = letter.filled(samples(sender, pack, kind, language))
    return Preview(
        kind=kind,
        language=language,
        subject=written.subject,
        text=written.body,
        html=as_html(written.subject, written.body, language),
        telling=tuple(sorted(too_telling(kind, letter))),
    )


def samples(sender: Sender, pack: Pack, kind: str, language: str) -> dict[str, str]:
    """A value for every field that a wording of this kind may use."""
    zone, body = pack.timezone, pack.outside_body
    due = instant(_NOW + timedelta(days=1), zone)
    rule = next(iter(pack.clocks), None)
    clock = "" if rule is None else rule.title.get(language) or rule.title["en"]
    link = sender.progress_page("sample") if is_to_customers(kind) else sender.case_page(REFERENCE)
    refund = sum_of(Money(minor=125_000, currency=pack.currency))
    found = {
        "reference": REFERENCE,
        "organisation": sender.organisation,
        "date": day(_NOW, zone),
        "link": sender.worklist() if kind in _OF_NO_COMPLAINT else link,
        "received": instant(_NOW - timedelta(hours=2), zone),
        "answer_due": due,
        "due": due,
        "clock": clock,
        "late_by": span(timedelta(hours=2, minutes=5), language),
        "acknowledge": word(language, "Seen it? Say so here: {link}").format(
            link=sender.alert_page("sample")
        ),
        "stage": word(language, "final"),
        "remedies": f"– {word(language, RemedyKind.REFUND)}, {refund}, {word(language, RemedyState.PAID)}",
        "dispute_until": instant(pack.after(_NOW, pack.windows.dispute), zone),
        "outside_body": f"{body.name.get(language) or body.name['en']} ({body.contact})",
        "outside_time_limit": lasting(body.time_limit, language),
        "appeal": word(language, "tell us by {until}: {link}").format(until=due, link=link),
        "lines": f"{REFERENCE} · {clock} · {due}",
    }
    for name, (english, chinese) in _MADE_UP.items():
        found[name] = chinese if language.partition("-")[0] == "zh" else english
    return found
