"""Signatures: with the old secret, the new one or both, within the window; and the verifier of the manual."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activities.delivery.channels.signing import REPLAY_WINDOW, sign, verify

AT = 1_800_000_000
BODY = '{"kind": "alert_breach", "title": "逾期"}'.encode()
OLD, NEW = "whsec_old", "whsec_new"


def manual() -> Callable[..., bool]:
    """The verifier that docs/webhooks.md gives to receivers."""
    text = (Path(__file__).parents[4] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102 - our own manual
    verifier: Callable[..., bool] = made["is_ours"]
    return verifier


@pytest.fixture(params=["ours", "the manual's"])
def fits(request: pytest.FixtureRequest) -> Callable[..., bool]:
    return verify if request.param == "ours" else manual()


@pytest.mark.parametrize("live", [(NEW,), (OLD,), (NEW, OLD)])
@pytest.mark.parametrize("known", [NEW, OLD])
def test_a_receiver_who_knows_a_live_secret_knows_that_it_is_ours(
    fits: Callable[..., bool], live: tuple[str, ...], known: str
) -> None:
    assert fits(known, sign(live, AT, BODY), str(AT), BODY, AT + 1) is (known in live)


@pytest.mark.parametrize(
    ("off", "good"),
    [(0, True), (REPLAY_WINDOW, True), (-REPLAY_WINDOW, True), (REPLAY_WINDOW + 1, False), (-REPLAY_WINDOW - 1, False)],
)  # fmt: skip
def test_what_is_older_than_the_window_or_ahead_of_it_is_a_replay(
    fits: Callable[..., bool], off: int, good: bool
) -> None:
    assert fits(NEW, sign([NEW], AT, BODY), str(AT), BODY, AT + off) is good


@pytest.mark.parametrize(
    ("signature", "timestamp", "body"),
    [
        (sign([NEW], AT, BODY), str(AT), BODY + b" "),
        (sign([NEW], AT, BODY), str(AT + 1), BODY),
        (sign([NEW], AT, BODY).replace("v1=", "v2="), str(AT), BODY),
        (sign([NEW], AT, BODY).removeprefix("v1="), str(AT), BODY),
        ("", str(AT), BODY), ("v1=", str(AT), BODY), ("v1=é", str(AT), BODY),
        (sign([NEW], AT, BODY), "", BODY), (sign([NEW], AT, BODY), "soon", BODY), (sign([NEW], AT, BODY), "١٢", BODY),
    ],
)  # fmt: skip
def test_what_was_touched_is_not_ours(
    fits: Callable[..., bool], signature: str, timestamp: str, body: bytes
) -> None:
    assert fits(NEW, signature, timestamp, body, AT) is False


def test_the_scheme_does_not_change_under_receivers() -> None:
    assert sign(["whsec_test"], 1_700_000_000, b'{"kind":"ping"}') == (
        "v1=db12e0595715d2510c13dea54c40711d893816899ee5d343115eb8d29144001d"
    )
