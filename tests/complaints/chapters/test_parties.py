"""The preferred channel: what is written goes over it, and a person is told where it does not leave by itself."""

from __future__ import annotations

import pytest

from complaints.base import Actor
from complaints.chapters.intake import Acknowledge, PartyDetails, ReceiveComplaint
from complaints.chapters.letters import LetterQueued, ServeOtherwise
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.parties import (
    AddParty,
    ChangePreferredChannel,
    PreferredChannelChanged,
    RevokeAuthority,
)
from complaints.lifecycle import evolve
from complaints.messages import Message, messages
from policies.vocabulary import Channel, Role
from tests.complaints.support import Story, ana, cleo, customer, iris, text

PHONE = ChangePreferredChannel(party="P1", channel=Channel.PHONE, address=text("+86 10 65529988"))
REPRESENTATIVE = PartyDetails(
    role="representative", name=text("Li"), address=text("li@example.org"), authority=text("A mandate.")
)


def by_hand(story: Story) -> list[Message]:
    found, case = [], None
    for told in story.happenings:
        case = evolve(case, told)
        found += [m for m in messages(story.pack, case, told) if m.kind in ("letter", "letter_by_hand")]
    return found


def to_be_served(story: Story) -> list[str]:
    return [letter.id for letter in story.case.letters.sent if letter.to_be_served]


def test_letters_go_over_the_channel_that_the_customer_prefers_from_then_on() -> None:
    story = Story.owned()
    story.do(customer, PHONE)
    assert (story.case.parties[0].channel, story.case.parties[0].address) == (Channel.PHONE, PHONE.address)
    story.do(ana, Acknowledge())
    assert [letter.channel for letter in story.told(LetterQueued)] == [Channel.PHONE]


def test_a_letter_that_does_not_leave_by_itself_waits_for_its_owner_who_is_told_once() -> None:
    story = Story.owned()
    story.do(iris, PHONE)
    story.do(ana, Acknowledge())
    assert [(m.kind, m.to, m.letter) for m in by_hand(story)] == [("letter_by_hand", "staff:ana", "L1")]
    assert to_be_served(story) == ["L1"]
    story.do(ana, ServeOtherwise(letter="L1", how=text("Read out on the telephone.")))
    assert to_be_served(story) == []
    assert len(by_hand(story)) == 1


def test_while_nobody_owns_it_the_supervisors_hear_of_the_letter_to_serve() -> None:
    party = PartyDetails(name=text("Wei"), address=text("12 Mill Lane"), channel=Channel.LETTER)
    story = Story(ReceiveComplaint(channel=Channel.LETTER, parties=(party,)))
    story.do(iris, Acknowledge())
    assert [(m.kind, m.to) for m in by_hand(story) if m.letter == "L1"] == [
        ("letter_by_hand", "role:supervisor")
    ]


@pytest.mark.parametrize("channel", [Channel.MAIL, Channel.WEB, Channel.APP])
def test_a_letter_over_these_leaves_by_itself(channel: Channel) -> None:
    party = PartyDetails(name=text("Wei"), address=text("wei@example.org"), channel=channel)
    story = Story(ReceiveComplaint(channel=Channel.MAIL, parties=(party,)))
    story.do(ana, TakeOwnership())
    story.do(ana, Acknowledge())
    assert {m.kind for m in by_hand(story)} == {"letter"}
    assert to_be_served(story) == []


@pytest.mark.parametrize(
    ("actor", "command", "code"),
    [
        (customer, ChangePreferredChannel(party="P1", channel=Channel.MAIL), "nothing_changes"),
        (customer, ChangePreferredChannel(party="P1", channel=Channel.PHONE), "no_address"),
        (ana, ChangePreferredChannel(party="P1", channel=Channel.LETTER), "no_address"),
        (customer, ChangePreferredChannel(party="P2", channel=Channel.STORE), "not_a_party"),
        (ana, ChangePreferredChannel(party="P9", channel=Channel.STORE), "not_a_party"),
        (Actor(id="party:P9", roles=(Role.COMPLAINANT,)), PHONE, "not_a_party"),
        (cleo, PHONE, "not_allowed"),
    ],
)
def test_what_does_not_fit_is_refused(actor: Actor, command: ChangePreferredChannel, code: str) -> None:
    story = Story.owned()
    story.do(ana, AddParty(party=REPRESENTATIVE))
    assert story.refused(actor, command) == code


def test_an_address_that_fits_stays_and_a_store_needs_none() -> None:
    story = Story.owned()
    before = story.case.parties[0].address
    story.do(customer, ChangePreferredChannel(party="P1", channel=Channel.APP))
    story.do(customer, ChangePreferredChannel(party="P1", channel=Channel.STORE))
    assert story.case.parties[0].address == before
    assert story.refused(customer, ChangePreferredChannel(party="P1", channel=Channel.MAIL)) == "no_address"
    assert len(story.told(PreferredChannelChanged)) == 2


def test_whose_authority_ended_hears_nothing_over_any_channel() -> None:
    story = Story.owned()
    story.do(ana, AddParty(party=REPRESENTATIVE))
    story.do(ana, RevokeAuthority(party="P2"))
    change = ChangePreferredChannel(party="P2", channel=Channel.STORE)
    assert story.refused(ana, change) == "authority_revoked"


def test_nobody_can_be_reached_in_a_complaint_without_parties() -> None:
    story = Story.anonymous()
    assert story.refused(ana, PHONE) == "not_a_party"
