"""The kinds of value that callers may send: texts, codes, staff ids, instants, whole numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

LONGEST_TEXT = 20_000
"""Characters in one text; a longer one belongs into an attachment."""
LONGEST_LIST = 100
LARGEST_NUMBER = 10**12

# PostgreSQL can not store NUL, and a control character in a text is a mistake or an attack on a terminal.
_CONTROL = r"\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F"
TEXT_PATTERN = rf"^[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*$"
CODE_PATTERN = r"^[!-~]{1,200}$"
STAFF_PATTERN = r"^[A-Za-z0-9_.:-]{1,100}$"


class TextGiven(str):
    """A text as a person wrote it: it goes encrypted beside the record, never into it."""

    __slots__ = ()


class StaffGiven(str):
    """The id of a member of staff, to be attested by the directory."""

    __slots__ = ()


def _newlines(value: Any) -> Any:
    """Forms send CRLF; one kind of line end is kept."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


Text = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=LONGEST_TEXT, pattern=TEXT_PATTERN),
    BeforeValidator(_newlines),
    AfterValidator(TextGiven),
    Field(description="Text of a person; stored encrypted.", examples=["The kettle leaks at the seam."]),
]
"""1 to 20,000 characters, not only blanks, no control characters but tab and line end, valid Unicode."""

Code = Annotated[str, StringConstraints(strict=True, pattern=CODE_PATTERN)]
"""A short name or id: 1 to 200 visible ASCII characters, no blanks."""

StaffId = Annotated[
    str,
    StringConstraints(strict=True, pattern=STAFF_PATTERN),
    AfterValidator(StaffGiven),
    Field(description="The id of a member of staff.", examples=["usr_ben"]),
]

Flag = StrictBool
Number = Annotated[StrictInt, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]


def _instant(value: Any) -> Any:
    """Only text: a bare number could be seconds or milliseconds, and nobody would notice which."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not (10 < len(value) <= 40):
        raise PydanticCustomError("instant_form", "This has to be an instant such as 2026-01-15T09:30:00Z")
    return value


def _in_range(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise PydanticCustomError("instant_zone", "An instant has to carry its zone, such as Z or +08:00")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        instant = None
    if instant is None or not (_EARLIEST <= instant < _LATEST):
        raise PydanticCustomError("instant_range", "An instant has to lie in the years 1970 to 2199")
    return instant


_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class _InstantSchema:
    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "format": "date-time",
            "description": "An instant with its zone (RFC 3339), in the years 1970 to 2199.",
            "examples": ["2026-01-15T09:30:00Z"],
        }


Instant = Annotated[datetime, BeforeValidator(_instant), AfterValidator(_in_range), _InstantSchema()]
"""An aware instant (kept in UTC) of the years 1970 to 2199."""

Key = Annotated[
    str,
    StringConstraints(pattern=CODE_PATTERN),
    WithJsonSchema(
        {"type": "string", "pattern": CODE_PATTERN, "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"]}
    ),
]
"""What `Idempotency-Key` may be: 1 to 200 visible ASCII characters."""
