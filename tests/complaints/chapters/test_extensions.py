"""Extensions: asked for, granted by somebody else of the right rank, told to the customer, and refused after due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Event
from complaints.case import Case
from complaints.chapters.escalation import AcknowledgeAlert
from complaints.chapters.extensions import AskExtension, ExtensionGranted, GrantExtension, RefuseExtension
from complaints.chapters.letters import LetterQueued
from complaints.chapters.ownership import DeclareConflict
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.lifecycle import fold
from complaints.messages import messages
from complaints.timing.occurrences import ClockState, ClockWarned, Occurrence, RungClimbed
from policies.pack import Pack
from policies.vocabulary import Role
from tests.complaints.made_packs import clock, extension, with_clocks
from tests.complaints.support import RECEIVED, Story, ana, ben, dora, emil, text

WHY = text("The laboratory needs longer.")


def pack(**fields: object) -> Pack:
    return with_clocks(
        clock(
            "outcome",
            starts_on="received",
            met_by=["resolved"],
            duration="48 h",
            pauses_on=["waiting_for_customer"],
            warn_at=["-25%"],
            extension=extension(**fields),
        )
    )


def run_of(story: Story) -> Occurrence:
    return story.case.clocks.find("outcome", 1)


def asked(**fields: object) -> Story:
    story = Story.owned(pack=pack(**fields))
    story.do(ana, AskExtension(clock="outcome", reason=WHY))
    return story


def test_a_granted_extension_moves_the_due_moment_and_asking_alone_does_not() -> None:
    story = asked()
    assert run_of(story).due_at == RECEIVED + timedelta(hours=48)
    story.do(dora, GrantExtension(clock="outcome"))
    assert run_of(story).due_at == RECEIVED + timedelta(hours=72)
    why = story.pack.explain(story.pack.clock("outcome"), RECEIVED, extensions=run_of(story).extensions)
    assert why.extension is not None
    assert (str(why.extension.by), why.extension.times) == ("24 h", 1)
    assert why.extension.due_before == RECEIVED + timedelta(hours=48)
    assert why.due == RECEIVED + timedelta(hours=72)


def test_an_extended_clock_warns_again_before_its_new_due_moment_under_a_key_of_its_own() -> None:
    story = Story.owned(pack=pack())
    story.wait(hours=40)
    story.do(ana, AskExtension(clock="outcome", reason=WHY))
    story.do(dora, GrantExtension(clock="outcome"))
    story.wait(hours=20)
    warned = [told for told in story.happenings if isinstance(told.event, ClockWarned)]
    assert [told.occurred_at - RECEIVED for told in warned] == [timedelta(hours=36), timedelta(hours=54)]
    keys = {
        message.dedupe for told in warned for message in messages(story.pack, _after(story, told.event), told)
    }
    assert len(keys) == 2, "a second warning under the first one's key would never go out"


def _after(story: Story, event: Event) -> Case:
    index = next(n for n, told in enumerate(story.happenings) if told.event is event)
    return fold(story.happenings[: index + 1])


@pytest.mark.parametrize("letter", ["extension", "holding_reply"])
def test_the_customer_is_told_the_reasons_where_the_pack_says_so(letter: str) -> None:
    story = asked(letter=letter)
    assert not story.told(LetterQueued), "nothing is promised before it is granted"
    story.do(dora, GrantExtension(clock="outcome"))
    assert [(queued.kind, queued.text) for queued in story.told(LetterQueued)] == [(letter, WHY)]


def test_the_customer_is_not_told_where_the_pack_does_not_say_so() -> None:
    story = asked()
    story.do(dora, GrantExtension(clock="outcome"))
    assert not story.told(LetterQueued)


def test_nobody_grants_what_they_asked_for_nor_beneath_the_rank_the_pack_names() -> None:
    story = Story.owned(pack=pack(approved_by=[Role.SUPERVISOR, Role.DEPARTMENT_HEAD]), by=dora)
    story.do(dora, AskExtension(clock="outcome", reason=WHY))
    assert story.refused(dora, GrantExtension(clock="outcome")) == "self_approval"
    assert story.refused(ben, GrantExtension(clock="outcome")) == "not_allowed"
    story.do(emil, GrantExtension(clock="outcome"))
    head_only = asked(approved_by=[Role.DEPARTMENT_HEAD])
    assert head_only.refused(dora, GrantExtension(clock="outcome")) == "not_allowed"
    assert head_only.who == "department head"


def test_whoever_has_a_conflict_of_interest_decides_nothing() -> None:
    story = asked()
    story.do(dora, DeclareConflict(reason=text("My cousin.")))
    assert story.refused(dora, GrantExtension(clock="outcome")) == "conflict_declared"


@pytest.mark.parametrize(("after", "code"), [(0, None), (1, "overdue")])
def test_what_is_overdue_gets_no_extension_to_the_second(after: int, code: str | None) -> None:
    due = RECEIVED + timedelta(hours=48)
    story = Story.owned(pack=pack())
    ask = AskExtension(clock="outcome", reason=WHY)
    if code is None:
        story.do(ana, ask, due + timedelta(seconds=after))
    else:
        assert story.refused(ana, ask, due + timedelta(seconds=after)) == code
    late = asked()
    grant = GrantExtension(clock="outcome")
    if code is None:
        late.do(dora, grant, due + timedelta(seconds=after))
        assert run_of(late).breached_at is None
    else:
        assert late.refused(dora, grant, due + timedelta(seconds=after)) == code


def test_a_pack_may_allow_it_after_due_and_the_breach_stays() -> None:
    story = Story.owned(pack=pack(after_due=True))
    story.wait(hours=49)
    story.do(ana, AskExtension(clock="outcome", reason=WHY))
    story.do(dora, GrantExtension(clock="outcome"))
    assert run_of(story).due_at == RECEIVED + timedelta(hours=72)
    assert run_of(story).breached_at is not None


def test_it_may_be_extended_only_as_often_as_the_pack_says() -> None:
    story = asked()
    assert story.refused(ana, AskExtension(clock="outcome", reason=WHY)) == "already_asked"
    story.do(dora, GrantExtension(clock="outcome"))
    assert story.refused(ana, AskExtension(clock="outcome", reason=WHY)) == "extended_already"
    assert "may be extended once" in story.sentence


def test_a_refused_extension_leaves_the_deadline_and_may_be_asked_for_again() -> None:
    story = asked()
    story.do(dora, RefuseExtension(clock="outcome", reason=text("It can be done.")))
    assert run_of(story).due_at == RECEIVED + timedelta(hours=48)
    assert story.refused(dora, GrantExtension(clock="outcome")) == "nothing_to_approve"
    story.do(ana, AskExtension(clock="outcome", reason=WHY))


def test_an_extension_holds_through_a_pause() -> None:
    story = asked()
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    began = story.now
    story.do(dora, GrantExtension(clock="outcome"))
    assert run_of(story).state is ClockState.PAUSED
    assert story.told(ExtensionGranted)[0].due_at is None
    story.do(ana, ResumeClocks(reason="waiting_for_customer"))
    assert run_of(story).due_at == RECEIVED + timedelta(hours=72) + (story.now - began)


def test_a_clock_without_extension_says_so_and_one_that_does_not_run_too() -> None:
    story = Story.owned()
    assert story.refused(ana, AskExtension(clock="complaint_outcome", reason=WHY)) == "not_extendable"
    story = Story.owned(pack=pack())
    assert story.refused(ana, AskExtension(clock="nonsense", reason=WHY)) == "not_running"


def test_whoever_misses_the_extended_moment_too_is_told_of_that_too() -> None:
    rules = pack(after_due=True).clocks[0].model_copy(update={"ladder": "within_hours"})
    story = Story.owned(pack=with_clocks(rules))
    story.wait(hours=60)
    story.do(ana, AcknowledgeAlert(clock="outcome"))
    story.do(ana, AskExtension(clock="outcome", reason=WHY))
    story.do(dora, GrantExtension(clock="outcome"))
    assert run_of(story).due_at == RECEIVED + timedelta(hours=72)
    story.wait(hours=20)
    new_due = RECEIVED + timedelta(hours=72)
    warned = [told.occurred_at for told in story.happenings if isinstance(told.event, ClockWarned)]
    assert warned[-1] == RECEIVED + timedelta(hours=54), "before the new moment, as before the former one"
    climbed = [told for told in story.happenings if isinstance(told.event, RungClimbed)]
    assert min(told.occurred_at for told in climbed if told.occurred_at > new_due) == new_due + INSTANT
    keys = [
        message.dedupe
        for told in climbed
        for message in messages(story.pack, _after(story, told.event), told)
    ]
    assert len(keys) == len(set(keys)), "under a key that was used before nobody would hear of it"
