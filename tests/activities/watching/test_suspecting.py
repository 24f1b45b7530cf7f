"""Suspecting with the database alone: one alert a week to supervisors, until one issue has all the complaints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from activities.watching.suspecting import suspect
from complaints.base import Order
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.lifecycle import receive
from complaints.references import reference, systemic_reference
from complaints.systemic.issue import OpenSystemicIssue, open_systemic
from complaints.transition import systemic_transition, transition
from ledger import packs as published
from ledger import reads
from ledger.suspicion import sites_of, suspicions
from policies.pack import Pack
from policies.rules import ProblemType
from policies.vocabulary import Channel
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import dora, iris
from tests.complaints.systemic.test_outages import OUT
from tests.complaints.systemic.test_suspicion import pack as suspecting
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import eventually

SUSPECTING: Pack = suspecting(complaints=3, sites=2).model_copy(
    update={
        "name": "suspecting",
        "outages": OUT.outages,
        "problem_types": {"till": ProblemType(title={"en": "Tills", "zh": "收銀機"})},
    }
)


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        async with office.sql.begin() as conn:
            await published.publish(conn, SUSPECTING)
        yield office


async def complaint(office: Office, site: str | None, *, hours: float = 1.0, problem: str = "till") -> str:
    """A complaint about a till of this site, received so long ago."""
    stream, when = reference(uuid4().int % 2**55), office.clock.now() - timedelta(hours=hours)
    party = PartyDetails(address=await office.text(stream, "wei@example.org"), channel=Channel.MAIL)
    known = problem if problem in SUSPECTING.problem_types else None
    body = ReceiveComplaint(channel=Channel.STORE, parties=(party,), problem_type=known, site=site)
    order = Order(id=str(uuid4()), actor=iris, body=body, at=when)
    await office.record.commit(transition(SUSPECTING, None, stream, receive(SUSPECTING, stream, order)))
    return stream


async def joined(office: Office, complaints: list[str]) -> str:
    """A systemic issue that has them."""
    ref = systemic_reference(uuid4().int % 2**55)
    words = await office.text(ref, "Tills are down.")
    body = OpenSystemicIssue(name=words, description=words, complaints=tuple(complaints))
    order = Order(id=str(uuid4()), actor=dora, body=body, at=office.clock.now())
    await office.record.commit(systemic_transition(None, ref, open_systemic(ref, order)))
    return ref


async def found(office: Office) -> list[tuple[str, ...]]:
    async with office.sql.connect() as conn:
        told = await suspicions(conn, (SUSPECTING,), office.clock.now())
    return [suspicion.complaints for suspicion in told]


async def test_supervisors_are_alerted_once(office: Office, mail: CaughtMail) -> None:
    alike = [await complaint(office, site) for site in ("north-1", "north-1", "south-2")]
    await complaint(office, None)
    await complaint(office, "north-3", hours=30)
    async with office.dispatching():
        assert await suspect(office.sql, office.clock) == 1
        (told,) = await mail.wait_for("dora@staff.example.org")
    assert told["Subject"] == "3 complaints may have one cause"
    words = text_of(told)
    assert "Tills" in words
    assert "north-1: 2" in words and "south-2: 1" in words
    assert "/desk/systemic" in words
    assert not any(reference in words for reference in alike)
    assert await suspect(office.sql, office.clock) == 0, "not twice in a week"
    later = office.clock.now() + timedelta(days=7)
    next_week = Clock(ClockSpec(real_anchor=Clock().now(), virtual_anchor=later))
    assert await suspect(office.sql, next_week) == 0, "by then they are no longer within the span"


async def test_too_few_or_all_of_one_site_are_nothing(office: Office) -> None:
    for site in ("north-1", "north-1"):
        await complaint(office, site)
    assert await found(office) == []
    await complaint(office, "north-1")
    assert await found(office) == []
    await complaint(office, "south-1")
    assert len(await found(office)) == 1


async def test_what_one_issue_has_is_suspected_no_longer_until_another_comes(office: Office) -> None:
    alike = [await complaint(office, site) for site in ("north-1", "north-1", "south-2")]
    await joined(office, alike[:2])
    assert await found(office) == [tuple(alike)], "one of them is not in it"
    await joined(office, alike)
    assert await found(office) == []
    fourth = await complaint(office, "east-1", hours=0.5)
    assert await found(office) == [(*alike, fourth)]


async def test_an_alert_that_is_overtaken_is_not_sent(office: Office, mail: CaughtMail) -> None:
    alike = [await complaint(office, site) for site in ("north-1", "north-1", "south-2")]
    assert await suspect(office.sql, office.clock) == 1
    await joined(office, alike)
    async with office.dispatching():

        async def settled() -> bool:
            return "queued" not in (await office.outbox()).values()

        await eventually(settled, what="the outbox to be empty")
    assert "dropped" in (await office.outbox()).values()
    assert mail.all() == []


async def test_the_sites_of_an_issues_members_are_read(office: Office) -> None:
    alike = [await complaint(office, site) for site in ("north-1", None)]
    issue = await joined(office, [*alike, reference(7)])
    async with office.sql.connect() as conn:
        view = await reads.systemic_issue(conn, issue)
        assert view is not None
        assert await sites_of(conn, view.members) == {alike[0]: "north-1", alike[1]: None}
        assert (await conn.execute(text("SELECT version FROM systemic_issues"))).scalar_one() == view.sequence
