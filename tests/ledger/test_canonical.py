"""Canonical JSON: exactly these bytes, and nothing that two machines might write differently."""

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import NotCanonicalError, canonical, instant_text, parse

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({}, b"{}"),
        ([1, True, False, None, -5, 10**20], b"[1,true,false,null,-5,100000000000000000000]"),
        ({"b": 1, "a": [], "": {}}, b'{"":{},"a":[],"b":1}'),
        ({"Z": 1, "a": 2, "é": 3, "A": 4}, '{"A":4,"Z":1,"a":2,"é":3}'.encode()),
        # By code point U+FF5E comes before U+1F600; by UTF-16 unit it would not.
        ({"\U0001f600": 1, "～": 2}, '{"～":2,"😀":1}'.encode()),
        ("客服/投訴", '"客服/投訴"'.encode()),
        ('"\\/\b\t\n\f\r\x00\x1f\x7f', b'"\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\x7f"'),
    ],
)
def test_a_value_has_exactly_these_bytes(value: object, written: bytes) -> None:
    assert canonical(value) == written
    assert parse(written.decode()) == value


@given(values)
def test_what_was_written_is_read_again_and_has_one_form(value: object) -> None:
    written = canonical(value)
    assert json.loads(written) == value
    assert canonical(parse(written.decode())) == written


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        [0.5],
        {"a": {"b": 1e3}},
        {1: "a"},
        {None: 1},
        "\ud800",
        b"bytes",
        Colour.RED,
        object(),
    ],
)
def test_what_has_no_single_form_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical(value)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":1}', '"\\u0061"', "1.0", "01", "[1,]", "", "1 ", "NaN", "-0"],
)
def test_other_ways_of_writing_are_told_apart(text: str) -> None:
    with pytest.raises(NotCanonicalError):
        parse(text)


def test_an_instant_is_always_written_in_utc_with_six_decimals() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert instant_text(datetime(2025, 3, 1, 17, tzinfo=shanghai)) == "2025-03-01T09:00:00.000000Z"
    assert instant_text(datetime(25, 3, 1, 9, 0, 0, 5, tzinfo=UTC)) == "0025-03-01T09:00:00.000005Z"
    with pytest.raises(NotCanonicalError):
        instant_text(datetime(2025, 3, 1))  # noqa: DTZ001 - that is what is refused
