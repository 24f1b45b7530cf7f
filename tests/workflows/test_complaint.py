"""The complaint's workflow on the real engine: what is decided is recorded once, whatever is sent again."""

import asyncio

import pytest
from structlog.testing import capture_logs
from temporalio.api.enums.v1 import EventType

from complaints.base import Refused
from complaints.chapters.intake import Acknowledge, AddNote
from complaints.chapters.letters import ReportDelivery
from complaints.chapters.ownership import TakeOwnership
from policies.vocabulary import DeliveryState
from tests.support.living import Living, ana, ben, iris
from tests.support.waiting import eventually
from workflows.contract import complaint_workflow_id


async def received(service: Living) -> str:
    ref = await service.receive()

    async def recorded() -> bool:
        return bool(await service.types(ref))

    await eventually(recorded)
    return ref


async def test_a_received_complaint_is_recorded_with_its_clocks(service: Living) -> None:
    ref = await received(service)
    types = await service.types(ref)
    assert types[0] == "ComplaintReceived"
    assert types.count("ClockStarted") == 4


async def test_a_command_is_recorded_and_answered_with_the_complaints_new_version(service: Living) -> None:
    ref = await received(service)
    outcome = await service.do(ref, iris, Acknowledge())
    assert "Acknowledged" in outcome.events
    case = await service.case(ref)
    assert (outcome.version, outcome.sequence) == (case.version, case.sequence)


async def test_a_command_sent_again_is_answered_and_not_carried_out_again(service: Living) -> None:
    ref = await received(service)
    first = await service.do(ref, iris, Acknowledge(), "once")
    again = await service.do(ref, iris, Acknowledge(), "once")
    assert again.sequence == first.sequence
    assert (await service.types(ref)).count("Acknowledged") == 1


async def test_a_refusal_says_why_and_leaves_no_trace_in_the_history(service: Living) -> None:
    ref = await received(service)
    await service.do(ref, ana, TakeOwnership())
    before = await happened(service, ref)
    with pytest.raises(Refused) as refusal:
        await service.do(ref, ben, TakeOwnership())
    assert refusal.value.code == "owned"
    assert await happened(service, ref) == before


async def happened(service: Living, ref: str) -> list[int]:
    """The types of the events in the history, without those of workflow tasks: a busy machine may need one more."""
    handle = service.client.get_workflow_handle(complaint_workflow_id(ref))
    types = [event.event_type for event in (await handle.fetch_history()).events]
    return [type_ for type_ in types if not EventType.Name(type_).startswith("EVENT_TYPE_WORKFLOW_TASK_")]


async def test_commands_given_at_once_are_all_recorded_in_one_order(service: Living) -> None:
    ref = await received(service)
    notes = [AddNote(text=await service.text(ref, f"note {n}")) for n in range(30)]
    outcomes = await asyncio.gather(*(service.do(ref, ana, note) for note in notes))
    assert len({outcome.sequence for outcome in outcomes}) == 30
    assert (await service.types(ref)).count("NoteAdded") == 30


async def test_a_fact_that_does_not_fit_changes_nothing_and_is_noted_with_the_complaints_ids(
    service: Living,
) -> None:
    ref = await received(service)
    before = await service.types(ref)
    order = service.order(ana, ReportDelivery(letter="L1", state=DeliveryState.SENT))  # not hers to tell
    with capture_logs() as lines:
        await service.engine.tell(ref, order)

        def noted() -> bool:
            return any(line["event"] == "fact not placed" for line in lines)

        await eventually(noted)
    (line,) = [line for line in lines if line["event"] == "fact not placed"]
    assert (line["reference"], line["workflow_id"]) == (ref, complaint_workflow_id(ref))
    assert (line["code"], line["command_id"]) == ("not_allowed", order.id)
    assert await service.types(ref) == before
