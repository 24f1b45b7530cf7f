"""The post of alerts: finds who is there to be told, by which way, tells them, and passes on what reaches nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.delivery.channels.chat import Chat
from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused
from activities.delivery.channels.webhooks import Webhooks
from activities.delivery.fate import Fate, becomes
from activities.delivery.figures_post import FiguresPost, is_about_figures
from activities.delivery.holders import Holders
from activities.delivery.mail import NO_ADDRESS, MailBounced, MailDeferred, mail_address
from activities.delivery.mailing import Mailing
from activities.delivery.render import AlertLine, write_alert, write_digest
from activities.delivery.samples_post import SamplesPost, is_sample
from activities.delivery.systemic_post import SystemicPost, is_about_systemic
from activities.delivery.watchdog_post import WatchdogPost, is_about_watchdog
from activities.reports.post import ReportsPost, is_report
from complaints.base import SYSTEM, Actor
from complaints.messages import WEBHOOKS
from complaints.timing.ladders import ladder_of
from complaints.timing.occurrences import Unheld
from ledger.alert_links import AlertLinks
from ledger.directory import Directory, Mailbox
from ledger.outbox import NOWHERE, Leased, State
from ledger.report_preferences import ReportLinks
from ledger.texts import Texts
from policies.letters import Written
from policies.vocabulary import AlertChannel, Role
from runtime.clock import Clock

UNREACHABLE = "alert_unreachable"
"""The kind of an alert that tells administrators that another alert reached nobody."""

_POST = Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,))


@dataclass(frozen=True)
class Reach:
    """How staff and programs are reached beside mail."""

    holders: Holders
    webhooks: Webhooks
    chat: Chat
    links: AlertLinks
    report_links: ReportLinks

    @classmethod
    def of(cls, engine: AsyncEngine, master_key: bytes) -> Self:
        """All of it over one database; `master_key` is 32 bytes."""
        return cls(
            holders=Holders(engine, master_key),
            webhooks=Webhooks(engine, master_key),
            chat=Chat(engine),
            links=AlertLinks(master_key),
            report_links=ReportLinks(master_key),
        )

    async def close(self) -> None:
        """Give back what is open."""
        await self.webhooks.close()


class AlertPost:
    """Delivers alerts. Who is there is looked up at the last moment, by the service's own time."""

    def __init__(  # noqa: PLR0917 - the parts it is composed of, each once
        self,
        engine: AsyncEngine,
        cases: Cases,
        texts: Texts,
        directory: Directory,
        mailing: Mailing,
        clock: Clock,
        reach: Reach,
    ) -> None:
        self._transactions = engine
        self._cases = cases
        self._directory = directory
        self._mailing = mailing
        self._sender = mailing.sender
        self._clock = clock
        self._reach = reach
        self._figures = FiguresPost(engine, cases, self._sender)
        self._watchdog = WatchdogPost(engine, self._sender)
        self._systemic = SystemicPost(engine, cases, texts, self._sender, clock)
        self._samples = SamplesPost(engine, directory, mailing)
        self._reports = ReportsPost(engine, directory, mailing, clock, reach.report_links)

    async def deliver(self, rows: Sequence[Leased]) -> Fate:
        """Deliver one alert, or the alerts of one group. Raises MailAway and MailDeferred."""
        row = rows[0]
        if is_report(row.stream):
            return await self._reports.deliver(row)
        if is_sample(row.stream):
            return await self._samples.deliver(row)
        if row.channel == AlertChannel.WEBHOOK:
            return await self._to_programs(row)
        # Whom a rota's call has become is on duty, whatever the hours of their team.
        on_rota = (row.who or "").startswith("on_duty:")
        holding = await self._reach.holders.of(row.recipient, self._clock.now(), on_rota=on_rota)
        if not holding.boxes:
            return await self._nobody(rows, State.EXPANDED, holding.why or "nobody")
        if [f"staff:{box.staff}" for box in holding.boxes] != [row.recipient]:
            return becomes(holding.boxes, keep_fallback=True)
        (box,) = holding.boxes
        match row.channel:
            case AlertChannel.DESK:
                return Fate(
                    State.SENT
                )  # it stands on their desk from here on: GET /alerts, and the live stream
            case AlertChannel.CHAT:
                return await self._by_chat(rows, box)
            case _:
                return await self._by_mail(rows, box)

    async def give_up(self, rows: Sequence[Leased], status: str) -> Fate:
        """The fate of what was put off too often: it goes to somebody else, as what is refused for good does."""
        row = rows[0]
        if row.channel == AlertChannel.WEBHOOK or _is_personal(row.stream):
            return Fate(State.DEAD, status)
        if row.channel == AlertChannel.CHAT and await self._reached_otherwise(row):
            return Fate(State.DEAD, status)
        return await self._nobody(rows, State.DEAD, status, why="unreachable")

    # The ways -----------------------------------------------------------------------------------------

    async def _to_programs(self, row: Leased) -> Fate:
        if row.recipient == WEBHOOKS:
            endpoints = await self._reach.webhooks.endpoints(row.kind)
            if not endpoints:
                return Fate(State.DROPPED, NOWHERE)
            return Fate(State.EXPANDED, recipients=tuple(f"webhook:{endpoint}" for endpoint in endpoints))
        body = {
            "kind": row.kind, "reference": row.stream, "clock": row.clock, "occurrence": row.occurrence,
            "rung": row.rung, "repeat": row.repeat, "delivery": row.dedupe,
            "due_at": row.due_at.isoformat() if row.due_at else None,
        }  # fmt: skip
        try:
            await self._reach.webhooks.send(row.recipient.removeprefix("webhook:"), row.dedupe, body)
        except ChannelDeferred as deferred:
            return Fate(State.QUEUED, deferred.status)
        except ChannelRefused as refused:
            return Fate(State.DEAD, refused.status)
        return Fate(State.SENT)

    async def _by_chat(self, rows: Sequence[Leased], box: Mailbox) -> Fate:
        row, storm = rows[0], rows[0].storm is not None and rows[0].digest is not None
        if box.chat is None:
            if storm:  # by what other way each of them goes is its own matter
                return Fate(State.DROPPED, NOWHERE)
            if await self._reached_otherwise(row):
                return Fate(State.DROPPED, NOWHERE)
            return await self._by_mail((row,), box)
        text = await (self._digest(rows, box) if storm else self._written(row, box))
        if isinstance(text, Fate):
            return text
        try:
            await self._reach.chat.send(box.chat, text.subject, text.body)
        except ChannelDeferred as deferred:
            return Fate(State.QUEUED, deferred.status)
        except ChannelRefused as refused:
            if storm or await self._reached_otherwise(row):
                return Fate(State.DEAD, refused.status)
            return await self._by_mail((row,), box)
        return Fate(State.SENT)

    async def _by_mail(self, rows: Sequence[Leased], box: Mailbox) -> Fate:
        if mail_address(box.address) is None:
            return await self._nobody(rows, State.BOUNCED, NO_ADDRESS, why="unreachable")
        try:
            if rows[0].digest is not None or len(rows) > 1:
                return await self._together(rows, box)
            text = await self._written(rows[0], box)
            if isinstance(text, Fate):
                return text
            return await self._mailing.send(rows[0].dedupe, rows[0].stream, box, text)
        except MailDeferred:
            raise
        except MailBounced as bounced:
            return await self._nobody(rows, State.BOUNCED, bounced.status, why="unreachable")

    async def _reached_otherwise(self, row: Leased) -> bool:
        """Whether the rung that calls also does so by mail or on the desk."""
        held = await self._cases.read(row.stream)
        if held is None or row.clock is None or row.rung is None:
            return False
        ladder = ladder_of(held.pack, held.case, held.pack.clock(row.clock))
        ways = ladder.rungs[row.rung].over if ladder is not None and row.rung < len(ladder.rungs) else ()
        return AlertChannel.MAIL in ways or AlertChannel.DESK in ways

    # What is written ----------------------------------------------------------------------------------

    async def _written(self, row: Leased, box: Mailbox) -> Written | Fate:
        """What the alert says, or what becomes of it where there is nothing to say."""
        if is_about_figures(row.stream):
            return await self._figures.written(row, box.language) or Fate(State.DEAD, "no such warning")
        if is_about_watchdog(row.stream):
            return await self._watchdog.written(row, box.language) or Fate(State.DEAD, "no such spell")
        if is_about_systemic(row.stream):  # None: joined, closed or resolved since
            told = await self._systemic.written(row, box.language)
            return told or Fate(State.DROPPED, "nothing to tell")
        held = await self._cases.read(row.stream)
        if held is None:
            return Fate(State.DEAD, "no such complaint")
        owner = held.case.ownership.owner
        link = self._reach.links.token(row.id, box.staff) if row.rung is not None else None
        return write_alert(
            self._sender, held, row.kind, language=box.language, clock=row.clock, due_at=row.due_at,
            now=self._clock.now(), owner=(await self._directory.names([owner])).get(owner) if owner else None,
            acknowledge=None if link is None else self._sender.alert_page(link),
        )  # fmt: skip

    async def _together(self, rows: Sequence[Leased], box: Mailbox) -> Fate:
        text = await self._digest(rows, box)
        if isinstance(text, Fate):
            return text
        key = "\n".join(sorted(row.dedupe for row in rows))
        return await self._mailing.send(key, rows[0].digest or f"storm {box.staff}", box, text)

    async def _digest(self, rows: Sequence[Leased], box: Mailbox) -> Written | Fate:
        """What many alerts say in one message, each call with its own link and all of them with one more."""
        held = await self._cases.read(rows[0].stream)
        if held is None:
            return Fate(State.DEAD, "no such complaint")
        links, first = self._reach.links, rows[0].bundle
        calls = [row for row in rows if row.rung is not None and row.kind != UNREACHABLE]
        pages = {row.id: self._sender.alert_page(links.token(row.id, box.staff)) for row in calls}
        for_all = None
        if first is not None and len({(row.stream, row.clock) for row in calls}) > 1:
            for_all = self._sender.storm_page(links.token_of_all(first, box.staff))
        return write_digest(
            self._sender, held.pack,
            [AlertLine(row.stream, row.clock, row.due_at, pages.get(row.id)) for row in rows],
            language=box.language, now=self._clock.now(), unreachable=rows[0].kind == UNREACHABLE,
            told_before=rows[0].told_before, acknowledge_all=for_all,
        )  # fmt: skip

    # Where nobody is there ----------------------------------------------------------------------------

    async def _nobody(
        self, rows: Sequence[Leased], state: State, status: str, *, why: Unheld | None = None
    ) -> Fate:
        """A ladder's call that nobody has is passed on (passing_on.py), as the record says; another alert finds
        a stand-in. Of several who hold one role or rota it is enough that one has it: whether the others were
        reached is looked up when this is settled.
        """
        row = rows[0]
        if row.rung is None or row.who is None or len(rows) > 1 or row.kind == UNREACHABLE:
            return await self._to_somebody_else(rows, state, status)
        reason: Unheld = why or (
            "away" if status == "away" else "off_duty" if status == "off_duty" else "nobody"
        )
        if row.place == row.id:  # it was for nobody else
            return Fate(State.UNHELD, reason)
        # That one of several went home is nobody's business; that a mailbox takes nothing is somebody's.
        gone = Fate(State.BOUNCED, status)
        return Fate(
            State.UNHELD, reason, beside=await self._administrators(row, state, status) if why else gone
        )

    async def _to_somebody_else(self, rows: Sequence[Leased], state: State, status: str) -> Fate:
        """Whoever stands in; where that is nobody either, the administrators hear that nobody heard."""
        recipient, fallback = rows[0].recipient, rows[0].fallback
        if fallback is not None:
            others = await self._others(fallback, recipient)
            if others:
                return becomes(others, state=state, status=status)
        if rows[0].kind != UNREACHABLE:
            return await self._administrators(rows[0], state, status)
        return Fate(State.DEAD, status)

    async def _administrators(self, row: Leased, state: State, status: str) -> Fate:
        """Whoever keeps the directory hears of it even when away: there is nobody else who could."""
        administrators = await self._directory.email_of(f"role:{Role.ADMINISTRATOR}")
        others = tuple(box for box in administrators if f"staff:{box.staff}" != row.recipient)
        if others:
            return becomes(others, state=state, status=status, kind=UNREACHABLE)
        return Fate(State.DEAD, status)

    async def _others(self, fallback: str, than: str) -> tuple[Mailbox, ...]:
        holding = await self._reach.holders.of(fallback, self._clock.now())
        return tuple(box for box in holding.boxes if f"staff:{box.staff}" != than)


def _is_personal(stream: str) -> bool:
    """Whether nobody else is told where this one person can not be reached."""
    return is_report(stream) or is_sample(stream)
