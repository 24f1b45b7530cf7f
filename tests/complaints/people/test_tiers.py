"""Tiers of handling: time, class and people move a complaint up, and only who holds its tier may have it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.chapters.intake import ApproveReceiptCorrection, CorrectReceipt, ReceiveComplaint
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.ownership import AcceptHandover, Assign, OfferHandover, TakeOwnership
from complaints.chapters.triage import Triage
from complaints.messages import messages
from complaints.people.tiers import RaiseTier, TierRaised
from complaints.timing.occurrences import ClockState
from policies.pack import HandlingTier
from policies.vocabulary import Channel, Kind, Role, Severity, Tier
from tests.complaints.made_packs import WHENCE, clock, with_clocks
from tests.complaints.support import RECEIVED, WEI, Story, ana, ben, dora, emil, iris, person, text


def tier(number: int, *roles: Role, **fields: object) -> HandlingTier:
    title = {"en": f"Tier {number}"}
    return HandlingTier.model_validate(
        {"number": number, "title": title, "held_by": roles, **WHENCE, **fields}
    )


TIERS = (
    tier(1, Role.HANDLER, Role.SUPERVISOR, Role.DEPARTMENT_HEAD),
    tier(2, Role.SUPERVISOR, Role.DEPARTMENT_HEAD, enters_if={"severities": ["complex"]}),
    tier(3, Role.DEPARTMENT_HEAD),
)
PACK = with_clocks(
    *(
        clock(
            f"tier_{number}",
            starts_on="tier_entered",
            met_by=["resolved"],
            duration=within,
            applies_if={"handling_tiers": [number]},
            raises_tier=number < 3,
        )
        for number, within in ((1, "8 h"), (2, "24 h"), (3, "72 h"))
    ),
    handling_tiers=TIERS,
)


def test_running_past_a_tiers_time_moves_the_case_up_and_the_next_tiers_clock_starts() -> None:
    story = Story.owned(pack=PACK)
    assert story.case.handling_tier == 1
    story.until(RECEIVED + timedelta(hours=8))
    assert story.case.handling_tier == 1, "exactly at due is in time"
    story.wait(seconds=1)
    assert story.case.handling_tier == 2
    second = story.case.clocks.running("tier_2")
    assert second is not None
    assert second.started_at - RECEIVED < timedelta(hours=8, seconds=1)
    assert story.case.clocks.find("tier_1", 1).state is ClockState.STOPPED
    story.wait(hours=25)
    assert story.case.handling_tier == 3
    story.wait(hours=100)
    assert story.case.handling_tier == 3, "there is no tier above"
    assert [event.why for event in story.told(TierRaised)] == ["time", "time"]


def test_the_holders_of_the_new_tier_hear_of_it_once() -> None:
    story = Story.owned(pack=PACK)
    story.wait(hours=9)
    told = next(told for told in story.happenings if isinstance(told.event, TierRaised))
    assert [message.to for message in messages(PACK, story.case, told)] == [
        "role:supervisor",
        "role:department_head",
    ]


def test_a_complex_complaint_begins_with_senior_staff() -> None:
    story = Story(
        ReceiveComplaint(channel=Channel.MAIL, severity=Severity.COMPLEX, parties=(WEI,)), pack=PACK
    )
    assert story.case.handling_tier == 2
    assert story.case.clocks.running("tier_1") is None
    assert story.refused(ana, TakeOwnership()) == "tier_too_high"
    assert "supervisor" in (story.who or "")
    story.do(dora, TakeOwnership())


def test_triage_as_complex_moves_it_up_and_whoever_holds_the_tier_may_take_it_from_its_owner() -> None:
    story = Story.owned(pack=PACK)
    story.do(ana, Triage(kind=Kind.COMPLAINT, severity=Severity.COMPLEX, tier=Tier.STANDARD))
    assert story.case.handling_tier == 2
    assert story.case.ownership.owner == "ana", "she answers for it until somebody takes it"
    assert story.refused(ben, TakeOwnership()) == "tier_too_high"
    story.do(dora, TakeOwnership())
    assert story.case.ownership.owner == "dora"
    assert story.refused(emil, TakeOwnership()) == "owned", "its owner holds the tier"


def test_nobody_below_the_tier_is_given_the_complaint() -> None:
    story = Story.owned(pack=PACK, by=dora)
    story.do(dora, RaiseTier(reason=text("It is beyond us.")))
    assert story.refused(dora, Assign(to=person(ben))) == "tier_too_high"
    assert story.refused(dora, OfferHandover(to=person(ben))) == "tier_too_high"
    story.do(dora, OfferHandover(to=person(emil)))
    story.do(emil, AcceptHandover())


def test_an_issue_is_decided_by_who_holds_the_tier() -> None:
    story = Story.owned(pack=PACK)
    story.do(ana, AddIssue(text=text("It broke.")))
    story.do(ana, RecordFinding(text=text("It did.")))
    story.wait(hours=9)
    decide = DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("It had not."))
    assert story.refused(ana, decide) == "tier_too_high"
    story.do(dora, decide)


@pytest.mark.parametrize("hours", [9, 40])
def test_a_late_entry_is_moved_up_to_where_it_belongs_with_one_alert(hours: int) -> None:
    received_at = RECEIVED - timedelta(hours=hours)
    story = Story(at=RECEIVED, received_at=received_at, pack=PACK)
    story.wait(seconds=1)
    assert story.case.handling_tier == (2 if hours == 9 else 3)
    keys = {
        message.dedupe
        for told in story.happenings
        for message in messages(PACK, story.case, told)
        if message.kind != "letter"
    }
    assert len(keys) == 1, keys


def test_the_time_in_the_tier_it_came_into_counts_from_the_corrected_receipt() -> None:
    story = Story(pack=PACK)
    true = RECEIVED - timedelta(minutes=30)
    story.do(iris, CorrectReceipt(received_at=true, reason=text("It lay in the box.")))
    story.do(dora, ApproveReceiptCorrection())
    first = story.case.clocks.occurrences[0]
    assert (first.started_at, first.due_at) == (true, true + timedelta(hours=8))


def test_the_time_in_a_later_tier_is_untouched_by_a_corrected_receipt() -> None:
    story = Story(pack=PACK)
    story.do(dora, TakeOwnership())
    story.do(dora, RaiseTier(reason=text("It is beyond us.")))
    raised = story.now
    story.do(iris, CorrectReceipt(received_at=RECEIVED - timedelta(minutes=30), reason=text("As above.")))
    story.do(dora, ApproveReceiptCorrection())
    assert story.case.clocks.occurrences[-1].started_at == raised


def test_a_complex_complaint_that_is_moved_to_a_pack_with_tiers_goes_to_senior_staff_there() -> None:
    story = Story.owned()
    story.do(dora, Triage(kind=Kind.COMPLAINT, severity=Severity.COMPLEX, tier=Tier.STANDARD))
    story.migrate(emil, PACK.model_copy(update={"version": 90}))
    assert story.case.handling_tier == 2
    assert [run.clock for run in story.case.clocks.occurrences if run.running] == ["tier_2"]


def test_a_pack_without_tiers_moves_nothing_up() -> None:
    story = Story.owned()
    assert story.refused(ana, RaiseTier(reason=text("It is beyond us."))) == "no_tiers"
