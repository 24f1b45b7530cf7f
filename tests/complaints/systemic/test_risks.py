"""Risks of systemic issues: graded by the matrix, accepted by those who may, and looked at again in time or told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from complaints.base import INSTANT, Command
from complaints.systemic import risk_state
from complaints.systemic.issue import PlanSystemic, ResolveSystemic, SystemicIssue, fold_systemic
from complaints.systemic.moments import due_systemic, messages_about, next_wakeup_systemic
from complaints.systemic.outages import GradeOutage
from complaints.systemic.risk_state import LIKELIHOODS, MATRIX, RiskLevel, Treatment, level_of, rated
from complaints.systemic.risks import AssessRisk, RiskReviewDue
from complaints.systemic.view import systemic_view
from complaints.transition import systemic_transition
from tests.complaints.support import ana, ben, dora, emil, olga, person, text
from tests.complaints.systemic.test_outages import OUT, START, Story
from tests.complaints.systemic.test_outages import REF as PACK_REF

MONTH = START + timedelta(days=30)
LEVELS = list(RiskLevel)


def risk(likelihood: int = 4, impact: int = 4, **fields: Any) -> AssessRisk:
    told: dict[str, Any] = {
        "likelihood": likelihood, "impact": impact, "treatment": Treatment.REDUCE,
        "reasons": text("Every fourth shop has the batch."), "owner": person(ana), "review_by": MONTH,
    }  # fmt: skip
    return AssessRisk(**told | fields)


class RiskStory(Story):
    """As Story, but time acts on a risk as well, without any pack."""

    def until(self, when: datetime) -> tuple[Any, ...]:
        told = due_systemic(None if self.issue.outage is None else self.pack, self.issue, when)
        self.issue = self._record(self.issue, told)
        self.now = max(self.now, when)
        return told

    def reviews(self) -> list[datetime]:
        return [told.event.due_at for told in self.happenings if isinstance(told.event, RiskReviewDue)]


def test_the_matrix_is_the_table_that_is_documented() -> None:
    table = {
        line.split()[0]: line.split()[-5:]
        for line in (risk_state.__doc__ or "").splitlines()
        if line.strip()[:1].isdigit()
    }
    assert {str(n): [str(level) for level in levels] for n, levels in MATRIX.items()} == table
    assert len(table) == 5


def test_a_risk_that_is_likelier_or_graver_is_never_of_a_lower_level() -> None:
    for likelihood in range(1, 6):
        for impact in range(1, 6):
            here = LEVELS.index(level_of(likelihood, impact))
            if likelihood < 5:
                assert LEVELS.index(level_of(likelihood + 1, impact)) >= here
            if impact < 5:
                assert LEVELS.index(level_of(likelihood, impact + 1)) >= here
    assert {level_of(5, 5), level_of(4, 4), level_of(3, 3), level_of(1, 1)} == set(RiskLevel)
    for likelihood, impact in ((0, 1), (6, 1), (1, 0), (1, 6)):
        with pytest.raises(LookupError):
            level_of(likelihood, impact)


def test_a_risk_is_assessed_and_again_and_the_former_stays_in_the_record() -> None:
    story = RiskStory()
    story.do(risk(5, 4))
    assert story.issue.risk is not None
    assert (story.issue.risk.level, story.issue.risk.owner) == (RiskLevel.EXTREME, "ana")
    story.do(risk(2, 4, owner=person(ben)), START + timedelta(days=3), actor=olga)
    assert (story.issue.risk.level, story.issue.risk.owner) == (RiskLevel.MEDIUM, "ben")
    assert story.issue.risk.times == 2
    assert story.issue.risk.assessed_at == START + timedelta(days=3)
    kept = [told.event for told in story.happenings if told.event.type == "RiskAssessed"]
    assert [getattr(event, "likelihood", 0) for event in kept] == [5, 2]
    view = systemic_view(story.issue)
    assert (view.risk_likelihood, view.risk_impact, view.risk_treatment) == (2, 4, "reduce")
    assert (view.risk_owner, view.risk_review_by, view.risk_overdue) == ("ben", MONTH, False)
    assert view.wake_at == MONTH + INSTANT


@pytest.mark.parametrize("likelihood", range(1, 6))
@pytest.mark.parametrize("impact", range(1, 6))
def test_only_a_department_head_accepts_a_high_or_extreme_risk(likelihood: int, impact: int) -> None:
    accepted = risk(likelihood, impact, treatment=Treatment.ACCEPT)
    if level_of(likelihood, impact) in (RiskLevel.HIGH, RiskLevel.EXTREME):
        for actor in (dora, olga):
            refused = RiskStory().refused(accepted, actor=actor)
            assert (refused.code, refused.who) == ("not_allowed", "department head")
            assert str(level_of(likelihood, impact)) in refused.sentence
    else:
        RiskStory().do(accepted, actor=dora)
    story = RiskStory()
    story.do(accepted, actor=emil)
    assert story.issue.risk is not None


@pytest.mark.parametrize("treatment", [Treatment.AVOID, Treatment.REDUCE, Treatment.TRANSFER])
def test_whoever_leads_may_treat_an_extreme_risk_otherwise(treatment: Treatment) -> None:
    story = RiskStory()
    story.do(risk(5, 5, treatment=treatment), actor=dora)
    assert story.issue.risk is not None
    assert story.refused(risk(), actor=ana).code == "not_allowed"


def test_a_review_lies_ahead() -> None:
    assert RiskStory().refused(risk(review_by=START)).code == "in_the_past"
    assert RiskStory().refused(risk(review_by=START - timedelta(days=1))).code == "in_the_past"


@pytest.mark.parametrize(("off", "missed"), [(-INSTANT, 0), (timedelta(), 0), (INSTANT, 1)])
def test_a_review_is_in_time_up_to_its_very_moment(off: timedelta, missed: int) -> None:
    story = RiskStory()
    story.do(risk())
    assert next_wakeup_systemic(story.issue) == MONTH + INSTANT
    story.do(risk(review_by=MONTH + timedelta(days=30)), MONTH + off)
    assert len(story.reviews()) == missed
    assert next_wakeup_systemic(story.issue) == MONTH + timedelta(days=30) + INSTANT


def test_an_overdue_review_is_told_once_to_whoever_answers_for_it() -> None:
    story = RiskStory()
    story.do(risk(owner=person(ben)))
    story.until(MONTH + timedelta(days=90))
    assert story.reviews() == [MONTH]
    assert next_wakeup_systemic(story.issue) is None, "once is enough"
    assert systemic_view(story.issue).risk_overdue
    (message,) = messages_about(story.issue, story.happenings[-1])
    assert (message.kind, message.to, message.fallback) == ("check_due", "staff:ben", "role:supervisor")
    assert message.due_at == MONTH
    assert message.dedupe == f"{story.issue.reference}/risk/review/{MONTH.isoformat()}"
    before = story.issue
    again = due_systemic(None, _without_the_last(story), MONTH + timedelta(days=1))
    commit = systemic_transition(_without_the_last(story), before.reference, again)
    assert [queued.dedupe for queued in commit.messages] == [message.dedupe], "whoever notices it"
    version = story.issue.version
    story.do(risk(review_by=MONTH + timedelta(days=365)), MONTH + timedelta(days=91))
    assert story.issue.risk is not None
    assert not story.issue.risk.overdue
    assert version < story.issue.version


def _without_the_last(story: RiskStory) -> SystemicIssue:
    return fold_systemic(story.happenings[:-1])


def test_an_outage_and_a_risk_wait_for_the_earlier_of_both() -> None:
    story = RiskStory()
    soon = START + timedelta(minutes=20)
    story.do(risk(review_by=soon))
    story.do(GradeOutage(grade=1, reason=text("No till works."), pack=PACK_REF), START)
    assert next_wakeup_systemic(story.issue) == START + timedelta(minutes=15) + INSTANT
    told = story.until(START + timedelta(minutes=90))
    assert [happening.event.type for happening in told] == ["OutageSilent", "RiskReviewDue", "OutageSilent"]
    assert [happening.occurred_at for happening in told] == sorted(h.occurred_at for h in told)
    assert next_wakeup_systemic(story.issue) == START + timedelta(minutes=135) + INSTANT
    with pytest.raises(ValueError, match="waits for no news"):
        due_systemic(None, story.issue, START + timedelta(days=1))


def test_a_resolved_issue_waits_for_no_review_and_one_without_a_risk_never_did() -> None:
    story = RiskStory()
    assert next_wakeup_systemic(story.issue) is None
    assert due_systemic(OUT, story.issue, MONTH) == ()
    assert systemic_view(story.issue).risk_likelihood is None
    story.do(risk())
    steps: tuple[Command, ...] = (
        PlanSystemic(text=text("Exchange them.")), ResolveSystemic(text=text("Exchanged.")),
    )  # fmt: skip
    for step in steps:
        story.do(step)
    assert next_wakeup_systemic(story.issue) is None
    assert story.until(MONTH + timedelta(days=1)) == ()
    assert story.refused(risk()).code == "resolved"


def test_ratings_are_said_in_words() -> None:
    assert [rated(LIKELIHOODS, n) for n in (1, 5)] == ["1 rare", "5 almost certain"]
