"""The timeline's words for what the service does by itself."""

from api.desk.timeline import Telling, entries
from api.desk.times import Face
from api.showing import Reader
from complaints.people.dispatching import Dispatch, ReportNobody
from tests.complaints.people.test_dispatching import DISPATCHING, triaged
from tests.complaints.support import ana, machine, person


def test_it_says_that_the_service_assigned_it_to_whom_and_by_which_rule() -> None:
    story = triaged()
    story.do(machine, ReportNobody(rule=2, unplaced="all_away"))
    story.do(machine, Dispatch(to=person(ana), rule=2, load=3))
    telling = Telling(
        DISPATCHING,
        {"ana": "Ana"},
        Face(DISPATCHING.timezone, story.now),
        Reader(ana, story.case.reference, ""),
    )
    latest, before = (entry.first for entry in entries(telling, story.happenings)[:2])
    assert latest.title == "Assigned by the service"
    assert latest.details == (("to", "Ana"), ("complaints they had open", "3"))
    assert latest.rule == "dispatching: to a handler with the least to do; d, s"
    assert before.title == "Nobody was found to assign it to"
    assert before.details == (("why", "all away"),)
