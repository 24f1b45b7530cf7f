"""A systemic issue on the real engine: it joins complaints, and what is said once reaches each of them once."""

from uuid import uuid4

import pytest

from complaints.base import Command, Refused
from complaints.references import systemic_reference
from complaints.systemic import (
    JoinComplaint,
    OpenSystemicIssue,
    PlanSystemic,
    ResolveSystemic,
    UpdateSystemic,
    fold_systemic,
)
from tests.support.living import Living, dora
from tests.support.waiting import eventually
from workflows.contract import Outcome


async def opened(service: Living) -> str:
    """A systemic issue that dora opened; its reference."""
    ref = systemic_reference(uuid4().int % 2**55)
    body = OpenSystemicIssue(
        name=await service.text(ref, "One batch of kettles"),
        description=await service.text(ref, "The thermostat fails on the second day."),
    )
    await service.engine.open_systemic(ref, service.order(dora, body))
    return ref


async def do(service: Living, ref: str, body: Command, order_id: str | None = None) -> Outcome:
    outcome = await service.engine.execute_systemic(ref, service.order(dora, body, order_id))
    assert outcome is not None
    return outcome


async def test_every_joined_complaint_hears_what_is_said_and_a_late_one_hears_it_too(service: Living) -> None:
    issue = await opened(service)
    early, late = [await service.receive() for _ in range(2)]
    await do(service, issue, JoinComplaint(complaint=early))
    await do(
        service,
        issue,
        UpdateSystemic(text=await service.text(issue, "Sales are stopped."), tell_customers=True),
    )
    await do(service, issue, JoinComplaint(complaint=late))
    await do(service, issue, PlanSystemic(text=await service.text(issue, "Exchange all of them.")))

    async def heard(ref: str) -> list[str]:
        return [t for t in await service.types(ref) if t.startswith("Systemic")]

    async def both_heard_all() -> bool:
        for ref in (early, late):
            assert sorted(await heard(ref)) == ["SystemicHeard", "SystemicJoined", "SystemicPlanHeard"]
            assert "systemic_update" in [letter.kind for letter in (await service.case(ref)).letters.sent]
        return True

    await eventually(both_heard_all)


async def test_an_update_that_is_sent_again_is_said_once(service: Living) -> None:
    issue = await opened(service)
    ref = await service.receive()
    await do(service, issue, JoinComplaint(complaint=ref))
    news = UpdateSystemic(text=await service.text(issue, "Sales are stopped."))
    first = await do(service, issue, news, "once")
    assert (await do(service, issue, news, "once")).sequence == first.sequence

    async def heard() -> bool:
        return "SystemicHeard" in await service.types(ref)

    await eventually(heard)
    assert (await service.types(ref)).count("SystemicHeard") == 1


async def test_it_can_not_be_resolved_without_a_plan_nor_moved_on_afterwards(service: Living) -> None:
    issue = await opened(service)
    over = ResolveSystemic(text=await service.text(issue, "The batch is gone."))
    with pytest.raises(Refused) as unplanned:
        await do(service, issue, over)
    assert unplanned.value.code == "not_planned"
    await do(service, issue, PlanSystemic(text=await service.text(issue, "Exchange all of them.")))
    await do(service, issue, over)
    assert fold_systemic(await service.record.read(issue)).resolved_at is not None
