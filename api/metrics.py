"""The figures that Prometheus asks for. Labels are fixed words; no reference, person or address is among them."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The figures of one process, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "redress_http_request_seconds", "Time from request to answer.",
            ("method", "route", "status"), buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._commands = Counter(
            "redress_commands_total", "Commands by type and outcome: recorded, duplicate, running, or why not.",
            ("command", "outcome"), registry=self._registry,
        )  # fmt: skip
        self._command_seconds = Histogram(
            "redress_command_seconds", "Time from a command's arrival to its outcome.",
            ("command",), buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._intake = Counter(
            "redress_intake_total", "Complaints received, by channel and whether the engine took them at once.",
            ("channel", "engine"), registry=self._registry,
        )  # fmt: skip
        self._gauges: dict[str, Gauge] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answered request; an invented method is counted as one kind."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).observe(seconds)

    def command(self, command: str, outcome: str, seconds: float) -> None:
        """One command: its type, its outcome, and how long the caller waited."""
        self._commands.labels(command, outcome).inc()
        self._command_seconds.labels(command).observe(seconds)

    def received(self, channel: str, *, engine: bool) -> None:
        """One complaint that got a reference; `engine`: its workflow was started at once."""
        self._intake.labels(channel, "taken" if engine else "away").inc()

    def exposition(self, levels: Mapping[str, float]) -> bytes:
        """Everything in Prometheus' text form, with `levels` (name → present value) as gauges `redress_<name>`."""
        for name, value in levels.items():
            if name not in self._gauges:
                self._gauges[name] = Gauge(f"redress_{name}", _HELP.get(name, name), registry=self._registry)
            self._gauges[name].set(value)
        return generate_latest(self._registry)


_HELP = {
    "complaints_open": "Complaints that are open.",
    "complaints_overdue": "Open complaints with a breached clock that still runs.",
    "outbox_depth": "Messages that wait to be sent.",
    "outbox_dead_letters": "Messages that were given up and need a person.",
    "intake_pending": "Complaints accepted whose workflow is still to be started.",
    "database_up": "1 where the database answered this scrape.",
}
