"""The final response: through its gate, past its approver, out, and back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import Actor, Money
from complaints.chapters.actions import AddAction, CompleteAction
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.feedback import (
    ConfirmOutcome,
    SatisfactionAsked,
    delivered_at,
)
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.letters import LetterQueued
from complaints.chapters.ownership import DeclareConflict, TakeOwnership
from complaints.chapters.parties import AddParty, RevokeAuthority
from complaints.chapters.redress import AcceptRemedy, ApproveRemedy, OfferRemedy, ProposeRemedy, RejectRemedy
from complaints.chapters.remedies import RemedyBasis, RemedyKind
from complaints.chapters.response import (
    ApproveResponse,
    DraftResponse,
    RecordNoDelivery,
    ResponseIssued,
    ReturnResponse,
    SendResponse,
)
from complaints.phases import Phase, phase
from policies.letters import Letter
from policies.vocabulary import Channel, DeliveryState
from tests.complaints.answers import DRAFT, NO_DELIVERY, answered, bounce, decided, sent
from tests.complaints.support import (
    PACK,
    Story,
    ana,
    ben,
    cleo,
    customer,
    dora,
    emil,
    iris,
    person,
    text,
)

# The gate -----------------------------------------------------------------------------------------


def test_one_refusal_names_everything_that_is_missing() -> None:
    bare = {
        language: Letter(subject=letter.subject, body="{text}")
        for language, letter in PACK.letters["final_response"].items()
    }
    silent = PACK.model_copy(update={"letters": {**PACK.letters, "final_response": bare}})
    story = Story.owned(pack=silent)
    story.do(ana, AddIssue(text=text("It broke.")))
    money = Money(minor=100, currency="CNY")
    for _ in range(2):
        story.do(
            ana,
            ProposeRemedy(
                kind=RemedyKind.REFUND, basis=RemedyBasis.GOODWILL, amount=money, note=text("Their money.")
            ),
        )
    story.do(dora, ApproveRemedy(remedy="R1"))
    story.do(ana, OfferRemedy(remedy="R1"))
    story.do(customer, AcceptRemedy(remedy="R1"))
    story.do(ana, DraftResponse(text=text("Sorry.")))
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    for wanted in (
        "decide issue I1",
        "remedy R2 approved",
        "by when the customer has R1, R2",
        "still to be done (R1)",
        "next step",
        "name the outside body",
        "time limit",
    ):
        assert wanted in story.sentence

    story.do(dora, RejectRemedy(remedy="R2", reason=text("Once is enough.")))
    story.do(ana, RecordFinding(text=text("x")))
    story.do(
        ana, DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("It was used wrongly."))
    )
    full = DraftResponse(
        text=text("Sorry."),
        next_step=text("None."),
        outstanding=text("We pay by Friday."),
        remedy_dates=True,
        outside_body_named=True,
        outside_time_limit_named=True,
    )
    story.do(ana, full)
    story.do(cleo, ApproveResponse(draft="D2"))


def test_what_the_packs_template_says_need_not_be_said_again() -> None:
    story = decided()
    story.do(ana, DRAFT)  # names no outside body: the template of retail-2025 does, in both languages
    story.do(cleo, ApproveResponse(draft="D1"))

    chinese = PACK.letters["final_response"]["zh"]
    half = {**PACK.letters["final_response"], "zh": Letter(subject=chinese.subject, body="{text}")}
    pack = PACK.model_copy(update={"letters": {**PACK.letters, "final_response": half}})
    story = decided(Story.owned(pack=pack))
    story.do(ana, DRAFT)
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "outside body" in story.sentence


def test_a_pack_that_asks_for_less_lets_more_through() -> None:
    gate = PACK.response_gate.model_copy(update={"requires": ()})
    story = decided(Story.owned(pack=PACK.model_copy(update={"response_gate": gate})))
    story.do(ana, DraftResponse(text=text("You are right.")))
    story.do(cleo, ApproveResponse(draft="D1"))


def test_no_pack_lets_an_undecided_issue_through() -> None:
    gate = PACK.response_gate.model_copy(update={"requires": ()})
    story = Story.owned(pack=PACK.model_copy(update={"response_gate": gate}))
    story.do(ana, DRAFT)
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "as an issue" in story.sentence
    story.do(ana, AddIssue(text=text("It broke.")))
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "decide issue I1" in story.sentence


def test_a_remedy_with_its_date_needs_no_date_in_the_text() -> None:
    story = decided()
    story.do(
        ana,
        ProposeRemedy(
            kind=RemedyKind.REPLACEMENT,
            basis=RemedyBasis.LIABILITY,
            note=text("A new one."),
            due_by=story.now + timedelta(days=7),
        ),
    )
    story.do(dora, ApproveRemedy(remedy="R1"))
    story.do(ana, DRAFT)
    story.do(cleo, ApproveResponse(draft="D1"))


def test_open_corrective_actions_are_outstanding() -> None:
    story = answered()
    when = story.now + timedelta(days=3)
    for kind in ("corrective", "preventive"):
        story.do(
            ana,
            AddAction.model_validate(
                {
                    "kind": kind,
                    "owner": person(ben),
                    "due": when,
                    "check_after": when,
                    "text": text("Mend it."),
                }
            ),
        )
    story.do(customer, ConfirmOutcome())
    story.do(ana, CloseComplaint())
    story.do(customer, Reopen(reason=text("It broke again.")))
    story.do(ana, RecordFinding(text=text("Again.")))
    story.do(ana, DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("Worn out.")))
    story.do(ana, DRAFT)
    assert story.refused(cleo, ApproveResponse(draft="D2")) == "gate_not_passed"
    assert "still to be done (A1)" in story.sentence
    story.do(ana, DRAFT.model_copy(update={"outstanding": text("We mend the machine.")}))
    story.do(cleo, ApproveResponse(draft="D3"))
    story.do(ben, CompleteAction(action="A1", text=text("Mended.")))
    story.do(ana, DRAFT)
    story.do(cleo, ApproveResponse(draft="D4"))  # what is done is outstanding no more


# Drafting, approving, sending -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (ana, "not_allowed"),
        (ben, "not_allowed"),
        (iris, "not_allowed"),
        (customer, "not_allowed"),
        (cleo, None),
        (dora, None),
        (emil, None),
    ],
)
def test_who_may_approve_a_response(actor: Actor, code: str | None) -> None:
    story = decided()
    story.do(ana, DRAFT)
    if code is None:
        story.do(actor, ApproveResponse(draft="D1"))
        assert story.case.feedback.approved
    else:
        assert story.refused(actor, ApproveResponse(draft="D1")) == code


def test_nobody_approves_their_own_draft_or_with_a_conflict() -> None:
    story = decided()
    story.do(dora, DRAFT)
    assert story.refused(dora, ApproveResponse(draft="D1")) == "self_approval"
    story.do(cleo, DeclareConflict(reason=text("My sister.")))
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "conflict_declared"
    story.do(emil, ApproveResponse(draft="D1"))


def test_drafting_again_voids_the_approval_and_the_approver_reads_what_they_approve() -> None:
    story = decided()
    assert story.refused(ana, SendResponse()) == "no_draft"
    story.do(ana, DRAFT)
    assert story.refused(ana, SendResponse()) == "not_approved"
    story.do(cleo, ApproveResponse(draft="D1"))
    assert story.refused(emil, ApproveResponse(draft="D1")) == "already_done"
    story.do(ana, DRAFT)
    assert story.refused(ana, SendResponse()) == "not_approved"
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "draft_changed"
    assert "D2" in story.sentence
    story.do(cleo, ApproveResponse(draft="D2"))
    story.do(ana, SendResponse())
    assert [event.draft for event in story.told(ResponseIssued)] == ["D2"]


def test_a_returned_draft_is_written_again() -> None:
    story = decided()
    story.do(ana, DRAFT)
    story.do(cleo, ReturnResponse(draft="D1", reason=text("Too curt.")))
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "returned"
    assert story.refused(ana, SendResponse()) == "not_approved"
    story.do(ana, DRAFT)
    story.do(cleo, ApproveResponse(draft="D2"))


def test_a_remedy_proposed_after_the_approval_holds_the_response_back() -> None:
    story = decided()
    story.do(ana, DRAFT)
    story.do(cleo, ApproveResponse(draft="D1"))
    story.do(ana, ProposeRemedy(kind=RemedyKind.APOLOGY, basis=RemedyBasis.GOODWILL, note=text("Sorry.")))
    assert story.refused(ana, SendResponse()) == "remedy_undecided"
    story.do(ben, ApproveRemedy(remedy="R1"))
    story.do(ana, SendResponse())


def test_the_response_goes_to_the_customer_and_is_answered_when_it_arrives() -> None:
    story = sent()
    (letter,) = [item for item in story.told(LetterQueued) if item.kind == "final_response"]
    assert (letter.party, letter.text) == ("P1", DRAFT.text)
    assert story.case.feedback.issued
    assert delivered_at(story.case) is None
    assert story.refused(ana, DRAFT) == "already_done"
    assert story.refused(ana, SendResponse()) == "already_done"
    story.deliver(letter.letter)
    assert delivered_at(story.case) == story.now
    assert phase(story.case) is Phase.AWAITING_CUSTOMER
    clocks = {occurrence.clock: occurrence.state for occurrence in story.case.clocks.occurrences}
    assert clocks["complaint_outcome"] == "met"


def test_a_response_that_came_back_is_sent_again_to_whoever_can_be_reached() -> None:
    story = answered()
    bounce_before = delivered_at(story.case)
    assert bounce_before is not None
    story = sent()
    bounce(story)
    assert delivered_at(story.case) is None
    story.do(
        ana,
        AddParty(
            party=PartyDetails(
                role="representative", address=text("li@example.org"), authority=text("letter")
            )
        ),
    )
    story.do(ana, SendResponse())
    assert len(story.told(ResponseIssued)) == 1
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    assert (letter.party, letter.state) == ("P2", DeliveryState.QUEUED)
    story.deliver(letter.id)
    assert delivered_at(story.case) == story.now


def test_nobody_to_write_to_is_recorded_and_lets_the_complaint_close() -> None:
    story = Story.anonymous()
    assert story.refused(ana, NO_DELIVERY) == "undecided"
    decided(story)
    story.do(ana, DRAFT)
    story.do(cleo, ApproveResponse(draft="D1"))
    assert story.refused(ana, SendResponse()) == "nobody_to_write_to"
    assert "record why" in story.sentence
    story.do(ana, NO_DELIVERY)
    assert story.case.feedback.no_delivery
    assert story.refused(ana, NO_DELIVERY) == "already_done"
    story.do(ana, CloseComplaint())
    story.wait(days=20)
    assert not story.told(SatisfactionAsked)


def test_a_reachable_customer_is_written_to_first() -> None:
    story = decided()
    assert story.refused(ana, NO_DELIVERY) == "not_sent"
    sent(story)
    bounce(story)
    story.do(ana, RecordNoDelivery(reason=text("Moved away, no address.")))
    story.do(ana, CloseComplaint())

    reached = answered()
    assert reached.refused(ana, NO_DELIVERY) == "delivered"


def test_a_customer_whose_representative_lost_authority_is_nobody_to_write_to() -> None:
    story = Story(
        ReceiveComplaint(
            channel=Channel.MAIL,
            parties=(
                PartyDetails(role="representative", name=text("Li"), authority=text("a letter")),
                PartyDetails(role="customer"),
            ),
        )
    )
    story.do(ana, TakeOwnership())
    decided(story)
    story.do(ana, RevokeAuthority(party="P1"))
    story.do(ana, NO_DELIVERY)
