"""Bounces told by a mail provider's webhook: signed, matched by Message-ID, passed on as a mail system's report is."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from activities.delivery.channels.signing import verify
from activities.inbound.bouncing import Bouncing
from api.deps import DepsHere
from api.openapi import problems
from api.problems import Problem
from api.security import JSON_ONLY
from ledger import bounces
from runtime.clock import SYSTEM, Clock

router = APIRouter(tags=["inbound mail"], dependencies=JSON_ONLY)

SIGNATURE = "Redress-Signature"
TIMESTAMP = "Redress-Timestamp"
_MOST = 1000


class Bounce(BaseModel):
    """What became of one mail of ours."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    message_id: Annotated[str, Field(min_length=3, max_length=300, pattern=r"^<?[!-;=?-~]+>?$")] = Field(
        description="The Message-ID that we gave it.", examples=["<6f0b6d0e@complaints.example.org>"]
    )
    action: Literal["failed", "delayed"] = Field(description="Only what failed for good is passed on.")
    status: Annotated[str, Field(pattern=r"^[245]\.[0-9]{1,3}\.[0-9]{1,3}$")] | None = Field(
        None, description="The enhanced status code (RFC 3463).", examples=["5.1.1"]
    )


class BouncesBody(BaseModel):
    """How many of the bounces were about mails that we sent."""

    matched: int
    unknown: int


_BOUNCES: TypeAdapter[list[Bounce]] = TypeAdapter(Annotated[list[Bounce], Field(max_length=_MOST)])
_EXAMPLE = [{"message_id": "<6f0b6d0e@complaints.example.org>", "action": "failed", "status": "5.1.1"}]


@router.post(
    "/mail/bounces",
    operation_id="report-bounces",
    summary="Report bounced mail",
    response_model=BouncesBody,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "array", "maxItems": _MOST, "items": Bounce.model_json_schema()},
                    "examples": {"example": {"value": _EXAMPLE}},
                }
            },
        }
    },
)
async def report(deps: DepsHere, request: Request) -> Response:
    """For mail providers. `Redress-Timestamp` is Unix time, `Redress-Signature` `v1=` and the hex HMAC-SHA256 of
    `<timestamp>.<body>` under REDRESS_BOUNCE_SECRET; both not older than five minutes. Told twice, nothing happens.
    """
    secret = deps.settings.bounce_secret
    if secret is None:
        raise Problem(403, "not_set_up", "Bounces are taken once REDRESS_BOUNCE_SECRET is set.")
    body = await request.body()
    now = Clock(SYSTEM).now()
    given = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not verify(secret.get_secret_value(), *given, body, now.timestamp()):
        raise Problem(
            401, "bad_signature",
            "The signature does not fit the body, or is too old; sign the bytes as they are sent.",
        )  # fmt: skip
    try:
        told = _BOUNCES.validate_json(body)
    except ValidationError:
        raise Problem(
            422, detail=f"Send a list of at most {_MOST} bounces: message_id, action, status."
        ) from None
    matched = 0
    bouncing = Bouncing(deps.sql)
    for bounce in told:
        message_id = f"<{bounce.message_id.strip('<>')}>"
        if bounce.action == "failed":
            matched += bool(await bouncing.failed(message_id, bounce.status, now))
            continue
        async with deps.reading.connect() as conn:
            matched += bool(await bounces.sent(conn, [message_id]))
    return JSONResponse(BouncesBody(matched=matched, unknown=len(told) - matched).model_dump())
