"""How a command's outcome is answered over HTTP: 200 with the new version, or 202 with a place to look."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Header
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.giving import Given
from api.problems import Problem


class OutcomeBody(BaseModel):
    """What a command did."""

    command_id: str = Field(examples=["0b7a1c5e-53ad-5f3a-9a55-0d8a7f0f8d31"])
    reference: str = Field(examples=["7K2M-9QF3-XA5C"])
    version: int = Field(description="The complaint's version afterwards; send it as If-Match.", examples=[4])
    sequence: int = Field(description="The number of the last event it caused.", examples=[5])
    events: tuple[str, ...] = Field(
        description="The kinds of event it caused.", examples=[["Acknowledged", "LetterQueued"]]
    )
    duplicate: bool = Field(description="It was given before, and this is what it did then.")


class RunningBody(BaseModel):
    """A command that was taken and is still at work."""

    command_id: str
    reference: str
    status: Literal["running"] = "running"


class CommandBody(BaseModel):
    """How far a command has come. `recorded`: it is in the record, for ever. `running`: not there yet.

    `refused`: it changed nothing; `code` and `detail` say why, as a problem would have.
    """

    command_id: str
    reference: str
    status: Literal["recorded", "running", "refused"]
    version: int | None = None
    sequence: int | None = None
    events: tuple[str, ...] = ()
    recorded_at: AwareDatetime | None = None
    code: str | None = None
    detail: str | None = None


def etag(version: int) -> str:
    """The version of a complaint as an entity tag."""
    return f'"{version}"'


def answer(given: Given, reference: str) -> Response:
    """The answer for a command that was taken."""
    outcome = given.outcome
    if outcome is None:
        body = RunningBody(command_id=given.command_id, reference=reference)
        headers = {"Location": f"/commands/{given.command_id}", "Retry-After": "2"}
        return JSONResponse(body.model_dump(), 202, headers)
    told: dict[str, Any] = {"command_id": given.command_id, **outcome.model_dump(mode="json")}
    return JSONResponse(told, 200, {"ETag": etag(outcome.version)})


_IF_MATCH = r'^(\*|"[0-9]{1,9}")$'


async def expected_version(
    if_match: Annotated[
        str | None,
        Header(
            pattern=_IF_MATCH,
            description='The version you saw, as its ETag ("12"): refused with 412 if it has changed since.',
            openapi_examples={"version": {"value": '"4"'}},
        ),
    ] = None,
) -> int | None:
    """The version in If-Match, or None where the caller does not mind."""
    return None if if_match in (None, "*") else int(if_match.strip('"'))


def no_such_command() -> Problem:
    """The answer for a command id that this caller did not use."""
    return Problem(404, "unknown_command", "No command of yours has this id; it may never have been taken.")
