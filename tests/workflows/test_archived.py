"""A complaint that is archived, on the real engine: what still reaches it finds somebody there to record it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.client import WorkflowExecutionStatus

from complaints.chapters.membership import NoteSystemicJoin
from complaints.chapters.payments import ReverseRemedy
from complaints.chapters.remedies import RemedyState
from complaints.references import systemic_reference
from complaints.view import view
from ledger.reads import live_references
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings
from tests.support.lives import BRISK, Life, whole_life
from tests.support.living import Living, cleo, living, machine
from tests.support.payments import TOKEN, PaymentDesk, payment_desk
from tests.support.waiting import eventually
from workflows.contract import complaint_workflow_id

SPEED = 240


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[PaymentDesk]:
    async with payment_desk(tmp_path) as running:
        yield running


@pytest.fixture
async def quick(settings: Settings, desk: PaymentDesk) -> AsyncIterator[Living]:
    """A service whose archive is seconds away, with a provider of payments."""
    now = Clock().now()
    spec = ClockSpec(real_anchor=now, virtual_anchor=now, speed=SPEED)
    update = {"clock": spec, "payments_url": desk.url, "payments_token": SecretStr(TOKEN)}
    async with living(settings.model_copy(update=update), BRISK) as service:
        yield service


async def archived(service: Living) -> Life:
    """A complaint with a paid remedy whose workflow has ended with its archive."""
    life = await whole_life(service, action=False)
    await eventually(lambda: over(life), what="the workflow to end")
    return life


async def over(life: Life) -> bool:
    handle = life.service.client.get_workflow_handle(complaint_workflow_id(life.reference))
    return (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED


async def listed_as_live(life: Life) -> bool:
    async with life.service.sql.connect() as conn:
        return life.reference in [found for found, _ in await live_references(conn, "", 200)]


async def test_a_reversal_after_the_archive_is_followed_to_its_end(quick: Living, desk: PaymentDesk) -> None:
    life = await archived(quick)
    assert not await listed_as_live(life)
    await desk.behave("settle_late")
    await life.does(cleo, ReverseRemedy(remedy="R1", reason=await life.text("Paid twice.")))
    key = f"{life.reference}/R1/reverse/1"

    async def ordered() -> bool:
        return key in [made["key"] for made in await desk.payments()]

    await eventually(ordered, what="the provider to have the reversal")
    assert not await over(life)
    assert await listed_as_live(life), "recovery would bring it back"
    assert view(BRISK, await quick.case(life.reference)).live
    await desk.settle(key)

    async def reversed_() -> bool:
        return (await quick.case(life.reference)).remedies.of("R1").state is RemedyState.REVERSED

    await eventually(reversed_, what="the reversal in the record")
    await eventually(lambda: over(life), what="the workflow to end again")
    assert not await listed_as_live(life)


async def test_a_fact_about_an_archived_complaint_is_recorded_though_nobody_was_there(quick: Living) -> None:
    life = await archived(quick)
    fact = NoteSystemicJoin(systemic_issue=systemic_reference(7), number=1)
    await quick.engine.tell(life.reference, quick.order(machine, fact))

    async def heard() -> bool:
        return "SystemicJoined" in await quick.types(life.reference)

    await eventually(heard, what="the fact in the record")
    await eventually(lambda: over(life), what="the workflow to end again")
