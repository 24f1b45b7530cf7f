"""The pack retail-2025: each clock due to the second, and every figure with its source."""

from datetime import UTC, date, datetime, timedelta

import pytest

from policies.arithmetic.durations import Offset
from policies.arithmetic.explain import HolidayPassed
from policies.loading import PACKS, load_pack
from policies.pack import Basis, Pack
from policies.vocabulary import (
    AlertChannel,
    Channel,
    DeliveryState,
    Fact,
    FeedbackClass,
    Kind,
    Role,
    Severity,
    Tier,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(PACKS / "retail-2025.yaml")


def clocks_for(pack: Pack, **classes: object) -> set[str]:
    """The ids of the clocks that hold for a complaint with these classes."""
    said = {
        "kind": Kind.COMPLAINT,
        "severity": Severity.REGULAR,
        "tier": Tier.STANDARD,
        "channel": Channel.WEB,
        "feedback_class": None,
        "anonymous": False,
        **classes,
    }
    return {rule.id for rule in pack.clocks if rule.applies_if.holds(**said)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("clock", "start", "due"),
    [
        # Friday 26 September 2025, five days before the golden week of October.
        ("response", "2025-09-26T17:50:00+08:00", "2025-09-26T18:05:00+08:00"),
        ("first_handling", "2025-09-26T17:50:00+08:00", "2025-09-26T18:20:00+08:00"),
        ("first_handling_in_full", "2025-09-26T17:50:00+08:00", "2025-09-26T18:20:00+08:00"),
        ("complaint_response", "2025-09-30T17:50:00+08:00", "2025-10-01T17:50:00+08:00"),
        ("complaint_outcome", "2025-09-30T17:50:00+08:00", "2025-10-02T17:50:00+08:00"),
        ("immediate_feedback", "2025-09-30T17:50:00+08:00", "2025-10-01T17:50:00+08:00"),
        ("long_term_feedback", "2025-09-26T17:50:00+08:00", "2025-10-17T00:00:00+08:00"),
        ("systemic_feedback", "2025-09-26T17:50:00+08:00", "2025-10-31T00:00:00+08:00"),
        ("dispute_investigation", "2025-09-26T17:50:00+08:00", "2025-11-14T00:00:00+08:00"),
        ("dispute_reply", "2025-09-26T17:50:00+08:00", "2025-10-14T00:00:00+08:00"),
    ],
)
def test_each_clock_is_due_when_the_guide_says(pack: Pack, clock: str, start: str, due: str) -> None:
    assert pack.deadline(pack.clock(clock), at(start)) == at(due)


def test_what_starts_and_meets_each_clock_is_what_the_guide_says(pack: Pack) -> None:
    said = {rule.id: (rule.starts_on, set(rule.met_by)) for rule in pack.clocks}
    assert said["response"] == (Fact.RECEIVED, {Fact.ACKNOWLEDGED})
    assert {Fact.PLAN_PROPOSED, Fact.PROGRESS_REPORTED} <= said["first_handling"][1]
    assert Fact.PLAN_PROPOSED not in said["first_handling_in_full"][1]
    assert said["systemic_feedback"] == (Fact.RECORDED, {Fact.MANAGEMENT_PLANNED})
    assert said["dispute_investigation"] == (Fact.DISPUTED, {Fact.DISPUTE_INVESTIGATED})
    assert said["dispute_reply"] == (Fact.DISPUTE_INVESTIGATED, {Fact.DISPUTE_REPLY_DELIVERED})
    assert all(Fact.ENDED in rule.stops_on for rule in pack.clocks)


def test_each_promise_is_for_those_it_is_made_to(pack: Pack) -> None:
    always = {"first_handling", "dispute_investigation"}
    needs_reply = {"response", "dispute_reply"}
    complaint = {"complaint_response", "complaint_outcome"}
    assert clocks_for(pack) == always | needs_reply | complaint
    assert clocks_for(pack, kind=Kind.ENQUIRY) == always | needs_reply
    assert clocks_for(pack, simple=True) == always | needs_reply | complaint | {"first_handling_in_full"}
    for feedback, clock in (
        (FeedbackClass.IMMEDIATE, "immediate_feedback"),
        (FeedbackClass.LONG_TERM, "long_term_feedback"),
        (FeedbackClass.SYSTEMIC, "systemic_feedback"),
    ):
        assert clocks_for(pack, kind=Kind.SUGGESTION, feedback_class=feedback) == always | needs_reply | {
            clock
        }
    # Nobody can answer one who did not say who they are.
    assert clocks_for(pack, anonymous=True, feedback_class=FeedbackClass.SYSTEMIC) == always | {
        "systemic_feedback"
    }


def test_a_warning_comes_before_and_the_ladder_after(pack: Pack) -> None:
    start = at("2025-09-26T10:00+08:00")
    response = pack.clock("response")
    due = pack.deadline(response, start)
    assert due is not None
    assert [pack.offset_from(response, start, due, offset) for offset in response.warn_at] == [
        at("2025-09-26T10:12+08:00")
    ]
    feedback = pack.clock("long_term_feedback")
    due = pack.deadline(feedback, start)
    assert due == at("2025-10-17T00:00+08:00")
    assert [pack.offset_from(feedback, start, due, offset) for offset in feedback.warn_at] == [
        at("2025-10-15T00:00+08:00")
    ]
    ladder = pack.ladders[feedback.ladder or ""]
    assert [pack.offset_from(feedback, start, due, rung.at) for rung in ladder.rungs] == [
        due,
        at("2025-10-18T00:00+08:00"),
    ]


def test_every_breach_reaches_the_owner_and_the_owners_supervisor_by_mail(pack: Pack) -> None:
    for rule in pack.clocks:
        assert rule.ladder is not None, rule.id
        first = pack.ladders[rule.ladder].rungs[0]
        assert first.at == Offset()
        assert first.tell == ("owner", "owner_supervisor")
        assert AlertChannel.MAIL in first.over
        assert first.repeat_at_most == 3


def test_a_pause_moves_only_the_clocks_that_allow_it(pack: Pack) -> None:
    assert "waiting_for_customer" in pack.clock("complaint_outcome").pauses_on
    assert not pack.clock("response").pauses_on
    start = at("2025-03-03T10:00+08:00")
    pause = (start + timedelta(hours=10), start + timedelta(hours=15))
    outcome = pack.clock("complaint_outcome")
    assert pack.deadline(outcome, start, [pause]) == start + timedelta(hours=53)
    assert pack.deadline(outcome, start, [(pause[0], None)]) is None


def test_windows_limits_and_repeats_end_in_the_packs_zone(pack: Pack) -> None:
    told = at("2025-03-03T10:00+08:00")
    assert pack.after(told, pack.windows.dispute) == at("2025-04-03T00:00+08:00")
    assert pack.after(told, pack.windows.handover_lapses) == at("2025-03-03T14:00+08:00")
    assert pack.after(told, pack.outside_body.time_limit) == at("2028-03-04T00:00+08:00")
    assert pack.after(told, pack.retention) == at("2028-03-04T00:00+08:00")
    ladder = pack.ladders["within_days"].rungs[0]
    rule = pack.clock("dispute_reply")
    assert ladder.repeat_every is not None
    assert ladder.acknowledge_within is not None
    assert pack.after(told, ladder.repeat_every, rule) == at("2025-03-04T10:00+08:00")
    assert pack.after(at("2025-03-03T16:00+08:00"), ladder.acknowledge_within, rule) == at(
        "2025-03-04T11:00+08:00"
    )


def test_who_may_approve_what(pack: Pack) -> None:
    assert pack.authority_limit([Role.HANDLER], "CNY") == 50_000
    assert pack.authority_limit([Role.HANDLER, Role.SUPERVISOR], "CNY") == 500_000
    assert pack.authority_limit([Role.INTAKE_AGENT, Role.COMPLIANCE_OFFICER], "CNY") == 0
    assert pack.authority_limit([Role.APPROVER], "JPY") == 0
    assert not pack.needs_second_approver(pack.second_approver_above_minor, "CNY")
    assert pack.needs_second_approver(pack.second_approver_above_minor + 1, "CNY")
    assert pack.needs_second_approver(1, "USD")


def test_every_figure_has_a_source_and_every_choice_a_chooser(pack: Pack) -> None:
    sourced = dict(pack.sourced())
    assert len(sourced) > 20
    assert all(rule.source.document and rule.source.section for rule in sourced.values())
    chosen = {path for path, _ in pack.choices()}
    assert ("windows",) in chosen
    assert ("retained",) in chosen
    assert all(("authority", n) in chosen for n in range(len(pack.authority)))
    by_basis = {rule.id: rule.basis for rule in pack.clocks}
    assert by_basis["systemic_feedback"] is Basis.CHOICE
    assert by_basis["response"] is Basis.TARGET
    assert by_basis["dispute_reply"] is Basis.REQUIREMENT


def test_letters_exist_in_both_languages_and_their_subjects_give_nothing_away(pack: Pack) -> None:
    written = pack.letter("final_response", "zh").filled(
        dict.fromkeys(
            (
                *("reference", "organisation", "date", "link", "stage", "text", "decisions", "remedies"),
                *("outstanding", "next_step", "dispute_until", "outside_body", "outside_time_limit"),
            ),
            "{secret}\nBcc: x@example.org",
        )
    )
    assert "\n" not in written.subject
    assert "{secret}" in written.body
    for kind in pack.letters:
        assert pack.letter(kind, "fr") == pack.letter(kind, "en") != pack.letter(kind, "zh")


def test_beyond_the_known_holidays_it_counts_on_and_says_so(pack: Pack) -> None:
    rule, start = pack.clock("dispute_investigation"), at("2026-11-22T10:00+08:00")
    why = pack.explain(rule, start)
    assert why.due == pack.deadline(rule, start) == at("2027-01-02T00:00+08:00")
    assert why.assumed_after == date(2026, 12, 31)
    assert pack.explain(pack.clock("dispute_reply"), start).assumed_after is None


def test_a_deadline_over_the_golden_week_names_the_holidays_it_passed(pack: Pack) -> None:
    why = pack.explain(pack.clock("dispute_reply"), at("2025-09-26T17:50+08:00"))
    assert [day.day.isoformat()[5:] for day in why.days] == [
        *("09-28", "09-29", "09-30", "10-09", "10-10", "10-11", "10-13")
    ]
    assert why.holidays[0] == HolidayPassed(day=date(2025, 10, 1), name="国庆节")
    assert len(why.holidays) == 8


def test_a_published_pack_is_the_same_wherever_it_is_read(pack: Pack) -> None:
    again = Pack.from_canonical(pack.canonical())
    assert again == pack
    assert again.digest == pack.digest
    assert again.canonical() == pack.canonical()
    assert len(pack.digest) == 64
    changed = pack.model_copy(update={"version": pack.version + 1})
    assert changed.digest != pack.digest


def test_delivery_is_known_for_every_channel(pack: Pack) -> None:
    assert set(pack.delivered_by) == set(Channel)
    assert pack.delivered_by[Channel.PHONE] is DeliveryState.SERVED_OTHERWISE
