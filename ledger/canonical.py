"""Canonical JSON: one value has exactly one sequence of bytes (docs/ledger-format.md, section 1)."""

import json
from datetime import UTC, datetime

_ALLOWED = "objects with string keys, arrays, strings, integers, true, false and null"


class NotCanonicalError(ValueError):
    """A value that has no canonical form, or bytes that are not in it. The text never quotes the value."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value: keys sorted by code point, no white space, UTF-8 not escaped.

    Raises NotCanonicalError for a float (two machines may print it differently), a key that is no
    string, a lone surrogate, and anything else that JSON does not have.
    """
    return canonical_text(value).encode()


def canonical_text(value: object) -> str:
    """As `canonical`, before it is encoded as UTF-8."""
    _check(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotCanonicalError("A string holds half of a surrogate pair, which UTF-8 can not say.") from None
    return text


def parse(text: str) -> object:
    """The value of a canonical text. Raises NotCanonicalError where it is not in canonical form."""
    try:
        value: object = json.loads(text)
    except ValueError:
        raise NotCanonicalError("The text is not JSON.") from None
    if canonical_text(value) != text:
        raise NotCanonicalError("The text is JSON, but not in canonical form.")
    return value


def instant_text(instant: datetime) -> str:
    """An aware instant as the record writes it: UTC, always six decimals, `2025-03-01T09:00:00.000000Z`.

    Raises NotCanonicalError for an instant without a time zone.
    """
    if instant.tzinfo is None:
        raise NotCanonicalError("An instant has to carry its time zone.")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _check(value: object) -> None:
    # Exact classes: an IntEnum or a str subclass would be written by its own rules.
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.__class__ is not str:
                raise NotCanonicalError(f"Canonical JSON holds {_ALLOWED}; a key was a {type(key).__name__}.")
            _check(inner)
        return
    if isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
        return
    raise NotCanonicalError(f"Canonical JSON holds {_ALLOWED}; found a {kind.__name__}.")
