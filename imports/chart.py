"""A simulation as a picture: one bar for each clock, in parts that are hatched, numbered and named. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from complaints.timing.judging import Outcome
from imports.simulating import Line, Simulated

WORDS = {
    Outcome.MET: "met in time",
    Outcome.MET_LATE: "met late",
    Outcome.OVERDUE: "overdue",
    Outcome.RUNNING: "still running",
    Outcome.STOPPED: "fell away",
    Outcome.NOT_KNOWN: "not known",
}
"""What became of a run, as a reader is told."""

_WIDTH, _BAR, _LEFT, _ROW, _HEAD = 960, 760, 24, 82, 96
_WIDE_ENOUGH = 9  # pixels for each digit of a number inside its part

# A fill and the hatching over it, so that no part is told from another by its colour alone.
_FILLS = {
    Outcome.MET: ("#0b6453", ""),
    Outcome.MET_LATE: ("#7a4b00", "M0 8 L8 0"),
    Outcome.OVERDUE: ("#a3160f", "M0 0 L8 8 M0 8 L8 0"),
    Outcome.RUNNING: ("#24588f", "M0 4 L8 4"),
    Outcome.STOPPED: ("#56467f", "M4 0 L4 8"),
    Outcome.NOT_KNOWN: ("#57606a", "M2 2 L3 3 M6 6 L7 7"),
}


def chart(found: Simulated, language: str = "en") -> str:
    """The simulation as an SVG document, titles of clocks in `language`; it loads nothing from elsewhere."""
    clocks = found.by_clock()
    height = _HEAD + _ROW * max(len(clocks), 1) + 16
    title = f"{found.pack} version {found.version} on {found.rows:,} rows of {found.file}"
    said = " ".join(f"{_title(line, language)}: {_sentence(line)}." for line in clocks)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title desc" '
        'font-family="system-ui, sans-serif" font-size="14">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(said)}</desc>',
        *_patterns(),
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(_LEFT, 32, title, size=20, weight=600),
        _text(_LEFT, 54, f"As of {found.as_of:%Y-%m-%d %H:%M} UTC. What would have become of each clock:"),
        *_legend(clocks),
        *(part for at, line in enumerate(clocks) for part in _row(line, _HEAD + at * _ROW, language)),
    ]
    if not clocks:
        parts.append(_text(_LEFT, _HEAD + 24, "No clock of this pack runs for these rows."))
    return "\n".join([*parts, "</svg>", ""])


def counts(line: Line) -> Iterator[tuple[Outcome, int]]:
    """What there is of each outcome, left out where there is none."""
    for outcome in Outcome:
        if count := getattr(line, outcome.value):
            yield outcome, count


def _sentence(line: Line) -> str:
    said = ", ".join(f"{count:,} {WORDS[outcome]}" for outcome, count in counts(line))
    share = "" if line.in_time is None else f"; {line.in_time:.1f} % of {line.judged:,} in time"
    warned = f"; {line.warned:,} warned" if line.warned else ""
    return f"{said}{share}{warned}"


def _title(line: Line, language: str) -> str:
    return line.title.get(language) or line.title["en"]


def _patterns() -> Iterator[str]:
    yield "<defs>"
    for outcome, (fill, hatching) in _FILLS.items():
        yield (
            f'<pattern id="{outcome}" width="8" height="8" patternUnits="userSpaceOnUse">'
            f'<rect width="8" height="8" fill="{fill}"/>'
            f'<path d="{hatching}" stroke="#ffffff" stroke-opacity="0.45" stroke-width="1.5"/></pattern>'
        )
    yield "</defs>"


def _legend(clocks: tuple[Line, ...]) -> Iterator[str]:
    there = {outcome for line in clocks for outcome, _ in counts(line)}
    x = _LEFT
    for outcome in (outcome for outcome in Outcome if outcome in there):
        yield f'<rect x="{x}" y="66" width="16" height="16" fill="url(#{outcome})"/>'
        yield _text(x + 22, 79, WORDS[outcome])
        x += 40 + 8 * len(WORDS[outcome])


def _row(line: Line, top: int, language: str) -> Iterator[str]:
    yield _text(_LEFT, top + 16, _title(line, language), weight=600)
    yield _text(_LEFT, top + 34, _sentence(line))
    x, scale = float(_LEFT), _BAR / max(line.runs, 1)
    for outcome, count in counts(line):
        width = count * scale
        yield (
            f'<rect x="{x:.1f}" y="{top + 42}" width="{max(width, 1):.1f}" height="22" fill="url(#{outcome})">'
            f"<title>{WORDS[outcome]}: {count:,}</title></rect>"
        )
        label = f"{count:,}"
        if width > _WIDE_ENOUGH * len(label) + 8:
            plate = 8.5 * len(label) + 6
            middle = x + width / 2
            yield (
                f'<rect x="{middle - plate / 2:.1f}" y="{top + 45}" width="{plate:.1f}" height="16" '
                'rx="2" fill="#ffffff"/>'
            )
            yield _text(middle, top + 58, label, anchor="middle")
        x += width
    yield _text(_LEFT + _BAR + 12, top + 58, f"{line.runs:,} runs")


def _text(x: float, y: float, said: str, *, size: int = 14, weight: int = 400, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="#1b1f24">{escape(said)}</text>'
    )
