"""The `redress clock` protocol: one answer for each question, and a sentence for each that makes no sense."""

import json
from time import perf_counter
from typing import Any

import pytest

from policies.arithmetic.calendars import BeyondKnown, Calendar
from policies.arithmetic.what_if import answer, answer_line

OFFICE: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "hours": {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holidays": ["2025-01-08"],
    "overrides": {"2025-01-09": [["10:00", "11:00"]]},
    "working_dates": ["2025-01-11"],
}
MONDAY = "2025-01-06T10:00:00+08:00"
COUNT: dict[str, Any] = {"op": "count_working_days", "from": "2025-01-06"}
DUE: dict[str, Any] = {"op": "due", "start": MONDAY}


def due(**more: Any) -> dict[str, Any]:
    return answer({**DUE, **more})


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"op": "due", "start": "2025-01-06T02:00:00Z", "duration_seconds": 90}, "2025-01-06T02:01:30Z"),
        ({**DUE, "calendar": OFFICE, "duration_seconds": 28_800}, "2025-01-07T02:00:00Z"),
        ({**DUE, "calendar": OFFICE, "working_days": 1}, "2025-01-07T16:00:00Z"),
        # The 8th is a holiday, the 9th is open for an hour, Saturday the 11th works.
        ({**DUE, "calendar": OFFICE, "working_days": 4}, "2025-01-11T16:00:00Z"),
        (
            {**DUE, "calendar": OFFICE, "working_days": 2, "day_rule": "closing"},
            "2025-01-09T03:00:00Z",
        ),
        (
            {**DUE, "calendar": OFFICE, "working_days": 2, "day_rule": "same_time"},
            "2025-01-09T02:00:00Z",
        ),
        ({**DUE, "calendar": OFFICE, "calendar_days": 5}, "2025-01-11T16:00:00Z"),
        ({**DUE, "calendar": OFFICE, "months": 1}, "2025-02-06T16:00:00Z"),
        ({"op": "due", "start": "2025-09-30T10:00:00+08:00", "calendar": "cn", "working_days": 1},
         "2025-10-09T16:00:00Z"),
        ({"op": "due", "start": "2025-04-17T10:00:00Z", "calendar": "gb", "working_days": 1},
         "2025-04-22T23:00:00Z"),  # over Easter
    ],
)  # fmt: skip
def test_due(request_: dict[str, Any], told: str) -> None:
    assert answer({"id": 7, **request_}) == {"id": 7, "due": told}


def test_pauses_and_a_pause_that_still_lasts() -> None:
    assert due(duration_seconds=3600, pauses=[["2025-01-06T02:30:00Z", "2025-01-06T03:30:00Z"]]) == {
        "due": "2025-01-06T04:00:00Z"
    }
    assert due(duration_seconds=3600, pauses=[["2025-01-06T02:30:00Z", None]]) == {"due": None}


def test_elapsed_offset_and_working_days() -> None:
    end = "2025-01-07T10:00:00.5+08:00"
    asked = {"op": "elapsed", "start": MONDAY, "end": end}
    assert answer({**asked, "calendar": OFFICE}) == {"seconds": 28_800.5}
    assert answer(asked) == {"seconds": 86_400.5}
    back = {"op": "offset", "due": MONDAY, "calendar": OFFICE, "offset_seconds": -2 * 3600}
    assert answer(back) == {"at": "2025-01-03T09:00:00Z"}
    assert answer({**back, "offset_seconds": 0}) == {"at": "2025-01-06T02:00:00Z"}
    assert answer({"op": "offset", "due": MONDAY, "offset_seconds": 60}) == {"at": "2025-01-06T02:01:00Z"}
    add = {"op": "add_working_days", "calendar": OFFICE, "start": "2025-01-06", "working_days": 2}
    assert answer(add) == {"date": "2025-01-09"}
    count = {"op": "count_working_days", "calendar": OFFICE, "from": "2025-01-06", "to": "2025-01-13"}
    assert answer(count) == {"working_days": 5}


def test_an_explanation_adds_every_counted_interval() -> None:
    told = due(calendar=OFFICE, duration_seconds=4 * 3600, explain=True)
    assert told["intervals"] == [
        {
            "from": "2025-01-06T02:00:00Z",
            "to": "2025-01-06T04:00:00Z",
            "seconds": 7200,
            "total_seconds": 7200,
        },
        {
            "from": "2025-01-06T05:00:00Z",
            "to": "2025-01-06T07:00:00Z",
            "seconds": 7200,
            "total_seconds": 14_400,
        },
    ]
    told = due(calendar=OFFICE, working_days=2, explain=True)
    assert [day["date"] for day in told["days"]] == ["2025-01-07", "2025-01-09"]
    assert told["holidays"] == [{"date": "2025-01-08", "name": ""}]


def test_each_operation_explains_what_it_counted() -> None:
    ahead = answer(
        {"op": "offset", "due": MONDAY, "calendar": OFFICE, "offset_seconds": 4 * 3600, "explain": True}
    )
    assert [(one["from"], one["to"]) for one in ahead["intervals"]] == [
        ("2025-01-06T02:00:00Z", "2025-01-06T04:00:00Z"),
        ("2025-01-06T05:00:00Z", "2025-01-06T07:00:00Z"),
    ]
    back = answer({"op": "offset", "due": MONDAY, "offset_seconds": -60, "explain": True})
    assert [one["from"] for one in back["intervals"]] == ["2025-01-06T01:59:00Z"]
    add = {"op": "add_working_days", "calendar": OFFICE, "start": "2025-01-07", "explain": True}
    assert answer({**add, "working_days": 2})["days"] == [
        {"date": "2025-01-09", "number": 1},
        {"date": "2025-01-10", "number": 2},
    ]
    assert [day["date"] for day in answer({**add, "working_days": -1})["days"]] == ["2025-01-06"]
    assert answer({**add, "working_days": 0})["days"] == []
    # The last date that is known is counted, though the one after it, which is excluded, is not known.
    last = {**COUNT, "calendar": "cn", "from": "2026-12-26", "to": "2027-01-01", "explain": True}
    assert [day["date"] for day in answer(last)["days"]] == [f"2026-12-{day}" for day in range(28, 32)]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ([], "bad_request"),
        ({}, "bad_request"),
        ({"op": ["due"]}, "bad_request"),
        ({"op": "guess"}, "unknown_op"),
        (DUE, "bad_duration"),
        ({**DUE, "working_days": 1, "months": 1}, "bad_duration"),
        ({**DUE, "duration_seconds": -1}, "bad_number"),
        ({**DUE, "duration_seconds": 1.5}, "bad_number"),
        ({**DUE, "duration_seconds": True}, "bad_number"),
        ({"op": "due", "start": "2025-01-06T10:00:00", "duration_seconds": 1}, "bad_instant"),
        ({"op": "due", "start": 5, "duration_seconds": 1}, "bad_instant"),
        ({"op": "due", "duration_seconds": 1}, "bad_request"),
        ({**DUE, "working_days": 1}, "no_calendar"),
        ({**DUE, "working_days": 1, "calendar": "atlantis"}, "unknown_calendar"),
        ({**DUE, "working_days": 1, "calendar": 5}, "bad_calendar"),
        ({**DUE, "working_days": 1, "calendar": {"hours": {}}}, "bad_calendar"),
        (
            {**DUE, "working_days": 1, "calendar": {**OFFICE, "timezone": "../etc"}},
            "bad_calendar",
        ),
        (
            {**DUE, "working_days": 1, "calendar": {**OFFICE, "hours": {"mon": [["9"]]}}},
            "bad_calendar",
        ),
        ({**DUE, "working_days": 1, "calendar": {"timezone": "UTC"}}, "never_open"),
        ({**DUE, "working_days": 1, "calendar": OFFICE, "day_rule": "x"}, "bad_day_rule"),
        ({**DUE, "duration_seconds": 1, "pauses": 3}, "bad_pauses"),
        ({**DUE, "duration_seconds": 1, "pauses": [[MONDAY]]}, "bad_pauses"),
        (
            {**DUE, "duration_seconds": 1, "pauses": [[MONDAY, "2025-01-05T00:00:00Z"]]},
            "bad_pauses",
        ),
        ({**DUE, "start": "2026-12-30T10:00Z", "working_days": 9, "calendar": "cn"}, "calendar_not_known"),
        ({"op": "due", "start": "9999-12-31T10:00Z", "duration_seconds": 86_400}, "too_far"),
        ({"op": "due", "start": "0001-01-01T00:00+08:00", "duration_seconds": 1}, "too_far"),
        ({**DUE, "months": 100_000_000}, "too_far"),
        ({**DUE, "working_days": 100_000_000, "calendar": OFFICE}, "too_far"),
        ({"op": "elapsed", "start": MONDAY, "end": "2025-01-05T00:00:00Z"}, "bad_request"),
        ({"op": "add_working_days", "start": "6.1.2025", "working_days": 1, "calendar": OFFICE}, "bad_date"),
        ({**COUNT, "to": "2025-01-01", "calendar": "cn"}, "bad_request"),
        ({**COUNT, "to": "2025-01-09"}, "no_calendar"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_answered_with_a_code_and_a_sentence(request_: Any, code: str) -> None:
    told = answer({"id": "q", **request_} if isinstance(request_, dict) else request_)
    assert told["error"]["code"] == code, told
    assert told["error"]["message"]
    assert "id" not in told or told["id"] == "q"


def test_beyond_what_is_known_it_names_the_last_date_even_for_a_pack_that_counts_on() -> None:
    counts_on = Calendar.model_validate(
        {**OFFICE, "known_until": "2025-12-31", "beyond_known": BeyondKnown.WEEKLY_HOURS}
    )
    asked = {"op": "add_working_days", "calendar": "shop", "start": "2025-12-30", "working_days": 5}
    assert answer(asked, {"shop": counts_on})["error"] == {
        "code": "calendar_not_known",
        "message": "calendar not known beyond 2025-12-31",
    }
    assert answer({**asked, "working_days": 1}, {"shop": counts_on}) == {"date": "2025-12-31"}


def test_a_line_in_is_a_line_out() -> None:
    line, sense = answer_line('{"id":1,"op":"due","start":"2025-01-06T02:00:00Z","duration_seconds":1}\n')
    assert (json.loads(line), sense) == ({"id": 1, "due": "2025-01-06T02:00:01Z"}, True)
    bad_ones = ("", "nonsense", "[" * 100_000, "5", "null", '{"id":NaN}', '{"id":1e999}', b'{"id":"\xff"}')
    for bad in bad_ones:
        line, sense = answer_line(bad)
        assert "\n" not in line
        assert not sense
        assert json.loads(line)["error"]["code"] in ("bad_json", "bad_request")


def test_any_id_that_can_be_read_is_given_back_or_the_run_goes_on() -> None:
    asked = '{"id":%s,"op":"due","start":"2025-01-06T02:00:00Z","duration_seconds":1}'
    for written in ('"\\ud800"', '"投訴"', '[1,{"a":null}]', "1.50"):
        line, sense = answer_line(asked % written)
        assert line.encode()
        assert (json.loads(line)["id"], sense) == (json.loads(written), True)
    assert "投訴" in answer_line(asked % '"投訴"')[0], "people read the answers"
    for depth in range(400, 1_000):
        line, _ = answer_line(asked % ("[" * depth + "]" * depth))
        assert line.startswith("{")


def test_ten_thousand_requests_take_less_than_three_seconds() -> None:
    lines = [
        json.dumps(
            {
                "id": n,
                "op": "due",
                "calendar": ("cn", "gb", OFFICE)[n % 3],
                "start": f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}T0{n % 10}:00:00Z",
                ("duration_seconds", "working_days", "calendar_days")[n // 3 % 3]: n % 300,
                "pauses": [["2024-05-01T00:00:00Z", "2024-05-03T10:00:00Z"]] if n % 5 == 0 else [],
            }
        )
        for n in range(10_000)
    ]
    answer_line(lines[0])
    answer_line(lines[1])
    began = perf_counter()
    answered = [answer_line(line) for line in lines]
    took = perf_counter() - began
    assert all(sense for _, sense in answered)
    assert took < 3
