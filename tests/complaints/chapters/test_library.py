"""The case library: who writes into it, what is confirmed before, and that the record holds none of the words."""

from __future__ import annotations

from complaints.base import TextRef
from complaints.chapters.erasure import ErasePersonalData
from complaints.chapters.library import LibraryEntryMade, PutInLibrary
from policies.vocabulary import Role
from tests.complaints.chapters.test_post_mortem import CAUSE
from tests.complaints.stages import answered, closed, decided
from tests.complaints.support import ana, cleo, dora, emil, iris, olga, text

LESSON = TextRef(id="6f0b6d0e-0a51-5c0f-9d3c-4f3f6a6a2f10", digest="0" * 64)
PUT = PutInLibrary(heading=text("Leaking seals"), lesson=LESSON, confirmed=True)


def test_it_is_written_once_the_case_is_answered_by_those_who_lead() -> None:
    assert decided().refused(dora, PUT) == "not_responded"
    story = answered()
    for other in (ana, iris, cleo):
        assert story.refused(other, PUT) == "not_allowed"
    for number, librarian in enumerate((dora, emil, olga)):
        story.do(librarian, PUT.model_copy(update={"lesson": text(f"Lesson {number}.")}))
    assert len(story.case.post_mortem.library) == 3
    assert PutInLibrary.who == {Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER}
    assert "olga" not in story.case.hands, "she may still review it"


def test_nothing_goes_in_of_which_nobody_says_that_it_names_nobody() -> None:
    story = answered()
    assert story.refused(dora, PUT.model_copy(update={"confirmed": False})) == "not_confirmed"
    assert story.case.post_mortem.library == ()


def test_the_record_holds_an_id_and_the_class_and_no_text() -> None:
    story = answered()
    story.do(ana, CAUSE)
    (told,) = story.do(dora, PUT)
    assert told.event == LibraryEntryMade(
        entry="6f0b6d0e0a515c0f9d3c4f3f6a6a2f10", cause=CAUSE.cause, problem_type=None
    )
    assert LESSON.id not in told.model_dump_json(), "its copy among the texts is claimed by nothing"


def test_an_archived_case_can_still_teach_and_an_erased_one_no_more() -> None:
    story = closed()
    story.wait(days=400)
    assert story.case.closure.archived_at is not None
    story.do(dora, PUT)
    story.do(olga, ErasePersonalData(reason="asked_by_the_person"))
    assert story.refused(dora, PUT) == "erased"
    assert story.case.post_mortem.library == (PUT.entry,), "the way to the entry stays"


def test_one_complaint_fills_no_library() -> None:
    story = answered()
    for number in range(20):
        story.do(dora, PUT.model_copy(update={"lesson": text(f"Lesson {number}.")}))
    assert story.refused(dora, PUT) == "library_full"
