"""Time-based codes: those of the RFC, how far a clock may differ, and that a code is good once."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from ledger.totp import code, fitting_step, key_of, new_secret, step_of, uri_of

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238_appendix_b(seconds: int, expected: str) -> None:
    assert code(SECRET, step_of(seconds), digits=8) == expected
    assert code(SECRET, step_of(seconds)) == expected[2:]


def test_a_clock_may_be_one_step_off_and_not_two() -> None:
    now = step_of(1234567890)
    fits = [fitting_step(SECRET, code(SECRET, now + off), now, None) for off in (-2, -1, 0, 1, 2)]
    assert fits == [None, now - 1, now, now + 1, None]


def test_a_used_code_and_those_before_it_fit_no_more() -> None:
    now = step_of(1234567890)
    fits = [fitting_step(SECRET, code(SECRET, now + off), now, now) for off in (-1, 0, 1)]
    assert fits == [None, None, now + 1]


def test_a_code_is_read_as_apps_show_it_and_nothing_else_is_one() -> None:
    now = step_of(1234567890)
    shown = code(SECRET, now)
    assert fitting_step(SECRET, f" {shown[:3]} {shown[3:]} ", now, None) == now
    for wrong in ("", shown[:5], shown + "0", "١٢٣٤٥٦", "-1"):
        assert fitting_step(SECRET, wrong, now, None) is None


def test_apps_get_the_secret_as_a_link_and_people_as_a_key() -> None:
    secret = new_secret()
    assert secret != new_secret()
    uri = urlsplit(uri_of(secret, "ana@example", "Kettles & Co"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Kettles%20%26%20Co:ana%40example")
    said = {name: values[0] for name, values in parse_qs(uri.query).items()}
    assert base64.b32decode(said.pop("secret")) == secret
    assert said == {"issuer": "Kettles & Co", "algorithm": "SHA1", "digits": "6", "period": "30"}
    groups = key_of(secret).split(" ")
    assert [len(group) for group in groups] == [4] * 8
    assert base64.b32decode("".join(groups)) == secret
