"""Every command on the real engine: given once at least, recorded, provable, and none of its words in Temporal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from complaints.base import Actor, AttachmentRef, Command, TextRef
from complaints.case import Case
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.payments import PaymentState
from complaints.references import SPACE, reference, systemic_reference
from complaints.systemic.issue import OpenSystemicIssue
from ledger import intake
from ledger.attachments import Attachments
from ledger.chain import derive_seal_key
from ledger.packs import load_all
from ledger.verify import verify
from policies.pack import Pack
from runtime.settings import Settings
from tests.complaints.scenes import OURS
from tests.complaints.support import iris, machine
from tests.support.actions import runs_of
from tests.support.every_command import LIVES, Life, outage
from tests.support.life_steps import COMING
from tests.support.living import Living, living, ref_of
from tests.support.payments import TOKEN, PaymentDesk, payment_desk
from tests.support.waiting import eventually
from workflows.contract import complaint_workflow_id, systemic_workflow_id
from workflows.payment import payment_workflow_id

WORD = "kolibri"
"""It stands in every text of the lives, and nowhere else."""


class Leader:
    """A hand (tests/support/hands.py) that leads a complaint through the whole service."""

    def __init__(self, service: Living, desk: PaymentDesk) -> None:
        self.reference = reference(uuid4().int % SPACE)
        self.payments: list[str] = []
        self._service = service
        self._desk = desk

    async def text(self, words: str) -> TextRef:
        return await self._service.text(self.reference, f"{words} {WORD}")

    async def file(self, name: str) -> AttachmentRef:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"A {WORD}.".encode()

        attachments = Attachments(self._service.sql, self._service.texts)
        return await attachments.store(
            self.reference, str(uuid4()), await self.text(name), "text/plain", chunks()
        )

    async def receives(self, body: ReceiveComplaint, pack: Pack, *, days_ago: int = 0) -> None:
        order = self._service.order(iris, body)
        order = order.model_copy(update={"occurred_at": order.at - timedelta(days=days_ago)})
        async with self._service.sql.begin() as conn:
            await intake.accept(conn, self.reference, order, ref_of(pack))
        await self._service.engine.receive(self.reference, ref_of(pack), order)
        await self._recorded_beyond(0)

    async def does(self, actor: Actor, body: Command) -> None:
        outcome = await self._service.do(self.reference, actor, body)
        assert outcome.events

    async def hears(self, body: Command) -> None:
        before = await self._service.record.sequence(self.reference)
        await self._service.engine.tell(self.reference, self._service.order(machine, body))
        await self._recorded_beyond(before)

    async def pays(self, actor: Actor, body: Command, *, ends: str) -> None:
        await self._desk.behave({"settled": "settle", "refused": "refuse"}[ends])
        await self.does(actor, body)
        state = PaymentState(ends)
        await self.sees(lambda case: case.remedies.items[0].payments[-1].state is state)
        self.payments = [payment.key for payment in (await self.case()).remedies.items[0].payments]

    async def case(self) -> Case:
        return await self._service.case(self.reference)

    def now(self) -> datetime:
        return self._service.clock.now()

    async def until(self, moment: datetime) -> None:
        await eventually(lambda: self.now() > moment, what=f"{moment} to pass")

    async def sees(self, holds: Callable[[Case], bool]) -> None:
        async def seen() -> bool:
            return holds(await self.case())

        await eventually(seen, what="the complaint to come so far")

    async def _recorded_beyond(self, sequence: int) -> None:
        async def recorded() -> bool:
            return await self._service.record.sequence(self.reference) > sequence

        await eventually(recorded, what="it to be on record")


class IssueLeader:
    """The same for a systemic issue."""

    def __init__(self, service: Living) -> None:
        self.reference = systemic_reference(uuid4().int % SPACE)
        self._service = service

    async def text(self, words: str) -> TextRef:
        return await self._service.text(self.reference, f"{words} {WORD}")

    async def opens(self, actor: Actor, body: OpenSystemicIssue) -> None:
        await self._service.engine.open_systemic(self.reference, self._service.order(actor, body))

    async def does(self, actor: Actor, body: Command) -> None:
        order = self._service.order(actor, body)
        outcome = await self._service.engine.execute_systemic(self.reference, order)
        assert outcome is not None
        assert outcome.events

    def now(self) -> datetime:
        return self._service.clock.now()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[PaymentDesk]:
    async with payment_desk(tmp_path) as running:
        yield running


@pytest.fixture
async def service(settings: Settings, desk: PaymentDesk) -> AsyncIterator[Living]:
    """The service with a bank, and all packs that come with it."""
    update = {"payments_url": desk.url, "payments_token": SecretStr(TOKEN)}
    async with living(settings.model_copy(update=update), *COMING.values()) as running:
        yield running


async def test_every_command_is_given_recorded_and_leaves_no_words_in_temporal(
    service: Living, desk: PaymentDesk
) -> None:
    leaders = [Leader(service, desk) for _ in LIVES]
    issue = IssueLeader(service)
    async with asyncio.TaskGroup() as group:
        for life, leader in zip(LIVES, leaders, strict=True):
            group.create_task(_led(life, leader))
        group.create_task(_led_issue(issue))

    ids = [complaint_workflow_id(leader.reference) for leader in leaders]
    ids += [payment_workflow_id(key) for leader in leaders for key in leader.payments]
    histories = [
        run
        for id_ in (*ids, systemic_workflow_id(issue.reference))
        for run in await runs_of(service.client, id_)
    ]

    given = {type_ for history in histories for type_ in _given(history)}
    assert given == OURS.keys()

    written = b"".join(event.SerializeToString() for history in histories for event in history.events)
    assert leaders[0].reference.encode() in written
    assert b'"digest"' in written, "payloads are not readable here, and the next lines would show nothing"
    assert WORD.encode() not in written.lower()
    for words in (b"Wei Zhang", b"wei@example.org", b"kettle", b"DE02"):
        assert words not in written

    async with service.sql.connect() as conn:
        packs = await load_all(conn)
    report = await verify(
        service.sql,
        derive_seal_key(service.settings.master_key_bytes),
        service.texts.check,
        file_checker=Attachments(service.sql, service.texts).check,
        packs=packs,
    )
    assert report.ok, report.sentences()


async def _led(life: Life, leader: Leader) -> None:
    await life(leader)


async def _led_issue(leader: IssueLeader) -> None:
    await outage(leader)


def _given(history: WorkflowHistory) -> Iterator[str]:
    """The types of the commands that reached a workflow: with its start, as updates, as signals."""
    for event in history.events:
        for payload in _payloads(event):
            sent = json.loads(payload)
            order = sent.get("order", sent) if isinstance(sent, dict) else None
            if isinstance(order, dict) and isinstance(order.get("body"), dict):
                yield order["body"]["type"]


def _payloads(event: HistoryEvent) -> Iterable[bytes]:
    started = event.workflow_execution_started_event_attributes.input.payloads
    signalled = event.workflow_execution_signaled_event_attributes.input.payloads
    accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request.input.args.payloads
    return (payload.data for payloads in (started, signalled, accepted) for payload in payloads)
