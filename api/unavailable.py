"""What is answered while the database or the engine is away: 503, and when to come back."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.problems import Problem
from ledger.database import is_away

_log = structlog.get_logger("api")

RETRY_AFTER_S = 5
"""Seconds after which a caller may try again."""

_AGAIN = {"Retry-After": str(RETRY_AFTER_S)}


def engine_away() -> Problem:
    """The answer where the engine can not be asked."""
    return Problem(
        503, "engine_away",
        "The complaint's engine can not be reached just now. Send the request again, with the same Idempotency-Key"
        " if it is a command: it will be done once.",
        headers=_AGAIN,
    )  # fmt: skip


def not_recorded_yet(reference: str) -> Problem:
    """The answer for a complaint that has its reference and whose workflow is still to start."""
    return Problem(
        503, "not_recorded_yet",
        "This complaint was received and is not recorded yet; send the request again in a few seconds.",
        reference=reference, headers=_AGAIN,
    )  # fmt: skip


async def on_engine_away(request: Request, error: Exception) -> JSONResponse:
    """Answers where a route met an engine that is away."""
    _log.warning("engine away")
    return engine_away().response()


async def on_database_failed(request: Request, error: Exception) -> JSONResponse:
    """Answers where a statement failed because the server was not there; what else failed is our own fault."""
    if not (isinstance(error, DBAPIError) and is_away(error)):
        raise error
    return await on_database_away(request, error)


async def on_database_away(request: Request, error: Exception) -> JSONResponse:
    """Answers where the database could not be reached, or broke off."""
    _log.warning("database away", exc_info=error)
    return Problem(
        503, "database_away",
        "The record can not be reached just now. Send the request again, with the same Idempotency-Key if it is"
        " a command: it will be done once.",
        headers=_AGAIN,
    ).response()  # fmt: skip
