"""The fields of the form that staff take a complaint in with, made from what the chosen pack knows, and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from api.desk.choices import Choice
from api.desk.forms import LANGUAGE_CHOICES, Faulty, Field, Given, instant_typed
from api.desk.portal_words import MAIL_ADDRESS
from api.desk.words import choice
from api.intake import Reception, Taking
from api.problems import not_well_formed
from policies.pack import Pack
from policies.vocabulary import Channel, Kind, Severity, Tier

PARTY = ("name", "address", "by", "language")
"""Fields of the form that say who complains."""
_NOBODY_COMES_BY = frozenset({Channel.IMPORT})
_PLACES = {
    "parties.0.name": "name",
    "parties.0.address": "address",
    "parties.0.channel": "by",
    "parties.0.language": "language",
}
"""{where the body holds it: what the form calls it}, where the two differ."""


def receive_fields(
    pack: Pack, zone: str, given: Given | None = None, faults: Mapping[str, str] | None = None
) -> tuple[Field, ...]:
    """The controls, in their order, with the choices of this pack. `given` is what was typed already."""
    ways = [channel for channel in pack.channels if channel not in _NOBODY_COMES_BY]
    types = tuple(Choice(name, problem.title["en"]) for name, problem in pack.problem_types.items())
    made = (
        Field("channel", "How it reached us", "select", required=True, choices=_choices(ways)),
        Field("received_at", "When it reached us, if earlier than now", "instant", required=False,
              hint=f"In {zone}. Its deadlines count from then."),
        Field("subject", "Subject", "line", required=False, hint="A few words, for lists."),
        Field("narrative", "What they complain about", "text", required=True),
        Field("kind", "Kind", "select", required=True, value=_usual(pack.kinds, Kind.COMPLAINT),
              choices=_choices(pack.kinds)),
        Field("severity", "Severity", "select", required=True, value=_usual(pack.severities, Severity.REGULAR),
              choices=_choices(pack.severities)),
        Field("tier", "Customer tier", "select", required=True, value=_usual(pack.tiers, Tier.STANDARD),
              choices=_choices(pack.tiers)),
        *((Field("problem_type", "Problem type", "select", required=False, choices=types),) if types else ()),
        Field("site", "Shop or branch", "line", required=False, hint="Its code, such as north-0117."),
        Field("name", "Name", "line", required=False,
              hint="Without a name and an address it is kept as anonymous."),
        Field("address", "Address or number", "line", required=False,
              hint="For the channel below: a mail address, a telephone number, a postal address."),
        Field("by", "Wants to hear from us by", "select", required=True, value=Channel.MAIL,
              choices=_choices([channel for channel in Channel if channel not in _NOBODY_COMES_BY])),
        Field("language", "Language", "select", required=True, value="en", choices=LANGUAGE_CHOICES),
    )  # fmt: skip
    if given is not None:
        made = tuple(replace(item, value=given.get(item.name, "")) for item in made)
    return tuple(replace(item, fault=(faults or {}).get(item.name, "")) for item in made)


def read_complaint(given: Given, pack: Pack, zone: str) -> Taking:
    """What was typed, as `intake.take_in` takes it. Raises Faulty, by the names of the form."""
    typed = {item.name: given.get(item.name, "").strip() for item in receive_fields(pack, zone)}
    faults = _faults(typed)
    raw: dict[str, Any] = {"pack": pack.name, "narrative": given.get("narrative", "")}
    for name in ("channel", "subject", "kind", "severity", "tier", "problem_type", "site"):
        if typed.get(name):
            raw[name] = typed[name]
    if typed["received_at"]:
        raw["received_at"] = instant_typed(typed["received_at"], zone)
    if typed["name"] or typed["address"]:
        party = {"channel": typed["by"], "language": typed["language"]}
        party |= {name: typed[name] for name in ("name", "address") if typed[name]}
        raw["parties"] = [party]
    try:
        sent = Reception.model_validate(raw)
    except ValidationError as error:
        errors = not_well_formed(error.errors(include_input=False)).members["errors"]
        found = {_PLACES.get(item["at"], item["at"]): item["detail"] for item in errors}
        raise Faulty(found | faults) from None
    if faults:
        raise Faulty(faults)
    return sent


def _faults(typed: Mapping[str, str]) -> dict[str, str]:
    """What a form can say better than the types do."""
    faults: dict[str, str] = {}
    if not typed["narrative"]:
        faults["narrative"] = "Write down what they complain about."
    if not typed["channel"]:
        faults["channel"] = "Choose how it reached us."
    by_mail = typed["by"] == Channel.MAIL
    if by_mail and typed["address"] and not MAIL_ADDRESS.fullmatch(typed["address"]):
        faults["address"] = "This is no mail address; correct it, or choose another way to reach them."
    return faults


def _choices(values: Sequence[str]) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), choice(value)) for value in values)


def _usual(known: Sequence[str], usual: str) -> str:
    """What a control holds at first: the usual class where the pack knows it, else its first."""
    return str(usual if usual in known else known[0])
