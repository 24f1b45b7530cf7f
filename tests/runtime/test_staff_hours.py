"""The hours of the staff: what may be written, what is open to the second, and when it opens next."""

from datetime import UTC, datetime

import pytest

from runtime.staff_hours import is_open, next_opening, parse_hours

OFFICE = "mon-fri 07:00-21:00 Asia/Shanghai; sat 09:00-12:00 Asia/Shanghai"


def at(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "when", "expected"),
    [
        (OFFICE, "2026-05-04T06:59:59+08:00", False),
        (OFFICE, "2026-05-04T07:00:00+08:00", True),
        (OFFICE, "2026-05-04T20:59:59+08:00", True),
        (OFFICE, "2026-05-04T21:00:00+08:00", False),
        (OFFICE, "2026-05-09T10:00:00+08:00", True),
        (OFFICE, "2026-05-10T10:00:00+08:00", False),
        ("fri 22:00-06:00 Europe/London", "2026-05-09T05:59:59+01:00", True),
        ("fri 22:00-06:00 Europe/London", "2026-05-09T06:00:00+01:00", False),
        ("fri 22:00-06:00 Europe/London", "2026-05-08T05:00:00+01:00", False),
        ("sat-mon 00:00-24:00 UTC", "2026-05-03T23:59:59+00:00", True),
        ("sat-mon 00:00-24:00 UTC", "2026-05-05T00:00:00+00:00", False),
        ("mon,wed-thu 08:00-09:00 UTC", "2026-05-06T08:30:00+00:00", True),
        ("mon,wed-thu 08:00-09:00 UTC", "2026-05-05T08:30:00+00:00", False),
    ],
)
def test_it_is_open_to_the_second(hours: str, when: str, expected: bool) -> None:
    assert is_open(parse_hours(hours), at(when)) is expected


@pytest.mark.parametrize(
    ("hours", "when", "opens"),
    [
        (OFFICE, "2026-05-04T21:00:00+08:00", "2026-05-05T07:00:00+08:00"),
        (OFFICE, "2026-05-08T22:00:00+08:00", "2026-05-09T09:00:00+08:00"),
        (OFFICE, "2026-05-09T12:00:00+08:00", "2026-05-11T07:00:00+08:00"),
        ("mon 09:00-10:00 UTC", "2026-05-04T10:00:00+00:00", "2026-05-11T09:00:00+00:00"),
        # The clocks go back on 25 October 2026: nine in London is then nine UTC.
        ("mon 09:00-10:00 Europe/London", "2026-10-24T12:00:00+01:00", "2026-10-26T09:00:00+00:00"),
    ],
)
def test_it_says_when_it_opens_next(hours: str, when: str, opens: str) -> None:
    found = next_opening(parse_hours(hours), at(when))
    assert found == at(opens)
    assert str(found.tzinfo) in hours


@pytest.mark.parametrize(
    "wrong",
    ["", "mon-fri", "mon-fri 07:00-21:00", "mon-fri 7:00-21:00 UTC", "mo-fr 07:00-21:00 UTC",
     "mon-fri 07:00-21:00 UTC;", "mon-fri 24:00-21:00 UTC", "mon-fri 07:60-21:00 UTC", "mon - fri 07:00-21:00 UTC"],
)  # fmt: skip
def test_what_can_not_be_read_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"such as mon-fri 07:00-21:00 Asia/Shanghai"):
        parse_hours(wrong)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime"])
def test_a_zone_that_is_not_there_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="has to name a time zone that there is"):
        parse_hours(f"mon-fri 07:00-21:00 {zone}")
