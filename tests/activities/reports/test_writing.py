"""What reports say: what is due and whose it is, by colleagues' names, cut where it is long, in two languages."""

from datetime import UTC, date, datetime, timedelta

import pytest

from activities.delivery.render import Sender
from activities.reports.slots import Slot
from activities.reports.words import LANGUAGES, LETTERS
from activities.reports.writing import Around, staff_in, write_morning, write_overdue, write_week
from ledger.report_preferences import ReportKind
from ledger.reports import (
    ClockCount,
    Entry,
    Listed,
    Load,
    Morning,
    Offer,
    Offers,
    Overdue,
    Week,
)
from policies.letters import SUBJECT_FIELDS, fields_in

SENDER = Sender("Kettles & Co", "complaints@example.org", "https://desk.example.org")
TITLES = {
    ("retail", 2): {
        "": {"en": "Retail", "zh": "零售"},
        "response": {"en": "Response", "zh": "響應"},
        "feedback": {"en": "Feedback", "zh": "反饋"},
    }
}
NAMES = {"ana": "Ana Zhou", "ben": "Ben Ode"}
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def around(kind: ReportKind, language: str = "en", zone: str = "UTC") -> Around:
    return Around(SENDER, Slot(kind=kind, day=date(2026, 5, 4), zone=zone), language, TITLES, NAMES)


def entry(reference: str, clock: str = "response", **fields: object) -> Entry:
    given = {
        "reference": reference, "clock": clock, "due_at": NOON, "owner": "ana", "pack": "retail", "pack_version": 2,
    }  # fmt: skip
    return Entry.model_validate(given | fields)


def listed(*entries: Entry) -> Listed:
    return Listed(entries=entries, total=len(entries))


MORNING = Morning(
    open=3,
    overdue=listed(entry("AAAA-1111-AAAA", due_at=NOON - timedelta(days=1))),
    today=listed(entry("BBBB-2222-BBBB", "feedback", due_at=datetime(2026, 5, 5, tzinfo=UTC))),
    offered=Offers(
        offers=(Offer(reference="CCCC-3333-CCCC", owner="ben", offered_to="ana", next_due_at=NOON),), total=1
    ),
    unacknowledged=Listed(),
)


def test_the_morning_begins_with_what_is_overdue_and_leaves_out_what_there_is_none_of() -> None:
    told = write_morning(around(ReportKind.MORNING_WORKLIST), MORNING)
    assert told.subject == "Your complaints this morning"
    body = told.body
    assert "you have 3 open complaints" in body
    assert "Overdue (1)\n– AAAA-1111-AAAA · Response · was due 2026-05-03 12:00 ·" in body
    assert "Due today (1)\n– BBBB-2222-BBBB · Feedback · due 2026-05-04 24:00" in body, (
        "midnight is this day's end"
    )
    assert "Ben Ode answers for it until Ana Zhou accepts" in body
    assert body.index("Overdue") < body.index("Due today") < body.index("Offered to you")
    assert "acknowledged" not in body
    assert "https://desk.example.org/desk/complaints/AAAA-1111-AAAA" in body
    assert "https://desk.example.org/desk/mails" in body


def test_it_is_written_in_the_readers_language_and_zone() -> None:
    told = write_morning(around(ReportKind.MORNING_WORKLIST, "zh-TW", "Asia/Shanghai"), MORNING)
    assert told.subject == "今晨的投訴工作"
    assert "已逾期（1）\n– AAAA-1111-AAAA · 響應 · 原應於 2026-05-03 20:00" in told.body
    assert "Overdue" not in told.body
    other = write_morning(around(ReportKind.MORNING_WORKLIST, "fr"), MORNING)
    assert other.subject == "Your complaints this morning"


def test_the_week_names_every_list_and_says_where_there_is_nothing() -> None:
    quiet = Week(
        open=0, overdue=Listed(), breached=Listed(), unacknowledged=Listed(), handovers=Offers(), load=()
    )
    told = write_week(around(ReportKind.WEEKLY_REPORT), quiet)
    assert told.subject == "Your team's complaints, the week of 2026-05-04"
    for heading in ("Overdue (0)", "Breached last week (0)", "Alerts that nobody has acknowledged (0)",
                    "Who has how much", "Handovers not accepted (0)"):  # fmt: skip
        assert f"{heading}\n– None." in told.body
    week = quiet.model_copy(
        update={
            "breached": listed(
                entry("AAAA-1111-AAAA", met_at=NOON + timedelta(hours=2)), entry("BBBB-2222-BBBB", owner=None)
            ),
            "load": (Load(staff="ana", open=4, overdue=2, soon=1, offered=0),
                     Load(staff="gone", open=1, overdue=0, soon=0, offered=3)),
            "handovers": Offers(
                offers=(Offer(reference="CCCC-3333-CCCC", owner=None, offered_to="ben", next_due_at=None),), total=1
            ),
        }
    )  # fmt: skip
    body = write_week(around(ReportKind.WEEKLY_REPORT), week).body
    assert (
        "AAAA-1111-AAAA · Response · was due 2026-05-04 12:00 · done late, 2026-05-04 14:00 · Ana Zhou"
        in body
    )
    assert "not done yet · nobody yet" in body
    assert "Ana Zhou: 4 open, 2 overdue, 1 due this week, 0 offered and not accepted" in body
    assert "somebody who has left: 1 open" in body
    assert "CCCC-3333-CCCC · offered to Ben Ode" in body
    assert staff_in(week) == {"ana", "ben", "gone"}


def test_a_long_list_is_cut_and_says_by_how_much() -> None:
    many = Listed(entries=(entry("AAAA-1111-AAAA"), entry("BBBB-2222-BBBB")), total=412)
    found = Overdue(
        complaints=300,
        listed=many,
        by_clock=(ClockCount(pack="retail", pack_version=2, clock="response", overdue=400),
                  ClockCount(pack="unknown", pack_version=1, clock="gone", overdue=12)),
    )  # fmt: skip
    told = write_overdue(around(ReportKind.OVERDUE_SUMMARY), found)
    assert told.subject == "Overdue complaints: 300"
    assert "– Retail, Response: 400\n– unknown, gone: 12" in told.body
    assert "the oldest first (412)" in told.body
    assert "– … and 410 more" in told.body


@pytest.mark.parametrize("kind", ReportKind)
def test_a_stranger_learns_nothing_from_a_subject(kind: ReportKind) -> None:
    assert set(LETTERS[kind]) == set(LANGUAGES)
    for letter in LETTERS[kind].values():
        assert fields_in(letter.subject) <= SUBJECT_FIELDS | {"week"}, "a number, or which week it was"
