"""Settings for tests that need the database and the mail catcher, and no Temporal."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from runtime.settings import Settings, load_settings
from tests.support.mail import CaughtMail


@pytest.fixture
def mail_settings(database: str, mail: CaughtMail, tmp_path: Path) -> Settings:
    """Settings that lead to this test's own database and mails; nobody answers where Temporal should be."""
    return load_settings(
        mode="test",
        database_url=database,
        temporal_address="127.0.0.1:1",
        smtp_host=mail.smtp_host,
        smtp_port=mail.smtp_port,
        data_dir=tmp_path,
        master_key="cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
    )


@pytest.fixture(autouse=True)
def plain_log_lines() -> Iterator[None]:
    """Log lines without a picture of every local variable, which takes structlog seconds to draw."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )
    yield
    structlog.reset_defaults()
