"""What counted and what did not as sentences, in English and Chinese: one for each step of an explanation."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from policies.arithmetic.durations import Measure
from policies.arithmetic.explain import Explanation
from policies.wording.explain_steps import ClockChange, DaysCounted, Holidays, PauseMade, Step, TimeCounted
from policies.wording.spoken import INSTANT, Moment, Sentence, Speech, text_of

_HOLIDAYS: Mapping[str, tuple[str, str]] = {
    "元旦": ("New Year's Day", "元旦"),
    "春节": ("Spring Festival", "春節"),
    "清明": ("Tomb-Sweeping Day", "清明節"),
    "劳动节": ("Labour Day", "勞動節"),
    "端午": ("Dragon Boat Festival", "端午節"),
    "国庆节": ("National Day", "國慶節"),
    "中秋": ("Mid-Autumn Festival", "中秋節"),
    "中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日": (
        "70th anniversary of victory in the war",
        "中國人民抗日戰爭暨世界反法西斯戰爭勝利70週年紀念日",
    ),
}
"""China's holidays, whose calendar names them in simplified Chinese alone; others' are said as they are written."""

_NOTHING = timedelta()


def holiday_name(name: str, speech: Speech) -> str:
    """The name of a holiday, as far as it is known in this language; one without a name is “a holiday”."""
    return speech.choose(*_HOLIDAYS.get(name, (name, name) if name else ("a holiday", "假日")))


def step_words(step: Step, why: Explanation, speech: Speech) -> Sentence:
    """One step of the way."""
    match step:
        case TimeCounted():
            return _time_counted(step, why, speech)
        case DaysCounted():
            return _days_counted(step, speech)
        case PauseMade():
            return _paused(step, why, speech)
        case Holidays():
            return _holidays(step, why, speech)
        case ClockChange():
            return _clock_change(step, why, speech)


def _time_counted(step: TimeCounted, why: Explanation, speech: Speech) -> Sentence:
    took, total = speech.length(step.took), speech.length(step.total)
    if step.intervals > 1:
        return speech.say(
            "In {month}: {number} intervals, {took}; {total} in all.",
            "{month}：{number}段，共{took}；累計{total}。",
            month=speech.month(speech.local(step.begin).date()),
            number=str(step.intervals),
            took=took,
            total=total,
        )
    begin, day = speech.moment(step.begin), speech.local(step.begin).date()
    make_up = speech.choose(", a make-up working day", "（調休上班日）") if step.make_up else ""
    if len(why.intervals) == 1:
        return speech.say(
            "Counted from {begin} to {end}{make_up}: {took}.",
            "自{begin}計至{end}{make_up}：{took}。",
            begin=begin, end=speech.end_on(step.end, day), make_up=make_up, took=took,
        )  # fmt: skip
    return speech.say(
        "Counted from {begin} to {end}{make_up}: {took}; {total} in all.",
        "自{begin}計至{end}{make_up}：{took}；累計{total}。",
        begin=begin, end=speech.end_on(step.end, day), make_up=make_up, took=took, total=total,
    )  # fmt: skip


def _days_counted(step: DaysCounted, speech: Speech) -> Sentence:
    make_up: tuple[str | Moment, ...] = ()
    if step.make_up:
        days = speech.joined(tuple(speech.day(day).words for day in step.make_up))
        one = len(step.make_up) == 1
        english = " {days} is a make-up working day." if one else " {days} are make-up working days."
        make_up = speech.say(english, "其中{days}為調休上班日。", days=days).parts
    if step.first == step.last:
        told = speech.say(
            "Day {number}: {day}.", "第{number}天：{day}。",
            number=str(step.first), day=speech.day(step.days[0]),
        )  # fmt: skip
    elif step.unbroken:
        told = speech.say(
            "Days {first} to {last}: {from_} to {to}.",
            "第{first}至{last}天：{from_}至{to}。",
            first=str(step.first), last=str(step.last),
            from_=speech.day(step.days[0]), to=speech.day(step.days[-1]),
        )  # fmt: skip
    else:
        told = speech.say(
            "Days {first} to {last}: in {month}.",
            "第{first}至{last}天：{month}。",
            first=str(step.first), last=str(step.last), month=speech.month(step.days[0]),
        )  # fmt: skip
    return Sentence((*told.parts, *make_up))


def reasons_of(step: PauseMade, speech: Speech) -> str:
    """What a pause was for; empty where it is not known."""
    titles = dict.fromkeys(text_of(pause.title, speech.language) for pause in step.reasons)
    return speech.joined(tuple(titles))


def _paused(step: PauseMade, why: Explanation, speech: Speech) -> Sentence:
    reasons = reasons_of(step, speech)
    reason = speech.choose(f": {reasons}", f"：{reasons}") if reasons else ""
    begin = speech.moment(step.begin)
    if step.end is None:
        return speech.say(
            "Paused since {begin}{reason}.", "自{begin}起暫停{reason}。", begin=begin, reason=reason
        )
    days = ""
    if why.day_rule is not None:
        days = speech.choose(" Days that ended within it do not count.", "期間結束的日子不計。")
    return speech.say(
        "Paused from {begin} to {end}, {took}{reason}.{days}",
        "自{begin}至{end}暫停，歷時{took}{reason}。{days}",
        begin=begin, end=speech.end(step.end), took=speech.about(step.end - step.begin), reason=reason, days=days,
    )  # fmt: skip


def _holidays(step: Holidays, why: Explanation, speech: Speech) -> Sentence:
    name, first, last = holiday_name(step.name, speech), speech.day(step.first), speech.day(step.last)
    if why.duration.measure is Measure.CIVIL:
        # It counts like any other day; where the last one is a holiday, it moves.
        english = "{days}, {name}: the last day may not fall on it."
        chinese = "{days}，{name}：最後一日不得為假日。"
    else:
        english, chinese = "Not counted: {days}, {name}.", "不計：{days}，{name}。"
    span = ("{first}", "{first}") if step.first == step.last else ("{first} to {last}", "{first}至{last}")
    return speech.say(
        english.replace("{days}", span[0]), chinese.replace("{days}", span[1]),
        first=first, last=last, name=name,
    )  # fmt: skip


def _clock_change(step: ClockChange, why: Explanation, speech: Speech) -> Sentence:
    forward = step.by > _NOTHING
    if why.duration.measure is Measure.ELAPSED or not step.counts:
        effect = ("what is counted is not changed by it", "計時不受影響")
    elif forward:
        effect = ("what falls out is not counted", "被略過的時間不計")
    else:
        effect = ("what comes twice counts twice", "重複的時間計算兩次")
    return speech.say(
        "On {at} the clocks go {way} by {by}; {effect}.",
        "{at}時鐘{way}{by}；{effect}。",
        at=_shown_before(step, speech),
        way=speech.choose("forward", "撥快") if forward else speech.choose("back", "撥慢"),
        by=speech.length(abs(step.by)),
        effect=speech.choose(*effect),
    )


def before_change(step: ClockChange, speech: Speech) -> datetime:
    """The local time that the clocks show just before they are moved, without a zone."""
    return speech.local(step.begin).replace(tzinfo=None) - step.by


def _shown_before(step: ClockChange, speech: Speech) -> Moment:
    shown = before_change(step, speech)
    before = speech.abbreviation(step.begin - INSTANT)
    day = speech.day(shown.date())
    return Moment(
        f"{day.words}{speech.choose(', ', '')}{shown:%H:%M} {before}", speech.moment(step.begin).machine
    )
