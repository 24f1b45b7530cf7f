"""`redress staff` at a terminal: second factors, the history of permissions, and their review."""

from __future__ import annotations

import pytest

from runtime.settings import Settings
from tests.test_cli import configured, redress

__all__ = ["configured"]


@pytest.fixture
def staffed(configured: dict[str, str]) -> dict[str, str]:
    """A service with one handler, `ana`."""
    words = (
        "--name",
        "Ana [b]",
        "--email",
        "ana@example.org",
        "--role",
        "handler",
        "--password",
        "a long one",
    )
    assert redress("staff", "add", "ana", *words, **configured).returncode == 0
    return configured | {"COLUMNS": "200"}


def test_a_second_factor_is_told_once_and_taken_away(staffed: dict[str, str], settings: Settings) -> None:
    given = redress("staff", "second-factor", "ana", **staffed)
    assert given.returncode == 0
    assert given.stdout.startswith("otpauth://totp/Redress:ana?secret=")
    assert len(given.stdout.splitlines()) == 1
    assert "yes" in redress("staff", "review", **staffed).stdout
    assert redress("staff", "second-factor", "ana", "--off", **staffed).returncode == 0
    again = redress("staff", "second-factor", "ana", "--off", **staffed)
    assert (again.returncode, again.stderr.strip()) == (2, "ana has no second factor.")
    told = redress("staff", "history", "ana", **staffed).stdout
    assert "second factor" in told
    assert given.stdout.split("secret=")[1][:32] not in told


def test_the_history_names_who_did_what_and_a_review_is_noted(staffed: dict[str, str]) -> None:
    history = redress("staff", "history", **staffed)
    lines = [line.split() for line in history.stdout.splitlines()]
    assert lines[0] == ["when", "who", "what", "from", "to", "by"]
    roles = next(line for line in lines if "roles" in line)
    assert roles[3:6] == ["ana", "roles", "handler"]
    assert roles[-1].startswith("cli:")
    assert "Ana [b]" in history.stdout
    review = redress("staff", "review", **staffed).stdout
    assert "Everybody was taken in or reviewed within the last 90 days." in review
    noted = redress("staff", "reviewed", "ana", **staffed)
    assert noted.stdout.strip() == "Noted that what ana may do is right."
    assert "reviewed" in redress("staff", "history", "ana", **staffed).stdout.splitlines()[1]
