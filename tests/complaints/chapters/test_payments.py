"""Payments: what is paid, refused, unknown or taken back, by the provider's word alone."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from complaints.base import Actor, Command, Money, Refused
from complaints.chapters.endings import MergeInto
from complaints.chapters.payments import (
    Direction,
    PaymentDue,
    PaymentMoved,
    PaymentState,
    ReportPayment,
    RetryPayment,
)
from complaints.chapters.redress import (
    AcceptRemedy,
    ApproveRemedy,
    WithdrawRemedy,
)
from complaints.chapters.remedies import RemedyState
from complaints.references import reference
from tests.complaints.remedial import (
    PAY,
    PENDING,
    REFUSED,
    REVERSE,
    SETTLED,
    UNKNOWN,
    approve,
    offered,
    ordered,
    refund,
    report,
    state,
)
from tests.complaints.support import (
    ana,
    ben,
    cleo,
    customer,
    dora,
    machine,
    text,
)


@pytest.mark.parametrize("amount", [0, -5, 10**12 + 1])
def test_no_sum_is_nothing_or_beyond_reason(amount: int) -> None:
    with pytest.raises(ValidationError):
        Money(minor=amount, currency="CNY")


def test_the_provider_is_asked_under_one_key_until_it_says_how_it_ended() -> None:
    story = ordered()
    due = PaymentDue(
        remedy="R1",
        attempt=1,
        direction="pay",
        key=f"{story.case.reference}/R1/pay/1",
        amount=Money(minor=30_000, currency="CNY"),
        payee=text("account 1"),
    )
    assert story.case.remedies.payments_in_flight() == (due,)
    for outcome, expected in ((PENDING, RemedyState.PAYMENT_PENDING), (UNKNOWN, RemedyState.PAYMENT_UNKNOWN)):
        story.do(machine, report(outcome))
        assert state(story) is expected
        assert story.case.remedies.payments_in_flight() == (due,)
    story.do(machine, report(SETTLED))
    assert state(story) is RemedyState.PAID
    assert story.case.remedies.payments_in_flight() == ()
    assert story.case.remedies.owed() == ()


@pytest.mark.parametrize("said", [None, PENDING, UNKNOWN])
def test_nothing_is_cancelled_retried_or_reversed_while_nobody_knows(said: PaymentState | None) -> None:
    story = ordered()
    if said is not None:
        story.do(machine, report(said))
    story.do(ana, refund(1))  # so that something else could be withdrawn
    for actor, command in (
        (dora, WithdrawRemedy(remedy="R1", reason=text("x"))),
        (ana, RetryPayment(remedy="R1")),
        (cleo, REVERSE),
    ):
        assert story.refused(actor, command) == "payment_in_flight"
    assert story.refused(ana, PAY) == "nothing_to_pay"
    assert [item.id for item in story.case.remedies.owed()] == ["R1"]


def test_a_refused_payment_is_ordered_again_under_a_new_key_and_to_a_new_account() -> None:
    story = ordered()
    story.do(machine, report(REFUSED))
    assert state(story) is RemedyState.PAYMENT_REFUSED
    assert story.case.remedies.payments_in_flight() == ()
    assert [item.id for item in story.case.remedies.owed()] == ["R1"]
    story.do(ana, RetryPayment(remedy="R1", payee=text("account 2")))
    (due,) = story.case.remedies.payments_in_flight()
    assert (due.attempt, due.payee) == (2, text("account 2"))
    assert due.key.endswith("/R1/pay/2")
    story.do(machine, report(REFUSED, attempt=1))  # told again, late
    assert state(story) is RemedyState.ORDERED
    story.do(machine, report(SETTLED, attempt=2))
    assert state(story) is RemedyState.PAID
    assert story.refused(ana, RetryPayment(remedy="R1")) == "nothing_to_retry"


@pytest.mark.parametrize(
    "stale",
    [
        report(SETTLED),
        report(REFUSED),
        report(PENDING),
        report(UNKNOWN),
        report(SETTLED, attempt=2),
        report(SETTLED, direction="reverse"),
        report(SETTLED, remedy="R9"),
    ],
)
def test_what_is_told_twice_late_or_of_nothing_we_know_changes_nothing(stale: ReportPayment) -> None:
    story = ordered()
    story.do(machine, report(SETTLED))
    assert story.do(machine, stale) == ()
    assert state(story) is RemedyState.PAID


def test_money_that_moved_after_a_refusal_is_not_overlooked() -> None:
    story = ordered()
    story.do(machine, report(REFUSED))
    story.do(machine, report(SETTLED))
    assert state(story) is RemedyState.PAID

    twice = ordered()
    twice.do(machine, report(REFUSED))
    twice.do(ana, RetryPayment(remedy="R1"))
    twice.do(machine, report(SETTLED, attempt=1))
    assert state(twice) is RemedyState.ORDERED
    twice.do(machine, report(SETTLED, attempt=2))
    assert state(twice) is RemedyState.PAID
    assert twice.case.remedies.of("R1").times_paid == 2
    assert [item.id for item in twice.case.remedies.owed()] == ["R1"]  # one of them has to come back
    twice.do(cleo, REVERSE)
    twice.do(machine, report(SETTLED, direction="reverse"))
    assert state(twice) is RemedyState.PAID
    assert twice.case.remedies.owed() == ()


def test_a_paid_remedy_is_reversed_by_another_person_and_stays_paid_till_the_provider_says_so() -> None:
    story = offered()
    story.do(customer, AcceptRemedy(remedy="R1"))
    story.do(dora, PAY)
    assert story.refused(cleo, REVERSE) == "payment_in_flight"
    story.do(machine, report(SETTLED))
    assert story.refused(dora, REVERSE) == "self_approval"
    assert story.refused(ana, REVERSE) == "not_allowed"
    story.do(cleo, REVERSE)
    (due,) = story.case.remedies.payments_in_flight()
    assert (due.direction, due.attempt, due.reverses) == ("reverse", 1, f"{story.case.reference}/R1/pay/1")
    assert due.key == f"{story.case.reference}/R1/reverse/1"
    for outcome, expected in (
        (PENDING, RemedyState.REVERSAL_PENDING),
        (UNKNOWN, RemedyState.REVERSAL_UNKNOWN),
        (REFUSED, RemedyState.REVERSAL_REFUSED),
    ):
        story.do(machine, report(outcome, direction="reverse"))
        assert state(story) is expected
    assert story.case.remedies.of("R1").live
    story.do(cleo, REVERSE)
    assert story.case.remedies.payments_in_flight()[0].key.endswith("/R1/reverse/2")
    story.do(machine, report(SETTLED, attempt=2, direction="reverse"))
    assert state(story) is RemedyState.REVERSED
    assert not story.case.remedies.of("R1").live
    assert story.refused(cleo, REVERSE) == "not_paid"


def test_what_was_reversed_can_be_promised_again() -> None:
    story = offered(refund(50_000))
    story.do(customer, AcceptRemedy(remedy="R1"))
    story.do(ana, PAY)
    story.do(machine, report(SETTLED))
    story.do(ana, refund(50_000))
    assert story.refused(ben, ApproveRemedy(remedy="R2")) == "above_limit"
    story.do(cleo, REVERSE)
    story.do(machine, report(SETTLED, direction="reverse"))
    approve(story, ben, remedy="R2")


def test_a_refused_payment_may_be_given_up() -> None:
    story = ordered()
    story.do(machine, report(REFUSED))
    assert story.refused(ana, WithdrawRemedy(remedy="R1", reason=text("x"))) == "promised"
    story.do(dora, WithdrawRemedy(remedy="R1", reason=text("They took a voucher.")))
    assert state(story) is RemedyState.WITHDRAWN
    story.do(machine, report(SETTLED))
    assert state(story) is RemedyState.PAID  # it was paid after all, and nobody may overlook that


def test_only_the_provider_says_that_it_is_paid() -> None:
    story = ordered()
    command: Command = report(SETTLED)
    for actor in (ana, dora, cleo, customer):
        assert story.refused(actor, command) == "not_allowed"
    assert not story.told(PaymentMoved)
    assert machine.id not in story.case.hands


@pytest.mark.parametrize("given", ["", "a b", "x" * 101, "Ünï", "a\nb"])
def test_a_providers_reference_is_plain(given: str) -> None:
    with pytest.raises(ValidationError):
        ReportPayment(remedy="R1", attempt=1, outcome=SETTLED, provider_reference=given)


def test_money_that_went_out_on_a_duplicate_can_be_taken_back() -> None:
    story = ordered()
    story.do(machine, report(SETTLED))
    story.do(ana, MergeInto(into=reference(7)))
    assert story.refused(ana, refund(1)) == "ended"
    story.do(cleo, REVERSE)
    assert state(story) is RemedyState.REVERSAL_ORDERED


DOINGS: tuple[tuple[Actor, Command], ...] = (
    (ana, PAY),
    (ana, RetryPayment(remedy="R1")),
    (cleo, REVERSE),
    (dora, WithdrawRemedy(remedy="R1", reason=text("x"))),
    *(
        (machine, report(outcome, attempt, direction))
        for outcome in (SETTLED, PENDING, UNKNOWN, REFUSED)
        for attempt in (1, 2, 3)
        for direction in get_args(Direction)
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(DOINGS), max_size=14))
def test_whatever_the_provider_says_and_people_try_no_money_moves_unseen(
    doings: list[tuple[Actor, Command]],
) -> None:
    story = offered()
    story.do(customer, AcceptRemedy(remedy="R1"))
    for actor, command in doings:
        before = story.case.remedies.of("R1")
        try:
            story.do(actor, command)
        except Refused:
            assert not command.fact, "a fact is never refused"
            continue
        after = story.case.remedies.of("R1")
        assert len(story.case.remedies.payments_in_flight()) <= 1
        assert len({payment.key for payment in after.payments}) == len(after.payments)
        if len(after.payments) > len(before.payments):
            assert before.in_flight is None, "ordered while nobody knew how the last order ended"
        for old, new in zip(before.payments, after.payments, strict=False):
            assert old.state is not SETTLED or new.state is SETTLED, "money that moved is not forgotten"
        if after.in_flight is None:
            settled = [payment for payment in after.payments if payment.state is SETTLED]
            assert (after.state in (RemedyState.PAID, RemedyState.REVERSAL_REFUSED)) == (after.times_paid > 0)
            assert (after.state is RemedyState.REVERSED) == (bool(settled) and after.times_paid <= 0)
