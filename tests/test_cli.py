"""The `redress` command at a terminal: what it answers, and how it refuses in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import prepare
from runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

_ENDS_WITHIN = 300
"""Seconds, for a machine that has other things to do as well."""


def redress(*words: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run one command as a person would, with nothing configured but `env`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("REDRESS_", "TEMPORAL_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        input=given,
        capture_output=True,
        encoding="utf-8",
        env=clean | {"PYTHONUTF8": "1"} | env,
        timeout=_ENDS_WITHIN,
        check=False,
    )


@pytest.fixture
def configured(settings: Settings) -> dict[str, str]:
    """The environment of a service whose database is prepared."""
    prepare(settings)
    return {
        "REDRESS_MODE": "test",
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "REDRESS_MASTER_KEY": settings.master_key.get_secret_value(),
    }


def test_the_clock_answers_each_line_in_order_and_goes_on_after_nonsense() -> None:
    questions = [
        {"id": "a", "op": "due", "start": "2025-09-01T02:00:00Z", "duration_seconds": 900},
        {"id": "b", "op": "brew"},
        {"id": "c", "op": "count_working_days", "calendar": "cn", "from": "2025-10-01", "to": "2025-10-12"},
    ]
    ran = redress("clock", given="\n".join(json.dumps(question) for question in questions))
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert answers[0]["due"] == "2025-09-01T02:15:00Z"
    assert answers[1]["error"]["message"]
    assert answers[2]["working_days"] == 3  # 9, 10 and the make-up Saturday 11 October
    assert ran.returncode == 1


def test_the_clock_knows_the_calendars_of_packs_and_of_countries(tmp_path: Path) -> None:
    """An organisation's own calendar goes by its name, a standard's by the pack's and its own."""
    retail = (ROOT / "policies/packs/retail-2025.yaml").read_text(encoding="utf-8")
    for name, city in (("ours", "Asia/Shanghai"), ("theirs", "Asia/Tokyo")):
        changed = retail.replace("name: retail-2025", f"name: {name}").replace(
            "calendars:\n",
            f'calendars:\n  {name}-shop: {{timezone: {city}, hours: {{sat: [["10:00", "20:00"]]}}}}\n'
            f'  shop: {{timezone: {city}, hours: {{sat: [["10:00", "20:00"]]}}}}\n',
        )
        (tmp_path / f"{name}.yaml").write_text(changed, encoding="utf-8")
    question = {"op": "due", "start": "2025-09-05T02:00:00Z", "duration_seconds": 8 * 3600 + 60}
    names = ("cn", "retail-2025/cn", "ours-shop", "theirs/shop", "shop")
    given = "\n".join(json.dumps({**question, "calendar": name}) for name in names)
    ran = redress("clock", given=given, REDRESS_PACK_DIRS=str(tmp_path))
    assert [json.loads(line).get("due") for line in ran.stdout.splitlines()] == [
        "2025-09-08T02:01:00Z",  # office hours, 9 to 17: seven hours on Friday
        "2025-09-08T01:01:00Z",  # 9 to 18
        "2025-09-06T10:01:00Z",  # Saturday in Shanghai
        "2025-09-06T09:01:00Z",  # and in Tokyo
        None,  # of which the two mean different ones
    ]
    assert "as in 'retail-2025/cn'" in ran.stdout
    assert ran.returncode == 1


def test_the_clock_answers_before_it_is_asked_again_and_goes_on_after_what_is_no_text() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "clock"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for line in (b'{"id":"\xff"}\n', b'{"id":"\\ud800","op":"brew"}\n'):
            running.stdin.write(line)
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["error"]["message"]
        running.stdin.close()
        assert running.wait(timeout=_ENDS_WITHIN) == 1


def test_without_a_service_it_says_what_to_do(tmp_path: Path) -> None:
    ran = redress("verify", REDRESS_DATA_DIR=str(tmp_path))
    assert ran.returncode == 2
    assert "No service was ever started in" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_database_that_is_away_is_said_in_a_sentence(configured: dict[str, str]) -> None:
    gone = configured | {"DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    ran = redress("verify", **gone)
    assert ran.returncode == 2
    assert "The database can not be reached" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_people_are_taken_in_once_and_get_tokens(configured: dict[str, str]) -> None:
    words = ("staff", "add", "ana", "--name", "Ana", "--email", "ana@example.org", "--role", "handler")
    taken_in = redress(*words, "--password", "long enough a secret", **configured)
    assert taken_in.returncode == 0, taken_in.stderr
    again = redress(*words, "--password", "long enough a secret", **configured)
    assert again.returncode == 2
    assert "is taken" in again.stderr
    token = redress("staff", "token", "ana", **configured).stdout.strip()
    assert token.startswith("rdt_")
    assert redress("staff", "revoke-token", token, **configured).returncode == 0
    assert redress("staff", "revoke-token", token, **configured).returncode == 2
    assert "Nobody has the login" in redress("staff", "token", "ben", **configured).stderr


def test_an_import_names_the_packs_there_are(configured: dict[str, str]) -> None:
    file, mapping = ROOT / "demo/data/cfpb_complaints_sample.csv", ROOT / "demo/mappings/cfpb.yaml"
    ran = redress("import", str(file), "--mapping", str(mapping), "--pack", "none-such", **configured)
    assert ran.returncode == 2
    assert "retail-2025" in ran.stderr


def test_an_import_reports_what_it_can_not_read_and_brings_in_the_rest(
    configured: dict[str, str], tmp_path: Path
) -> None:
    lines = (ROOT / "demo/data/nyc311_animal_requests.csv").read_text().splitlines()[:6]
    file, errors = tmp_path / "some.csv", tmp_path / "errors.csv"
    file.write_text("\n".join([*lines, lines[1].replace(lines[1].split(",")[1], "the other day", 1)]) + "\n")
    words = (
        "import",
        str(file),
        "--mapping",
        str(ROOT / "demo/mappings/nyc311.yaml"),
        "--pack",
        "retail-2025",
    )
    ran = redress(*words, "--errors", str(errors), **configured)
    assert ran.returncode == 1, ran.stderr
    assert "line 7" in ran.stdout
    assert len(errors.read_text().splitlines()) == 2
    assert redress("migrate", **configured).returncode == 0  # what is there already stays
    assert redress("outbox", **configured).stdout.strip() == "Nothing is dead."
    again = redress("outbox", "--resend-all", "--to", "webhook:w1", "--status", "421", **configured)
    assert again.stdout.strip() == "0 are on their way again."
    verified = redress("verify", **configured)
    assert "Checked 5 streams" in verified.stdout
    assert verified.returncode == 0


def test_people_have_departments_and_can_be_away(configured: dict[str, str]) -> None:
    words = ("staff", "add", "lena", "--name", "Lena", "--email", "lena@example.org", "--role", "handler")
    taken_in = redress(*words, "--department", "logistics", "--password", "long enough", **configured)
    assert taken_in.returncode == 0, taken_in.stderr
    away = redress("staff", "away", "lena", "--until", "2026-05-04T09:00+0800", **configured)
    assert away.returncode == 0, away.stderr
    assert away.stdout.strip() == "lena is away until 2026-05-04T09:00:00+08:00."
    assert redress("staff", "away", "lena", **configured).stdout.strip() == "lena is back."
    assert "Nobody has the login" in redress("staff", "away", "nobody", **configured).stderr
    assert redress("file-customers", **configured).stdout.strip() == "0 addresses were filed."
