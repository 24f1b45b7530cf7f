"""The picture of a clock: what counted, what did not and where it ended, laid out along one axis of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from api.desk.time_axis import Scale, Tick
from complaints.timing.explained import Explained
from policies.arithmetic.durations import Measure
from policies.wording.explain_steps import ClockChange, day_began, holidays_passed, pauses_made, steps
from policies.wording.spoken import INSTANT, Speech, text_of
from policies.wording.step_words import holiday_name, reasons_of

WIDTH = 1120
LEFT, RIGHT = 28, WIDTH - 28
_LANE = 20
_TRACK = 34
_AXIS = 46
_MOST = 100
"""Blocks of counted time; more are joined where the gap between them is smallest."""
_MOST_OTHERS = 24
_UNDER_LANES = 3

BlockKind = Literal["counted", "paused", "holiday"]
MarkKind = Literal["start", "warning", "due", "met", "late", "stopped", "overdue", "now", "paused"]
UnderKind = Literal["paused", "holiday", "extension", "rolled", "change"]


@dataclass(frozen=True)
class Block:
    """A stretch on the track. `number` is which day it is, where there is room to write it."""

    kind: BlockKind
    x: float
    width: float
    number: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment above the track: a form, a word and the time, on one of several lanes."""

    kind: MarkKind
    x: float
    word: str
    time: str
    lane: int
    side: Literal["start", "end"]


@dataclass(frozen=True)
class Under:
    """What a stretch on the track is, written below it."""

    kind: UnderKind
    x: float
    width: float
    words: str
    lane: int
    side: Literal["start", "end"]


@dataclass(frozen=True)
class Key:
    """What a form on the track means."""

    kind: str
    words: str


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn, in units of a picture WIDTH wide; y grows downwards."""

    title: str
    description: str
    height: int
    track: int
    axis: int
    until: float
    blocks: tuple[Block, ...]
    marks: tuple[Mark, ...]
    under: tuple[Under, ...]
    ticks: tuple[Tick, ...]
    late: tuple[float, float] | None
    break_x: float | None
    keys: tuple[Key, ...]

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def left(self) -> int:
        return LEFT

    @property
    def right(self) -> int:
        return RIGHT

    @property
    def track_height(self) -> int:
        return _TRACK

    def lane_y(self, mark: Mark) -> int:
        """The base line of a mark's words."""
        return self.track - 12 - mark.lane * _LANE

    def under_y(self, under: Under) -> int:
        """The base line of what is written below the track."""
        return self.track + _TRACK + 20 + under.lane * _LANE


def picture(told: Explained, as_of: datetime, speech: Speech) -> Picture:
    """One run of a clock as it stands at `as_of`."""
    scale = _scale(told, as_of)
    moments = tuple(_moments(told, as_of, speech))
    marks = _laid(scale, moments)
    lanes = max((mark.lane for mark in marks), default=0) + 1
    blocks = tuple(_blocks(told, scale, as_of))
    under = _laid_under(scale, _unders(told, scale, as_of, speech))
    track = 10 + lanes * _LANE + 6
    rows = max((item.lane for item in under), default=-1) + 1
    axis = track + _TRACK + (rows * _LANE + 10 if rows else 0) + 8
    due = told.why.due
    until = scale.right if due is None else scale.x(due)
    late = (scale.x(due), scale.right) if due is not None and scale.last > due else None
    return Picture(
        title=speech.choose("The clock “{title}” as a line of time", "計時「{title}」時間線圖").format(
            title=text_of(told.rule.title, speech.language)
        ),
        description=speech.choose("; ", "；").join(f"{word} {time}" for _, _, word, time in moments)
        + speech.choose(". The table tells each stretch.", "。各段詳見表格。"),
        height=axis + _AXIS,
        track=track,
        axis=axis,
        until=until,
        blocks=blocks,
        marks=marks,
        under=under,
        ticks=scale.ticks(speech),
        late=late,
        break_x=scale.break_x,
        keys=tuple(_keys(told, blocks, until, late, speech)),
    )


def _scale(told: Explained, as_of: datetime) -> Scale:
    why, over = told.why, told.over_at
    if why.due is None:
        stood = max([why.start, *(pause.begin for pause in why.pauses), over or as_of])
        return Scale(why.start, stood, stood, LEFT, RIGHT)
    last = over if over is not None else as_of
    return Scale(why.start, why.due, max(why.due, last), LEFT, RIGHT)


# On the track


def _blocks(told: Explained, scale: Scale, as_of: datetime) -> Iterator[Block]:
    why = told.why
    for holiday in list(holidays_passed(why))[:_MOST_OTHERS]:
        x = scale.x(holiday.begin)
        if (width := min(scale.x(holiday.end), scale.due_x) - x) > 0:
            yield Block("holiday", x, round(width, 1))
    spans = [(scale.x(i.begin), scale.x(i.end)) for i in why.intervals]
    cells = [(scale.x(day_began(why, day)), scale.x(day.ends)) for day in why.days]
    numbered = bool(cells) and len(cells) <= _MOST and min(end - begin for begin, end in cells) >= 5
    if numbered:
        for day, (begin, end) in zip(why.days, cells, strict=True):
            number = str(day.number) if end - begin >= 6 + 8 * len(str(day.number)) else ""
            yield Block("counted", round(begin + 0.6, 1), round(end - begin - 1.2, 1), number)
    else:
        for begin, end in _joined(spans + cells):
            yield Block("counted", begin, round(max(end - begin, 0.6), 1))
    for pause in why.pauses[:_MOST_OTHERS]:
        begin, end = scale.x(pause.begin), scale.x(pause.end or max(as_of, pause.begin))
        yield Block("paused", begin, round(max(end - begin, 3), 1))


def _joined(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in order, at most _MOST of them: those with the narrowest gap between them become one."""
    gap = 0.4
    found = spans
    while True:
        joined: list[tuple[float, float]] = []
        for begin, end in found:
            if joined and begin - joined[-1][1] <= gap:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((begin, end))
        if len(joined) <= _MOST:
            return joined
        found, gap = joined, gap * 1.5


# Above the track

_Moment = tuple[MarkKind, datetime, str, str]


def _moments(told: Explained, as_of: datetime, speech: Speech) -> Iterator[_Moment]:
    why, run = told.why, told.run
    say = speech.choose
    years = {speech.local(at).year for at in (why.start, why.due or as_of, told.over_at or as_of)}

    def when(at: datetime) -> str:
        """Midnight ends a day: most of what is told here does. The year only where there are several."""
        midnight = speech.ends_a_day(at) and at != why.start
        day = speech.local(at - INSTANT if midnight else at).date()
        said = f"{speech.weekday(day)} {speech.short_day(day)}"
        if len(years) > 1:
            said = say(f"{said} {day.year}", f"{day.year}年{said}")
        return f"{said} {speech.clock(at, end=midnight)}"

    yield "start", why.start, say("Start", "起算"), when(why.start)
    for warning in told.warnings[:4]:
        if told.over_at is None or warning <= told.over_at:
            yield "warning", warning, say("Warning", "提醒"), when(warning)
    if why.due is not None:
        yield "due", why.due, say("Due", "到期"), when(why.due)
    if run.met_at is not None:
        late = why.due is not None and run.met_at > why.due
        word = say("Met late", "逾期完成") if late else say("Met", "已完成")
        yield ("late" if late else "met"), run.met_at, word, when(run.met_at)
    elif run.stopped_at is not None:
        yield "stopped", run.stopped_at, say("Stopped", "已停止"), when(run.stopped_at)
    elif why.due is None:
        yield "paused", as_of, say("Still paused", "仍在暫停"), when(as_of)
    elif as_of > why.due:
        yield "overdue", as_of, say("Now, overdue", "現在，已逾期"), when(as_of)
    else:
        yield "now", as_of, say("Now", "現在"), when(as_of)


def _laid(scale: Scale, moments: Iterable[_Moment]) -> tuple[Mark, ...]:
    """Each on the lowest lane on which its words cross no others, nor the stem of one on a higher lane.

    So what reads towards the left is laid from the left on, and what reads towards the right from the right.
    """
    taken: list[list[tuple[float, float]]] = []
    found: list[Mark] = []
    placed = sorted(((scale.x(at), kind, word, time) for kind, at, word, time in moments), key=lambda m: m[0])
    wide = {mark: _width(f"{mark[2]} {mark[3]}") + 22 for mark in placed}
    leftward: list[tuple[float, MarkKind, str, str]] = []
    reach = float(WIDTH)
    for mark in reversed(placed):
        x = mark[0]
        if x + wide[mark] > WIDTH - 4 or (x > reach and x > wide[mark]):
            leftward.insert(0, mark)
            reach = min(reach, x - wide[mark])
    for mark in (*leftward, *(mark for mark in reversed(placed) if mark not in leftward)):
        x, kind, word, time = mark
        side: Literal["start", "end"] = "end" if mark in leftward else "start"
        span = (x - wide[mark], x + 8) if side == "end" else (x - 8, x + wide[mark])
        lane = 0
        while lane < len(taken) and any(span[0] < high and low < span[1] for low, high in taken[lane]):
            lane += 1
        while len(taken) <= lane:
            taken.append([])
        taken[lane].append(span)
        for lower in taken[:lane]:
            lower.append((x - 4, x + 4))
        found.append(Mark(kind, x, word, time, lane, side))
    return tuple(sorted(found, key=lambda mark: mark.x))


def _width(words: str) -> float:
    """About how wide a text is at the picture's size of letters."""
    return sum(13.5 if ord(letter) > 0x2E7F else 7.1 for letter in words)


# Below the track


def _unders(
    told: Explained, scale: Scale, as_of: datetime, speech: Speech
) -> Iterator[tuple[UnderKind, float, float, str]]:
    why = told.why
    if why.extension is not None and why.extension.due_before is not None and why.due is not None:
        by = speech.duration(why.extension.by)
        times = why.extension.times
        words = speech.choose(
            f"Extended by {by}" if times == 1 else f"Extended {times} times by {by}",
            f"延期{by}" if times == 1 else f"延期{times}次，每次{by}",
        )
        yield "extension", scale.x(why.extension.due_before), scale.x(why.due), words
    if why.rolled_from is not None and why.days and why.due is not None:
        words = speech.choose("Moved to the next working day", "順延至下一個工作日")
        yield "rolled", scale.x(why.days[-1].ends), scale.x(why.due), words
    for pause in list(pauses_made(why, told.pauses))[:_MOST_OTHERS]:
        reasons = reasons_of(pause, speech)
        words = speech.choose("Paused", "暫停") + (speech.choose(": ", "：") + reasons if reasons else "")
        yield "paused", scale.x(pause.begin), scale.x(pause.end or max(as_of, pause.begin)), words
    for holiday in list(holidays_passed(why))[:_MOST_OTHERS]:
        begin, end = scale.x(holiday.begin), scale.x(holiday.end)
        if end > begin:
            yield "holiday", begin, end, holiday_name(holiday.name, speech)
    for step in steps(why):
        if isinstance(step, ClockChange):
            at, hours = scale.x(step.begin), speech.length(abs(step.by))
            sign = "+" if step.by.total_seconds() > 0 else "−"
            yield "change", at, at, speech.choose("Clocks ", "時鐘 ") + sign + hours


def _laid_under(scale: Scale, items: Iterable[tuple[UnderKind, float, float, str]]) -> tuple[Under, ...]:
    """On the first lane with room; what finds none is left to the table."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(_UNDER_LANES)]
    found: list[Under] = []
    for kind, begin, end, words in items:
        wide = max(_width(words) + 22, end - begin)
        side: Literal["start", "end"] = "start" if begin + wide <= WIDTH - 4 else "end"
        span = (begin, begin + wide + 6) if side == "start" else (end - wide - 6, end)
        for lane, spans in enumerate(taken):
            if all(span[1] <= low or span[0] >= high for low, high in spans):
                spans.append(span)
                found.append(Under(kind, begin, round(max(end - begin, 0), 1), words, lane, side))
                break
    return tuple(found)


def _keys(
    told: Explained, blocks: tuple[Block, ...], until: float, late: tuple[float, float] | None, speech: Speech
) -> Iterator[Key]:
    say, kinds = speech.choose, {block.kind for block in blocks}
    stretches = sum(block.kind == "counted" for block in blocks)
    if stretches:
        whole = stretches >= max(len(told.why.intervals), len(told.why.days))
        together = say(" (gaps too narrow to draw are left out)", "（過窄的間隔未繪出）")
        yield Key("counted", say("Counted", "計時") + ("" if whole else together))
    drawn = sum(block.width for block in blocks)
    if told.why.duration.measure is not Measure.ELAPSED and drawn < until - LEFT - 2 - 2 * len(blocks):
        yield Key("closed", say("Not counted", "不計"))
    if "holiday" in kinds:
        yield Key("holiday", say("Holiday", "假日"))
    if "paused" in kinds:
        yield Key("paused", say("Paused", "暫停"))
    if late is not None:
        yield Key("late", say("After it was due", "到期之後"))
