"""Rotas as iCalendar: what goes out comes in again, repeating events are spelt out, and what does not fit is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from api.duty_calendar import MOST_SHIFTS, NotTaken, calendar_of, shifts_of
from complaints.people.duty import Handover, Rota, shifts
from ledger.directory import StaffMember
from policies.arithmetic.calendars import Weekday
from policies.vocabulary import Role

SINCE = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=400)
ROTA = Rota(
    id="desk", title="Complaints desk; nights, too", timezone="Europe/Berlin", members=("usr_ana", "usr_mei"),
    handover=Handover(weekday=Weekday.MON, at="09:00"), starts_on=date(2026, 3, 2),
)  # fmt: skip
PEOPLE = tuple(
    StaffMember(
        id=f"usr_{login}", login=login, name=name, email=f"{login}@example.org", roles=(Role.HANDLER,),
        supervisor=None, language="en", active=True,
    )
    for login, name in (("ana", "Ana Silva"), ("mei", "陳美"), ("ben", "Ben Okafor"))
)  # fmt: skip


def events(*lines: str) -> bytes:
    told = [f"BEGIN:VEVENT\r\nUID:{n}@x\r\n{line}\r\nEND:VEVENT" for n, line in enumerate(lines)]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *told, "END:VCALENDAR", ""]).encode()


def taken(*lines: str) -> list[tuple[str, str, str]]:
    found = shifts_of(events(*lines), ROTA, PEOPLE, SINCE, UNTIL)
    return [(one.person, f"{one.begins_at:%m-%dT%H:%M}", f"{one.ends_at:%m-%dT%H:%M}") for one in found]


def faults(sent: bytes) -> list[tuple[int, str]]:
    with pytest.raises(NotTaken) as refused:
        shifts_of(sent, ROTA, PEOPLE, SINCE, UNTIL)
    return [(fault.event, fault.sentence) for fault in refused.value.faults]


def test_what_goes_out_comes_in_again() -> None:
    names = {one.id: one.name for one in PEOPLE}
    plan = shifts(ROTA, SINCE, SINCE + timedelta(days=60))
    sent = calendar_of(ROTA, plan, names, SINCE, "redress.example")
    assert b"SUMMARY:Ana Silva\r\n" in sent
    assert b"ana@example.org" not in sent, "colleagues' addresses stay here"
    assert shifts_of(sent, ROTA, PEOPLE, SINCE, UNTIL) == plan
    again = calendar_of(ROTA, plan, names, SINCE + timedelta(hours=1), "redress.example")
    uids = [line for line in sent.splitlines() if line.startswith(b"UID:")]
    assert uids == [line for line in again.splitlines() if line.startswith(b"UID:")]
    assert len(set(uids)) == len(plan)


def test_a_repeating_event_is_spelt_out_through_the_clock_change_and_without_its_exceptions() -> None:
    assert taken(
        "SUMMARY:ana\r\nDTSTART;TZID=Europe/Berlin:20260320T180000\r\nDTEND;TZID=Europe/Berlin:20260320T220000\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=3\r\nEXDATE;TZID=Europe/Berlin:20260327T180000"
    ) == [("usr_ana", "03-20T17:00", "03-20T21:00"), ("usr_ana", "04-03T16:00", "04-03T20:00")]


def test_a_member_is_known_by_attendee_login_or_name_and_times_without_a_zone_are_the_rota_s() -> None:
    assert taken(
        "ATTENDEE;CN=x:mailto:Ana@example.org\r\nATTENDEE:mailto:stranger@example.org\r\nSUMMARY:On duty\r\n"
        "DTSTART:20260401T080000Z\r\nDTEND:20260401T160000Z",
        "SUMMARY:陳美\r\nDTSTART:20260402T080000\r\nDTEND:20260402T160000",
        "SUMMARY: MEI \r\nDTSTART;VALUE=DATE:20260403\r\nDTEND;VALUE=DATE:20260404",
        "SUMMARY:stranger\r\nSTATUS:CANCELLED\r\nDTSTART:20260405T080000Z\r\nDTEND:20260405T160000Z",
        "SUMMARY:stranger\r\nDTSTART:20250405T080000Z\r\nDTEND:20250405T160000Z",
    ) == [
        ("usr_ana", "04-01T08:00", "04-01T16:00"), ("usr_mei", "04-02T06:00", "04-02T14:00"),
        ("usr_mei", "04-02T22:00", "04-03T22:00"),
    ]  # fmt: skip


def test_what_does_not_fit_is_told_event_by_event_and_repeats_nothing_that_was_sent() -> None:
    told = faults(events(
        "SUMMARY:ana\r\nDTSTART:20260401T080000Z\r\nDTEND:20260401T160000Z",
        "SUMMARY:Secret Stranger\r\nDTSTART:20260402T080000Z\r\nDTEND:20260402T160000Z\r\nRRULE:FREQ=DAILY;COUNT=9",
        "SUMMARY:ben\r\nDTSTART:20260403T080000Z\r\nDTEND:20260403T160000Z",
        "SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nDTEND:20260403T080000Z",
    ))  # fmt: skip
    assert [number for number, _ in told] == [2, 3, 4]
    assert "names no member of this rota" in told[0][1]
    assert "Secret" not in str(told)
    assert "ends before it begins" in told[2][1]


@pytest.mark.parametrize(
    "sent",
    [b"", b"no calendar", b"\xff\xfe\x00", b"BEGIN:VCALENDAR", b"BEGIN:VEVENT\r\nEND:VEVENT\r\n",
     events("SUMMARY:ana"), events("SUMMARY:ana\r\nDTSTART:nonsense"),
     events("SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nRRULE:FREQ=NEVER"),
     events("SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nRRULE:nonsense"),
     events("SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nDTEND:20260403T090000Z\r\nRRULE:FREQ=SECONDLY"),
     events("SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nDTEND:20260403T090000Z\r\n"
            "RRULE:FREQ=DAILY;BYMINUTE=0,1,2,3,4;BYHOUR=1,2,3,4,5"),
     events("SUMMARY:ana\r\nDTSTART:00010403T080000Z\r\nDTEND:00010403T090000Z\r\nRRULE:FREQ=DAILY"),
     events("SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nDTEND:20260403T083000Z\r\nRRULE:FREQ=HOURLY"),
     events(*["SUMMARY:ana\r\nDTSTART:20260403T080000Z\r\nDTEND:20260403T083000Z"] * (MOST_SHIFTS + 1))],
)  # fmt: skip
def test_what_is_no_calendar_or_too_much_of_one_is_refused(sent: bytes) -> None:
    assert faults(sent)
