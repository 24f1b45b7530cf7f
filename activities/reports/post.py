"""The post of reports: writes each as things stand when it leaves, and sends it with a link that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.delivery.fate import Fate
from activities.delivery.mail import MailBounced, MailDeferred
from activities.delivery.mailing import Mailing
from activities.reports.slots import Slot
from activities.reports.writing import Around, Titles, staff_in, write_morning, write_overdue, write_week
from ledger import reports
from ledger.database import autocommit
from ledger.directory import Directory
from ledger.outbox import Leased, State
from ledger.packs import digests, load_all
from ledger.report_preferences import ReportKind, ReportLinks, refused
from ledger.reports import Morning, Overdue, Week
from policies.letters import Written
from policies.pack import Pack
from runtime.clock import Clock

STREAM: Final = "reports/"
"""What the stream of a report begins with. No events stand under it."""

_KINDS = frozenset(map(str, ReportKind))


def is_report(stream: str) -> bool:
    """Whether a message of this stream is a report."""
    return stream.startswith(STREAM)


def stream_of(slot: Slot, staff: str) -> str:
    """The stream of one report to one member of staff: none has to wait for another."""
    return f"{STREAM}{slot.kind}/{slot.day.isoformat()}/{staff}"


class ReportsPost:
    """Delivers reports to the very person: who is away or off duty finds theirs, and nobody gets another's."""

    def __init__(
        self, engine: AsyncEngine, directory: Directory, mailing: Mailing, clock: Clock, links: ReportLinks
    ) -> None:
        self._engine = autocommit(engine)
        self._directory = directory
        self._mailing = mailing
        self._clock = clock
        self._links = links
        self._published: Mapping[str, Pack] = {}
        self._titles: Titles = {}

    async def deliver(self, row: Leased) -> Fate:
        """Deliver one report; DROPPED where it is not wanted any more or has nothing to tell.

        Raises MailAway and MailDeferred.
        """
        staff = row.recipient.removeprefix("staff:")
        boxes = await self._directory.email_of(row.recipient)
        if not boxes:
            return Fate(State.DROPPED, "nobody")
        async with self._engine.connect() as conn:
            if row.kind in await refused(conn, staff):
                return Fate(State.DROPPED, "not wanted")
        text = await self.written(row, boxes[0].language)
        if text is None:
            return Fate(State.DROPPED, "nothing to tell")
        ending = self._mailing.sender.unsubscribe_page(self._links.token(row.id, staff))
        try:
            return await self._mailing.send(row.dedupe, row.stream, boxes[0], text, list_unsubscribe=ending)
        except MailDeferred:
            raise
        except MailBounced as bounced:
            return Fate(State.BOUNCED, bounced.status)

    async def written(self, row: Leased, language: str) -> Written | None:
        """The report as things stand now, or None where there is nothing to tell, or no such report."""
        slot = Slot.named(ReportKind(row.kind), row.letter or "") if row.kind in _KINDS else None
        if slot is None:
            return None
        staff = row.recipient.removeprefix("staff:")
        async with self._engine.connect() as conn:
            found = await self._found(conn, slot, staff)
            if found is None:
                return None
            titles = await self._of_packs(conn)
        names = await self._directory.names(staff_in(found))
        around = Around(self._mailing.sender, slot, language, titles, names)
        match found:
            case Morning():
                return write_morning(around, found)
            case Week():
                return write_week(around, found)
            case Overdue():
                return write_overdue(around, found)

    async def _found(self, conn: AsyncConnection, slot: Slot, staff: str) -> Morning | Week | Overdue | None:
        now = self._clock.now()
        match slot.kind:
            case ReportKind.MORNING_WORKLIST:
                morning = await reports.morning(conn, staff, now, slot.ends_at)
                return None if morning.nothing else morning
            case ReportKind.WEEKLY_REPORT:
                return await reports.week(
                    conn, staff, now, since=slot.week_before_at, until=slot.begins_at, soon=slot.week_ends_at
                )
            case ReportKind.OVERDUE_SUMMARY:
                overdue = await reports.overdue(conn, now)
                return overdue if overdue.complaints else None

    async def _of_packs(self, conn: AsyncConnection) -> Titles:
        """What every published pack calls its clocks and itself."""
        if await digests(conn) != self._published.keys():
            self._published = await load_all(conn)
            self._titles = {
                (pack.name, pack.version): {"": pack.title} | {rule.id: rule.title for rule in pack.clocks}
                for pack in self._published.values()
            }
        return self._titles
