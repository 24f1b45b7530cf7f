"""Assigning beside a living service: who has the least to do gets it, by itself, and nobody twice."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from activities.cases import Cases
from activities.watching.assigning import Assigner
from complaints.base import Actor, Person
from complaints.chapters.departments import TellDepartment
from complaints.chapters.ownership import DeclareConflict, TakeOwnership
from complaints.chapters.triage import Triage
from complaints.people.dispatching import BY_LADDER, Dispatch, Dispatched, DispatchFailed
from ledger import roster
from ledger.directory import Directory
from policies.arithmetic.durations import Duration, Unit
from policies.pack import Pack
from policies.rules import Basis, DispatchRule, Source
from policies.vocabulary import Fact, Kind, Role, Severity, Tier
from runtime.settings import Settings
from scheduler import scheduling
from tests.activities.office import NoWorkflows
from tests.support.living import PACK, Living, ana, ben, dora, living, machine
from tests.support.mail import CaughtMail
from tests.support.waiting import eventually

RULE = DispatchRule(
    to=Role.HANDLER, department="complaints", basis=Basis.EXAMPLE,
    source=Source(document="service-standards", section="S2.2"), since=date(2025, 1, 1),
)  # fmt: skip
DISPATCHING: Pack = PACK.model_copy(update={"name": "dispatching", "dispatch": (RULE,)})
TRIAGE = Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD)


async def hire(service: Living, *people: Actor, department: str | None = "complaints") -> Directory:
    directory = Directory(service.sql)
    for person in people:
        login = person.id.removeprefix("usr_")
        await directory.add(
            id=person.id, login=login, name=login.title(), email=f"{login}@staff.example.org",
            roles=person.roles, supervisor=person.supervisor, department=department,
        )  # fmt: skip
    return directory


async def triaged(service: Living) -> str:
    ref = await service.receive(pack=DISPATCHING)
    await service.do(ref, dora, TRIAGE)
    return ref


async def owner(service: Living, ref: str, *, besides: str | None = None) -> str:
    async def look() -> str | None:
        held = (await service.case(ref)).ownership.owner
        return held if held != besides else None

    return await eventually(look, what=f"somebody to own {ref}") or ""


def assigner(service: Living, workflows: object = None) -> Assigner:
    cases = Cases(service.sql, service.record)
    engine = service.engine if workflows is None else workflows
    return Assigner(service.sql, cases, engine, service.clock, first_wait=0.0)  # type: ignore[arg-type]


async def roster_waits(service: Living) -> list[str]:
    async with service.sql.connect() as conn:
        return [one.reference for one in await roster.waiting(conn)]


async def has(service: Living, ref: str, event: str) -> bool:
    return event in await service.types(ref)


async def test_a_triaged_complaint_has_its_owner_by_itself_and_they_hear_of_it(
    settings: Settings, mail: CaughtMail
) -> None:
    async with living(settings, DISPATCHING) as service, scheduling(settings):
        await hire(service, ana)
        ref = await triaged(service)
        assert await owner(service, ref) == "usr_ana"
        told = [one for one in await service.record.read(ref) if isinstance(one.event, Dispatched)]
        assert [(one.actor, one.event.model_dump()["rule"]) for one in told] == [("system", 0)]
        found = await mail.wait_for("ana@staff.example.org")
        assert ref in str(found[0]["Subject"])
        assert await roster_waits(service) == []


async def test_each_goes_to_whoever_has_the_least_to_do_at_that_moment(settings: Settings) -> None:
    async with living(settings, DISPATCHING) as service:
        await hire(service, ana, ben)
        for _ in range(2):
            await service.do(await triaged(service), ana, TakeOwnership())
        refs = [await triaged(service) for _ in range(4)]
        await assigner(service).assign()  # one look gives all four, and counts what it has just given
        owners = Counter([await owner(service, ref) for ref in refs])
    assert owners == {"usr_ben": 3, "usr_ana": 1}


async def test_the_one_who_waited_longest_is_next_where_all_have_as_much_to_do(settings: Settings) -> None:
    async with living(settings, DISPATCHING) as service:
        directory = await hire(service, ana, ben)
        async with service.sql.begin() as conn:
            await roster.note_assigned(conn, "usr_ana", service.clock.now())
        ref = await triaged(service)
        await assigner(service).assign()
        assert await owner(service, ref) == "usr_ben"
        await directory.set_away("usr_ana", service.clock.now() + timedelta(hours=1))
        further = await triaged(service)
        await assigner(service).assign()
        assert await owner(service, further) == "usr_ben"  # though he has more to do


async def test_where_nobody_is_there_the_supervisors_hear_it_once_until_somebody_comes(
    settings: Settings, mail: CaughtMail
) -> None:
    async with living(settings, DISPATCHING) as service, scheduling(settings) as parts:
        await hire(service, dora)
        await hire(service, ben, department="logistics")
        ref = await triaged(service)
        await eventually(lambda: has(service, ref, "DispatchFailed"))
        await mail.wait_for("dora@staff.example.org")
        for _ in range(3):
            await parts.assigner.assign()
        await hire(service, ana)
        assert await owner(service, ref) == "usr_ana"
        types = await service.types(ref)
        failed = [
            one.event for one in await service.record.read(ref) if isinstance(one.event, DispatchFailed)
        ]
    assert [event.unplaced for event in failed] == ["nobody_in_the_department"]
    assert types.count("Dispatched") == 1
    subjects = [str(found["Subject"]) for found in mail.to("dora@staff.example.org")]
    assert sum("Nobody to give it to" in subject for subject in subjects) <= 1
    assert len(subjects) == 1, subjects


async def test_an_owner_who_is_recused_is_followed_by_another(settings: Settings) -> None:
    async with living(settings, DISPATCHING) as service, scheduling(settings):
        await hire(service, ana, ben)
        ref = await triaged(service)
        first = await owner(service, ref)
        actor = ana if first == ana.id else ben
        await service.do(ref, actor, DeclareConflict(reason=await service.text(ref, "My cousin.")))
        assert await owner(service, ref, besides=first) == ({ana.id, ben.id} - {first}).pop()


async def test_told_twice_it_is_given_once(settings: Settings) -> None:
    async with living(settings, DISPATCHING) as service:
        await hire(service, ana, ben)
        ref = await triaged(service)
        choice = Dispatch(to=Person(id=ana.id, roles=ana.roles), rule=0, load=0)
        for _ in range(2):
            await service.engine.tell(ref, service.order(machine, choice, f"dispatch/{ref}/1"))
        other = Dispatch(to=Person(id=ben.id, roles=ben.roles), rule=0, load=0)
        await service.engine.tell(ref, service.order(machine, other, f"dispatch/{ref}/2"))
        await service.do(
            ref, ana, TellDepartment(department="product", text=await service.text(ref, "Look."))
        )
        types = await service.types(ref)
    assert types.count("Dispatched") == 1


async def test_while_temporal_is_away_it_waits_and_is_given_as_soon_as_it_is_back(settings: Settings) -> None:
    async with living(settings, DISPATCHING) as service:
        await hire(service, ana)
        refs = {await triaged(service), await triaged(service)}
        away = NoWorkflows()
        away.away = 2
        waiting = assigner(service, away)
        assert [await waiting.assign(), await waiting.assign()] == [0, 0]
        assert not away.told
        assert await waiting.assign() == 2
    assert {ref for ref, _ in away.told} == refs
    assert {order.body.type for _, order in away.told} == {"Dispatch"}


async def test_what_was_told_and_does_not_show_is_told_again_and_counts_meanwhile(settings: Settings) -> None:
    async with living(settings, DISPATCHING) as service:
        await hire(service, ana, ben)
        deaf = NoWorkflows()
        waiting = assigner(service, deaf)
        first = await triaged(service)
        await waiting.assign()
        second = await triaged(service)
        await waiting.assign()
    told = [(ref, getattr(order.body, "to").id) for ref, order in deaf.told]  # noqa: B009 - of a Dispatch
    assert told[0] == (first, ana.id)
    assert (second, ben.id) in told  # ana's first one is not on record, and counts all the same
    assert (first, ben.id) not in told  # told again, it is the same one who hears it
    assert told.count((first, ana.id)) == 2


async def test_a_rung_has_the_service_give_the_complaint_to_a_senior(
    settings: Settings, mail: CaughtMail
) -> None:
    rung = PACK.ladders["at_once"].rungs[0].model_copy(update={"reassign_to": Role.SUPERVISOR})
    ladder = PACK.ladders["at_once"].model_copy(update={"rungs": (rung,), "unanswered": "waits"})
    # From a fact that is made here: however long all this takes, Ana has it before it is due.
    soon = {"starts_on": Fact.TRIAGED, "duration": Duration(amount=3, unit=Unit.SECONDS), "warn_at": ()}
    response = PACK.clock("response").model_copy(update=soon)
    pack = PACK.model_copy(
        update={"name": "seniors", "clocks": (response,), "ladders": {**PACK.ladders, "at_once": ladder}}
    )
    async with living(settings, pack) as service, scheduling(settings):
        await hire(service, ana, dora)
        ref = await service.receive(pack=pack)
        await service.do(ref, ana, TakeOwnership())
        await service.do(ref, dora, TRIAGE)
        assert await owner(service, ref, besides="usr_ana") == "usr_dora"
        case = await service.case(ref)
        assert case.escalation.wanted is None, "it is in the hands that were wanted"
        told = [one.event for one in await service.record.read(ref) if isinstance(one.event, Dispatched)]
        assert [event.rule for event in told] == [BY_LADDER]
        await mail.wait_for(
            "dora@staff.example.org", where=lambda one: str(one["Subject"]).startswith("Assigned to you")
        )
