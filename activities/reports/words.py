"""The words of reports, in English and Chinese, side by side. They hang on no pack: a report is about several."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.report_preferences import ReportKind
from policies.letters import Letter

LANGUAGES = ("en", "zh")

LETTERS: Mapping[ReportKind, Mapping[str, Letter]] = {
    ReportKind.MORNING_WORKLIST: {
        "en": Letter(
            subject="Your complaints this morning",
            body="{date}: you have {open}.\n\n{sections}\n\nYour worklist: {link}\n\n{foot}\n",
        ),
        "zh": Letter(
            subject="今晨的投訴工作",
            body="{date}：您名下有{open}。\n\n{sections}\n\n工作清單：{link}\n\n{foot}\n",
        ),
    },
    ReportKind.WEEKLY_REPORT: {
        "en": Letter(
            subject="Your team's complaints, the week of {week}",
            body="{date}: your team has {open}.\n\n{sections}\n\nThe worklist: {link}\n\n{foot}\n",
        ),
        "zh": Letter(
            subject="團隊投訴週報：{week} 當週",
            body="{date}：您的團隊名下有{open}。\n\n{sections}\n\n工作清單：{link}\n\n{foot}\n",
        ),
    },
    ReportKind.OVERDUE_SUMMARY: {
        "en": Letter(
            subject="Overdue complaints: {count}",
            body="{date}: {open} overdue, over all packs.\n\n{sections}\n\nAll that is overdue: {link}\n\n{foot}\n",
        ),
        "zh": Letter(
            subject="逾期投訴：{count} 宗",
            body="{date}：全部規則之下，共有逾期的{open}。\n\n{sections}\n\n所有逾期投訴：{link}\n\n{foot}\n",
        ),
    },
}
"""What a subject tells is a count or a date: strangers read it on locked screens."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "overdue": ("Overdue ({n})", "已逾期（{n}）"),
    "overdue_first": ("Overdue, the oldest first ({n})", "已逾期，由最早者起（{n}）"),
    "today": ("Due today ({n})", "今日到期（{n}）"),
    "offered": ("Offered to you, waiting for your answer ({n})", "轉交予您，待您答覆（{n}）"),
    "unacknowledged": ("Alerts that nobody has acknowledged ({n})", "無人確認的提示（{n}）"),
    "breached": ("Breached last week ({n})", "上週逾期的時限（{n}）"),
    "handovers": ("Handovers not accepted ({n})", "尚未接受的轉交（{n}）"),
    "load": ("Who has how much", "各人工作量"),
    "by_clock": ("By clock", "按時限分類"),
    "none": ("None.", "無。"),
    "more": ("… and {n} more", "……另有 {n} 項"),
    "due": ("due {at}", "應於 {at}"),
    "was_due": ("was due {at}", "原應於 {at}"),
    "next_due": ("next deadline {at}", "最近時限 {at}"),
    "paused": ("paused", "已暫停"),
    "done_late": ("done late, {at}", "已於 {at} 延遲完成"),
    "not_done": ("not done yet", "尚未完成"),
    "nobody": ("nobody yet", "尚無負責人"),
    "offered_by": ("{owner} answers for it until {to} accepts", "{to} 接受之前由 {owner} 負責"),
    "offered_to": ("offered to {to}", "已轉交予 {to}，待其接受"),
    "load_of": (
        "{name}: {open} open, {overdue} overdue, {soon} due this week, {offered} offered and not accepted",
        "{name}：未結 {open}，逾期 {overdue}，本週到期 {soon}，轉交未接受 {offered}",
    ),
    "counted": ("{pack}, {clock}: {n}", "{pack}，{clock}：{n}"),
    "complaints_one": ("1 open complaint", "未結投訴 1 宗"),
    "complaints_many": ("{n} open complaints", "未結投訴 {n} 宗"),
    "left": ("somebody who has left", "已離職人員"),
    "foot": (
        "Times are those of {zone}. This mail comes from {organisation}; choose which of these mails you get,"
        " and in which language: {mails}",
        "時間以 {zone} 為準。本信由 {organisation} 發出；可於此選擇接收哪些郵件及語言：{mails}",
    ),
}


def language_of(language: str) -> str:
    """The language of ours that is nearest to the one asked for."""
    return next((known for known in (language, language.partition("-")[0]) if known in LANGUAGES), "en")


def say(language: str, name: str, /, **fields: object) -> str:
    """One of these sentences, its fields filled in."""
    english, chinese = _WORDS[name]
    return (chinese if language == "zh" else english).format(**fields)
