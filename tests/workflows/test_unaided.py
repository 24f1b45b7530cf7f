"""What was recorded while Temporal was away, as the workflow takes it when it comes back: for true, and once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from activities.cases import Cases
from activities.unaided import Unaided
from activities.watching.catching_up import CatchingUp
from complaints.base import Person, Refused
from complaints.chapters.escalation import Escalate
from complaints.chapters.intake import AddNote
from complaints.chapters.ownership import AcceptHandover, OfferHandover, TakeOwnership
from tests.support.living import Living, ana, ben
from tests.support.waiting import eventually


async def recorded(service: Living) -> str:
    ref = await service.receive()
    await eventually(lambda: service.types(ref), within=30, what="the receipt on record")
    return ref


def unaided(service: Living) -> Unaided:
    return Unaided(service.sql, service.record, Cases(service.sql, service.record), service.clock)


async def test_the_workflow_takes_what_was_recorded_without_it_and_goes_on(service: Living) -> None:
    ref = await recorded(service)
    taken = await unaided(service).execute(ref, service.order(ana, TakeOwnership()))
    assert (await service.engine.live(ref)).sequence < taken.sequence, "it knows nothing of it yet"
    note = await service.do(ref, ana, AddNote(text=await service.text(ref, "I am on it.")))
    told = await service.types(ref)
    assert note.sequence == len(told) and told.index("OwnershipTaken") < told.index("NoteAdded")
    assert told.count("OwnershipTaken") == 1
    assert (await service.engine.live(ref)).sequence == note.sequence


async def test_a_workflow_that_heard_refuses_and_allows_by_what_is_recorded(service: Living) -> None:
    ref = await recorded(service)
    await service.do(ref, ana, TakeOwnership())
    offer = OfferHandover(to=Person(id=ben.id, roles=ben.roles, supervisor=ben.supervisor))
    await unaided(service).execute(ref, service.order(ana, offer))
    with pytest.raises(Refused):  # the workflow holds no offer: the reason why it has to be told
        await service.do(ref, ben, AcceptHandover())
    catching_up = CatchingUp(service.sql, service.engine)
    assert await catching_up.tell() == 1

    async def heard() -> bool:
        return (await service.engine.live(ref)).sequence == len(await service.types(ref))

    await eventually(heard, within=30, what="the workflow to have heard")
    outcome = await service.do(ref, ben, AcceptHandover())
    assert outcome.events and (await service.case(ref)).ownership.owner == ben.id
    assert (await service.types(ref)).count("HandoverOffered") == 1


async def test_an_order_that_the_engine_took_as_well_is_recorded_once(service: Living) -> None:
    ref = await recorded(service)
    reason = await service.text(ref, "Nobody moves.")
    order = service.order(ana, Escalate(reason=reason), str(uuid4()))
    alone = await unaided(service).execute(ref, order)
    outcome = await service.engine.execute(ref, order)
    assert outcome is not None and outcome.sequence == alone.sequence
    assert (await service.types(ref)).count("Escalated") == 1
    assert await CatchingUp(service.sql, service.engine).tell() == 1
    await service.do(ref, ana, TakeOwnership())
    assert (await service.types(ref)).count("Escalated") == 1
