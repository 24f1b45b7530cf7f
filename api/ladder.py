"""The ladders of a complaint: which rungs have called and whom that reached, which calls next and when."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.openapi import problems
from api.reads import folded
from api.security import ComplaintHere, StaffHere
from complaints.base import Frozen, Happening
from complaints.case import Case
from complaints.timing.ladder_view import LadderView, RungView, ladder_view
from complaints.timing.occurrences import Occurrence
from ledger.alerts import Call, Reached, calls_of

router = APIRouter(tags=["alerts"])


class CallBody(Frozen):
    """One call on one recipient over one channel, and how far it has come."""

    repeat: int = Field(description="0 is the rung's first call.")
    to: str = Field(
        description="Whom it went to: staff:<id>, or the pack's word where nobody stood for it.",
        examples=["staff:usr_ana"],
    )
    meant_for: str | None = Field(
        description="The pack's word that the recipient stands for.", examples=["owner"]
    )
    over: str = Field(
        description="mail, webhook, chat or desk; mail where it can not be told.", examples=["mail"]
    )
    expired: bool = Field(description="Whether it tells that an acknowledgement has expired.")
    reached: Reached
    at: AwareDatetime = Field(description="When it left or, where it has not, when it was queued.")
    attempts: int
    status: str | None = Field(description="A code for what went wrong last.", examples=["5.1.1"])


class RungBody(RungView):
    """One rung, with every call it has made on somebody."""

    told: tuple[CallBody, ...]


class LadderBody(LadderView):
    """The ladder of one run of a clock, each rung with whom it told, how, and whether that reached them."""

    rungs: tuple[RungBody, ...]


class LaddersBody(Frozen):
    """The ladders of a complaint: those of clocks that run first, by what is due first."""

    reference: str = Field(examples=["7K2M-9QF3-XA5C"])
    as_of: AwareDatetime
    ladders: tuple[LadderBody, ...]


@router.get("/complaints/{reference}/ladder", operation_id="ladder", summary="The ladders of a complaint's clocks",
            response_model=LaddersBody, responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def ladder(deps: DepsHere, caller: StaffHere, reference: ComplaintHere) -> Response:
    """Rung by rung: climbed, firing, next, later, held or cancelled; who was told, how, and whether it reached them.

    It is read from the record and the outbox, and is to be had while the engine is away.
    """
    case, happenings = await folded(deps, reference)
    shown = await ladders_of(deps, case, happenings)
    body = LaddersBody(reference=reference, as_of=deps.clock.now(), ladders=shown)
    return JSONResponse(body.model_dump(mode="json"))


async def ladders_of(deps: Deps, case: Case, happenings: Sequence[Happening]) -> tuple[LadderBody, ...]:
    """The ladder of every run that has one, as of now: of those that run first, by what is due first."""
    packs, now = await deps.packs.under(case), deps.clock.now()
    async with deps.reading.connect() as conn:
        calls = await calls_of(conn, case.reference)
    found = (
        _with_calls(deps, run, told, calls)
        for run in case.clocks.occurrences
        if (told := ladder_view(packs.of(run), case, run, happenings, now)) is not None
    )
    return tuple(
        sorted(found, key=lambda told: (not told.running, told.paused, told.due_at or now, told.clock))
    )


def _with_calls(deps: Deps, run: Occurrence, told: LadderView, calls: Sequence[Call]) -> LadderBody:
    mine = [
        call for call in calls
        if (call.clock, call.occurrence, call.extensions, call.moves)
        == (run.clock, run.number, run.extensions, run.moves)
    ]  # fmt: skip
    rungs = tuple(
        RungBody(
            **dict(rung),
            told=tuple(call_body(deps, call) for call in mine if call.rung == rung.number - 1),
        )
        for rung in told.rungs
    )
    return LadderBody(**{**dict(told), "rungs": rungs})


def call_body(deps: Deps, call: Call) -> CallBody:
    """A call as it is told, its moment in the service's own time."""
    return CallBody(
        repeat=call.repeat,
        to=call.recipient,
        meant_for=call.who,
        over=call.channel,
        expired=call.kind == "alert_expired",
        reached=call.reached,
        at=deps.clock.spec.virtual(call.sent_at or call.queued_at),
        attempts=call.attempts,
        status=call.status,
    )
