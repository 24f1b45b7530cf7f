"""The settings: each missing or wrong one is refused in one sentence that names it and hides its value."""

import base64
import os
from datetime import time
from pathlib import Path

import pytest

from runtime.clock import SYSTEM
from runtime.settings import SettingsError, load_settings

GOOD = {
    "DATABASE_URL": "postgresql+asyncpg://u:hidden-word@/redress?host=/run/pg&port=5432",
    "TEMPORAL_ADDRESS": "127.0.0.1:7233",
    "REDRESS_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
}
FAST = '{"real_anchor":"2025-01-01T00:00:00Z","virtual_anchor":"2025-01-01T00:00:00Z","speed":60}'


@pytest.fixture(autouse=True)
def _nothing_else_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("REDRESS_", "TEMPORAL_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_four_settings_are_enough(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.mode == "production"
    assert settings.clock_spec is SYSTEM
    assert settings.task_queue == "redress"
    assert settings.master_key_bytes == bytes(32)
    assert settings.database_url == GOOD["DATABASE_URL"]


def test_each_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    said = refused.value.sentences
    assert [s.split()[0] for s in said] == [
        "DATABASE_URL",
        "TEMPORAL_ADDRESS",
        "REDRESS_MASTER_KEY",
    ]
    assert all(s.endswith(".") and " is not set: " in s for s in said)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL has to be a PostgreSQL address"),
        ("TEMPORAL_ADDRESS", "http://x:7244", "TEMPORAL_ADDRESS has to be host:port"),
        ("REDRESS_MASTER_KEY", "c2hvcnQ=", "REDRESS_MASTER_KEY has to be 32 random bytes"),
        ("REDRESS_MASTER_KEY", "not base64 ***", "REDRESS_MASTER_KEY has to be 32 random bytes"),
        ("REDRESS_SMTP_PORT", "seventy", "REDRESS_SMTP_PORT is not right"),
        ("REDRESS_SMTP_PORT", "70000", "REDRESS_SMTP_PORT is not right"),
        ("REDRESS_MODE", "live", "REDRESS_MODE is not right"),
        ("REDRESS_BASE_URL", "desk.example.net", "REDRESS_BASE_URL has to be a web address"),
        ("REDRESS_MAIL_FROM", "nobody", "REDRESS_MAIL_FROM has to be a mail address"),
        ("REDRESS_CLOCK", FAST, "REDRESS_CLOCK is refused in production"),
        ("TEMPORAL_TLS_CLIENT_CERT_PATH", "/no/such.pem", "TEMPORAL_TLS_CLIENT_CERT_PATH names a file"),
    ],
)
def test_a_wrong_one_is_refused_in_one_sentence(
    environment: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    (said,) = refused.value.sentences
    assert said.startswith(sentence)
    assert value not in said


def test_a_certificate_needs_its_key(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = tmp_path / "client.pem"
    certificate.touch()
    environment.setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", str(certificate))
    with pytest.raises(SettingsError, match="have to be set together"):
        load_settings()


def test_the_demo_may_run_fast(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDRESS_CLOCK", FAST)
    assert load_settings(mode="demo").clock_spec.speed == 60


def test_printing_the_settings_shows_no_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDRESS_SMTP_PASSWORD", "hidden-word")
    environment.setenv("TEMPORAL_API_KEY", "hidden-word")
    printed = f"{load_settings()!r} {load_settings()}"
    assert "hidden-word" not in printed
    assert GOOD["REDRESS_MASTER_KEY"] not in printed


def test_folders_of_packs_are_separated_like_path(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDRESS_PACK_DIRS", os.pathsep.join(["/a", "/b"]))
    assert load_settings().pack_dirs == (Path("/a"), Path("/b"))


def test_the_morning_is_a_time_of_day_in_a_zone(environment: pytest.MonkeyPatch) -> None:
    assert (load_settings().morning_at, load_settings().timezone) == (time(7, 30), None)
    environment.setenv("REDRESS_MORNING_AT", "06:05")
    environment.setenv("REDRESS_TIMEZONE", "Europe/Berlin")
    assert (load_settings().morning_at, load_settings().timezone) == (time(6, 5), "Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("REDRESS_MORNING_AT", "half past 7", "REDRESS_MORNING_AT has to be a time of day such as 07:30."),
        ("REDRESS_MORNING_AT", "07:30Z", "REDRESS_MORNING_AT has to be a time of day such as 07:30."),
        (
            "REDRESS_TIMEZONE",
            "Berlin",
            "REDRESS_TIMEZONE has to be a time zone of the IANA database, such as Europe/Berlin.",
        ),
    ],
)
def test_a_morning_that_there_is_not_is_refused(
    environment: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert refused.value.sentences == (sentence,)
