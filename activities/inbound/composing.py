"""Inbound mail put together: the gateway that takes it, and the jobs that place and tell it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.inbound.bouncing import Bouncing
from activities.inbound.by_hand import ByHand
from activities.inbound.filing import Filer
from activities.inbound.gateway import Gateway, Keeper
from activities.inbound.matching import Matcher
from activities.inbound.placing import House, Placer
from activities.inbound.telling import Executes, MailTeller
from ledger import inbound
from ledger.attachments import Attachments
from ledger.customers import CustomerFiles
from ledger.directory import Directory
from ledger.inbound import Mails
from ledger.texts import Texts
from runtime.clock import Clock
from runtime.settings import Settings


@dataclass(frozen=True)
class InboundMail:
    """The gateway runs in every scheduler, the jobs where the watchdog is on duty."""

    sql: AsyncEngine
    gateway: Gateway
    placer: Placer
    teller: MailTeller

    async def place(self) -> None:
        """Judge what came in, then tell complaints what is theirs."""
        await self.placer.place()
        await self.teller.tell()

    async def sweep(self) -> int:
        """Erase the content of mails that nobody has to act on; returns how many."""
        async with self.sql.begin() as conn:
            return await inbound.sweep(conn)


def inbound_mail(
    settings: Settings,
    sql: AsyncEngine,
    *,
    cases: Cases,
    texts: Texts,
    directory: Directory,
    workflows: Executes,
    clock: Clock,
) -> InboundMail:
    """The parts, wired but not running."""
    house = House(settings.mail_from, settings.inbound_pack, settings.inbound_most_an_hour)
    mails = Mails(settings.master_key_bytes, texts)
    filer = _filer(settings, sql, texts, mails)
    matcher = Matcher(sql, cases, texts, directory, house.domain)
    keeper = Keeper(sql, mails, clock)
    return InboundMail(
        sql=sql,
        gateway=Gateway(
            keeper, host=settings.lmtp_host, port=settings.lmtp_port, largest=settings.inbound_largest
        ),
        placer=Placer(sql, mails, matcher, filer, bouncing=Bouncing(sql), clock=clock, house=house),
        teller=MailTeller(sql, workflows, clock),
    )


def by_hand(
    settings: Settings, sql: AsyncEngine, *, cases: Cases, texts: Texts, directory: Directory, clock: Clock
) -> ByHand:
    """What people at the desk do with mails."""
    domain = settings.mail_from.rpartition("@")[2]
    mails = Mails(settings.master_key_bytes, texts)
    matcher = Matcher(sql, cases, texts, directory, domain)
    filer = _filer(settings, sql, texts, mails)
    return ByHand(sql, mails, cases=cases, filer=filer, matcher=matcher, clock=clock, domain=domain)


def _filer(settings: Settings, sql: AsyncEngine, texts: Texts, mails: Mails) -> Filer:
    customers = CustomerFiles(settings.master_key_bytes)
    return Filer(sql, texts, Attachments(sql, texts), customers, mails)
