"""The public form: anybody can complain without signing in, and gets a reference and a secret link at once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.desk.portal_words import LANGUAGES, MAIL_ADDRESS, Voice, language_of
from api.desk.rendering import page
from api.desk.sessions import require_same_origin
from api.fields import CODE_PATTERN
from api.intake import PublicComplaint, progress_link, take_in
from api.problems import Problem
from api.status import disturbances_if_known
from complaints.base import Actor, Refused
from policies.vocabulary import Channel, Kind, Role

router = APIRouter(include_in_schema=False)

_MAKER = Actor(id="party:P1", roles=(Role.COMPLAINANT,))
"""Who makes a complaint without signing in: the first party to it."""
KINDS = (Kind.COMPLAINT, Kind.SERVICE_REQUEST, Kind.ENQUIRY, Kind.SUGGESTION)
_KEY = re.compile(CODE_PATTERN)
_FIELDS = ("kind", "subject", "narrative", "name", "address", "language")


@router.get("/complain")
async def ask(
    deps: DepsHere, request: Request, lang: Annotated[str | None, Query(max_length=10)] = None
) -> Response:
    """The empty form."""
    return await _form(deps, _voice(request, lang))


@router.post("/complain")
async def take(
    deps: DepsHere, request: Request, lang: Annotated[str | None, Query(max_length=10)] = None
) -> Response:
    """Take the complaint in; sent twice it is taken once. What is not right comes back as it was typed."""
    require_same_origin(deps, request)
    voice = _voice(request, lang)
    form = await request.form()
    typed = {name: str(form.get(name, "")) for name in _FIELDS}
    key = str(form.get("key", ""))
    if not _KEY.match(key):
        key = secrets.token_urlsafe(16)
    faults = _faults(voice, typed)
    if faults:
        return await _form(deps, voice, typed, faults, status=422)
    deps.throttle.pass_or_refuse(request.client.host if request.client else "")
    try:
        taken = await take_in(deps, _MAKER, "public", _complaint(typed), key=key, channel=Channel.WEB)
    except ValidationError:
        return await _form(deps, voice, typed, {"narrative": voice("write_something")}, status=422)
    except (Refused, Problem) as error:
        problem = Problem.of_refusal(error) if isinstance(error, Refused) else error
        return await _form(deps, voice, typed, {"form": problem.detail}, status=problem.status)
    link = await progress_link(deps, taken.reference)
    return page(
        "complained.html", 201 if taken.recorded else 202, referrer="no-referrer", say=voice, languages=LANGUAGES,
        here="/complain", reference=taken.reference, link=f"{link}?lang={voice.language}", recorded=taken.recorded,
    )  # fmt: skip


async def _form(
    deps: Deps,
    voice: Voice,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    return page(
        "complain.html",
        status,
        say=voice,
        languages=LANGUAGES,
        here="/complain",
        organisation=deps.settings.organisation,
        kinds=[kind.value for kind in KINDS],
        typed=typed
        or {**dict.fromkeys(_FIELDS, ""), "kind": Kind.COMPLAINT.value, "language": voice.language},
        faults=faults or {},
        disturbances=await disturbances_if_known(deps),
        key=secrets.token_urlsafe(16),
    )


def _voice(request: Request, lang: str | None) -> Voice:
    return Voice(language_of(lang, "", request.headers.get("accept-language", "")))


def _faults(voice: Voice, typed: Mapping[str, str]) -> dict[str, str]:
    faults: dict[str, str] = {}
    if not typed["narrative"].strip():
        faults["narrative"] = voice("write_something")
    if typed["address"].strip() and not MAIL_ADDRESS.fullmatch(typed["address"].strip()):
        faults["address"] = voice("bad_address")
    return faults


def _complaint(typed: Mapping[str, str]) -> PublicComplaint:
    """What was typed, as intake takes it. Raises ValidationError."""
    party: dict[str, Any] = {"role": "customer", "channel": Channel.MAIL}
    party["language"] = typed["language"] if typed["language"] in LANGUAGES else "en"
    party |= {name: typed[name].strip() for name in ("name", "address") if typed[name].strip()}
    told: dict[str, Any] = {"narrative": typed["narrative"], "parties": [party]}
    told |= {name: typed[name].strip() for name in ("kind", "subject") if typed[name].strip()}
    return PublicComplaint.model_validate(told)
