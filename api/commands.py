"""The commands: one typed route for each in the registry, and the place to look for one that takes long."""

# No postponed annotations here: the routes are made in a loop, each with a body type of its own.

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

import complaints.transition  # noqa: F401 - with it every chapter has registered its commands
from api.answers import CommandBody, OutcomeBody, RunningBody, answer, expected_version, no_such_command
from api.deps import DepsHere
from api.fields import CODE_PATTERN
from api.giving import Given, give
from api.idempotency import KeyHeader
from api.inputs import body_of, takes_json
from api.openapi import example_of, problems
from api.security import JSON_ONLY, CallerHere, ComplaintHere, sender_of
from complaints.base import Command
from complaints.chapters.intake import ReceiveComplaint
from ledger import reads
from ledger.idempotency import idempotency

router = APIRouter(tags=["commands"], dependencies=JSON_ONLY)

ExpectedVersion = Annotated[int | None, Depends(expected_version)]
Endpoint = Callable[..., Awaitable[Response]]

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": OutcomeBody,
        "description": "Done, or done before.",
        "headers": {"ETag": {"description": "The complaint's version.", "schema": {"type": "string"}}},
    },
    202: {
        "model": RunningBody,
        "description": "Taken; it takes longer than ten seconds.",
        "headers": {"Location": {"description": "Where to look.", "schema": {"type": "string"}}},
    },
    **problems(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
}


def slug(command: type[Command]) -> str:
    """A command's name in an address: TakeOwnership is take-ownership."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", command.__name__).lower()


def given_as_json(*, systemic: bool) -> Iterable[type[Command]]:
    """The commands that have a route of the common form, in the order of their names."""
    for _, command in sorted(Command.REGISTRY.items()):
        own_route = command is ReceiveComplaint or command.fact or not takes_json(command)
        if not own_route and command.to_systemic is systemic and command.__module__.startswith("complaints."):
            yield command


def describe(command: type[Command]) -> str:
    """What the document says of a command: what it does and who may give it."""
    who = ", ".join(sorted(role.replace("_", " ") for role in command.who))
    owner = " Only by the owner, or a supervisor or department head." if command.owner_only else ""
    return f"{(command.__doc__ or '').strip()}\n\nWho: {who}.{owner}"


def roles(command: type[Command]) -> dict[str, Any]:
    """Who may give a command, for programs that read the document."""
    return {"x-roles": sorted(command.who)}


def body_default(model: type[Any]) -> Any:
    """A body that may be left out where nothing in it has to be given."""
    examples: Any = {"example": {"value": example_of(model)}}
    if any(field.is_required() for field in model.model_fields.values()):
        return Body(openapi_examples=examples)
    return Body(default_factory=model, openapi_examples=examples)


def _endpoint(command: type[Command]) -> Endpoint:
    sent_as = body_of(command)

    async def give_command(
        deps: DepsHere,
        caller: CallerHere,
        reference: ComplaintHere,
        body: sent_as = body_default(sent_as),  # type: ignore[valid-type]  # noqa: B008 - FastAPI's way
        *,
        idempotency_key: KeyHeader = None,
        version: ExpectedVersion = None,
    ) -> Response:
        given: Given = await give(
            deps, caller, reference, command, body, key=idempotency_key, expected_version=version
        )
        return answer(given, reference)

    return give_command


for _command in given_as_json(systemic=False):
    router.add_api_route(
        f"/complaints/{{reference}}/commands/{slug(_command)}",
        _endpoint(_command),
        methods=["POST"],
        name=slug(_command),
        operation_id=slug(_command),
        summary=_command.title,
        description=describe(_command),
        responses=ANSWERS,
        openapi_extra=roles(_command),
    )


_SOME_ID = "0b7a1c5e-53ad-5f3a-9a55-0d8a7f0f8d31"


@router.get(
    "/commands/{command_id}",
    operation_id="command",
    summary="How far a command has come",
    response_model=CommandBody,
    responses=problems(401, 403, 404, 422, 503),
)
async def command_status(
    deps: DepsHere,
    caller: CallerHere,
    command_id: Annotated[str, Path(pattern=CODE_PATTERN, openapi_examples={"id": {"value": _SOME_ID}})],
) -> Response:
    """Whether a command that was answered with 202 is in the record by now, or was refused in the end."""
    async with deps.reading.connect() as conn:
        found = await reads.command(conn, command_id)
        if found is not None and caller.reference in (None, found.stream):
            told = CommandBody(
                command_id=command_id,
                reference=found.stream,
                status="recorded",
                version=found.last,
                sequence=found.last,
                events=tuple(happening.event.type for happening in found.happenings),
                recorded_at=found.happenings[-1].recorded_at,
            )
            return JSONResponse(told.model_dump(mode="json"))
        mine = (idempotency.c.actor == sender_of(caller)) & (idempotency.c.command_id == command_id)
        reference = await conn.scalar(select(idempotency.c.reference).where(mine))
    if reference is None:
        raise no_such_command()
    refused = await deps.engine.refusal(reference, command_id)
    if refused is not None:
        told = CommandBody(
            command_id=command_id,
            reference=reference,
            status="refused",
            code=refused.code,
            detail=refused.sentence,
        )
        return JSONResponse(told.model_dump(mode="json"))
    told = CommandBody(command_id=command_id, reference=reference, status="running")
    return JSONResponse(told.model_dump(mode="json"), headers={"Retry-After": "2"})
