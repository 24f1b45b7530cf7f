"""`redress pack preview`: a mail as it would leave, at the command line, without a service."""

import pytest
from typer.testing import CliRunner

from activities.delivery.previews import REFERENCE
from cli import app
from policies.letters import FIELDS

runner = CliRunner()


def test_it_lists_the_kinds_and_shows_one_in_a_language() -> None:
    listed = runner.invoke(app, ["pack", "preview", "retail-2025"])
    assert (listed.exit_code, set(listed.stdout.split())) == (0, set(FIELDS))
    shown = runner.invoke(app, ["pack", "preview", "retail-2025", "alert_breach", "--language", "zh"])
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Subject: 已逾期：{REFERENCE}\n\n")
    html = runner.invoke(app, ["pack", "preview", "retail-2025", "alert_breach", "--html"])
    assert "<!doctype html>" in html.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none_such",), "has no letter “none_such”"),
        (("receipt", "--language", "fr"), "in en, zh, not in “fr”"),
    ],
)
def test_what_there_is_not_is_said_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    answer = runner.invoke(app, ["pack", "preview", "retail-2025", *words])
    assert answer.exit_code == 2
    assert said in " ".join(answer.stderr.split())
