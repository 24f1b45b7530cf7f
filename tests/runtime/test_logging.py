"""The log: ids and figures get in, what people wrote stays out, whichever way it comes."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from runtime.logging import configure_logging

SECRET = "Ann Smith, 12 High Street"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Reads the lines written since the test set up the log (pytest sets up its own before each test)."""
    root = logging.getLogger()
    before = root.handlers, root.level

    def read() -> list[dict[str, Any]]:
        out = capsys.readouterr().out
        assert SECRET not in out
        return [json.loads(line) for line in out.splitlines()]

    yield read
    root.handlers, root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_carries_the_bound_ids(lines: Any) -> None:
    configure_logging("INFO", service="worker")
    with structlog.contextvars.bound_contextvars(request_id="r1", reference="RD-7", workflow_id="w1"):
        structlog.get_logger("ledger.commit").info("committed", sequence=4, duration_ms=1.5)
    (line,) = lines()
    assert {k: line[k] for k in ("request_id", "reference", "workflow_id", "sequence", "duration_ms")} == {
        "request_id": "r1",
        "reference": "RD-7",
        "workflow_id": "w1",
        "sequence": 4,
        "duration_ms": 1.5,
    }
    assert (line["event"], line["level"], line["logger"], line["service"]) == (
        "committed",
        "info",
        "ledger.commit",
        "worker",
    )
    assert line["timestamp"].endswith("+00:00")


def test_a_name_not_on_the_list_is_left_out_and_said_so(lines: Any) -> None:
    configure_logging("INFO", service="worker")
    structlog.get_logger().info("received", customer=SECRET, narrative=SECRET, reference="RD-7")
    (line,) = lines()
    assert line["dropped_fields"] == ["customer", "narrative"]
    assert line["reference"] == "RD-7"


def test_a_model_under_a_known_name_is_left_out(lines: Any) -> None:
    configure_logging("INFO", service="worker")
    structlog.get_logger().info("received", code={"name": SECRET}, count=[{"name": SECRET}])
    assert lines()[0]["dropped_fields"] == ["code", "count"]


def test_a_library_says_its_template_only(lines: Any) -> None:
    configure_logging("INFO", service="worker")
    logging.getLogger("some.library").warning("no mailbox for %s", SECRET)
    logging.getLogger("httpx").info("GET https://example.org/%s", SECRET)
    logging.getLogger("uvicorn.access").info('"GET /c/%s"', SECRET)
    (line,) = lines()
    assert line["event"] == "no mailbox for %s"
    assert line["logger"] == "some.library"


def test_an_error_says_its_kind_and_place_and_not_its_text(lines: Any) -> None:
    configure_logging("INFO", service="worker")
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(SECRET) from cause
    except ValueError:
        structlog.get_logger().exception("commit failed")
        logging.getLogger("some.library").exception("failed on %s", SECRET)
    ours, theirs = lines()
    for line in (ours, theirs):
        assert line["error"] == "ValueError < KeyError"
        assert line["where"][-1].startswith("tests/runtime/test_logging.py:")
        assert "dropped_fields" not in line


def test_what_is_below_the_level_is_not_written(lines: Any) -> None:
    configure_logging("INFO", service="worker")
    structlog.get_logger().debug("detail")
    logging.getLogger("some.library").debug("detail")
    assert lines() == []
