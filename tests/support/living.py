"""A living service for tests: the real worker, engine and record on the run's own servers, and a hand to drive it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from complaints.base import Actor, Command, Order, PackRef, TextRef
from complaints.case import Case
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.lifecycle import fold
from complaints.references import reference
from complaints.systemic.issue import SystemicIssue, fold_systemic
from ledger import intake
from ledger import packs as published
from ledger.chain import derive_seal_key
from ledger.database import create_engine
from ledger.record import Record
from ledger.texts import Texts
from policies.loading import packs_available, publish, read_pack
from policies.pack import Pack
from policies.vocabulary import Channel, Role
from runtime.clock import Clock
from runtime.engine import connect
from runtime.settings import Settings
from tests.support.waiting import PATIENCE
from worker import working
from workflows.client import Engine
from workflows.contract import Outcome, complaint_workflow_id

PACK: Pack = publish(read_pack(next(path for path in packs_available() if path.stem == "retail-2025")))


def ref_of(pack: Pack) -> PackRef:
    """The pack as a complaint is pinned to it."""
    return PackRef(name=pack.name, version=pack.version, digest=pack.digest)


PACK_REF = ref_of(PACK)

PATIENT = timedelta(seconds=PATIENCE)
"""How long a test's commands wait for their outcome. Callers wait for ten seconds, which a busy machine may take."""

ana = Actor(id="usr_ana", roles=(Role.HANDLER,), supervisor="usr_dora")
ben = Actor(id="usr_ben", roles=(Role.HANDLER,), supervisor="usr_dora")
cleo = Actor(id="usr_cleo", roles=(Role.APPROVER,))
dora = Actor(id="usr_dora", roles=(Role.SUPERVISOR,))
iris = Actor(id="usr_iris", roles=(Role.INTAKE_AGENT,))
machine = Actor(id="system", roles=(Role.ADMINISTRATOR,))
customer = Actor(id="party:P1", roles=(Role.COMPLAINANT,))


@dataclass
class Living:
    """Handles of a running service. `clock` is the one the worker keeps."""

    settings: Settings
    sql: AsyncEngine
    record: Record
    texts: Texts
    client: Client
    engine: Engine
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = self.settings.make_clock()

    async def text(self, stream: str, words: str) -> TextRef:
        """A text, encrypted and stored for this complaint."""
        text_id = str(uuid4())
        async with self.sql.begin() as conn:
            return (await self.texts.put(conn, stream, {text_id: words}))[text_id]

    def order(self, actor: Actor, body: Command, order_id: str | None = None) -> Order:
        return Order(id=order_id or str(uuid4()), actor=actor, body=body, at=self.clock.now())

    async def receive(
        self, *, address: str = "wei@example.org", start: bool = True, pack: Pack = PACK
    ) -> str:
        """A complaint by mail, accepted and (unless `start` is false) on its way into the record."""
        ref = reference(uuid4().int % 2**55)
        party = PartyDetails(
            role="customer",
            name=await self.text(ref, "Wei"),
            address=await self.text(ref, address),
            channel=Channel.MAIL,
        )
        body = ReceiveComplaint(
            channel=Channel.MAIL,
            subject=await self.text(ref, "A broken kettle"),
            narrative=await self.text(ref, "It broke after a day."),
            parties=(party,),
        )
        order = self.order(iris, body)
        async with self.sql.begin() as conn:
            await intake.accept(conn, ref, order, ref_of(pack))
        if start:
            await self.engine.receive(ref, ref_of(pack), order)
        return ref

    async def do(self, ref: str, actor: Actor, body: Command, order_id: str | None = None) -> Outcome:
        """Give a command and have its outcome. Raises Refused."""
        outcome = await self.engine.execute(ref, self.order(actor, body, order_id))
        assert outcome is not None, f"the command was still at work after {PATIENCE:g} s"
        return outcome

    async def case(self, ref: str) -> Case:
        """The complaint as its record has it."""
        return fold(await self.record.read(ref))

    async def types(self, ref: str) -> list[str]:
        """The types of the complaint's events, in order."""
        return [told.event.type for told in await self.record.read(ref)]

    async def history_length(self, ref: str) -> int:
        """Events in the present run's Temporal history."""
        return (await self.client.get_workflow_handle(complaint_workflow_id(ref)).describe()).history_length


async def publish_packs(sql: AsyncEngine, *further: Pack) -> None:
    """Make the test pack, and further ones, known to the database."""
    async with sql.begin() as conn:
        for pack in (PACK, *further):
            await published.publish(conn, pack)


@asynccontextmanager
async def reaching(settings: Settings, *packs: Pack) -> AsyncIterator[Living]:
    """The service without a worker: whoever tests kills and starts that by itself."""
    sql = create_engine(settings.database_url)
    record = Record(sql, derive_seal_key(settings.master_key_bytes))

    async def held_case(ref: str) -> Case | None:
        happenings = await record.read(ref)
        return fold(happenings) if happenings else None

    async def held_issue(ref: str) -> SystemicIssue | None:
        happenings = await record.read(ref)
        return fold_systemic(happenings) if happenings else None

    async def client() -> Client:
        return await connect(settings)

    try:
        await publish_packs(sql, *packs)
        yield Living(
            settings=settings,
            sql=sql,
            record=record,
            texts=Texts(settings.master_key_bytes),
            client=await connect(settings),
            engine=Engine(
                client, settings.task_queue, settings.clock_spec, held_case, held_issue, wait=PATIENT
            ),
        )
    finally:
        await sql.dispose()


@asynccontextmanager
async def living(settings: Settings, *packs: Pack) -> AsyncIterator[Living]:
    """The service with its worker in this process, and further packs beside the test's own."""
    async with reaching(settings, *packs) as service, working(settings):
        yield service
