"""The alert of a risk that nobody looked at again: by the watchdog alone, in the mailbox of whoever answers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from activities.cases import HeldIssue
from activities.watching.watchdog import what_is_due_systemic
from complaints.base import Order, Person
from complaints.references import systemic_reference
from complaints.systemic.issue import OpenSystemicIssue, decide_systemic, fold_systemic, open_systemic
from complaints.systemic.risk_state import Treatment
from complaints.systemic.risks import AssessRisk
from complaints.transition import systemic_transition
from ledger import outbox, reads
from policies.vocabulary import Role
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import dora
from tests.support.mail import CaughtMail, text_of

ANA = "ana@staff.example.org"


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def test_its_owner_hears_of_it_though_no_workflow_runs(office: Office, mail: CaughtMail) -> None:
    ref = systemic_reference(uuid4().int % 2**55)
    words = await office.text(ref, "One batch of kettles")
    then = office.clock.now() - timedelta(days=2)
    opening = Order(
        id=str(uuid4()), actor=dora, body=OpenSystemicIssue(name=words, description=words), at=then
    )
    begun = open_systemic(ref, opening)
    await office.record.commit(systemic_transition(None, ref, begun))
    issue = fold_systemic(begun)
    body = AssessRisk(
        likelihood=4, impact=4, treatment=Treatment.REDUCE, reasons=words,
        owner=Person(id="ana", roles=(Role.HANDLER,)), review_by=then + timedelta(days=1),
    )  # fmt: skip
    assessed = decide_systemic(issue, Order(id=str(uuid4()), actor=dora, body=body, at=then))
    await office.record.commit(systemic_transition(issue, ref, assessed))
    now = office.clock.now()
    async with office.sql.connect() as conn:
        (late,) = await reads.overdue_wakeups(conn, now, timedelta(seconds=1), 10)
    assert late.reference == ref

    alerts, next_at = what_is_due_systemic(HeldIssue(None, fold_systemic((*begun, *assessed))), now)
    assert next_at is None
    async with office.sql.begin() as conn:
        assert await outbox.queue(conn, ref, alerts) == 1
        assert await outbox.queue(conn, ref, alerts) == 0, "once"
    async with office.dispatching():
        (told,) = await mail.wait_for(ANA)
    assert told["Subject"] == f"Check due: {ref}"
    body_text = text_of(told)
    assert "its risk was to be looked at again by" in body_text
    assert f"/desk/systemic/{ref}" in body_text
    assert "action" not in body_text
    assert "kettles" not in body_text
