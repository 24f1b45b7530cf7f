"""The job of reports: once for each round it queues a mail for everybody who gets one. It needs the database alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.reports.post import stream_of
from activities.reports.slots import Slot, called_for, works_on
from complaints.messages import Message, MessageKind
from ledger import outbox, reports
from ledger.database import autocommit
from ledger.packs import digests, in_force, load_all
from ledger.report_preferences import ReportKind
from ledger.runs import claim
from policies.pack import Pack
from runtime.clock import Clock

_log = structlog.get_logger(__name__)
_KINDS: Mapping[ReportKind, MessageKind] = {
    ReportKind.MORNING_WORKLIST: "morning_worklist",
    ReportKind.WEEKLY_REPORT: "weekly_report",
    ReportKind.OVERDUE_SUMMARY: "overdue_summary",
}


class Reports:
    """Looks whether a round has come; what a round brings about is queued in the transaction that claims it."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, *, morning: time, zone: str | None, usual_pack: str
    ) -> None:
        """`morning` is a local time of day in `zone` (an IANA name; None: the usual pack's).

        The usual pack's calendar is the organisation's.
        """
        self._reading = autocommit(engine)
        self._engine = engine
        self._clock = clock
        self._morning = morning
        self._zone = zone
        self._usual = usual_pack
        self._published: Mapping[str, Pack] = {}
        self._done: dict[ReportKind, Slot] = {}

    async def look(self) -> int:
        """Queue what this moment calls for; returns how many mails. Raises what the database raises.

        A round that was taken, by this process or another, before a restart or after, is not taken again.
        """
        now = self._clock.now()
        packs = await self._packs(now)
        zone = self._zone or self._zone_of(packs.values())
        queued = 0
        for slot, due in called_for(now, zone, self._morning):
            if self._done.get(slot.kind) == slot:
                continue
            queued += await self._round(slot, due, now, packs)
            self._done[slot.kind] = slot
        return queued

    async def _round(self, slot: Slot, due: datetime, now: datetime, packs: Mapping[str, Pack]) -> int:
        async with self._engine.begin() as conn:
            if not await claim(conn, f"report {slot.kind}", slot.name):
                return 0
            people = await self._people(conn, slot, now, self._clock.spec.real(due), packs)
            queued = 0
            for staff in people:
                queued += await outbox.queue(conn, stream_of(slot, staff), [message(slot, staff)])
        _log.info("reports queued", code=str(slot.kind), count=queued)
        return queued

    async def _people(
        self,
        conn: AsyncConnection,
        slot: Slot,
        now: datetime,
        here_since: datetime,
        packs: Mapping[str, Pack],
    ) -> tuple[str, ...]:
        """Who gets a report of this round. Who came after its moment gets the next one."""
        match slot.kind:
            case ReportKind.WEEKLY_REPORT:
                return await reports.for_week(conn, now, here_since=here_since)
            case ReportKind.OVERDUE_SUMMARY:
                found = await reports.for_overdue(conn, now, here_since=here_since)
                return found if (await reports.overdue(conn, now)).complaints else ()
        found_packs = await reports.for_morning(conn, now, here_since=here_since)
        usual = [packs[self._usual]] if self._usual in packs else []
        people = []
        for staff, names in found_packs.items():
            theirs = [packs[name] for name in names if name in packs]
            if not works_on(theirs or usual, slot.day):
                continue
            if not (await reports.morning(conn, staff, now, slot.ends_at)).nothing:
                people.append(staff)
        return tuple(people)

    async def _packs(self, now: datetime) -> Mapping[str, Pack]:
        """The packs in force, by name."""
        async with self._reading.connect() as conn:
            if await digests(conn) != self._published.keys():
                self._published = await load_all(conn)
        return {pack.name: pack for pack in in_force(self._published.values(), now)}

    def _zone_of(self, packs: Iterable[Pack]) -> str:
        """The usual pack's zone; where it was never published, UTC."""
        return next((pack.timezone for pack in packs if pack.name == self._usual), "UTC")


def message(slot: Slot, staff: str) -> Message:
    """The mail of this round to one member of staff, under a key of its own."""
    return Message(
        dedupe=f"report/{slot.kind}/{slot.day.isoformat()}/{staff}",
        kind=_KINDS[slot.kind],
        to=f"staff:{staff}",
        letter=slot.name,
    )
