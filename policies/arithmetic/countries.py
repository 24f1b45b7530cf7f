"""The calendars of countries, taken from kept libraries when a pack is published and stored with it."""

from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar
import holidays
from chinese_calendar.constants import Holiday
from chinese_calendar.constants import holidays as chinese_holidays
from chinese_calendar.constants import workdays as chinese_workdays

from policies.arithmetic.calendars import WEEK, Calendar, CalendarNotKnown, OpenRange, Weekday

OFFICE_HOURS: tuple[OpenRange, ...] = (("09:00", "17:00"),)

# Where a country keeps several times, the one of its seat of government.
ZONES = {
    "ar": "America/Argentina/Buenos_Aires",
    "at": "Europe/Vienna",
    "au": "Australia/Sydney",
    "be": "Europe/Brussels",
    "br": "America/Sao_Paulo",
    "ca": "America/Toronto",
    "ch": "Europe/Zurich",
    "cn": "Asia/Shanghai",
    "cz": "Europe/Prague",
    "de": "Europe/Berlin",
    "dk": "Europe/Copenhagen",
    "es": "Europe/Madrid",
    "fi": "Europe/Helsinki",
    "fr": "Europe/Paris",
    "gb": "Europe/London",
    "gr": "Europe/Athens",
    "hk": "Asia/Hong_Kong",
    "hu": "Europe/Budapest",
    "ie": "Europe/Dublin",
    "il": "Asia/Jerusalem",
    "in": "Asia/Kolkata",
    "it": "Europe/Rome",
    "jp": "Asia/Tokyo",
    "kr": "Asia/Seoul",
    "lu": "Europe/Luxembourg",
    "mo": "Asia/Macau",
    "mx": "America/Mexico_City",
    "my": "Asia/Kuala_Lumpur",
    "nl": "Europe/Amsterdam",
    "no": "Europe/Oslo",
    "nz": "Pacific/Auckland",
    "pl": "Europe/Warsaw",
    "pt": "Europe/Lisbon",
    "se": "Europe/Stockholm",
    "sg": "Asia/Singapore",
    "th": "Asia/Bangkok",
    "tr": "Europe/Istanbul",
    "tw": "Asia/Taipei",
    "ua": "Europe/Kyiv",
    "us": "America/New_York",
    "vn": "Asia/Ho_Chi_Minh",
    "za": "Africa/Johannesburg",
}

# British bank holidays differ by nation; "gb" alone is England's, whose regulators our packs quote.
_SUBDIVISIONS = {"gb": "ENG"}


class CountryNotKnown(ValueError):  # noqa: N818 - the name says what is wrong
    """No library gives the holidays of this country, or we do not know its time zone."""


def known_years(code: str) -> tuple[int, int]:
    """The first and last year for which a country's holidays are known; CountryNotKnown where none are."""
    country, subdivision = _parts(code)
    if country == "cn":
        return min(chinese_holidays).year, max(chinese_holidays).year
    try:
        source = holidays.country_holidays(country.upper(), subdiv=subdivision)
    except NotImplementedError as error:
        raise CountryNotKnown(f"the holidays of '{code}' are not known") from error
    return source.start_year, source.end_year


@lru_cache(maxsize=64)
def country_calendar(code: str, from_year: int | None = None, to_year: int | None = None) -> Calendar:
    """The calendar of a country from 1 January of one year to 31 December of another, both included.

    `code` is the ISO 3166 code in lower case, with a subdivision after a hyphen where wanted (`gb`,
    `gb-sct`). Years left out are the first and last that are known. The hours are office hours, 09:00 to
    17:00 on the country's working weekdays. CalendarNotKnown where a year lies outside what is known.
    """
    country, subdivision = _parts(code)
    earliest, latest = known_years(code)
    first, last = from_year or earliest, to_year or latest
    if last > latest:
        raise CalendarNotKnown(f"calendar not known beyond {latest}-12-31")
    if first < earliest:
        raise CalendarNotKnown(f"calendar not known before {earliest}-01-01")
    if country == "cn":
        return _china(first, last)
    years = range(first, last + 1)
    source = holidays.country_holidays(country.upper(), subdiv=subdivision, years=years)
    closed = {day: name for day, name in sorted(source.items()) if first <= day.year <= last}
    weekend = source.weekend
    make_up = {day for day in source.weekend_workdays if first <= day.year <= last}
    hours = {day: OFFICE_HOURS for number, day in enumerate(WEEK) if number not in weekend}
    return Calendar(
        timezone=ZONES[country],
        hours=hours,
        holidays={day: name for day, name in closed.items() if day not in make_up},
        working_dates=dict.fromkeys(sorted(make_up), next(iter(hours))),
        known_from=date(first, 1, 1),
        known_until=date(last, 12, 31),
    )


def _china(first: int, last: int) -> Calendar:
    """China's days off and make-up days as the State Council announces them, year by year."""
    names = {holiday.value: holiday.chinese for holiday in Holiday}
    span = [
        date(first, 1, 1) + timedelta(n) for n in range((date(last, 12, 31) - date(first, 1, 1)).days + 1)
    ]
    return Calendar(
        timezone=ZONES["cn"],
        hours=dict.fromkeys(WEEK[:5], OFFICE_HOURS),
        holidays={
            day: names.get(chinese_holidays[day], chinese_holidays[day])
            for day in span
            if day in chinese_holidays and chinese_calendar.is_holiday(day)
        },
        working_dates={day: Weekday.MON for day in span if day in chinese_workdays},
        known_from=date(first, 1, 1),
        known_until=date(last, 12, 31),
    )


def _parts(code: str) -> tuple[str, str | None]:
    country, _, subdivision = code.lower().partition("-")
    if country not in ZONES:
        raise CountryNotKnown(f"no country calendar is called '{code}'")
    return country, subdivision.upper() or _SUBDIVISIONS.get(country)
