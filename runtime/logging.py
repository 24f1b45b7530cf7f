"""Log lines as JSON, carrying ids and figures only: what is not on the list of known names is left out."""

import logging
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

import structlog

from runtime.clock import Clock

# Names whose values can only be ids, figures, instants or our own fixed words. A name that could hold
# what a person wrote, or who a person is, does not belong here; nor does a URL or an error's text.
ALLOWED_FIELDS = frozenset(
    {
        *(
            "event",
            "level",
            "timestamp",
            "logger",
            "service",
            "process_id",
            "error",
            "where",
            "dropped_fields",
        ),
        *("request_id", "reference", "workflow_id", "run_id", "workflow_type", "activity_type", "task_queue"),
        *("stream", "sequence", "expected_sequence", "command", "command_id", "event_type", "attempt"),
        *("method", "route", "status", "code", "role", "duration_ms", "size_bytes", "count", "rows", "total"),
        *("clock", "occurrence", "rung", "due_at", "late_s", "pack", "pack_version", "phase", "severity"),
        *(
            "message_id",
            "mail",
            "dedupe_key",
            "channel",
            "outcome",
            "retry_in_s",
            "signal",
            "child",
            "pid",
            "port",
        ),
        *("exit_code", "mode", "namespace", "migration", "line", "batch", "dropped", "speed"),
    }
)

# Libraries whose messages are fixed words about themselves. Of all others only the template of a
# message is shown, without what was put into it.
_PLAIN_SPOKEN = ("uvicorn.error", "alembic.runtime.migration", "apscheduler.scheduler")
# One line for each request, with the URL: our own request log says the same without it.
_SILENCED = ("uvicorn.access", "httpx", "httpcore")

_LONGEST_TEXT = 200
_FRAMES_SHOWN = 6
_PROJECT = Path(__file__).resolve().parent.parent

_Event = MutableMapping[str, Any]


def configure_logging(level: str = "INFO", *, service: str = "redress") -> None:
    """Sends structlog's and the standard library's records to standard output, one JSON object a line.

    `service` names the process (``api``, ``worker`` …). Fields bound with
    `structlog.contextvars.bind_contextvars` (``request_id``, ``reference``, ``workflow_id``) are on every
    line. Timestamps are the system's own (UTC), also where the service runs on a virtual clock: a log
    tells when something really happened. May be called again; the last call counts.
    """
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _Stamp(service),
        _error_without_its_text,
        allow_listed,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_template_only, *before],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # uvicorn sets up its own otherwise
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


def allow_listed(logger: Any, method: str, event: _Event) -> _Event:
    """Keeps what `ALLOWED_FIELDS` names and is a plain value; says by name what it left out."""
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in event.items():
        if name.startswith("_"):  # structlog's own, taken off again before the line is written
            kept[name] = value
        elif name not in ALLOWED_FIELDS or not _plain(value):
            dropped.append(name)
        else:
            kept[name] = _written(value)
    if dropped:
        kept["dropped_fields"] = sorted(dropped)
    return kept


class _Stamp:
    def __init__(self, service: str) -> None:
        self._service = service
        self._clock = Clock()

    def __call__(self, logger: Any, method: str, event: _Event) -> _Event:
        event["timestamp"] = self._clock.now()
        event["service"] = self._service
        return event


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float | datetime | UUID)


def _written(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}…"
    return value


def _template_only(logger: Any, method: str, event: _Event) -> _Event:
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and not record.name.startswith(_PLAIN_SPOKEN):
        event["event"] = str(record.msg)
    return event


def _error_without_its_text(logger: Any, method: str, event: _Event) -> _Event:
    """What kind of error, and where: its text may quote what a person wrote."""
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = " < ".join(_kinds(error))
        event["where"] = list(_places(error.__traceback__))
    return event


def _kinds(error: BaseException | None) -> Iterable[str]:
    """The error's kind and those of its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _places(at: TracebackType | None) -> Iterable[str]:
    for frame in traceback.extract_tb(at)[-_FRAMES_SHOWN:]:
        path = Path(frame.filename)
        shown = path.relative_to(_PROJECT) if path.is_relative_to(_PROJECT) else Path(path.name)
        yield f"{shown}:{frame.lineno} {frame.name}"
