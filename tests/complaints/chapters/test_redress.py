"""Redress: who may promise how much, and what the customer answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import Actor, Money
from complaints.chapters.intake import PartyDetails
from complaints.chapters.ownership import DeclareConflict
from complaints.chapters.parties import AddParty, RevokeAuthority
from complaints.chapters.redress import (
    AcceptRemedy,
    ApproveRemedy,
    FulfilRemedy,
    OfferRemedy,
    ProposeRemedy,
    RefuseRemedy,
    RejectRemedy,
    RemedyLapsed,
    WithdrawRemedy,
)
from complaints.chapters.remedies import MONEY_KINDS, RemedyBasis, RemedyKind, RemedyState
from policies.vocabulary import Role
from tests.complaints.remedial import (
    PAY,
    approve,
    kind,
    offered,
    refund,
    state,
)
from tests.complaints.support import (
    PACK,
    Story,
    ana,
    ben,
    carl,
    cleo,
    customer,
    dora,
    emil,
    iris,
    text,
)

# Proposing and approving ------------------------------------------------------------------------------


@pytest.mark.parametrize("of", list(RemedyKind))
def test_sums_of_money_have_an_amount_and_the_others_have_none(of: RemedyKind) -> None:
    story = Story.owned()
    amount = Money(minor=1, currency="CNY")
    dear = ProposeRemedy(kind=of, basis=RemedyBasis.GOODWILL, amount=amount, note=text("x"))
    if of in MONEY_KINDS:
        assert story.refused(ana, kind(of)) == "no_amount"
        story.do(ana, dear)
    else:
        assert story.refused(ana, dear) == "not_money"
        story.do(ana, kind(of))


def test_a_remedy_is_for_an_issue_that_there_is() -> None:
    odd = refund(1).model_copy(update={"issue": "I3"})
    assert Story.owned().refused(ana, odd) == "no_issue"


@pytest.mark.parametrize(
    ("actor", "minor", "code"),
    [
        (ana, 1, "self_approval"),
        (ben, 50_000, None),  # the pack lets a handler approve CNY 500.00, exactly
        (ben, 50_001, "above_limit"),
        (dora, 500_000, None),
        (dora, 500_001, "above_limit"),
        (emil, 1_000_000, None),
        (iris, 1, "not_allowed"),
        (customer, 1, "not_allowed"),
    ],
)
def test_a_person_approves_up_to_their_limit(actor: Actor, minor: int, code: str | None) -> None:
    story = Story.owned()
    story.do(ana, refund(minor))
    if code is None:
        approve(story, actor)
        assert state(story) is RemedyState.APPROVED
    else:
        assert story.refused(actor, ApproveRemedy(remedy="R1")) == code


def test_a_refusal_above_the_limit_says_who_may() -> None:
    story = Story.owned()
    story.do(ana, refund(600_000))
    assert story.refused(dora, ApproveRemedy(remedy="R1")) == "above_limit"
    assert "CNY 6000.00" in story.sentence
    assert story.who == "department head, approver"


def test_a_sum_that_nobody_may_promise_is_refused_whoever_asks() -> None:
    story = Story.owned()
    story.do(ana, refund(10**12))
    story.do(ana, refund(1))
    approve(story, ben, remedy="R2")
    for actor in (ben, dora, emil, cleo):
        assert story.refused(actor, ApproveRemedy(remedy="R1")) == "above_limit"
    assert story.who is None
    story.do(ana, refund(500, "JPY"))
    assert story.refused(cleo, ApproveRemedy(remedy="R3")) == "above_limit"  # no limit, no authority


def test_splitting_a_sum_does_not_get_round_a_limit() -> None:
    story = Story.owned()
    for _ in range(3):
        story.do(ana, refund(30_000))
    approve(story, ben, remedy="R1")
    assert story.refused(ben, ApproveRemedy(remedy="R2")) == "above_limit"
    story.do(ana, WithdrawRemedy(remedy="R1", reason=text("Not owed.")))
    approve(story, ben, remedy="R2")  # what is withdrawn is promised no longer
    assert story.refused(ben, ApproveRemedy(remedy="R3")) == "above_limit"
    approve(story, dora, remedy="R3")


def test_limits_are_of_a_currency() -> None:
    story = Story.owned()
    story.do(ana, refund(50_000))
    approve(story, ben)
    story.do(ana, refund(5_001, "USD"))
    assert story.refused(ben, ApproveRemedy(remedy="R2")) == "above_limit"


def test_a_large_sum_wants_two_approvers_and_neither_is_the_proposer() -> None:
    story = Story.owned(by=dora)
    story.do(dora, refund(1_000_001))
    approve(story, emil)
    assert state(story) is RemedyState.PROPOSED
    assert story.refused(emil, ApproveRemedy(remedy="R1")) == "already_done"
    assert story.refused(dora, ApproveRemedy(remedy="R1")) == "self_approval"
    assert story.refused(dora, OfferRemedy(remedy="R1")) == "not_approved"
    approve(story, cleo)
    assert state(story) is RemedyState.APPROVED


def test_two_approvers_are_wanted_for_the_sum_of_small_parts_too() -> None:
    story = Story.owned()
    story.do(ana, refund(1_000_000))
    story.do(ana, refund(1))
    approve(story, cleo, remedy="R1")
    assert state(story, "R1") is RemedyState.APPROVED
    approve(story, cleo, remedy="R2")
    assert state(story, "R2") is RemedyState.PROPOSED
    approve(story, carl, remedy="R2")
    assert state(story, "R2") is RemedyState.APPROVED


def test_self_approval_is_for_packs_that_allow_it_and_never_for_large_sums() -> None:
    story = Story.owned(pack=PACK.model_copy(update={"parameters": {"self_approval_within_limit": True}}))
    story.do(ana, refund(50_000))
    approve(story, ana)
    story.do(ana, refund(1))
    assert story.refused(ana, ApproveRemedy(remedy="R2")) == "above_limit"
    assert state(story) is RemedyState.APPROVED

    second = {"above_minor": 10_000, **PACK.second_approver.model_dump(exclude={"above_minor"})}
    strict = story.pack.model_copy(
        update={"second_approver": PACK.second_approver.__class__.model_validate(second)}
    )
    large = Story.owned(pack=strict)
    large.do(ana, refund(10_001))
    assert large.refused(ana, ApproveRemedy(remedy="R1")) == "self_approval"


def test_an_apology_is_approved_by_whoever_has_authority_at_all() -> None:
    story = Story.owned()
    story.do(ana, kind(RemedyKind.APOLOGY))
    assert story.refused(ana, ApproveRemedy(remedy="R1")) == "self_approval"
    approve(story, ben)
    handlers_out = tuple(limit for limit in PACK.authority if limit.role is not Role.HANDLER)
    strict = Story.owned(pack=PACK.model_copy(update={"authority": handlers_out}))
    strict.do(ana, kind(RemedyKind.APOLOGY))
    assert strict.refused(ben, ApproveRemedy(remedy="R1")) == "above_limit"
    assert "supervisor" in strict.sentence


def test_somebody_with_a_conflict_approves_nothing() -> None:
    story = Story.owned()
    story.do(ana, refund(1))
    story.do(cleo, DeclareConflict(reason=text("My cousin.")))
    assert story.refused(cleo, ApproveRemedy(remedy="R1")) == "conflict_declared"


def test_a_rejected_remedy_goes_nowhere() -> None:
    story = Story.owned()
    story.do(ana, refund(1))
    assert story.refused(ana, RejectRemedy(remedy="R1", reason=text("x"))) == "self_approval"
    story.do(dora, RejectRemedy(remedy="R1", reason=text("Not owed.")))
    for actor, command in ((dora, ApproveRemedy(remedy="R1")), (ana, OfferRemedy(remedy="R1")), (ana, PAY)):
        assert story.refused(actor, command)
    assert story.case.remedies.owed() == ()


# The customer's answer ----------------------------------------------------------------------------------


def test_an_offer_can_be_written_to_the_customer() -> None:
    story = Story.owned()
    story.do(ana, refund(1))
    approve(story, dora)
    story.do(ana, OfferRemedy(remedy="R1", letter=text("We offer you …")))
    letter = story.case.letters.latest("progress_report")
    assert letter is not None
    assert letter.text == text("We offer you …")


def test_nothing_is_offered_to_nobody() -> None:
    story = Story.anonymous()
    story.do(ana, kind(RemedyKind.CORRECTION))
    approve(story, dora)
    assert story.refused(ana, OfferRemedy(remedy="R1")) == "nobody_to_write_to"
    story.do(ana, FulfilRemedy(remedy="R1"))  # a wrong is put right whoever complained
    assert state(story) is RemedyState.FULFILLED


@pytest.mark.parametrize(
    ("actor", "code"),
    [(customer, None), (ana, None), (dora, None), (ben, "not_the_owner"), (iris, "not_allowed")],
)
def test_the_customer_accepts_or_the_owner_records_it(actor: Actor, code: str | None) -> None:
    story = offered()
    if code is None:
        story.do(actor, AcceptRemedy(remedy="R1"))
        assert state(story) is RemedyState.ACCEPTED
        assert [item.id for item in story.case.remedies.owed()] == ["R1"]
    else:
        assert story.refused(actor, AcceptRemedy(remedy="R1")) == code


def test_a_representative_without_authority_accepts_nothing() -> None:
    story = offered()
    story.do(
        ana,
        AddParty(party=PartyDetails(role="representative", name=text("Li"), authority=text("a letter"))),
    )
    story.do(ana, RevokeAuthority(party="P2"))
    li = Actor(id="party:P2", roles=(Role.COMPLAINANT,))
    stranger = Actor(id="party:P9", roles=(Role.COMPLAINANT,))
    assert story.refused(li, AcceptRemedy(remedy="R1")) == "authority_revoked"
    assert story.refused(stranger, AcceptRemedy(remedy="R1")) == "not_a_party"


def test_an_answer_at_the_last_instant_is_in_time_and_one_after_it_is_not() -> None:
    story = offered()
    lapses_at = story.case.remedies.of("R1").lapses_at
    assert lapses_at is not None
    assert lapses_at == PACK.after(story.now, PACK.windows.offer_lapses)
    story.until(lapses_at)
    assert not story.told(RemedyLapsed)
    story.do(customer, AcceptRemedy(remedy="R1"), at=lapses_at)

    late = offered()
    late.until(lapses_at + timedelta(seconds=1))
    assert len(late.told(RemedyLapsed)) == 1
    assert state(late) is RemedyState.LAPSED
    assert late.refused(customer, AcceptRemedy(remedy="R1")) == "offer_lapsed"


def test_an_answer_that_was_in_time_counts_though_it_is_recorded_late() -> None:
    story = offered()
    in_time = story.now + timedelta(days=20)
    before = story.now - timedelta(minutes=1)
    story.wait(days=40)
    assert state(story) is RemedyState.LAPSED
    assert story.refused(ana, AcceptRemedy(remedy="R1"), occurred_at=before) == "before_start"
    story.do(ana, AcceptRemedy(remedy="R1", note=text("By letter.")), occurred_at=in_time)
    assert state(story) is RemedyState.ACCEPTED


def test_what_the_customer_refuses_is_not_paid() -> None:
    story = offered()
    story.do(customer, RefuseRemedy(remedy="R1"))
    assert story.refused(ana, PAY) == "nothing_to_pay"
    assert story.refused(customer, AcceptRemedy(remedy="R1")) == "no_offer"
    assert story.wait(days=60) is not None
    assert not story.told(RemedyLapsed)


def test_what_was_promised_only_a_supervisor_takes_back() -> None:
    story = offered()
    story.do(customer, AcceptRemedy(remedy="R1"))
    back = WithdrawRemedy(remedy="R1", reason=text("A mistake."))
    assert story.refused(ana, back) == "promised"
    story.do(dora, back)
    assert state(story) is RemedyState.WITHDRAWN
    assert story.case.remedies.owed() == ()


@pytest.mark.parametrize("of", [RemedyKind.REPLACEMENT, RemedyKind.UPGRADE])
def test_a_thing_is_handed_over_when_the_customer_wants_it(of: RemedyKind) -> None:
    story = offered(kind(of))
    assert story.refused(ana, FulfilRemedy(remedy="R1")) == "nothing_to_fulfil"
    story.do(customer, AcceptRemedy(remedy="R1"))
    assert story.refused(ana, PAY) == "nothing_to_pay"
    story.do(ana, FulfilRemedy(remedy="R1"))
    assert state(story) is RemedyState.FULFILLED
    assert story.case.remedies.owed() == ()


def test_money_is_paid_and_not_fulfilled() -> None:
    story = offered()
    story.do(ana, kind(RemedyKind.APOLOGY))
    approve(story, dora, remedy="R2")
    story.do(customer, AcceptRemedy(remedy="R1"))
    assert story.refused(ana, FulfilRemedy(remedy="R1")) == "money"
