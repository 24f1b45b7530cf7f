"""The report: what was measured, beside what it should be, as JSON for programs and Markdown for people."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.figures import Summary, Target

RESULTS = Path(__file__).with_name("results")
_LIBRARIES = ("temporalio", "fastapi", "uvicorn", "uvloop", "sqlalchemy", "asyncpg", "pydantic")


@dataclass(frozen=True)
class Machine:
    """What it was measured on. A result without this says nothing."""

    name: str
    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    versions: Mapping[str, str]
    load_before: float
    """The one-minute load average before the run: above one or two, others were at work."""


@dataclass
class Report:
    """One run. `rows` are the measured loads by name; `notes` are what a reader has to know of them."""

    at: datetime
    quick: bool
    machine: Machine
    rows: dict[str, Summary] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    round_trips: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    only: str = ""
    """The one chapter that was run; all of them where it is empty."""
    processor: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """By what was done: processor milliseconds of each part for one of it. Others' load does not change these much."""
    failures: list[str] = field(default_factory=list)
    """What could not be measured, and why, a sentence each."""
    finished: bool = False
    """Whether the run came to its end. It is written chapter by chapter, so that none takes the others with it."""

    @property
    def all_met(self) -> bool:
        """Whether everything that should be measured was, and is as it should be."""
        return self.finished and not self.failures and all(target.met for target in self.targets)


def this_machine(*, postgres: str, temporal: str, load_before: float) -> Machine:
    """The machine, with the versions of the two servers and of the libraries that matter."""
    processor = _line_of(Path("/proc/cpuinfo"), r"model name\s*: (.+)") or platform.processor() or "unknown"
    memory = _line_of(Path("/proc/meminfo"), r"MemTotal:\s+(\d+) kB")
    libraries = {library: version(library) for library in _LIBRARIES}
    return Machine(
        name=_slug(f"{processor} {os.cpu_count()} cores"),
        processor=processor,
        cores=os.cpu_count() or 0,
        memory_gb=round(int(memory) / 1024**2, 1) if memory else 0.0,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions={"PostgreSQL": postgres, "Temporal": temporal, **libraries},
        load_before=round(load_before, 2),
    )


def _line_of(path: Path, pattern: str) -> str | None:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return None
    return found[1].strip() if found else None


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:48]


def write(report: Report, folder: Path = RESULTS) -> tuple[Path, Path]:
    """The two files, named by date and machine; a second run on the same day takes the first one's place.

    A run that is not finished has files of its own until it is: one that is broken off takes no other's place.
    """
    folder.mkdir(exist_ok=True)
    name = f"{report.at:%Y-%m-%d}-{report.machine.name}{'-quick' if report.quick else ''}"
    name += f"-{report.only}" if report.only else ""
    unfinished = _files(folder, f"{name}-unfinished")
    data, page = _files(folder, name) if report.finished else unfinished
    data.write_text(json.dumps(as_data(report), indent=2, ensure_ascii=False) + "\n")
    page.write_text(as_page(report))
    if report.finished:
        for file in unfinished:
            file.unlink(missing_ok=True)
    return data, page


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.json", folder / f"{name}.md"


def as_data(report: Report) -> dict[str, Any]:
    """Everything, for programs."""
    targets = [{**asdict(target), "met": target.met} for target in report.targets]
    return {**asdict(report), "at": report.at.isoformat(), "targets": targets, "all_met": report.all_met}


def as_page(report: Report) -> str:
    """The same for people, targets first."""
    machine = report.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    parts = [
        f"# Speed on {report.at:%Y-%m-%d}{' (quick run: fewer rounds, coarser figures)' if report.quick else ''}",
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB, {machine.kernel}, Python"
        f" {machine.python}; {versions}. Load average before the run: {machine.load_before}.",
        _verdict(report),
        *("\n".join(f"- **Not measured:** {failure}" for failure in report.failures),)
        * bool(report.failures),
        _table(
            ("what", "measured", "target", ""),
            [
                (
                    t.name,
                    f"{t.value:.{2 if t.value % 1 else 0}f} {t.unit}",
                    t.wanted,
                    "met" if t.met else "**not met**",
                )
                for t in report.targets
            ],
        ),
        "## The loads",
        _table(
            ("load", "calls", "p50 ms", "p90 ms", "p99 ms", "calls/s"),
            [
                (name, row.count, f"{row.p50:.1f}", f"{row.p90:.1f}", f"{row.p99:.1f}", f"{row.rate:.1f}")
                for name, row in report.rows.items()
            ],
        ),
        "## Round trips to the database",
        _table(
            ("request", "API", "worker"),
            [(name, by.get("API", 0), by.get("worker", 0)) for name, by in report.round_trips.items()],
        ),
        "## Temporal actions of one life",
        _table(("for", "actions"), list(report.actions.items())),
        *_processor(report),
        *(["## Notes", "\n".join(f"- {note}" for note in report.notes)] if report.notes else []),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(report: Report) -> str:
    if not report.finished:
        return "**This run was not finished.**"
    return "All targets are met." if report.all_met else "**Not all targets are met.**"


def _processor(report: Report) -> list[str]:
    if not report.processor:
        return []
    parts = sorted({part for spent in report.processor.values() for part in spent})
    rows = [
        (
            name,
            *(f"{spent[part]:.1f}" if part in spent else "" for part in parts),
            f"{sum(spent.values()):.1f}",
        )
        for name, spent in report.processor.items()
    ]
    return ["## Processor time, in milliseconds for each", _table(("what", *parts, "all"), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
