"""A systemic issue on the real engine: it joins complaints, and what is said once reaches each of them once."""

from datetime import timedelta
from uuid import uuid4

import pytest

from complaints.base import Command, Refused, TextRef
from complaints.references import systemic_reference
from complaints.systemic.issue import (
    JoinComplaint,
    OpenSystemicIssue,
    PlanSystemic,
    ResolveSystemic,
    UpdateSystemic,
    fold_systemic,
)
from ledger import intake
from tests.support.living import Living, dora
from tests.support.waiting import eventually
from workflows.client import Unknown
from workflows.contract import Outcome, systemic_workflow_id


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


async def test_a_complaint_that_is_not_there_yet_is_told_when_it_is_and_nobody_waits_for_it(
    service: Living,
) -> None:
    issue = await opened(service)
    ref = await service.receive(start=False)
    await do(service, issue, JoinComplaint(complaint=ref))
    await do(service, issue, UpdateSystemic(text=await service.text(issue, "Sales are stopped.")))
    await do(service, issue, PlanSystemic(text=await service.text(issue, "Exchange all of them.")))
    over = ResolveSystemic(text=await service.text(issue, "The batch is gone."))
    await do(service, issue, over, "over")
    with pytest.raises(Refused) as late:  # its workflow goes on telling, and still says what is the matter
        await do(service, issue, over)
    assert late.value.code == "resolved"
    async with service.sql.begin() as conn:
        (waiting,) = [one for one in await intake.pending(conn, timedelta(), 200) if one.reference == ref]
    await service.engine.receive(ref, waiting.pack, waiting.order)

    async def heard() -> bool:
        types = [t for t in await service.types(ref) if t.startswith("Systemic")]
        return sorted(types) == ["SystemicHeard", "SystemicHeard", "SystemicJoined", "SystemicPlanHeard"]

    await eventually(heard, what="the complaint to hear everything")
    handle = service.client.get_workflow_handle(systemic_workflow_id(issue))
    await handle.result()


async def test_a_resolved_issue_refuses_when_its_workflow_is_over(service: Living) -> None:
    issue = await opened(service)
    await do(service, issue, PlanSystemic(text=await service.text(issue, "Exchange all of them.")))
    over = ResolveSystemic(text=await service.text(issue, "The batch is gone."))
    await do(service, issue, over)
    await service.client.get_workflow_handle(systemic_workflow_id(issue)).result()
    with pytest.raises(Refused) as late:
        await do(service, issue, over)
    assert late.value.code == "resolved"


async def test_an_issue_whose_workflow_was_lost_goes_on_from_its_record(service: Living) -> None:
    issue = await opened(service)
    text = await service.text(issue, "Exchange all of them.")
    await do(service, issue, PlanSystemic(text=text))
    await service.client.get_workflow_handle(systemic_workflow_id(issue)).terminate()
    await do(service, issue, UpdateSystemic(text=text))
    assert len(fold_systemic(await service.record.read(issue)).words) == 2


async def test_an_issue_that_nobody_opened_is_unknown(service: Living) -> None:
    with pytest.raises(Unknown):
        await do(
            service,
            systemic_reference(uuid4().int % 2**55),
            PlanSystemic(text=TextRef(id=str(uuid4()), digest="0" * 64)),
        )
