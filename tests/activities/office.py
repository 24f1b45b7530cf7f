"""A back office without Temporal: record, texts, directory, dispatcher and watchdog on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.delivery.alert_post import Reach
from activities.delivery.dispatch import Dispatcher, Pace
from activities.delivery.gates import Gates
from activities.delivery.mail import Mailer
from activities.delivery.mailing import Mailing
from activities.delivery.passing_on import PassingOn
from activities.delivery.post import Post
from activities.delivery.render import Sender
from activities.delivery.telling import Teller
from activities.watching.watchdog import Watchdog
from complaints.base import Actor, Command, Order, PackRef, TextRef
from complaints.case import Case
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import decide, due, fold, receive
from complaints.references import reference
from complaints.transition import transition
from ledger import packs as published
from ledger.chain import derive_seal_key
from ledger.database import create_engine
from ledger.directory import Directory
from ledger.record import Record
from ledger.texts import Texts
from policies.pack import Pack
from policies.vocabulary import Channel, Role
from runtime.clock import Clock
from runtime.settings import Settings
from tests.complaints.support import PACK, ana, dora, emil, iris
from tests.support.waiting import PATIENCE
from workflows.client import EngineAway

ORGANISATION = "Kettles & Co"
QUICK = Pace(poll=0.05, digest_quiet=0.2, first_wait=0.1, longest_wait=0.2, attempts=3, server_away=0.1)
PEOPLE = (ana, dora, emil)


class NoWorkflows:
    """Stands where the engine does, and keeps what it was told. `away` says how often it refuses first.

    With `silent` set it takes a fact and never answers; `asked` is set once it was.
    """

    def __init__(self) -> None:
        self.away = 0
        self.silent = False
        self.asked = asyncio.Event()
        self.told: list[tuple[str, Order]] = []
        self.nudged: list[str] = []
        self.received: list[str] = []
        self.broken: set[str] = set()

    def _refuse(self) -> None:
        if self.away:
            self.away -= 1
            raise EngineAway("Temporal is away")

    async def tell(self, reference: str, order: Order) -> None:
        self.asked.set()
        if self.silent:
            await asyncio.Event().wait()
        self._refuse()
        self.told.append((reference, order))

    async def nudge(self, reference: str) -> None:
        self._refuse()
        self.nudged.append(reference)

    async def receive(self, reference: str, pack: PackRef, order: Order) -> None:
        self._refuse()
        if reference in self.broken:
            raise ValueError("this one can not be started")
        self.received.append(reference)


@dataclass
class Office:
    """Handles of the parts, and a hand to write complaints into the record as the workflow would."""

    settings: Settings
    sql: AsyncEngine
    texts: Texts
    record: Record
    directory: Directory
    cases: Cases
    clock: Clock
    workflows: NoWorkflows = field(default_factory=NoWorkflows)
    pack: Pack = PACK
    """What complaints come in under, and are led by."""

    async def text(self, stream: str, words: str) -> TextRef:
        """A text, encrypted and stored."""
        async with self.sql.begin() as conn:
            id_ = str(uuid4())
            return (await self.texts.put(conn, stream, {id_: words}))[id_]

    async def receive(
        self,
        *,
        address: str = "wei@example.org",
        language: str = "en",
        at: datetime | None = None,
        received_at: datetime | None = None,
        source: str | None = None,
        taken_by: Actor | None = None,
    ) -> str:
        """A complaint in the record, from a customer who can be written to.

        `taken_by` owns it from the same commit on: a watchdog at work never sees it without an owner.
        """
        stream = reference(uuid4().int % 2**55)
        party = PartyDetails(
            name=await self.text(stream, "Wei"), address=await self.text(stream, address),
            channel=Channel.MAIL, language=language,
        )  # fmt: skip
        body = ReceiveComplaint(
            channel=Channel.MAIL, subject=await self.text(stream, "A broken kettle"), parties=(party,),
            source=source,
        )  # fmt: skip
        when = at or self.clock.now()
        order = Order(id=str(uuid4()), actor=iris, body=body, at=when, occurred_at=received_at)
        happenings = receive(self.pack, stream, order)
        if taken_by is not None:
            taken = Order(id=str(uuid4()), actor=taken_by, body=TakeOwnership(), at=when)
            happenings += decide(self.pack, fold(happenings), taken)
        await self.record.commit(transition(self.pack, None, stream, happenings))
        if source is not None:  # as the workflow does at once: say what was overdue long before
            await self.until(stream, when)
        return stream

    async def do(self, stream: str, actor: Actor, command: Command, at: datetime | None = None) -> Case:
        """Give a command as the workflow would, after what time has brought; the case afterwards."""
        when = at or self.clock.now()
        case = await self.until(stream, when)
        order = Order(id=str(uuid4()), actor=actor, body=command, at=when)
        await self.record.commit(transition(self.pack, case, stream, decide(self.pack, case, order)))
        return await self.case(stream)

    async def until(self, stream: str, when: datetime) -> Case:
        """Let time pass for one complaint, as its workflow would."""
        case = await self.case(stream)
        happenings = due(self.pack, case, when)
        if happenings:
            await self.record.commit(transition(self.pack, case, stream, happenings))
        return await self.case(stream)

    async def case(self, stream: str) -> Case:
        """The complaint as its record has it."""
        return fold(await self.record.read(stream))

    async def outbox(self) -> dict[str, str]:
        """{dedupe key: state} of all messages."""
        async with self.sql.connect() as conn:
            return {
                row.dedupe: row.state for row in await conn.execute(text("SELECT dedupe, state FROM outbox"))
            }

    def passing_on(self) -> PassingOn:
        """What sends calls that reached nobody on."""
        return PassingOn(self.sql, self.cases, self.clock)

    def dispatcher(self, pace: Pace = QUICK, *, holder: str = "test") -> Dispatcher:
        """A dispatcher that is not running yet."""
        sender = Sender(ORGANISATION, self.settings.mail_from, self.settings.base_url)
        gates = Gates(pace.limits)
        mailer = Mailer(self.settings, connections=pace.at_once, gates=gates)
        reach = Reach.of(self.sql, self.settings.master_key_bytes)
        mailing = Mailing(mailer, sender)
        post = Post(self.sql, self.cases, self.texts, self.directory, mailing, self.clock, reach)
        teller = Teller(self.sql, self.workflows, self.clock, self.passing_on(), first_wait=0.05)
        return Dispatcher(self.sql, post, teller, holder=holder, pace=pace, gates=gates)

    @asynccontextmanager
    async def dispatching(self, pace: Pace = QUICK) -> AsyncIterator[None]:
        """With a dispatcher at work; at the end it finishes what it has begun."""
        stop = asyncio.Event()
        running = asyncio.create_task(self.dispatcher(pace).run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(running, PATIENCE)

    def watchdog(self, grace: timedelta = timedelta(0)) -> Watchdog:
        """A watchdog that is not running yet."""
        return Watchdog(self.sql, self.cases, self.workflows, self.clock, grace=grace)


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    """The office with its people: Ana who handles, Dora her supervisor, Emil the head; nobody administers."""
    sql = create_engine(settings.database_url)
    record = Record(sql, derive_seal_key(settings.master_key_bytes))
    directory = Directory(sql, PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    try:
        async with sql.begin() as conn:
            await published.publish(conn, PACK)
        for person in PEOPLE:
            await directory.add(
                id=person.id, login=person.id, name=person.id.title(), email=f"{person.id}@staff.example.org",
                roles=person.roles, supervisor=person.supervisor,
            )  # fmt: skip
        yield Office(
            settings, sql, Texts(settings.master_key_bytes), record, directory, Cases(sql, record),
            settings.make_clock(),
        )  # fmt: skip
    finally:
        await sql.dispose()


async def administrator(office: Office, email: str = "root@staff.example.org") -> None:
    """Somebody who administers."""
    await office.directory.add(id="root", login="root", name="Root", email=email, roles=[Role.ADMINISTRATOR])
