"""Conversation, internal review and acknowledged disputes on the real engine: recorded once, and the mail queued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text as sql

from complaints.base import Actor, Command, Person, Refused
from complaints.chapters.conversation import (
    AnswerCustomer,
    AskCustomer,
    NeedsNoAnswer,
    SendHoldingReply,
    WriteMessage,
)
from complaints.chapters.conversation import unanswered as still_unanswered
from complaints.chapters.dispute import AcknowledgeDispute, RaiseDispute
from complaints.chapters.internal_review import (
    AssignInternalReviewer,
    OpenInternalReview,
    RecordInternalReview,
)
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.response import SendResponse
from complaints.chapters.triage import Triage
from ledger.database import autocommit
from policies.loading import packs_available, publish, read_pack
from policies.pack import Pack
from policies.vocabulary import Kind, Severity, Tier
from runtime.settings import Settings
from tests.support.lives import Life, rosa
from tests.support.living import Living, ana, customer, dora, iris, living

CENTRE: Pack = publish(read_pack(next(path for path in packs_available() if path.stem == "service-centre")))


@pytest.fixture
async def centre(settings: Settings) -> AsyncIterator[Living]:
    """A service that keeps service-centre's promises."""
    async with living(settings, CENTRE) as service:
        yield service


async def refused(life: Life, actor: Actor, body: Command) -> str:
    with pytest.raises(Refused) as refusal:
        await life.does(actor, body)
    return refusal.value.code


async def queued(service: Living, reference: str) -> dict[str, int]:
    """How many messages of each template or kind wait in the outbox, or went out of it."""
    async with autocommit(service.sql).connect() as conn:
        rows = await conn.execute(
            sql(
                "select coalesce(template, kind) as what, count(*) as many "
                "from outbox where stream = :stream group by 1"
            ),
            {"stream": reference},
        )
        return {row.what: row.many for row in rows}


async def test_what_is_asked_said_and_answered_is_recorded_and_written_to_the_customer(
    centre: Living,
) -> None:
    life = await Life.begun(centre, CENTRE)
    await life.does(ana, TakeOwnership())
    await life.does(ana, AskCustomer(text=await life.text("Which store was it?")))
    case = await centre.case(life.reference)
    assert case.clocks.open_pause("waiting_for_customer") is not None
    await life.does(customer, WriteMessage(text=await life.text("The one at the station.")))
    await life.does(customer, WriteMessage(text=await life.text("Are you there?")))
    case = await centre.case(life.reference)
    assert case.clocks.open_pause("waiting_for_customer") is None
    assert len(still_unanswered(CENTRE, case)) == 2
    await life.does(ana, AnswerCustomer(text=await life.text("We are; thank you.")), "answered once")
    await life.does(ana, AnswerCustomer(text=await life.text("We are; thank you.")), "answered once")
    await life.does(customer, WriteMessage(text=await life.text("Thank you.")))
    await life.does(ana, NeedsNoAnswer(reason=await life.text("A word of thanks.")))
    assert await refused(life, ana, NeedsNoAnswer(reason=await life.text("x"))) == "nothing_unanswered"
    until = centre.clock.now() + timedelta(days=3)
    await life.does(ana, SendHoldingReply(text=await life.text("The laboratory."), until=until))
    case = await centre.case(life.reference)
    assert still_unanswered(CENTRE, case) == ()
    assert case.conversation.holding_until == until
    sent = await queued(centre, life.reference)
    assert (sent["question"], sent["reply"], sent["holding_reply"]) == (1, 1, 1)
    types = await centre.types(life.reference)
    assert (types.count("CustomerAnswered"), types.count("FeedbackSettled")) == (1, 1)


async def test_a_complaint_about_our_own_process_is_answered_once_somebody_else_has_looked(
    centre: Living,
) -> None:
    life = await Life.begun(centre, CENTRE)
    await life.owned()
    classes = {"kind": Kind.COMPLAINT, "severity": Severity.REGULAR, "tier": Tier.STANDARD}
    await life.does(iris, Triage.model_validate({**classes, "problem_type": "own_process"}))
    assert (await queued(centre, life.reference))["internal_review_opened"] == 2
    await life.does(dora, AssignInternalReviewer(reviewer=Person(**rosa.model_dump())))
    mine = RecordInternalReview(findings=await life.text("All is well."), outcome="sound")
    assert await refused(life, ana, mine) == "not_the_reviewer"
    await life.decided()
    found = RecordInternalReview(
        findings=await life.text("It was lost."), outcome="defective", corrections=await life.text("Scan it.")
    )
    await life.does(rosa, found)
    await life.answered()
    await life.does(dora, OpenInternalReview(reason=await life.text("There is more.")))
    assert await refused(life, ana, SendResponse()) == "already_done"
    case = await centre.case(life.reference)
    assert case.internal_review.number == 2
    assert case.internal_review.reviewed_by == (rosa.id,)


async def test_a_dispute_is_acknowledged_by_letter_once(centre: Living) -> None:
    life = await Life.begun(centre, CENTRE)
    await life.owned()
    await life.decided()
    await life.answered()
    await life.does(customer, RaiseDispute(grounds=await life.text("That is not all.")))
    await life.does(iris, AcknowledgeDispute())
    assert await refused(life, iris, AcknowledgeDispute()) == "already_done"
    assert (await queued(centre, life.reference))["dispute_acknowledgement"] == 1
