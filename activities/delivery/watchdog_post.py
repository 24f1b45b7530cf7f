"""What the post writes about the watchdog: to administrators, that it was late, since when, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.render import Sender
from activities.delivery.wording import instant, span
from complaints.messages import Message
from ledger import late_spells
from ledger.database import autocommit
from ledger.late_spells import LateSpell
from ledger.outbox import Leased
from policies.letters import Letter, Written
from policies.vocabulary import Role

STREAM = "watchdog"
"""The stream of these messages, and the task that the spells are kept under. No events stand under it."""

_ZONE = "UTC"  # the installation's, not a pack's
_LATE: Mapping[str, Letter] = {
    "en": Letter(
        subject="Alerts went out late: the watchdog was {late} behind",
        body="From {began} on, the watchdog was late, by {late} at worst. Alerts of that time went out late,"
        " and none was left out. {now}\nPlease see whether the scheduler was stopped, the machine or the database"
        " overloaded, or Temporal away for long.\n{link}\n\n{organisation}\n",
    ),
    "zh": Letter(
        subject="提示延遲發出：監察程序落後 {late}",
        body="自 {began} 起監察程序出現延遲，最長 {late}。該段時間的提示延遲發出，但並無遺漏。{now}\n"
        "請檢查排程程序是否曾停止、機器或資料庫是否過載、Temporal 是否長時間離線。\n{link}\n\n{organisation}\n",
    ),
}
"""Not a pack's: it tells of a fault in the installation."""


def is_about_watchdog(stream: str) -> bool:
    """Whether a message of this stream is about the watchdog itself."""
    return stream == STREAM


def message_about(number: int) -> Message:
    """The alert of one late spell, under a key of its own: however long the spell lasts, it is told once."""
    return Message(
        dedupe=f"{STREAM}/late/{number}",
        kind="watchdog_late",
        to=f"role:{Role.ADMINISTRATOR}",
        fallback=f"role:{Role.SUPERVISOR}",
        letter=str(number),
    )


class WatchdogPost:
    """Writes these mails from the spell as it stands when they leave."""

    def __init__(self, engine: AsyncEngine, sender: Sender) -> None:
        self._engine = autocommit(engine)
        self._sender = sender

    async def written(self, row: Leased, language: str) -> Written | None:
        """The mail, or None where there was no such spell."""
        if not (row.letter or "").isdecimal():
            return None
        async with self._engine.connect() as conn:
            found = await late_spells.spell(conn, STREAM, int(row.letter or 0))
        return None if found is None else write_late(self._sender, found, language=language)


def write_late(sender: Sender, spell: LateSpell, *, language: str) -> Written:
    """The alert to administrators."""
    language = next((known for known in (language, language.partition("-")[0]) if known in _LATE), "en")
    return _LATE[language].filled(
        {
            "began": instant(spell.began_at, _ZONE),
            "late": _lasted(spell.worst_seconds, language),
            "now": _whether_over(spell, language),
            "link": sender.worklist(),
            "organisation": sender.organisation,
        }
    )


def _lasted(seconds: float, language: str) -> str:
    if seconds >= 120:
        return span(timedelta(seconds=seconds), language)
    return f"{seconds:.0f} 秒" if language == "zh" else f"{seconds:.0f} s"


def _whether_over(spell: LateSpell, language: str) -> str:
    if spell.ended_at is None:
        return "延遲可能仍在持續。" if language == "zh" else "It may still be."
    when = instant(spell.ended_at, _ZONE)
    return f"延遲已於 {when} 前結束。" if language == "zh" else f"It was over by {when}."
