"""Every clock of every standard and regulator: kept a second before due and at due, broken a second after."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.chapters.conversation import AskCustomer
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.pauses import PauseClocks
from complaints.lifecycle import fold
from complaints.messages import Message, messages
from complaints.timing.occurrences import ClockBreached, ClockStarted, ClockState
from policies.loading import packs_available
from policies.vocabulary import Channel
from tests.complaints.support import RECEIVED, WEI, Story, ana, text
from tests.policies import doing
from tests.policies.boundary import SECOND, Promise, begun, moment, pack_of, run_of
from tests.policies.promises_of_regulators import REGULATORS
from tests.policies.promises_of_retail import ON_CALL_EXAMPLE
from tests.policies.promises_of_standards import STANDARDS

PROMISES = (*STANDARDS, *ON_CALL_EXAMPLE, *REGULATORS)
NAMES = tuple(path.stem for path in packs_available())

each = pytest.mark.parametrize("promise", PROMISES, ids=str)


def broken(story: Story, promise: Promise) -> list[ClockBreached]:
    return [event for event in story.told(ClockBreached) if event.clock == promise.clock]


@each
def test_it_is_due_at_the_moment_that_the_source_says(promise: Promise) -> None:
    story = begun(promise)
    run = run_of(story, promise)
    assert run.started_at == moment(promise, promise.starts)
    assert run.due_at == moment(promise, promise.due)


@each
@pytest.mark.parametrize("early", [SECOND, timedelta()], ids=["a-second-before", "at-due"])
def test_done_a_second_before_due_or_at_due_it_is_kept(promise: Promise, early: timedelta) -> None:
    story = begun(promise)
    promise.meets(story, moment(promise, promise.due) - early)
    run = run_of(story, promise)
    assert run.state is ClockState.MET
    assert run.met_at == moment(promise, promise.due) - early
    story.until(story.now + timedelta(days=1))
    assert not broken(story, promise)


@each
def test_done_a_second_after_due_it_is_broken_and_kept_late(promise: Promise) -> None:
    story = begun(promise)
    due_at = moment(promise, promise.due)
    story.until(due_at)
    assert not broken(story, promise)
    tier = story.case.handling_tier
    promise.meets(story, due_at + SECOND)
    run = run_of(story, promise)
    assert [event.due_at for event in broken(story, promise)] == [due_at]
    if promise.moves_up:
        assert (run.state, story.case.handling_tier) == (ClockState.STOPPED, tier + 1)
    else:
        assert (run.state, run.met_at) == (ClockState.MET_LATE, due_at + SECOND)


def test_no_clock_of_any_pack_is_without_its_line() -> None:
    said = {(promise.pack, promise.clock) for promise in PROMISES}
    published = {
        (name, rule.id)
        for name in NAMES
        for parameter in (None, *pack_of(name).parameters)
        for rule in pack_of(name, parameter).clocks
    }
    assert said == published


SOURCES = {
    "high-end-service": {
        "first_feedback": "requirement S5.2",
        "high_end_response": "expectation S5.2",
        "initial_response": "requirement S1.4",
        "preliminary_investigation": "requirement S1.4",
        "cause_confirmed": "requirement S1.4",
        "second_response": "requirement S5.2",
        "handling": "requirement S1.4",
        "written_feedback": "requirement S1.4",
        "senior_review": "choice S5.2",
        "post_mortem": "choice S1.4",
    },
    "service-centre": {
        "enquiry_response": "requirement S1.4",
        "service_request_response": "requirement S3.2",
        "urgent_response": "requirement S4.1",
        "urgent_response_limit": "requirement S3.1",
        "service_request_done": "requirement S3.2",
        "problem_solved": "requirement S1.4",
        "complex_problem_solved": "requirement S1.4",
        "complaint_handling": "requirement S1.4",
        "complaint_investigation": "requirement S3.2",
        "complaint_outcome": "requirement S3.2",
        "feedback_handled": "requirement S2.4",
        "result_fed_back": "requirement S2.4",
        "tier_1_time": "choice S3.1",
        "tier_2_time": "choice S3.1",
        "tier_3_time": "choice S3.1",
        "internal_review": "choice S3.2",
    },
    "service-standards": {
        "response": "requirement S1.2",
        "triage": "requirement S2.1",
        "dispatch": "example S2.2",
        "initial_plan": "requirement S2.1",
        "major_customer_solution": "requirement S1.2",
        "complaint_progress": "requirement S1.2",
        "complaint_initial_plan": "example S4.2",
        "complaint_closed": "example S4.2",
        "base_problem_solved": "example S4.2",
        "product_answer": "requirement S3.1",
        "logistics_answer": "requirement S3.1",
        "store_response": "example S4.2",
        "suggestion_passed_on": "example S4.2",
    },
    "crm-service": {
        "response": "target S1.2",
        "response_limit": "requirement S1.2",
        "major_problem_solved": "requirement S5.2",
        "handling": "requirement S3.2",
        "feedback_closed": "target S1.2",
    },
    "retail-2025": {
        "response": "target S1.1",
        "first_handling": "target S1.3",
        "first_handling_in_full": "target S1.1",
        "complaint_response": "requirement S2.3",
        "complaint_outcome": "requirement S2.3",
        "immediate_feedback": "requirement S6.2",
        "long_term_feedback": "requirement S6.2",
        "systemic_feedback": "choice S6.2",
        "dispute_investigation": "requirement S7.3",
        "dispute_reply": "requirement S7.3",
    },
    "uk-fca-disp": {
        "acknowledgement": "choice 1.6.1R",
        "final_response": "requirement 1.6.2R",
        "final_after_not_yet": "choice 1.6.2R",
        "payment_services_response": "requirement 1.6.2AR(1)",
        "summary_resolution": "choice 1.5.1R",
    },
    "uk-housing": {
        "stage_one_acknowledgement": "requirement 6.2",
        "stage_one_response": "requirement 6.3",
        "stage_two_acknowledgement": "requirement 6.11",
        "stage_two_response": "requirement 6.14",
    },
    "us-dot-airline": {
        "acknowledgement": "requirement (c)",
        "substantive_response": "requirement (c)",
        "disability_response": "requirement (d)",
    },
    "eu-psd2": {"reply": "requirement art. 101(2)"},
    "us-cfpb": {
        "response": "requirement Providing a timely response",
        "final_response": "requirement Providing a timely response",
    },
}
"""How binding each figure is, and in which section it stands."""
SOURCES["on-call-example"] = SOURCES["retail-2025"]  # the same promises, with other ladders


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_as_binding_as_its_source_and_says_where_it_stands(name: str) -> None:
    rules = {
        rule.id: rule
        for parameter in (None, *pack_of(name).parameters)
        for rule in pack_of(name, parameter).clocks
    }
    assert rules.keys() == SOURCES[name].keys()
    for clock, said in SOURCES[name].items():
        basis, _, section = said.partition(" ")
        assert rules[clock].basis == basis, clock
        assert rules[clock].source.section.startswith(section), clock
        assert (rules[clock].chosen_by is not None) is (basis == "choice"), clock


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_speaks_english_and_chinese_throughout(name: str) -> None:
    pack = pack_of(name)
    titles = [
        pack.title,
        pack.outside_body.name,
        *(rule.title for rule in pack.clocks),
        *(tier.title for tier in pack.handling_tiers),
        *(problem.title for problem in pack.problem_types.values()),
        *pack.departments.values(),
        *(reason.title for reason in pack.pause_reasons.values()),
        *(outage.title for outage in pack.outages),
        *(target.title for target in pack.targets),
    ]
    for title in titles:
        assert title["en"] != title["zh"]
        assert any("\u4e00" <= character <= "\u9fff" for character in title["zh"]), title
    assert {"en", "zh"} <= set(pack.languages)
    assert all({"en", "zh"} <= wordings.keys() for wordings in pack.letters.values())


def told(story: Story) -> list[Message]:
    """Every message that the story has called for."""
    pack = story.pack
    found: list[Message] = []
    for number, happening in enumerate(story.happenings, start=1):
        found.extend(messages(pack, fold(story.happenings[:number]), happening))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_late_entry_is_overdue_before_it_is_recorded_with_one_alert_for_all_clocks(name: str) -> None:
    story = Story(at=RECEIVED + timedelta(days=400), received_at=RECEIVED, pack=pack_of(name))
    story.until(story.now + timedelta(seconds=1))
    breaches = story.told(ClockBreached)
    assert breaches
    assert {event.before_recording for event in breaches} == {True}
    assert {event.clock for event in breaches} >= {
        event.clock for event in story.told(ClockStarted) if event.due_at is not None
    }
    alerts = {message.dedupe for message in told(story) if message.kind.startswith("alert_")}
    assert alerts == {f"{story.case.reference}/breached-before-recording"}


ANONYMOUS = {
    "retail-2025": {"first_handling"},
    "on-call-example": {"first_handling"},
    "high-end-service": {"second_response", "handling"},
    "service-centre": {"problem_solved", "complaint_handling", "complaint_investigation", "tier_1_time"},
    "service-standards": {"triage", "complaint_initial_plan", "complaint_closed"},
    "crm-service": {"handling"},
    "uk-fca-disp": set(),
    "uk-housing": set(),
    "us-dot-airline": set(),
    "eu-psd2": set(),
    "us-cfpb": set(),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_anonymous_complaint_has_no_clock_that_needs_a_reply(name: str) -> None:
    story = Story(ReceiveComplaint(channel=Channel.WEB, narrative=text("It smells.")), pack=pack_of(name))
    assert {event.clock for event in story.told(ClockStarted)} == ANONYMOUS[name]


@pytest.mark.parametrize("name", ["uk-fca-disp", "uk-housing", "us-dot-airline", "eu-psd2", "us-cfpb"])
def test_nothing_pauses_what_a_regulator_asks(name: str) -> None:
    pack = pack_of(name)
    assert all(rule.statutory for rule in pack.clocks)
    story = Story(
        ReceiveComplaint(channel=Channel.MAIL, narrative=text("It broke."), parties=(WEI,)), pack=pack
    )
    doing.take(story, story.now + SECOND)
    before = [(run.clock, run.due_at) for run in story.case.clocks.occurrences]
    story.do(ana, AskCustomer(text=text("Which account?")))
    assert story.refused(ana, PauseClocks(reason="waiting_for_customer")) in (
        "pause_reason_unknown",
        "nothing_to_pause",
    )
    story.wait(days=2)
    assert [(run.clock, run.due_at) for run in story.case.clocks.occurrences] == before
    assert before
