"""Letters and alerts as a pack words them: which fields each kind may use, and filling them in."""

from collections.abc import Mapping
from string import Formatter
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, model_validator

_COMMON = frozenset({"reference", "organisation", "date", "link"})
_ALERT = _COMMON | {"clock", "due", "owner"}

FIELDS: Mapping[str, frozenset[str]] = {
    # to the complainant
    "receipt": _COMMON | {"received", "answer_due"},
    "acknowledgement": _COMMON | {"received", "next_step", "answer_due"},
    "question": _COMMON | {"text", "answer_due"},
    "reminder": _COMMON | {"answer_due"},
    "reply": _COMMON | {"text"},
    "dispute_acknowledgement": _COMMON | {"next_step", "answer_due"},
    "progress_report": _COMMON | {"text", "next_step", "answer_due"},
    "holding_reply": _COMMON | {"text", "answer_due", "outside_body"},
    "extension": _COMMON | {"text", "answer_due", "outside_body"},
    "final_response": _COMMON
    | {
        "stage",
        "text",
        "decisions",
        "remedies",
        "outstanding",
        "next_step",
        "dispute_until",
        "outside_body",
        "outside_time_limit",
    },
    "dispute_outcome": _COMMON | {"text", "next_step", "outside_body", "outside_time_limit"},
    "declined": _COMMON | {"text", "appeal", "outside_body"},
    "forwarded": _COMMON | {"text", "forwarded_to"},
    "systemic_update": _COMMON | {"text"},
    "satisfaction_request": _COMMON,
    # to staff
    "alert_warning": _ALERT | {"acknowledge"},
    "alert_breach": _ALERT | {"late_by", "acknowledge"},
    "alert_expired": _ALERT | {"late_by", "acknowledge"},
    "alert_nobody": _ALERT | {"late_by"},
    "alert_escalation": _COMMON | {"owner"},
    "alert_low_score": _COMMON | {"score"},
    "letter_bounced": _COMMON,
    "outside_overdue": _COMMON | {"due"},
    "action_overdue": _COMMON | {"due"},
    "check_due": _COMMON,
    "handover_offered": _COMMON | {"answer_due"},
    "assigned": _COMMON,
    "letter_by_hand": _COMMON,
    "department_told": _COMMON,
    "extension_asked": _COMMON | {"clock", "due"},
    "extension_decided": _COMMON | {"clock", "due"},
    "tier_raised": _COMMON | {"owner"},
    "internal_review_opened": _COMMON,
    "dispatch_failed": _COMMON,
    "outage_announced": _COMMON,
    "outage_overdue": _COMMON | {"due"},
    "target_missed": frozenset({"organisation", "date", "link", "target", "value", "wanted"}),
    "systemic_suspected": frozenset({"organisation", "date", "link", "count", "lines"}),
    "alert_digest": frozenset({"organisation", "date", "link", "count", "lines"}),
}
"""Kinds of letters, with the fields that their bodies may use."""

SUBJECT_FIELDS = frozenset({"reference", "organisation", "count"})
"""What a subject may use. Strangers read it on locked screens, so it tells nothing of the matter."""


class Letter(BaseModel):
    """A letter in one language: plain text with `{field}`s. `{{` and `}}` stand for braces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    body: str

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if "\n" in self.subject or "\r" in self.subject:
            raise ValueError("a subject is one line")
        fields_in(self.subject)
        fields_in(self.body)
        return self

    def filled(self, fields: Mapping[str, str]) -> "Written":
        """The letter with its fields filled in; KeyError for a field that is missing.

        Line breaks in what goes into the subject become spaces, so that no value can add a mail header.
        """
        flat = {name: " ".join(value.split()) for name, value in fields.items()}
        return Written(subject=self.subject.format_map(flat), body=self.body.format_map(dict(fields)))


class Written(NamedTuple):
    """A letter ready to go out."""

    subject: str
    body: str


def too_telling(kind: str, letter: Letter) -> frozenset[str]:
    """The fields in a letter's subject that tell of the matter; empty where a stranger who reads it learns nothing."""
    return fields_in(letter.subject) - (SUBJECT_FIELDS & FIELDS[kind])


def fields_in(template: str) -> frozenset[str]:
    """The names of the fields of a template; ValueError where it is more than names in braces."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the braces do not match: {error}") from error
    names = set()
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise ValueError(f"'{{{name}}}' is not a plain field such as {{reference}}")
        names.add(name)
    return frozenset(names)
