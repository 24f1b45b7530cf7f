"""The `redress clock` protocol: one what-if question about deadlines in, one answer out, both JSON objects.

Operations: `due`, `elapsed`, `offset`, `add_working_days`, `count_working_days`. A calendar is a name (of a
country or of a pack's calendar), an object, or absent: then time is elapsed time, and days are UTC days.
Asked beyond what is known of a calendar, this answers `calendar_not_known`, whatever a pack allows itself.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from policies.arithmetic.calendars import BeyondKnown, Calendar, CalendarNeverOpen, CalendarNotKnown, TooFar
from policies.arithmetic.countries import CountryNotKnown, country_calendar
from policies.arithmetic.deadlines import (
    DayRule,
    add_working_days,
    count_working_days,
    due_at,
    elapsed,
    moved,
)
from policies.arithmetic.durations import Duration, Unit
from policies.arithmetic.explain import CountedInterval, Explanation, explain, intervals_between
from policies.arithmetic.running import PauseInstants, merged
from policies.arithmetic.zones import to_micros

NO_CALENDARS: Mapping[str, Calendar] = {}

_LONGEST = 10**11  # seconds, some 3,000 years
_LENGTHS = {
    "duration_seconds": None,  # working time with a calendar, elapsed time without
    "working_days": Unit.WORKING_DAYS,
    "calendar_days": Unit.CALENDAR_DAYS,
    "months": Unit.MONTHS,
}


class Nonsense(ValueError):  # noqa: N818 - what is wrong is the question
    """A request that makes no sense: a stable code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def answer(request: object, calendars: Mapping[str, Calendar] = NO_CALENDARS) -> dict[str, Any]:
    """Answer one request; never raises for what a request says.

    `calendars` are those that packs give, by name; they go before countries' (PackCalendars keeps the names
    of countries free). A request that makes no
    sense is answered with `{"id", "error": {"code", "message"}}`; `id` is there whenever it was given.
    """
    if not isinstance(request, dict):
        return _refusal({}, "bad_request", "a request is a JSON object")
    told = {"id": request["id"]} if "id" in request else {}
    try:
        operation = _OPERATIONS.get(_text(request, "op"))
        if operation is None:
            raise Nonsense("unknown_op", f"there is no operation '{request['op']}': {', '.join(_OPERATIONS)}")
        return {**told, **operation(request, calendars)}
    except Nonsense as error:
        return _refusal(told, error.code, str(error))
    except CalendarNotKnown as error:
        return _refusal(told, "calendar_not_known", str(error))
    except CalendarNeverOpen as error:
        return _refusal(told, "never_open", str(error))
    except (TooFar, OverflowError) as error:
        return _refusal(told, "too_far", str(error))
    except ValueError as error:
        return _refusal(told, "bad_request", str(error))


def answer_line(line: str | bytes, calendars: Mapping[str, Calendar] = NO_CALENDARS) -> tuple[str, bool]:
    """Answer one line of JSON (bytes are UTF-8) with one line of JSON, and say whether it made sense."""
    try:
        request = json.loads(line, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        told = _refusal({}, "bad_json", f"the line is not JSON: {error}")
    else:
        told = answer(request, calendars)
    try:
        return _written(told), "error" not in told
    except RecursionError:  # an id may be any JSON, and this one could just be read
        return _written(_refusal({}, "bad_request", "the id is nested too deeply")), False


def _no_number(word: str) -> float:
    raise ValueError(f"'{word}' is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


def _written(told: dict[str, Any]) -> str:
    """One line of JSON; half a character (a lone surrogate, say in an id) stays escaped, as it can not be encoded."""
    line = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return line if _encodable(line) else json.dumps(told, separators=(",", ":"))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Operations


def _due(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    calendar = _calendar(request, calendars)
    start, pauses = _instant(request, "start"), _pauses(request)
    duration, calendar = _duration(request, calendar)
    rule = _choice(request, "day_rule", DayRule, DayRule.END_OF_DAY)
    roll, statutory = _flag(request, "roll"), _flag(request, "statutory")
    due = due_at(start, duration, calendar, pauses, rule, statutory=statutory, roll=roll)
    told: dict[str, Any] = {"due": None if due is None else _spelled(due)}
    if _flag(request, "explain"):
        why = explain(start, duration, calendar, pauses, rule, statutory=statutory, roll=roll)
        told.update(_explained(why))
    return told


def _elapsed(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    calendar = _calendar(request, calendars)
    start, end, pauses = _instant(request, "start"), _instant(request, "end"), _pauses(request)
    told: dict[str, Any] = {"seconds": _seconds(elapsed(start, end, calendar, pauses))}
    if _flag(request, "explain"):
        told["intervals"] = _counted(start, end, calendar, pauses)
    return told


def _offset(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    calendar = _calendar(request, calendars)
    due, seconds = _instant(request, "due"), _whole(request, "offset_seconds", -_LONGEST, _LONGEST)
    pauses = _pauses(request)
    at = moved(due, timedelta(seconds=seconds), calendar, pauses)
    told: dict[str, Any] = {"at": None if at is None else _spelled(at)}
    if _flag(request, "explain"):
        told["intervals"] = [] if at is None else _counted(min(due, at), max(due, at), calendar, pauses)
    return told


def _add(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    start, count = _date(request, "start"), _whole(request, "working_days", -_LONGEST, _LONGEST)
    calendar = _needed(request, calendars)
    found = add_working_days(start, count, calendar)
    told: dict[str, Any] = {"date": found.isoformat()}
    if _flag(request, "explain"):
        step = 1 if count > 0 else -1
        told["days"] = _working_days(start, step, abs(count), calendar)
    return told


def _count(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    first, end = _date(request, "from"), _date(request, "to")
    calendar = _needed(request, calendars)
    count = count_working_days(first, end, calendar)
    told: dict[str, Any] = {"working_days": count}
    if _flag(request, "explain"):
        days = (first + timedelta(n) for n in range((end - first).days))
        works = (day for day in days if count_working_days(day, day + timedelta(1), calendar))
        told["days"] = [_numbered(day, number) for number, day in enumerate(works, start=1)]
    return told


def _working_days(start: date, step: int, count: int, calendar: Calendar) -> list[dict[str, Any]]:
    """The next `count` working days after `start` (before it for a step of -1), with their numbers."""
    found = []
    for number in range(1, count + 1):
        start = add_working_days(start, step, calendar)
        found.append(_numbered(start, number))
    return found


def _numbered(day: date, number: int) -> dict[str, Any]:
    return {"date": day.isoformat(), "number": number}


_OPERATIONS: Mapping[str, Callable[[dict[str, Any], Mapping[str, Calendar]], dict[str, Any]]] = {
    "due": _due,
    "elapsed": _elapsed,
    "offset": _offset,
    "add_working_days": _add,
    "count_working_days": _count,
}


# What a request says


def _duration(request: dict[str, Any], calendar: Calendar | None) -> tuple[Duration, Calendar | None]:
    given = [name for name in _LENGTHS if request.get(name) is not None]
    if len(given) != 1:
        raise Nonsense("bad_duration", f"give exactly one of {', '.join(_LENGTHS)}")
    amount = _whole(request, given[0], 0, _LONGEST)
    unit = _LENGTHS[given[0]] or (Unit.SECONDS if calendar is None else Unit.WORKING_SECONDS)
    if unit is Unit.WORKING_DAYS and calendar is None:
        raise Nonsense("no_calendar", "working days need a calendar that says which days work")
    return Duration(amount=amount, unit=unit), calendar


def _calendar(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> Calendar | None:
    written = request.get("calendar")
    if written is None:
        return None
    if isinstance(written, str):
        return _refusing(calendars[written]) if written in calendars else _country(written)
    if not isinstance(written, dict):
        raise Nonsense("bad_calendar", "a calendar is a name or an object")
    return _read_calendar(json.dumps(written, sort_keys=True))


def _needed(request: dict[str, Any], calendars: Mapping[str, Calendar]) -> Calendar:
    calendar = _calendar(request, calendars)
    if calendar is None:
        raise Nonsense("no_calendar", "working days need a calendar that says which days work")
    return calendar


@lru_cache(maxsize=512)
def _read_calendar(written: str) -> Calendar:
    """A calendar object, kept by its text: the same one comes with thousands of requests."""
    try:
        return _refusing(Calendar.model_validate_json(written))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"] if step != "[key]")
        raise Nonsense("bad_calendar", f"{where}: {first['msg'].removeprefix('Value error, ')}") from error


def _country(name: str) -> Calendar:
    try:
        return country_calendar(name)
    except CountryNotKnown as error:
        raise Nonsense(
            "unknown_calendar",
            f"neither a country nor a pack gives a calendar called '{name}'; where several packs do, "
            "write which one, as in 'retail-2025/cn'",
        ) from error


def _refusing(calendar: Calendar) -> Calendar:
    if calendar.beyond_known is BeyondKnown.REFUSE:
        return calendar
    return calendar.model_copy(update={"beyond_known": BeyondKnown.REFUSE})


def _pauses(request: dict[str, Any]) -> tuple[tuple[datetime, datetime | None], ...]:
    written = request.get("pauses")
    if written is None:
        return ()
    if not isinstance(written, list):
        raise Nonsense("bad_pauses", "pauses are a list of [from, to]")
    found = []
    for pair in written:
        if not isinstance(pair, list) or len(pair) != 2:
            raise Nonsense("bad_pauses", "a pause is [from, to]; to may be null while it lasts")
        begin = _moment(pair[0], "pauses")
        end = None if pair[1] is None else _moment(pair[1], "pauses")
        if end is not None and end < begin:
            raise Nonsense("bad_pauses", "a pause ends before it begins")
        found.append((begin, end))
    return tuple(found)


def _text(request: dict[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str):
        raise Nonsense("bad_request", f"'{name}' is missing or not a text")
    return value


def _instant(request: dict[str, Any], name: str) -> datetime:
    if name not in request:
        raise Nonsense("bad_request", f"'{name}' is missing")
    return _moment(request[name], name)


def _moment(value: object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Nonsense("bad_instant", f"'{name}' is not an instant such as 2025-03-01T09:00:00Z: {value!r}")
    if moment.tzinfo is None:
        raise Nonsense("bad_instant", f"'{name}' has no offset from UTC: {value!r}")
    return moment.astimezone(UTC)


def _date(request: dict[str, Any], name: str) -> date:
    value = _text(request, name)
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise Nonsense("bad_date", f"'{name}' is not a date such as 2025-03-01: {value!r}") from error


def _whole(request: dict[str, Any], name: str, least: int, most: int) -> int:
    value = request.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Nonsense("bad_number", f"'{name}' is missing or not a whole number")
    if not least <= value <= most:
        raise Nonsense("bad_number", f"'{name}' lies outside {least} … {most}")
    return value


def _flag(request: dict[str, Any], name: str) -> bool:
    value = request.get(name, False)
    if not isinstance(value, bool):
        raise Nonsense("bad_request", f"'{name}' is true or false")
    return value


def _choice(request: dict[str, Any], name: str, kind: type[DayRule], default: DayRule) -> DayRule:
    value = request.get(name)
    if value is None:
        return default
    try:
        return kind(value)
    except ValueError as error:
        raise Nonsense("bad_day_rule", f"'{name}' is one of {', '.join(kind)}") from error


# How an answer is spelled


def _refusal(told: dict[str, Any], code: str, message: str) -> dict[str, Any]:
    return {**told, "error": {"code": code, "message": message}}


def _spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _seconds(length: timedelta) -> int | float:
    """Whole seconds as an integer; a fraction to the microsecond."""
    whole, rest = divmod(length, timedelta(seconds=1))
    return whole if not rest else length.total_seconds()


def _counted(
    begin: datetime, end: datetime, calendar: Calendar | None, pauses: PauseInstants
) -> list[dict[str, Any]]:
    """What is counted from one moment to another, with running totals."""
    counts = Duration(amount=0, unit=Unit.SECONDS if calendar is None else Unit.WORKING_HOURS)
    found = intervals_between(to_micros(begin), to_micros(end), counts, calendar, merged(pauses))
    return [_interval(item) for item in found]


def _interval(item: CountedInterval) -> dict[str, Any]:
    return {
        "from": _spelled(item.begin),
        "to": _spelled(item.end),
        "seconds": _seconds(item.took),
        "total_seconds": _seconds(item.total),
    }


def _explained(why: Explanation) -> dict[str, Any]:
    return {
        "intervals": [_interval(item) for item in why.intervals],
        "days": [
            {"date": day.day.isoformat(), "number": day.number, "ends": _spelled(day.ends)}
            for day in why.days
        ],
        "pauses": [
            [_spelled(pause.begin), None if pause.end is None else _spelled(pause.end)]
            for pause in why.pauses
        ],
        "holidays": [{"date": day.day.isoformat(), "name": day.name} for day in why.holidays],
        "rolled_from": None if why.rolled_from is None else why.rolled_from.isoformat(),
    }
