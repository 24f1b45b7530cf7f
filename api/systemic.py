"""Systemic issues: opened, moved on by commands, and read; they join complaints that have one cause."""

# No postponed annotations here: the routes are made in a loop, each with a body type of its own.

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.answers import answer, etag
from api.commands import ANSWERS, ExpectedVersion, body_default, describe, given_as_json, roles, slug
from api.deps import Deps, DepsHere
from api.giving import give, others_exist
from api.idempotency import KeyHeader, command_id
from api.inputs import Told, body_of, build, gather
from api.openapi import problems
from api.problems import Problem
from api.reads import Stretch, TimelineBody, stretch_of
from api.security import JSON_ONLY, StaffHere, SystemicHere, not_known, sender_of
from api.showing import Reader, shown_of
from complaints.base import Command, Order, TextRef, permit_role
from complaints.references import SPACE, systemic_reference
from complaints.systemic.issue import OpenSystemicIssue, SystemicIssue, fold_systemic, open_systemic
from complaints.systemic.outage_state import OutagePhase
from complaints.systemic.sites import spread
from ledger import reads
from ledger.directory import Bearer
from ledger.idempotency import KeyReused, remember
from ledger.suspicion import sites_of
from ledger.texts import TextConflict

router = APIRouter(tags=["systemic issues"], dependencies=JSON_ONLY)

if TYPE_CHECKING:
    Opening = Told
else:
    Opening = body_of(OpenSystemicIssue)
_PLACEHOLDER = "0" * 64


class OpenedBody(BaseModel):
    """A systemic issue that has its reference."""

    reference: str = Field(examples=["SYS-7K2M-9QF3-XA57"])
    command_id: str


class SystemicRow(BaseModel):
    """A systemic issue as lists show it."""

    reference: str
    opened_at: AwareDatetime
    planned_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    complaints: int = Field(description="How many complaints it joins.")
    outage_grade: int | None = Field(description="1 emergency, 2 general, 3 routine; null: no outage.")
    outage_phase: OutagePhase | None
    news_by: AwareDatetime | None = Field(description="When the next announcement of the outage is due.")
    version: int


class SystemicList(BaseModel):
    issues: tuple[SystemicRow, ...]


class Counted(BaseModel):
    """How many of the joined complaints a site or a region has."""

    code: str = Field(examples=["north-0117"])
    complaints: int


class SystemicBody(BaseModel):
    """One systemic issue, all that it is now. `nowhere`: how many of its complaints name no site."""

    reference: str
    version: int
    outage_phase: OutagePhase | None
    sites: tuple[Counted, ...]
    regions: tuple[Counted, ...]
    nowhere: int
    issue: shown_of(SystemicIssue)  # type: ignore[valid-type]


@router.post(
    "/systemic-issues",
    operation_id=slug(OpenSystemicIssue),
    summary=OpenSystemicIssue.title,
    description=describe(OpenSystemicIssue),
    status_code=201,
    response_model=OpenedBody,
    responses=problems(400, 401, 403, 409, 413, 415, 422, 503),
)
async def open_issue(
    deps: DepsHere,
    caller: StaffHere,
    body: Opening = body_default(Opening),  # noqa: B008 - FastAPI's way
    idempotency_key: KeyHeader = None,
) -> Response:
    opened = await open_systemic_issue(deps, caller, body, idempotency_key)
    headers = {"Location": f"/systemic-issues/{opened.reference}"}
    return JSONResponse(opened.model_dump(), 201, headers)


async def open_systemic_issue(deps: Deps, caller: Bearer, body: Told, key: str | None) -> OpenedBody:
    """Open an issue as was sent (`inputs.body_of(OpenSystemicIssue)`); the same `key` again opens no other.

    Raises Refused, Problem (422) and EngineAway.
    """
    permit_role(OpenSystemicIssue, caller.actor)
    sender = sender_of(caller)
    id_ = command_id(sender, key)
    gathered = gather(body, id_)
    now = deps.clock.now()

    def order_with(refs: dict[str, TextRef]) -> Order:
        said = build(OpenSystemicIssue, body, id_, refs, {})
        return Order(id=id_, actor=caller.actor, body=said, at=now, occurred_at=body.occurred_at)

    reference = systemic_reference(secrets.randbelow(SPACE))
    # What the rules would refuse later must not get a reference.
    checked = order_with({i: TextRef(id=i, digest=_PLACEHOLDER) for i in gathered.texts})
    await others_exist(deps, checked.body)
    open_systemic(reference, checked)
    async with deps.reading.connect() as conn:
        try:
            if key is not None:
                bound = await remember(
                    conn, key=key, actor=sender, route="open-systemic-issue", reference=reference,
                    fingerprint=deps.fingerprints.of("open-systemic-issue", body), command_id=id_,
                )  # fmt: skip
                reference = bound.reference
            order = order_with(dict(await deps.texts.put(conn, reference, gathered.texts)))
        except (KeyReused, TextConflict):
            raise Problem(422, "key_reused", "This Idempotency-Key was used for another request.") from None
    await deps.engine.open_systemic(reference, order)
    deps.known.add(reference)
    return OpenedBody(reference=reference, command_id=id_)


def _endpoint(command: type[Command]) -> Callable[..., Awaitable[Response]]:
    sent_as = body_of(command)

    async def give_command(
        deps: DepsHere,
        caller: StaffHere,
        reference: SystemicHere,
        body: sent_as = body_default(sent_as),  # type: ignore[valid-type]  # noqa: B008 - FastAPI's way
        *,
        idempotency_key: KeyHeader = None,
        version: ExpectedVersion = None,
    ) -> Response:
        given = await give(
            deps, caller, reference, command, body, key=idempotency_key, expected_version=version
        )
        return answer(given, reference)

    return give_command


for _command in given_as_json(systemic=True):
    if _command is not OpenSystemicIssue:
        router.add_api_route(
            f"/systemic-issues/{{reference}}/commands/{slug(_command)}",
            _endpoint(_command),
            methods=["POST"],
            name=slug(_command),
            operation_id=slug(_command),
            summary=_command.title,
            description=describe(_command),
            responses=ANSWERS,
            openapi_extra=roles(_command),
        )


@router.get("/systemic-issues", operation_id="systemic-issues", summary="List systemic issues",
            response_model=SystemicList, responses=problems(401, 403, 422, 503))  # fmt: skip
async def issues(
    deps: DepsHere,
    caller: StaffHere,
    unresolved: Annotated[
        bool | None, Query(description="Only those still open; false: only resolved ones.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Response:
    """Systemic issues, newest first. No text of anybody's is in a list."""
    async with deps.reading.connect() as conn:
        found = await reads.systemic_issue_list(conn, unresolved=unresolved, limit=limit)
    rows = tuple(
        SystemicRow(
            reference=view.reference, opened_at=view.opened_at, planned_at=view.planned_at,
            resolved_at=view.resolved_at, complaints=len(view.members), outage_grade=view.outage_grade,
            outage_phase=OutagePhase(view.outage_phase) if view.outage_phase else None, news_by=view.news_by,
            version=view.version,
        )
        for view in found
    )  # fmt: skip
    return JSONResponse(SystemicList(issues=rows).model_dump(mode="json"))


@router.get("/systemic-issues/{reference}", operation_id="systemic-issue", summary="One systemic issue",
            response_model=SystemicBody, responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def issue(deps: DepsHere, caller: StaffHere, reference: SystemicHere) -> Response:
    """All that the issue is now, and the complaints it joins."""
    happenings = await deps.record.read(reference)
    if not happenings:
        raise not_known(reference)
    held = fold_systemic(happenings)
    reader = Reader(caller.actor, reference, "systemic-issue")
    reader.want(held, "systemic")
    async with deps.reading.connect() as conn:
        await reader.read(deps, conn)
        sites = await sites_of(conn, held.members)
    found = spread(sites.get(member) for member in held.members)
    told: dict[str, Any] = {
        "reference": reference,
        "version": held.version,
        "outage_phase": held.outage.phase if held.outage else None,
        "sites": [{"code": code, "complaints": count} for code, count in found.sites],
        "regions": [{"code": code, "complaints": count} for code, count in found.regions],
        "nowhere": found.nowhere,
        "issue": reader.show(held),
    }
    return JSONResponse(told, headers={"ETag": etag(held.version)})


@router.get("/systemic-issues/{reference}/timeline", operation_id="systemic-timeline",
            summary="What happened to a systemic issue", response_model=TimelineBody,
            responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def timeline(
    deps: DepsHere, caller: StaffHere, reference: SystemicHere, stretch: Annotated[Stretch, Query()]
) -> Response:
    """The events of the issue in their order, each with its two instants and its place in the chain."""
    held = await deps.record.sequence(reference)
    if not held:
        raise not_known(reference)
    return await stretch_of(
        deps, Reader(caller.actor, reference, "systemic-timeline"), reference, stretch, held
    )
