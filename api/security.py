"""Who is calling: a bearer token, the person or party it belongs to, and which complaints it opens."""

from __future__ import annotations

import re
from typing import Annotated

import structlog
from fastapi import Depends, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from api.deps import DepsHere
from api.problems import Problem
from complaints.references import SYSTEMIC, is_systemic, parse
from ledger.directory import Bearer
from policies.vocabulary import Role

_scheme = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="A token of a member of staff, with the roles they have; or of one party to one complaint.",
)
_LONGEST_TOKEN = 200

STAFF = frozenset(Role) - {Role.COMPLAINANT}
"""Everyone who works here, whatever they do."""


async def signed_in(
    deps: DepsHere,
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
) -> Bearer:
    """Who shows the token. Raises Problem (401); for staff from another network or out of hours, 403."""
    if credentials is None:
        raise Problem(401)
    token = credentials.credentials
    bearer = await deps.directory.actor_for_token(token) if len(token) <= _LONGEST_TOKEN else None
    if bearer is None:
        raise Problem(
            401, "token_not_valid", "This token is not known, has expired or was revoked; get a new one.",
            headers={"WWW-Authenticate": 'Bearer realm="redress", error="invalid_token"'},
        )  # fmt: skip
    if bearer.reference is None:
        deps.admission.check_network(request)
        await deps.admission.check_hour(bearer.actor)
    return bearer


CallerHere = Annotated[Bearer, Depends(signed_in)]


async def staff_only(caller: CallerHere) -> Bearer:
    """A member of staff. Raises Problem (403)."""
    if caller.reference is not None or not caller.actor.has(*STAFF):
        raise _not_allowed("staff")
    return caller


StaffHere = Annotated[Bearer, Depends(staff_only)]


async def administrator_only(caller: CallerHere) -> Bearer:
    """An administrator, as integrations are. Raises Problem (403)."""
    if not caller.actor.has(Role.ADMINISTRATOR):
        raise _not_allowed("administrator")
    return caller


AdministratorHere = Annotated[Bearer, Depends(administrator_only)]


async def json_body(request: Request) -> None:
    """A body is JSON and says so, or is not there. Raises Problem (415).

    A form that a foreign page has a browser send can not say so: such a request goes no further.
    """
    sent = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or re.fullmatch(r"application/[a-z0-9.-]+\+json", media_type)
    if sent and not is_json:
        raise Problem(415)


JSON_ONLY = [Depends(json_body)]
"""For routers whose routes take JSON."""


def _not_allowed(who: str) -> Problem:
    return Problem(403, "not_allowed", f"This is for {who} only.", who=who)


def sender_of(caller: Bearer) -> str:
    """Whose idempotency keys these are: staff by id; a party by complaint and id, as each complaint has a P1."""
    return caller.actor.id if caller.reference is None else f"{caller.reference}/{caller.actor.id}"


_REFERENCE = Path(
    description="The complaint's reference, in any case, with or without dashes.",
    openapi_examples={"reference": {"value": "7K2M-9QF3-XA5C"}},
)
_UNKNOWN = "There is no complaint of this reference; compare it with the one you were given."
_UNKNOWN_SYSTEMIC = "There is no systemic issue of this reference; compare it with the one you were given."


async def complaint_in_path(reference: Annotated[str, _REFERENCE]) -> str:
    """The reference as it is kept, bound to the log lines. Raises Refused (bad_reference)."""
    parsed = parse(reference)
    if is_systemic(parsed):
        raise unknown()
    structlog.contextvars.bind_contextvars(reference=parsed)
    return parsed


async def opened_complaint(reference: Annotated[str, Depends(complaint_in_path)], caller: CallerHere) -> str:
    """As `complaint_in_path`; for whom it is not theirs, it is not there. Raises Problem (404)."""
    if caller.reference is not None and caller.reference != reference:
        raise unknown()
    return reference


async def systemic_in_path(reference: Annotated[str, _REFERENCE]) -> str:
    """A systemic issue's reference as it is kept. Raises Problem (404), Refused (bad_reference)."""
    parsed = parse(reference)
    if not is_systemic(parsed):
        raise not_known(SYSTEMIC)
    structlog.contextvars.bind_contextvars(reference=parsed)
    return parsed


ComplaintHere = Annotated[str, Depends(opened_complaint)]
SystemicHere = Annotated[str, Depends(systemic_in_path)]


def unknown() -> Problem:
    """The answer for a complaint that is not there, or not there for this caller."""
    return Problem(404, "unknown", _UNKNOWN)


def not_known(reference: str) -> Problem:
    """The answer for a complaint or systemic issue that is not there."""
    return Problem(404, "unknown", _UNKNOWN_SYSTEMIC if is_systemic(reference) else _UNKNOWN)
