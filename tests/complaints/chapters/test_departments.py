"""Departments: told by triage or by a person, asked and answering, and who hears of it by mail."""

from __future__ import annotations

import pytest

from complaints.base import Event, Happening
from complaints.chapters.departments import (
    AnswerDepartment,
    AskDepartment,
    DepartmentAnswered,
    DepartmentAsked,
    DepartmentTold,
    TellDepartment,
    told_by_triage,
)
from complaints.chapters.endings import Withdraw
from complaints.lifecycle import evolve
from complaints.messages import messages
from policies.pack import Pack
from policies.rules import ProblemType
from policies.vocabulary import Fact
from tests.complaints.support import PACK, Story, ana, ben, cleo, customer, iris, text

NAMED: Pack = PACK.model_copy(
    update={
        "name": "named",
        "departments": {"logistics": {"en": "Logistics"}, "product": {"en": "Product"}},
        "problem_types": {
            "late_delivery": ProblemType(title={"en": "Late delivery"}, department="logistics"),
            "manners": ProblemType(title={"en": "Manners"}),
        },
    }
)
TELL = TellDepartment(department="product", text=text("A customer suggests another colour."))


def mails(story: Story) -> list[tuple[str, str | None]]:
    """To whom department mails went, with whom they fall back on."""
    found, case = [], None
    for told in story.happenings:
        case = evolve(case, told)
        found += [m for m in messages(story.pack, case, told) if m.kind == "department_told"]
    assert len({m.dedupe for m in found}) == len(found)
    assert all(m.text_id is None for m in found)
    return [(m.to, m.fallback) for m in found]


def test_who_handles_or_takes_in_can_tell_a_department_and_it_hears_by_mail() -> None:
    story = Story(pack=NAMED)
    story.do(iris, TELL)
    assert [event.department for event in story.told(DepartmentTold)] == ["product"]
    assert story.case.at(Fact.DEPARTMENT_TOLD) == story.now
    assert mails(story) == [("department:product", "role:department_head")]
    for nobody in (cleo, customer):
        assert story.refused(nobody, TELL) == "not_allowed"


def test_a_department_that_the_pack_does_not_name_is_refused_by_those_it_does() -> None:
    story = Story.owned(pack=NAMED)
    assert story.refused(ana, TellDepartment(department="produkt", text=text("…"))) == "no_such_department"
    assert story.sentence == "There is no department produkt here; there are: logistics, product."
    assert (
        story.refused(ana, AskDepartment(department="produkt", question=text("Why?"))) == "no_such_department"
    )
    anywhere = Story.owned()
    anywhere.do(ana, TellDepartment(department="procurement", text=text("Look.")))


def test_a_complaint_that_is_over_tells_nobody() -> None:
    story = Story(pack=NAMED)
    story.do(customer, Withdraw())
    assert story.refused(ana, TELL) == "ended"


@pytest.mark.parametrize(
    ("problem", "departments"),
    [("late_delivery", ["logistics"]), ("manners", []), (None, []), ("unheard_of", [])],
)
def test_triage_tells_the_department_of_the_problem(problem: str | None, departments: list[str]) -> None:
    story = Story(pack=NAMED)
    case = story.case.changed(problem_type=problem)
    told = tuple(told_by_triage(NAMED, case))
    assert [event.department for event in told if isinstance(event, DepartmentTold)] == departments
    for event in told:
        case = event.evolve(case, happening(story, event))
    assert not tuple(told_by_triage(NAMED, case))  # a second look tells nobody twice


def happening(story: Story, event: Event) -> Happening:
    return Happening(event=event, occurred_at=story.now, recorded_at=story.now, actor="iris")


def test_a_question_and_its_answer_name_department_and_subject() -> None:
    story = Story.owned(pack=NAMED)
    story.do(ana, AskDepartment(department="logistics", question=text("Where is it?")))
    story.do(ana, AskDepartment(department="product", question=text("Is it ours?")))
    assert story.refused(ben, AnswerDepartment(question="Q2", text=text("Yes."))) == "not_the_owner"
    story.do(ana, AnswerDepartment(question="Q2", text=text("Yes.")))
    assert [(event.about().subject, event.about().department) for event in story.told(DepartmentAsked)] == [
        ("Q1", "logistics"),
        ("Q2", "product"),
    ]
    assert [
        (event.about().subject, event.about().department) for event in story.told(DepartmentAnswered)
    ] == [("Q2", "product")]
    assert [to for to, _ in mails(story)] == ["department:logistics", "department:product"]


def test_an_answer_recorded_before_departments_stood_in_it_is_still_read() -> None:
    old = {"type": "DepartmentAnswered", "question": "Q1", "text": text("Yes.").model_dump()}
    story = Story.owned()
    story.do(ana, AskDepartment(department="procurement", question=text("Why?")))
    told = Happening.model_validate(
        {**happening(story, story.told(DepartmentAsked)[0]).model_dump(), "event": old}
    )
    after = evolve(story.case, told)
    assert [item.answer is not None for item in after.investigation.questions] == [True]
