"""References: the names of complaints, systemic issues and customers that people read out, type and copy. Pure.

A reference is twelve characters of Crockford's base32 (no I, L, O or U) in three groups, `7K2M-9QF3-XA5C`;
a systemic issue's has `SYS-` before it. Eleven characters are random, so that nobody can count complaints
or guess one; the last is a check character. A customer's code is `C-` and eight characters, seven of them
random: it opens nothing to whoever has it.

The check is a polynomial code over the field of 32 elements (x^5 + x^2 + 1): the characters, read as
coefficients, come to a set value at the field's generator. It finds every wrong character and every two
that changed places, neighbours or not, for no two of the first 31 powers of the generator are equal.
(The hybrid scheme of ISO/IEC 7064 extended to 32 characters, MOD 33,32, lets some neighbours change places.)
"""

from __future__ import annotations

from complaints.base import Refused

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SPACE = 32**11
"""How many references there are: a random value is below this."""

SYSTEMIC = "SYS-"
_VALUES = {character: value for value, character in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_LENGTH = 12

CUSTOMER = "C-"
CUSTOMER_SPACE = 32**7
"""How many customers' codes there are."""
_CUSTOMER_LENGTH = 8

# What the sum begins with: not zero, so that twelve zeros are no reference, and not the same, so that a
# systemic issue's reference without its prefix is no complaint's.
_COMPLAINT_SEED, _SYSTEMIC_SEED, _CUSTOMER_SEED = 13, 1, 7


def reference(random_value: int) -> str:
    """A complaint's reference for a random value, 0 <= value < SPACE. Raises ValueError outside that."""
    return _grouped(_characters(random_value, _COMPLAINT_SEED))


def systemic_reference(random_value: int) -> str:
    """A systemic issue's reference for a random value, 0 <= value < SPACE. Raises ValueError outside that."""
    return SYSTEMIC + _grouped(_characters(random_value, _SYSTEMIC_SEED))


def customer_code(random_value: int) -> str:
    """A customer's code for a random value, 0 <= value < CUSTOMER_SPACE. Raises ValueError outside that."""
    values = _characters(random_value, _CUSTOMER_SEED, _CUSTOMER_LENGTH)
    return CUSTOMER + "".join(ALPHABET[value] for value in values)


def parse_customer_code(text: str) -> str:
    """The customer's code as it is kept, from how somebody wrote it; as `parse`. Raises Refused("bad_reference")."""
    bare = "".join(text.split()).replace("-", "").upper()
    body = bare[1:] if bare.startswith("C") and len(bare) == _CUSTOMER_LENGTH + 1 else ""
    known = [_VALUES[character] for character in body if character in _VALUES]
    if len(known) != _CUSTOMER_LENGTH or _remainder(known, _CUSTOMER_SEED) != 0:
        raise Refused(
            "bad_reference",
            "This is no customer's code, or it has a mistake in it. One looks like C-7K2M9QF3; copy it whole.",
        )
    return CUSTOMER + "".join(ALPHABET[value] for value in known)


def parse(text: str) -> str:
    """The reference as it is kept, from how somebody wrote it: any case, spaces, dashes, O for 0, I for 1.

    Raises Refused("bad_reference") where it is malformed or its check character does not fit.
    """
    bare = "".join(text.split()).replace("-", "").upper()
    systemic = bare.startswith("SYS") and len(bare) == _LENGTH + 3
    body = bare[3:] if systemic else bare
    values = [_VALUES.get(character) for character in body]
    known = [value for value in values if value is not None]
    if len(body) != _LENGTH or len(known) != _LENGTH:
        raise Refused(
            "bad_reference",
            "This is not a reference. One has twelve letters and digits, such as 7K2M-9QF3-XA5C; "
            "copy it whole.",
        )
    if _remainder(known, _SYSTEMIC_SEED if systemic else _COMPLAINT_SEED) != 0:
        raise Refused(
            "bad_reference",
            "This reference has a mistake in it: its check character does not fit. "
            "Compare it character by character with the one you were given.",
        )
    return (SYSTEMIC if systemic else "") + _grouped(known)


def is_systemic(ref: str) -> bool:
    """Whether a reference, as it is kept, names a systemic issue and not a complaint."""
    return ref.startswith(SYSTEMIC)


def _characters(random_value: int, seed: int, length: int = _LENGTH) -> list[int]:
    if not 0 <= random_value < 32 ** (length - 1):
        raise ValueError("a reference is made of a value from 0 up to SPACE - 1")
    values = [(random_value >> (5 * place)) & 31 for place in reversed(range(length - 1))]
    return [*values, _times_generator(_remainder(values, seed))]


def _remainder(values: list[int], seed: int) -> int:
    found = seed
    for value in values:
        found = _times_generator(found) ^ value
    return found


def _times_generator(value: int) -> int:
    doubled = value << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def _grouped(values: list[int]) -> str:
    characters = "".join(ALPHABET[value] for value in values)
    return "-".join(characters[at : at + 4] for at in range(0, _LENGTH, 4))
