"""Whatever is done, under whatever pack: time is foreseen, says each thing once, in however many steps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.base import Actor, Command, Refused
from complaints.chapters.closure import Reopen
from complaints.chapters.conversation import AnswerCustomer, AskCustomer, WriteMessage
from complaints.chapters.departments import AnswerDepartment, AskDepartment, TellDepartment
from complaints.chapters.endings import Withdraw
from complaints.chapters.extensions import AskExtension, GrantExtension
from complaints.chapters.intake import Acknowledge, ReceiveComplaint
from complaints.chapters.investigation import ProposePlan, RecordContact, RecordFinding, ReportProgress
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.ownership import OfferHandover, TakeOwnership
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.chapters.triage import Reclassify, Triage
from complaints.lifecycle import due, fold, next_wakeup
from complaints.people.tiers import RaiseTier
from complaints.timing import clocks
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from policies.vocabulary import Channel, Kind, Severity, Tier
from tests.complaints.support import RECEIVED, WEI, Story, ana, ben, customer, dora, emil, person, text

PACKS = tuple(load_pack(path) for path in packs_available())
SOME = text("Words.")
CLOCKS = sorted({rule.id for pack in PACKS for rule in pack.clocks})

kinds, severities, tiers = st.sampled_from(Kind), st.sampled_from(Severity), st.sampled_from(Tier)
classes = {"kind": kinds, "severity": severities, "tier": tiers}
steps: st.SearchStrategy[tuple[Actor, Command]] = st.one_of(
    st.tuples(
        st.sampled_from([ana, dora, emil]),
        st.one_of(
            st.builds(Triage, **classes),
            st.builds(Reclassify, **classes, reason=st.just(SOME)),
            st.sampled_from(
                [
                    TakeOwnership(),
                    Acknowledge(),
                    RecordFinding(text=SOME),
                    RecordContact(way=Channel.PHONE, content=SOME, reaction=SOME, outcome=SOME),
                    ProposePlan(text=SOME),
                    ReportProgress(text=SOME),
                    AskDepartment(department="product", question=SOME),
                    AskDepartment(department="logistics", question=SOME),
                    AnswerDepartment(question="Q1", text=SOME),
                    TellDepartment(department="product", text=SOME),
                    TellDepartment(department="operations", text=SOME),
                    AskCustomer(text=SOME),
                    AnswerCustomer(text=SOME),
                    PauseClocks(reason="waiting_for_customer"),
                    PauseClocks(reason="waiting_for_outside"),
                    ResumeClocks(reason="waiting_for_customer"),
                    RaiseTier(reason=SOME),
                    OfferHandover(to=person(ben)),
                    AddIssue(text=SOME),
                    DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=SOME),
                ]
            ),
            st.builds(AskExtension, clock=st.sampled_from(CLOCKS), reason=st.just(SOME)),
            st.builds(GrantExtension, clock=st.sampled_from(CLOCKS)),
        ),
    ),
    st.tuples(
        st.just(customer),
        st.sampled_from(
            [WriteMessage(text=SOME, channel=Channel.WEB), Withdraw(reason=SOME), Reopen(reason=SOME)]
        ),
    ),
)
gaps = st.one_of(
    st.timedeltas(timedelta(seconds=1), timedelta(hours=3)),
    st.timedeltas(timedelta(hours=3), timedelta(days=12)),
)


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
@settings(max_examples=25, deadline=None)
@given(
    late=st.timedeltas(timedelta(0), timedelta(days=4)),
    lived=st.lists(st.tuples(gaps, steps), max_size=10),
    cuts=st.lists(st.floats(0, 1), max_size=4),
    rest=st.timedeltas(timedelta(hours=1), timedelta(days=60)),
)
def test_time_is_foreseen_and_steps_do_not_matter(
    pack: Pack,
    late: timedelta,
    lived: list[tuple[timedelta, tuple[Actor, Command]]],
    cuts: list[float],
    rest: timedelta,
) -> None:
    receipt = ReceiveComplaint(channel=Channel.MAIL, narrative=SOME, parties=(WEI,))
    story = Story(receipt, at=RECEIVED, received_at=RECEIVED - late, pack=pack)
    for gap, (actor, command) in lived:
        before = story.case
        try:
            story.do(actor, command, story.now + gap)  # the story itself holds wake-ups against what comes
        except Refused:
            assert story.case.version == before.version, "a refusal changes nothing"
    case, end = story.case, story.now + rest
    again = [event for _, event in clocks.reclassified(pack, case)]
    assert not again, "working out once more what has been worked out changed something"
    for run in case.clocks.occurrences:
        if run.running:
            assert clocks.deadline_of(pack, pack.clock(run.clock), case, run) == run.due_at

    wake = next_wakeup(pack, case)
    whole = due(pack, case, end)
    if wake is None or wake > end:
        assert not whole, "time said something that nobody foresaw"
    else:
        assert wake <= whole[0].occurred_at
        assert not due(pack, case, wake - timedelta(microseconds=1)), "it was foreseen too late"
    if whole:
        assert not due(pack, fold(whole, case), end), "time said the same thing twice"

    in_steps = list[object]()
    there = case
    for cut in (*sorted(cuts), 1.0):
        told = due(pack, there, story.now + rest * cut)
        in_steps += [(one.event, one.occurred_at) for one in told]
        there = fold(told, there)
    assert in_steps == [(one.event, one.occurred_at) for one in whole]
