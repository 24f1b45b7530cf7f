"""Bad packs are refused with file, line, path and a sentence; sound ones are published whole."""

from datetime import date
from pathlib import Path

import pytest

from policies import loading
from policies.arithmetic.calendars import BeyondKnown
from policies.loading import BASES, PACKS, PackError, load_pack, packs_available

RETAIL = PACKS / "retail-2025.yaml"
HOUSE = BASES / "house.yaml"


def broken(before: str, after: str, file: Path = RETAIL) -> tuple[str, int]:
    """The retail pack (or another) with one place changed, and the line of that place."""
    text = file.read_text(encoding="utf-8")
    assert before in text
    return text.replace(before, after, 1), text[: text.index(before)].count("\n") + 1


def refusal(text: str) -> PackError:
    """How this pack is refused."""
    with pytest.raises(PackError) as refused:
        load_pack(text)
    return refused.value


@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_every_pack_that_comes_with_the_service_is_sound_and_called_as_its_file(path: Path) -> None:
    assert load_pack(path).name == path.stem


@pytest.mark.parametrize(
    ("before", "after", "path", "sentence"),
    [
        ("duration: 15 min", "duration: 15 minuets", "clocks[0].duration", "is not a duration"),
        ("starts_on: received", "starts_on: arrived", "clocks[0].starts_on", "'arrived'"),
        ("met_by: [acknowledged]", "met_by: []", "clocks[0].met_by", "nothing meets the clock 'response'"),
        (
            "met_by: [acknowledged]",
            "met_by: [received]",
            "clocks[0].met_by",
            "'received' both starts and meets the clock 'response'",
        ),
        ("id: first_handling\n", "id: response\n", "clocks[1].id", "two clocks called 'response'"),
        ('warn_at: ["-20%"]', 'warn_at: ["+20%"]', "clocks[0].warn_at[0]", "no earlier than the due moment"),
        ('warn_at: ["-20%"]', 'warn_at: ["-15 min"]', "clocks[0].warn_at[0]", "before the clock starts"),
        ('warn_at: ["-20%"]', 'warn_at: ["-1 working hours"]', "clocks[0].warn_at[0]", "calendar"),
        ("ladder: at_once", "ladder: nowhere", "clocks[0].ladder", "no ladder called 'nowhere'"),
        ("pauses_on: [waiting_for_customer]", "pauses_on: [lunch]", "clocks[4].pauses_on[0]", "'lunch'"),
        (
            "pauses_on: [waiting_for_customer]",
            "pauses_on: [waiting_for_customer]\n    statutory: true",
            "clocks[4].pauses_on",
            "nothing pauses it",
        ),
        ("calendar: cn\n", "calendar: us\n", "clocks[6].calendar", "no calendar called 'us'"),
        ("since: 2025-01-01", "since: 2025-02-30", "clocks[0].since", "2025-02-30"),
        ("since: 2025-01-01", "since: 01.01.2025", "clocks[0].since", "valid date"),
        ("basis: target", "basis: rumour", "clocks[0].basis", "'rumour'"),
        ("since: 2025-01-01", "since: yesterday", "clocks[0].since", "date"),
        ("country: cn", "country: atlantis", "calendars.cn.country", "'atlantis'"),
        (
            "from_year: 2011",
            "from_year: 1999",
            "calendars.cn.country",
            "calendar not known before 2004-01-01",
        ),
        ('mon: [["09:00", "18:00"]]', 'mon: [["9", "18:00"]]', "calendars.cn.hours.mon", "opening time"),
        ("timezone: Asia/Shanghai", "timezone: Asia/Nowhere", "timezone", "time zone"),
        ("version: 3\n", "version: 3\ncolour: red\n", "colour", "no such entry"),
        ("    chosen_by: redress-default\n", "", "clocks[7].chosen_by", "a choice must name who chose"),
    ],
)
def test_a_bad_pack_is_refused_with_path_and_sentence(
    before: str, after: str, path: str, sentence: str
) -> None:
    text, _ = broken(before, after)
    said = [(problem.path, problem.sentence) for problem in refusal(text).problems]
    assert any(at.startswith(path) and sentence in text for at, text in said), said


@pytest.mark.parametrize(
    ("before", "after", "path", "sentence"),
    [
        ("tell: [owner, owner_supervisor]", "tell: [the boss]", "ladders.at_once.rungs[0].tell[0]", "nobody"),
        ("tell: [owner, owner_supervisor]", "tell: []", "ladders.at_once.rungs[0].tell", "at least 1"),
        ("{clock}", "{address}", "letters.alert_warning.en.body", "no field 'address'"),
        (
            'subject: "Due soon: {reference}"',
            'subject: "{owner}"',
            "letters.alert_warning.en.subject",
            "owner",
        ),
        ("above_minor: 1000000", "above_minor: 1000.5", "second_approver.above_minor", "integer"),
        ("  mail: sent", "  mail: bounced", "delivered_by.mail", "has not arrived"),
        ('at: "+1 h", tell: [', 'at: "+1 h", tell: ["role:complainant", ', "ladders.at_once", "on the staff"),
        ("  low_score: 2\n", "", "satisfaction.low_score", "this is missing"),
        ("  resolving: [resolved]", "  celebrating: [resolved]", "phases_require.celebrating", "no phase"),
        ("  investigating: [", "  closed: [closed, ", "phases_require.closed", "before it is closed"),
        (
            "    ends_on: [customer_wrote]",
            "    ends_on: [customer_wrote, customer_asked]",
            "pause_reasons.waiting_for_customer.ends_on",
            "both begins and ends",
        ),
        (
            'remind_at: ["-7 calendar days"',
            'remind_at: ["-14 calendar days"',
            "pause_reasons.waiting_for_customer.remind_at[0]",
            "before the pause begins",
        ),
        (
            'remind_at: ["-7 calendar days"',
            'remind_at: ["+7 calendar days"',
            "pause_reasons.waiting_for_customer.remind_at[0]",
            "no earlier than the limit",
        ),
        (
            "    limit: 14 calendar days\n",
            "",
            "pause_reasons.waiting_for_customer.remind_at[0]",
            "a limit that does not exist",
        ),
    ],
)
def test_what_is_wrong_with_a_base_is_said_where_it_stands_in_the_base(
    *, before: str, after: str, path: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, line = broken(before, after, HOUSE)
    (tmp_path / "house.yaml").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(loading, "BASES", tmp_path)
    problems = [p for p in refusal(RETAIL.read_text(encoding="utf-8")).problems if p.path.startswith(path)]
    assert any(sentence in problem.sentence for problem in problems), problems
    assert {problem.file for problem in problems} == {"house.yaml"}
    assert all(abs(problem.line - line) <= 12 for problem in problems), (problems, line)


def test_a_refusal_names_the_file_and_the_line(tmp_path: Path) -> None:
    text, line = broken("duration: 48 h", "duration: two days")
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PackError) as refused:
        load_pack(file)
    assert str(refused.value).startswith(
        f"mine.yaml:{line}: clocks[4].duration: 'two days' is not a duration"
    )


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text, _ = broken("duration: 15 min", "duration: soon")
    with pytest.raises(PackError) as refused:
        load_pack(text.replace("duration: 30 min", "duration: later", 1))
    assert [problem.path for problem in refused.value.problems] == [
        "clocks[0].duration",
        "clocks[1].duration",
    ]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("name: [", 1, "not YAML"),
        ("- a list", 1, "a pack is a mapping"),
        ("", 1, "a pack is a mapping"),
        ("name: a\nname: b\n", 2, "written twice"),
        ("name: !!python/object:os.system {}\n", 1, "not YAML"),
        ("name: &again [*again]\n", 1, "name"),
    ],
)
def test_what_is_not_a_pack_at_all_is_refused_in_one_sentence(text: str, line: int, sentence: str) -> None:
    with pytest.raises(PackError, match=sentence) as refused:
        load_pack(text)
    assert refused.value.problems[0].line == line


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="cannot be read"):
        load_pack(tmp_path / "missing.yaml")


def test_times_of_day_and_words_are_read_as_they_are_written() -> None:
    # YAML 1.1 alone would read 17:00 as 1020 and no as false.
    text, _ = broken('mon: [["09:00", "18:00"]]', "mon: [[10:00, 17:00]]")
    monday = load_pack(text).calendars["cn"].ranges_on
    assert monday(date(2025, 1, 6)) == (("10:00", "17:00"),)


def test_a_parameter_that_is_off_takes_its_clock_away() -> None:
    text, _ = broken("simple_problem_handled_in_full: true", "simple_problem_handled_in_full: false")
    strict, loose = load_pack(RETAIL), load_pack(text)
    assert {rule.id for rule in strict.clocks} - {rule.id for rule in loose.clocks} == {
        "first_handling_in_full"
    }
    assert strict.simple_problem_handled_in_full
    assert not loose.simple_problem_handled_in_full


def test_a_published_calendar_carries_its_holidays_and_what_the_pack_adds() -> None:
    also = "    holidays: {2025-06-06: Founders' day}"
    text, _ = broken("    beyond_known: weekly_hours", f"    beyond_known: weekly_hours\n{also}")
    calendar = load_pack(text).calendars["cn"]
    said = {day.isoformat(): name for day, name in calendar.holidays.items()}
    assert said["2025-06-06"] == "Founders' day"
    assert said["2025-10-01"] == "国庆节"
    assert calendar.beyond_known is BeyondKnown.WEEKLY_HOURS


def test_what_is_assumed_beyond_the_holidays_that_are_known_has_to_be_said() -> None:
    """Without it a complaint whose deadline lies beyond them could not be taken in."""
    text, _ = broken("    beyond_known: weekly_hours\n", "")
    assert [problem.path for problem in refusal(text).problems] == ["calendars.cn.beyond_known"]
    unused, _ = broken("calendars:\n", "calendars:\n  spare: {country: cn, to_year: 2025}\n")
    assert load_pack(unused).calendars["spare"].beyond_known is BeyondKnown.REFUSE
