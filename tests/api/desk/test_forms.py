"""Forms made from the command classes: a control for every field, in words, and read back as it was typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from api.desk import forms
from api.desk.case import COMMANDS
from api.desk.choices import Around
from api.desk.forms import Faulty, Field, fields_for
from api.desk.times import Face
from complaints.base import Command
from complaints.case import Case
from complaints.chapters.actions import AddAction
from complaints.chapters.feedback import AnswerSatisfaction
from complaints.chapters.intake import AddNote, CorrectReceipt
from complaints.chapters.issues import AddIssue
from complaints.chapters.ownership import OfferHandover
from complaints.chapters.parties import AddParty
from complaints.chapters.post_mortem import RecordWhys
from complaints.chapters.redress import ProposeRemedy
from complaints.chapters.triage import Triage
from ledger.directory import StaffMember
from policies.vocabulary import Role
from tests.complaints.support import Story, ana, text
from tests.support.living import PACK

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def _member(id_: str, name: str, *roles: Role) -> StaffMember:
    return StaffMember(
        id=id_,
        login=name.lower(),
        name=name,
        email="",
        roles=roles,
        supervisor=None,
        language="en",
        active=True,
    )


STAFF = (_member("usr_ana", "Ana", Role.HANDLER), _member("usr_cleo", "Cleo", Role.APPROVER))


def _case() -> Case:
    story = Story.owned()
    story.do(ana, AddIssue(text=text("The lid")))
    return story.case


def _around() -> Around:
    return Around(_case(), PACK, STAFF, Face("Asia/Shanghai", NOW), lambda ref: "The lid")


def read(command: type[Command], given: Mapping[str, str], around: Around) -> Any:
    """As `forms.read`; the body's fields are known only at run time."""
    return forms.read(command, given, around)


def _all(fields: tuple[Field, ...]) -> Iterator[Field]:
    for item in fields:
        yield item
        yield from _all(item.parts)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_has_a_form_in_words(command: type[Command]) -> None:
    around = _around()
    fields = fields_for(command, around)
    named = {item.name for item in fields}
    missing = set(command.model_fields) - named
    assert missing <= {"issue", "outside_case"}, missing  # optional names of what the case does not have
    for item in _all(fields):
        assert item.label, item
        assert "_" not in item.label, item
        for option in item.choices:
            assert "_" not in option.label, option
            assert not option.label.startswith("usr"), option


def test_a_local_time_is_read_in_the_packs_zone() -> None:
    sent = read(CorrectReceipt, {"received_at": "2026-07-01T09:30", "reason": "Post room"}, _around())
    assert sent.received_at == datetime(2026, 7, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("12", "CNY", 1200),
        ("12.50", "cny", 1250),
        ("1,200.05", "EUR", 120_005),
        ("500", "JPY", 500),
        ("0.01", "CNY", 1),
    ],
)
def test_an_amount_is_read_as_people_write_it(typed: str, currency: str, minor: int) -> None:
    given = {
        "kind": "refund",
        "basis": "liability",
        "note": "n",
        "amount": typed,
        "amount.currency": currency,
    }
    amount = read(ProposeRemedy, given, _around()).amount
    assert (amount.minor, amount.currency) == (minor, currency.upper())


@pytest.mark.parametrize(
    ("typed", "currency"), [("twelve", "CNY"), ("0.001", "CNY"), ("-3", "CNY"), ("3", "yuan")]
)
def test_an_amount_that_is_none_is_named_and_kept(typed: str, currency: str) -> None:
    given = {
        "kind": "refund",
        "basis": "liability",
        "note": "n",
        "amount": typed,
        "amount.currency": currency,
    }
    with pytest.raises(Faulty) as raised:
        read(ProposeRemedy, given, _around())
    shown = {item.name: item for item in fields_for(ProposeRemedy, _around(), given, raised.value.faults)}
    assert shown["amount"].fault
    assert shown["amount"].value == typed


def test_blank_texts_of_a_list_are_left_out() -> None:
    sent = read(RecordWhys, {"whys.0": "The seam", "whys.1": "  ", "whys.2": "No weld"}, _around())
    assert sent.whys == ("The seam", "No weld")


def test_what_is_missing_is_named_at_its_field() -> None:
    with pytest.raises(Faulty) as raised:
        read(AddAction, {"text": "Weld it"}, _around())
    assert set(raised.value.faults) == {"kind", "owner", "due", "check_after"}
    with pytest.raises(Faulty) as raised:
        read(AddNote, {"text": "   "}, _around())
    assert set(raised.value.faults) == {"text"}


def test_a_party_is_read_from_its_own_fieldset() -> None:
    given = {
        "party.role": "representative",
        "party.name": "Li",
        "party.channel": "phone",
        "party.language": "zh",
    }
    party = read(AddParty, given, _around()).party
    assert (party.role, party.name, party.channel, party.language) == ("representative", "Li", "phone", "zh")


def test_a_score_is_a_number_from_one_to_five() -> None:
    assert read(AnswerSatisfaction, {"score": "4"}, _around()).score == 4
    for typed in ("6", "4.5", "٤"):
        with pytest.raises(Faulty):
            read(AnswerSatisfaction, {"score": typed}, _around())


def test_only_those_who_handle_complaints_are_offered_a_handover() -> None:
    field = next(item for item in fields_for(OfferHandover, _around()) if item.name == "to")
    assert [option.label for option in field.choices] == ["Ana (handler)"]


def test_triage_starts_from_how_the_case_is_classed() -> None:
    values = {item.name: item.value for item in fields_for(Triage, _around())}
    assert (values["kind"], values["severity"], values["tier"]) == ("complaint", "regular", "standard")
