"""`redress staff` at a terminal: teams, deputies, rotas, and calendars in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_cli import configured, redress

__all__ = ["configured"]

ROTA = ("--title", "Desk", "--timezone", "Asia/Shanghai", "--member", "ana", "--member", "ben")


@pytest.fixture
def staffed(configured: dict[str, str]) -> dict[str, str]:
    """A service with two handlers, `ana` and `ben`."""
    for login in ("ana", "ben"):
        words = (
            "--name",
            login.title(),
            "--email",
            f"{login}@example.org",
            "--role",
            "handler",
            "--password",
            "a long one",
        )
        assert redress("staff", "add", login, *words, **configured).returncode == 0
    return configured


def test_an_administrator_sets_up_a_team_deputies_and_a_rota_and_takes_its_calendar_out_and_in(
    staffed: dict[str, str], tmp_path: Path
) -> None:
    team = (
        "--title",
        "First",
        "--timezone",
        "Asia/Shanghai",
        "--supervisor",
        "ana",
        "--deputy",
        "ben",
        "--member",
        "ben",
    )
    made = redress(
        "staff", "team", "first", *team, "--hours", "mon-fri 09:00-17:00; sat 09:00-24:00", **staffed
    )
    assert (made.returncode, made.stdout.strip()) == (0, "The team first is made.")
    said = redress("staff", "deputies", "ana", "ben", **staffed)
    assert said.stdout.strip() == "ben stand in for ana."
    assert redress("staff", "rota", "desk", *ROTA, "--handover", "mon 09:00", **staffed).returncode == 0
    bad = redress("staff", "rota", "desk", *ROTA, "--handover", "someday 09:00", **staffed)
    assert (bad.returncode, "handover.weekday" in bad.stderr) == (2, True)
    file = tmp_path / "desk.ics"
    shown = redress("staff", "rota-out", "desk", **staffed)
    assert shown.stdout.startswith("BEGIN:VCALENDAR")
    assert {"SUMMARY:Ana", "SUMMARY:Ben"} <= set(shown.stdout.split("\n"))
    file.write_text(shown.stdout)
    taken = redress("staff", "rota-in", "desk", str(file), **staffed)
    assert taken.stdout.strip() == f"{shown.stdout.count('BEGIN:VEVENT')} shifts are taken in."
    file.write_text(shown.stdout.replace("SUMMARY:Ben", "SUMMARY:Nobody"))
    refused = redress("staff", "rota-in", "desk", str(file), **staffed)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Nothing was taken in.\nevent ")
    history = redress("staff", "history", "ana", **staffed, COLUMNS="200").stdout
    assert "leads team" in history
    assert "deputy" in history
