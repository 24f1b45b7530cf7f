"""The words that fill letters and alerts, in English and Chinese, and how instants and sums are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from complaints.base import Money
from complaints.chapters.issues import IssueOutcome
from complaints.chapters.remedies import RemedyKind, RemedyState
from policies.arithmetic.durations import Duration, Unit
from policies.letters import Letter

_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "BHD": 3, "KWD": 3, "OMR": 3, "JOD": 3, "TND": 3}
"""Currencies whose minor unit is not a hundredth (ISO 4217)."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "nobody yet": {"zh": "尚無人"},
    "the earliest moment we can": {"zh": "最早可行時間"},
    "no fixed date": {"zh": "未定日期"},
    "Nothing.": {"zh": "無。"},
    "(erased)": {"zh": "（已刪除）"},
    # next steps
    "we look into it and write to you.": {"zh": "我們將調查並致函告知您。"},
    "we finish our work on it and send you our answer.": {"zh": "我們將完成處理並答覆您。"},
    "whoever looks at it again decides, and we write to you.": {
        "zh": "複核人員將作出決定，我們將致函告知您。"
    },
    "please tell us whether this settles the matter for you.": {"zh": "請告知我們此事是否已獲解決。"},
    "follow the link to write to us.": {"zh": "請經連結與我們聯絡。"},
    "tell us by {until}: {link}": {"zh": "請於 {until} 前告知我們：{link}"},
    # stages of a final response
    "final": {"zh": "最終"},
    "summary_resolution": {"en": "summary resolution", "zh": "簡易解決"},
    "deadlock": {"zh": "僵局"},
    # outcomes of issues
    IssueOutcome.UPHELD: {"zh": "成立"},
    IssueOutcome.PARTLY_UPHELD: {"en": "partly upheld", "zh": "部分成立"},
    IssueOutcome.NOT_UPHELD: {"en": "not upheld", "zh": "不成立"},
    # remedies
    RemedyKind.REFUND: {"zh": "退款"},
    RemedyKind.LOSS: {"en": "compensation for loss", "zh": "損失賠償"},
    RemedyKind.DISTRESS: {"en": "compensation for distress", "zh": "精神損害賠償"},
    RemedyKind.INTEREST: {"zh": "利息"},
    RemedyKind.STATUTORY_MULTIPLE: {"en": "statutory multiple", "zh": "法定倍數賠償"},
    RemedyKind.REPLACEMENT: {"zh": "更換"},
    RemedyKind.UPGRADE: {"zh": "升級"},
    RemedyKind.APOLOGY: {"zh": "道歉"},
    RemedyKind.CORRECTION: {"zh": "更正"},
    RemedyState.PAID: {"zh": "已付款"},
    RemedyState.FULFILLED: {"en": "done", "zh": "已完成"},
    "by {date}": {"zh": "{date} 前"},
    "New since the last mail: {new}. In all: {total}.": {
        "zh": "上一封信之後新增：{new} 件。共計：{total} 件。"
    },
    "Seen it? Say so here: {link}": {"zh": "已知悉？請在此確認：{link}"},
    "Seen them all? Acknowledge all of these: {link}": {"zh": "全部已知悉？請在此一併確認：{link}"},
    # systemic issues
    "its risk was to be looked at again by {due}. Please assess it anew.": {
        "zh": "其風險應於 {due} 前重新評估，請立即評估。"
    },
}

_UNITS: Mapping[Unit, tuple[str, str, str]] = {
    Unit.SECONDS: ("second", "seconds", "秒"),
    Unit.MINUTES: ("minute", "minutes", "分鐘"),
    Unit.HOURS: ("hour", "hours", "小時"),
    Unit.WORKING_SECONDS: ("working second", "working seconds", "個工作秒"),
    Unit.WORKING_MINUTES: ("working minute", "working minutes", "個工作分鐘"),
    Unit.WORKING_HOURS: ("working hour", "working hours", "個工作小時"),
    Unit.WORKING_DAYS: ("working day", "working days", "個工作日"),
    Unit.CALENDAR_DAYS: ("calendar day", "calendar days", "個自然日"),
    Unit.WEEKS: ("week", "weeks", "週"),
    Unit.MONTHS: ("month", "months", "個月"),
    Unit.YEARS: ("year", "years", "年"),
}

UNREACHABLE: Mapping[str, Letter] = {
    "en": Letter(
        subject="An alert did not arrive: {reference}",
        body="An alert about {reference} did not reach somebody whom it was meant for, nor anybody in their place:"
        " they have no working mail address, or are not in the directory any more. Whom else it has reached stands"
        " with the alerts of the complaint. Please look there whether somebody knows of it, and mend the"
        " directory.\n{link}\n",
    ),
    "zh": Letter(
        subject="提示未能送達：{reference}",
        body="關於 {reference} 的提示未能送達其中一位收件人，亦無人代收：該收件人無有效電郵地址，或已不在人員名錄中。"
        "該提示是否已送達其他人，請見該投訴的提示記錄。請確認已有人知悉，並更正人員名錄。\n{link}\n",
    ),
}
"""To administrators, where an alert did not reach somebody; of several who hold one role, others may have it.

Not the pack's: it tells of a fault in the installation.
"""

PLAIN: Mapping[str, Letter] = {
    "en": Letter(subject="About {reference}", body="{text}\n\n{link}\n\n{organisation}\n"),
    "zh": Letter(subject="關於 {reference}", body="{text}\n\n{link}\n\n{organisation}\n"),
}
"""For a kind of message that a pack does not word: what there is to say, and where to look."""


def word(language: str, english: str) -> str:
    """One of our own words or sentences in a language; in English where we do not have it in that one."""
    known = _WORDS.get(english, {})
    return known.get(language) or known.get("en") or str(english)


def instant(at: datetime, zone: str) -> str:
    """An instant as people of this zone read it, with the zone, to the minute."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def day(at: datetime, zone: str) -> str:
    """The date of an instant in this zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}"


def lasting(duration: Duration, language: str) -> str:
    """A pack's duration in words."""
    one, many, chinese = _UNITS[duration.unit]
    if language == "zh":
        return f"{duration.amount} {chinese}"
    return f"{duration.amount} {one if duration.amount == 1 else many}"


def span(length: timedelta, language: str) -> str:
    """How long something took or is late, by its two largest units, to the minute; never less than one."""
    minutes = max(1, int(length.total_seconds()) // 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    signs = ("天", "小時", "分鐘") if language == "zh" else ("d", "h", "min")
    parts = [f"{n} {sign}" for n, sign in zip((days, hours, minutes), signs, strict=True) if n]
    return " ".join(parts[:2])


def sum_of(money: Money) -> str:
    """A sum of money with its currency, in major units."""
    digits = _MINOR_DIGITS.get(money.currency, 2)
    if digits == 0:
        return f"{money.currency} {money.minor:,}"
    major, minor = divmod(money.minor, 10**digits)
    return f"{money.currency} {major:,}.{minor:0{digits}d}"
