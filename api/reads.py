"""Reading complaints: the list, one complaint, its timeline, clocks and letters, and what its workflow holds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.answers import etag
from api.deps import Deps, DepsHere
from api.fields import Code
from api.openapi import problems
from api.problems import Problem
from api.progress import Progress, progress
from api.security import CallerHere, ComplaintHere, StaffHere, unknown
from api.showing import Reader, ShownEvent, shown_of
from api.unavailable import not_recorded_yet
from complaints.base import Actor, Happening
from complaints.case import Case
from complaints.chapters.letters import Letter
from complaints.lifecycle import fold
from complaints.phases import Phase, phase
from complaints.timing.explained import explained
from complaints.view import CaseView, ClockView
from ledger import access, intake, reads
from ledger.directory import Bearer
from ledger.worklist import PAGE_AT_MOST, Filters, worklist
from policies.arithmetic.explain import Explanation
from policies.vocabulary import Channel, FeedbackClass, Kind, Role, Severity, Tier
from workflows.client import Unknown
from workflows.contract import Live

router = APIRouter(tags=["complaints"])

_READ = problems(401, 403, 404, 422, 503)
LONGEST_TIMELINE = 500


class RowBody(CaseView):
    """One complaint as lists show it."""

    model_config = ConfigDict(title="ComplaintRow")

    clocks: tuple[ClockView, ...] = Field((), exclude=True)
    subject_text: str | None = Field(None, exclude=True)
    wake_at: AwareDatetime | None = Field(None, exclude=True)


class ListBody(BaseModel):
    """A page of complaints: those in pause last, then by next deadline, then by reference."""

    complaints: tuple[RowBody, ...]
    next: str | None = Field(description="Send it as `cursor` for the page that follows; null on the last.")


class CaseBody(BaseModel):
    """One complaint, all that it is now, folded from its record."""

    reference: str
    version: int = Field(description="Send it as If-Match with a command.")
    phase: Phase
    case: shown_of(Case)  # type: ignore[valid-type]


class TimelineBody(BaseModel):
    """A stretch of the record of a complaint, oldest first."""

    reference: str
    events: tuple[ShownEvent, ...]
    next: int | None = Field(description="Send it as `after` for what follows; null at the end.")


class ExplainedClock(ClockView):
    """A clock with its title, its source, and why it is due when it is."""

    title: dict[str, str]
    source: str
    explanation: Explanation


class ClocksBody(BaseModel):
    reference: str
    clocks: tuple[ExplainedClock, ...]


class LettersBody(BaseModel):
    reference: str
    letters: tuple[shown_of(Letter), ...]  # type: ignore[valid-type]


class AccessBody(BaseModel):
    """Who read personal data of the complaint, newest first."""

    reference: str
    readings: tuple[access.Access, ...]
    next: int | None = Field(description="Send it as `before` for what came earlier; null at the end.")


class Asked(BaseModel):
    """What a list may be asked for. Several values of one name mean any of them."""

    model_config = ConfigDict(extra="forbid")

    phase: list[Phase] = Field([], max_length=20)
    kind: list[Kind] = Field([], max_length=20)
    severity: list[Severity] = Field([], max_length=20)
    tier: list[Tier] = Field([], max_length=20)
    channel: list[Channel] = Field([], max_length=20)
    feedback_class: list[FeedbackClass] = Field([], max_length=20)
    pack: list[Code] = Field([], max_length=20)
    owner: list[Code] = Field([], max_length=20, description="Staff ids; `me` is the caller.")
    offered_to: list[Code] = Field([], max_length=20, description="Staff ids; `me` is the caller.")
    problem_type: list[Code] = Field([], max_length=20)
    site: list[Code] = Field([], max_length=20, description="Codes of shops or branches, such as north-0117.")
    handling_tier: list[Annotated[int, Field(ge=1, le=9)]] = Field([], max_length=20)
    unowned: bool = False
    overdue: bool | None = None
    paused: bool | None = None
    open: bool | None = Field(None, description="Leave it out for open and closed ones.")
    source: Code | None = Field(None, description="The import they came with, such as 311.")
    cursor: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=PAGE_AT_MOST)

    def filters(self, actor: Actor) -> Filters:
        """The same as the ledger takes it."""
        told = self.model_dump(exclude={"cursor", "limit"})
        for name in ("owner", "offered_to"):
            told[name] = [actor.id if value == "me" else value for value in told[name]]
        return Filters(**told)


@router.get("/complaints", operation_id="complaints", summary="List complaints", response_model=ListBody,
            responses=problems(401, 403, 422, 503))  # fmt: skip
async def complaints(deps: DepsHere, caller: StaffHere, asked: Annotated[Asked, Query()]) -> Response:
    """A page of complaints, by next deadline. No text of anybody's is in a list."""
    async with deps.reading.connect() as conn:
        try:
            page = await worklist(conn, asked.filters(caller.actor), cursor=asked.cursor, limit=asked.limit)
        except (ValueError, OverflowError):
            raise Problem(
                422, "bad_cursor", "This page marker is not one of ours; begin again with the first page."
            ) from None
    rows = [RowBody.model_construct(**dict(row)).model_dump(mode="json") for row in page.rows]
    return JSONResponse({"complaints": rows, "next": page.next})


async def folded(deps: Deps, reference: str) -> tuple[Case, tuple[Happening, ...]]:
    """The complaint as its record has it. Raises Problem: 404, or 503 for one that is not recorded yet."""
    happenings = await deps.record.read(reference)
    if not happenings:
        async with deps.reading.connect() as conn:
            accepted = await intake.accepted(conn, reference)
        raise not_recorded_yet(reference) if accepted else unknown()
    deps.known.add(reference)
    return fold(happenings), happenings


def reader_for(caller: Bearer, case: Case, purpose: str) -> Reader:
    """A reader of this complaint's texts. Who declared a conflict of interest in it reads none."""
    reader = Reader(caller.actor, case.reference, purpose)
    if caller.actor.id in case.ownership.conflicted:
        reader.forbid()
    return reader


@router.get("/complaints/{reference}", operation_id="complaint", summary="One complaint",
            response_model=CaseBody, responses=_READ)  # fmt: skip
async def complaint(deps: DepsHere, caller: StaffHere, reference: ComplaintHere) -> Response:
    """All that the complaint is now. Its texts are there for those who may read them; the reading is recorded."""
    case, _ = await folded(deps, reference)
    reader = reader_for(caller, case, "complaint")
    for name in Case.model_fields:
        reader.want(getattr(case, name), name)
    async with deps.reading.connect() as conn:
        await reader.read(deps, conn)
    told = {"reference": reference, "version": case.version, "phase": phase(case), "case": reader.show(case)}
    return JSONResponse(told, headers={"ETag": etag(case.version)})


class Stretch(BaseModel):
    """Which stretch of a timeline."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(0, ge=0, le=2**31 - 1, description="The sequence after which to begin.")
    limit: int = Field(200, ge=1, le=LONGEST_TIMELINE)


@router.get("/complaints/{reference}/timeline", operation_id="timeline", summary="What happened to a complaint",
            response_model=TimelineBody, responses=_READ)  # fmt: skip
async def timeline(
    deps: DepsHere, caller: StaffHere, reference: ComplaintHere, stretch: Annotated[Stretch, Query()]
) -> Response:
    """The events of the complaint in their order, each with its two instants and its place in the chain."""
    case, _ = await folded(deps, reference)
    return await stretch_of(deps, reader_for(caller, case, "timeline"), reference, stretch, case.sequence)


async def stretch_of(deps: Deps, reader: Reader, reference: str, stretch: Stretch, held: int) -> Response:
    """A stretch of a stream of `held` events, as TimelineBody."""
    async with deps.reading.connect() as conn:
        entries = await reads.timeline(conn, reference, stretch.after, stretch.limit)
        for entry in entries:
            event = entry.happening.event
            reader.want(event, event.__class__.__module__.rpartition(".")[2])
        await reader.read(deps, conn)
    events = [shown_event(reader, entry) for entry in entries]
    last = entries[-1].sequence if entries else held
    return JSONResponse({"reference": reference, "events": events, "next": last if last < held else None})


def shown_event(reader: Reader, entry: reads.TimelineEntry) -> dict[str, Any]:
    """An event as ShownEvent, its texts in place."""
    told = entry.happening
    return {
        "sequence": entry.sequence,
        "type": told.event.type,
        "occurred_at": reader.show(told.occurred_at),
        "recorded_at": reader.show(told.recorded_at),
        "actor": told.actor,
        "command": told.command,
        "body": reader.show(told.event),
        "hash": entry.hash,
    }


@router.get("/complaints/{reference}/clocks", operation_id="clocks", summary="The deadlines of a complaint",
            response_model=ClocksBody, responses=_READ)  # fmt: skip
async def clocks(deps: DepsHere, caller: StaffHere, reference: ComplaintHere) -> Response:
    """Every run of every clock, and how its due moment came about."""
    case, _ = await folded(deps, reference)
    packs = await deps.packs.under(case)
    told = []
    for o in case.clocks.occurrences:
        why = explained(packs.of(o), case, o)
        told.append(
            ExplainedClock(
                clock=o.clock, occurrence=o.number, state=o.state, started_at=o.started_at, due_at=why.due_at,
                met_at=o.met_at, breached_at=o.breached_at, stopped_at=o.stopped_at, title=why.rule.title,
                source=f"{why.rule.source.document}, {why.rule.source.section}", explanation=why.why,
            )
        )  # fmt: skip
    body = ClocksBody(reference=reference, clocks=tuple(told))
    return JSONResponse(body.model_dump(mode="json"))


@router.get("/complaints/{reference}/letters", operation_id="letters", summary="The letters of a complaint",
            response_model=LettersBody, responses=_READ)  # fmt: skip
async def letters(deps: DepsHere, caller: StaffHere, reference: ComplaintHere) -> Response:
    """What was written to the customer, and how far each letter has come."""
    case, _ = await folded(deps, reference)
    reader = reader_for(caller, case, "letters")
    reader.want(case.letters, "letters")
    async with deps.reading.connect() as conn:
        await reader.read(deps, conn)
    return JSONResponse({"reference": reference, "letters": reader.show(case.letters.sent)})


@router.get("/complaints/{reference}/live", operation_id="live", summary="What the workflow itself holds",
            response_model=Live, responses=_READ)  # fmt: skip
async def live(deps: DepsHere, caller: StaffHere, reference: ComplaintHere) -> Response:
    """The one answer that does not come from the record: it may be compared with it."""
    try:
        held = await deps.engine.live(reference)
    except Unknown:
        await folded(deps, reference)  # where it is not on record either, that is the answer
        raise Problem(
            404, "not_running", "No workflow runs for this complaint: it is archived, or is to be recovered."
        ) from None
    return JSONResponse(held.model_dump(mode="json"))


@router.get("/complaints/{reference}/progress", operation_id="progress", summary="How a complaint stands",
            response_model=Progress, responses=_READ)  # fmt: skip
async def how_it_stands(deps: DepsHere, caller: CallerHere, reference: ComplaintHere) -> Response:
    """For the customer, in five plain steps; this is what their own token opens."""
    case, _ = await folded(deps, reference)
    return JSONResponse(progress(await deps.packs.of(case.pack), case).model_dump(mode="json"))


async def auditor(caller: CallerHere) -> Bearer:
    """Who may see who read what. Raises Problem (403)."""
    if not caller.actor.has(Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR):
        who = "compliance officer, administrator"
        raise Problem(403, "not_allowed", f"This is for: {who}.", who=who)
    return caller


@router.get("/complaints/{reference}/access", operation_id="access", summary="Who read personal data of it",
            response_model=AccessBody, responses=_READ, dependencies=[Depends(auditor)])  # fmt: skip
async def readings(
    deps: DepsHere,
    reference: ComplaintHere,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="The id before which to begin.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_AT_MOST)] = 100,
) -> Response:
    """Every reading of a text or file of the complaint: who, when, what for, which kinds of data."""
    await folded(deps, reference)
    async with deps.reading.connect() as conn:
        found = await access.read(conn, reference=reference, before=before, limit=limit)
    body = AccessBody(reference=reference, readings=found, next=found[-1].id if len(found) == limit else None)
    return JSONResponse(body.model_dump(mode="json"))
