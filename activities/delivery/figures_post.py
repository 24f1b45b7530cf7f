"""What the post writes about figures: the alert that a target is missed, or that its figure is falling."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.delivery.render import Sender, template
from activities.delivery.wording import day
from complaints.base import PackRef
from ledger.database import autocommit
from ledger.figures_given import WarningRaised, warning
from ledger.outbox import Leased
from policies.letters import Written
from policies.measures import Warned, spelled, wanted
from policies.pack import Pack, Target

STREAM = "figures/"
"""What the stream of a message about figures begins with; the pack's name follows. No events stand under it."""


def is_about_figures(stream: str) -> bool:
    """Whether a message of this stream is about a pack's figures."""
    return stream.startswith(STREAM)


class FiguresPost:
    """Writes these mails from the warning as it was raised, in the words of the pack's version of that day."""

    def __init__(self, engine: AsyncEngine, cases: Cases, sender: Sender) -> None:
        self._engine = autocommit(engine)
        self._cases = cases
        self._sender = sender

    async def written(self, row: Leased, language: str) -> Written | None:
        """The mail, or None where no such warning was raised. Raises PackMissing."""
        name, (target_id, _, raised_on) = row.stream.removeprefix(STREAM), (row.letter or "").partition("/")
        async with self._engine.connect() as conn:
            found = await warning(conn, name, target_id, date.fromisoformat(raised_on)) if raised_on else None
        if found is None:
            return None
        ref = PackRef(name=name, version=found.pack_version, digest=found.pack_digest)
        pack = await self._cases.pack(ref)
        target = next((one for one in pack.targets if one.id == target_id), None)
        return None if target is None else write_warning(self._sender, pack, target, found, language=language)


def write_warning(
    sender: Sender, pack: Pack, target: Target, found: WarningRaised, *, language: str
) -> Written:
    """The alert to those who lead."""
    language, wording = template(pack, "target_missed", language)
    value = spelled(target, Fraction(found.value), language)
    if found.why is Warned.FALLING and found.value_before is not None:
        former = spelled(target, Fraction(found.value_before), language)
        value += f"（此前 30 天為 {former}）" if language == "zh" else f" ({former} in the 30 days before)"
    title = target.title.get(language) or target.title["en"]
    asked = wanted(target, language)
    return wording.filled(
        {
            "reference": pack.title.get(language) or pack.title["en"],
            "organisation": sender.organisation,
            "date": day(found.raised_at, pack.timezone),
            "link": sender.figures_page(pack.name),
            "target": title,
            "value": value,
            "wanted": asked,
            "text": f"{title}: {value} ({asked})",
        }
    )
