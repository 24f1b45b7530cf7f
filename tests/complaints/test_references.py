"""References: what somebody reads out, mistypes or guesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.base import Refused
from complaints.references import ALPHABET, SPACE, is_systemic, parse, reference, systemic_reference

values = st.integers(min_value=0, max_value=SPACE - 1)


def _bad(text: str) -> bool:
    try:
        parse(text)
    except Refused as refusal:
        assert refusal.code == "bad_reference"
        return True
    return False


@given(values)
def test_a_reference_reads_as_itself(value: int) -> None:
    ref = reference(value)
    assert parse(ref) == ref
    assert [len(group) for group in ref.split("-")] == [4, 4, 4]
    assert not set(ref) & set("ILOU")
    assert parse(systemic_reference(value)) == systemic_reference(value)


@given(values, values)
def test_no_two_values_share_a_reference(one: int, other: int) -> None:
    assert (reference(one) == reference(other)) == (one == other)


@given(values)
def test_it_is_read_however_it_was_written(value: int) -> None:
    ref = reference(value)
    for written in (
        ref.lower(),
        ref.replace("-", ""),
        ref.replace("-", " "),
        f"  {ref} \n",
        ref.replace("0", "O").replace("1", "l"),
        ref.replace("1", "i"),
    ):
        assert parse(written) == ref
    systemic = systemic_reference(value)
    assert parse(systemic.lower().replace("-", " ")) == systemic


@given(values, st.booleans())
def test_every_wrong_character_is_found(value: int, systemic: bool) -> None:
    prefix, ref = ("SYS-", systemic_reference(value)[4:]) if systemic else ("", reference(value))
    plain = ref.replace("-", "")
    for place, right in enumerate(plain):
        for wrong in ALPHABET:
            if wrong != right:
                assert _bad(prefix + plain[:place] + wrong + plain[place + 1 :])


@given(values)
def test_every_two_characters_that_changed_places_are_found(value: int) -> None:
    plain = reference(value).replace("-", "")
    for one in range(len(plain)):
        for other in range(one + 1, len(plain)):
            if plain[one] != plain[other]:
                swapped = list(plain)
                swapped[one], swapped[other] = swapped[other], swapped[one]
                assert _bad("".join(swapped))


@given(values)
def test_a_systemic_reference_is_no_complaints(value: int) -> None:
    systemic = systemic_reference(value)
    assert is_systemic(systemic)
    assert not is_systemic(reference(value))
    assert _bad(systemic.removeprefix("SYS-"))
    assert _bad("SYS-" + reference(value))


@pytest.mark.parametrize(
    "text",
    ["", "7K2M", "7K2M-9QF3-XA5", "7K2M-9QF3-XA5CC", "7K2M-9QF3-XA5U", "７K2M-9QF3-XA5C", "0000-0000-0000"],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    assert _bad(text)


def test_the_example_in_the_sentence_is_a_reference() -> None:
    with pytest.raises(Refused) as refused:
        parse("x")
    example = refused.value.sentence.split("such as ")[1].split(";")[0]
    assert parse(example) == example


@pytest.mark.parametrize("value", [-1, SPACE])
def test_a_random_value_has_its_bounds(value: int) -> None:
    with pytest.raises(ValueError, match="SPACE"):
        reference(value)
