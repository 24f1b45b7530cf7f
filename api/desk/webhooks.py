"""Webhooks at the desk: endpoints, their secrets, trying one out, and hosts within the house that they may reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import webhooks as over_http
from api.deps import Deps, DepsHere
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face
from api.inputs import Input
from api.problems import Problem, not_well_formed
from api.status import disturbances_if_known
from api.webhooks import EndpointHere, HostGiven, Kind, NewWebhook, SecretBody, Tried, WebhookGiven
from ledger.directory import Session
from ledger.webhooks import Endpoint
from policies.vocabulary import Role

router = APIRouter(include_in_schema=False)

_HISTORY = 50
KINDS: Final[Mapping[str, str]] = {
    "alert_warning": "Warnings: a deadline comes near",
    "alert_breach": "Breaches: a deadline has passed",
}
_STATUSES: Final[Mapping[str, str]] = {
    "private_address": "its host is within the house, and is not allowed",
    "name_not_resolved": "nobody knows its name",
    "not_https": "it is not reached over HTTPS, and its host is not allowed",
    "timed_out": "it did not answer in time",
    "not_reached": "it can not be reached",
    "switched_off": "it is switched off",
}
_OUTCOMES: Final[Mapping[str, str]] = {
    "taken": "It took the ping",
    "deferred": "It did not take the ping, and a real alert would be tried again",
    "refused": "It did not take the ping, and a real alert would not be tried again",
}
_DONE: Final[Mapping[str, str]] = {
    "changed": "The endpoint is changed.",
    "retired": "The older secret is retired; the newer alone signs from here on.",
    "allowed": "The host is allowed.",
    "forbidden": "The host is not allowed any more.",
}
G = TypeVar("G", bound=Input)
Form = Literal["add", "change", "rotate", "retire", "ping", "allow", "forbid"]


@dataclass(frozen=True)
class Trouble:
    """A form that was not taken: which, of which endpoint or host, what was typed, and what stands in its way."""

    form: Form
    of: str
    problem: Problem
    typed: Mapping[str, Any] = field(default_factory=dict)

    def words(self) -> list[str]:
        """What stands in its way, a sentence for each."""
        errors = self.problem.members.get("errors")
        return [str(error["detail"]) for error in errors] if errors else [self.problem.detail]


async def administrator(session: SessionHere) -> Session:
    """The session of an administrator. Raises Problem (403)."""
    if not session.actor.has(Role.ADMINISTRATOR):
        raise Problem(403, "not_allowed", "This is for administrators only.", who="administrator")
    return session


AdministratorHere = Annotated[Session, Depends(administrator)]


@router.get("/desk/webhooks")
async def show(deps: DepsHere, session: AdministratorHere, done: str = "") -> Response:
    """The endpoints, how each fares, and what can be done with it."""
    return await _page(deps, session, done=_DONE.get(done, ""))


@router.post("/desk/webhooks")
async def add(deps: DepsHere, session: AdministratorHere, form: FormHere) -> Response:
    """Enter an endpoint, and show its secret this once."""
    typed = _typed(form)
    try:
        made = await over_http.added(deps, session.actor, _read(NewWebhook, typed))
    except Problem as problem:
        return await _page(deps, session, trouble=Trouble("add", "", problem, typed))
    return await _page(deps, session, secret=made)


@router.post("/desk/webhooks/{endpoint}/change")
async def change(
    deps: DepsHere, session: AdministratorHere, form: FormHere, endpoint: EndpointHere
) -> Response:
    """Say what an endpoint is from now on."""
    typed = {**_typed(form), "active": "active" in form}
    try:
        await over_http.changed(deps, session.actor, endpoint, _read(WebhookGiven, typed))
    except Problem as problem:
        return await _page(deps, session, trouble=Trouble("change", endpoint, problem, typed))
    return _back("changed")


@router.post("/desk/webhooks/{endpoint}/rotate")
async def rotate(
    deps: DepsHere, session: AdministratorHere, form: FormHere, endpoint: EndpointHere
) -> Response:
    """A new secret beside the old one, shown this once."""
    try:
        made = await over_http.rotated(deps, session.actor, endpoint)
    except Problem as problem:
        return await _page(deps, session, trouble=Trouble("rotate", endpoint, problem))
    return await _page(deps, session, secret=made)


@router.post("/desk/webhooks/{endpoint}/retire")
async def retire(
    deps: DepsHere, session: AdministratorHere, form: FormHere, endpoint: EndpointHere
) -> Response:
    """Sign with the newer secret alone."""
    try:
        await over_http.retired(deps, session.actor, endpoint)
    except Problem as problem:
        return await _page(deps, session, trouble=Trouble("retire", endpoint, problem))
    return _back("retired")


@router.post("/desk/webhooks/{endpoint}/ping")
async def ping(
    deps: DepsHere, session: AdministratorHere, form: FormHere, endpoint: EndpointHere
) -> Response:
    """Try an endpoint out, and say what came of it."""
    tried = await over_http.tried(deps, endpoint)
    return await _page(deps, session, done=_came_of(tried), failed=tried.outcome != "taken")


@router.post("/desk/webhook-hosts/allow")
async def allow(deps: DepsHere, session: AdministratorHere, form: FormHere) -> Response:
    """Let webhooks and chat reach a host within the house."""
    typed = {"host": str(form.get("host", "")).strip()[:500]}
    try:
        host = _read(HostGiven, typed).host
    except Problem as problem:
        return await _page(deps, session, trouble=Trouble("allow", "", problem, typed))
    await deps.endpoints.allow(host, session.actor.id)
    return _back("allowed")


@router.post("/desk/webhook-hosts/forbid")
async def forbid(deps: DepsHere, session: AdministratorHere, form: FormHere) -> Response:
    """Take that back; where somebody did so meanwhile, it is done."""
    await deps.endpoints.forbid(str(form.get("host", ""))[:500], session.actor.id)
    return _back("forbidden")


def _typed(form: FormData) -> dict[str, Any]:
    return {
        "url": str(form.get("url", "")).strip()[:2500],
        "title": str(form.get("title", "")).strip()[:500],
        "kinds": tuple(str(kind)[:100] for kind in form.getlist("kinds")[: len(KINDS)]),
    }


def _read(model: type[G], typed: Mapping[str, Any]) -> G:
    """What was typed, as the API takes it. Raises Problem (422)."""
    try:
        return model.model_validate(typed)
    except ValidationError as error:
        raise not_well_formed(error.errors(include_input=False)) from None


def _back(done: str) -> Response:
    return RedirectResponse(f"/desk/webhooks?done={done}#done", 303)


def _came_of(tried: Tried) -> str:
    code, _, wait = tried.status.partition(" retry-after ")
    answered = f"it answered {code}" + (f" and asks us to wait {wait} s" if wait else "")
    return f"{_OUTCOMES[tried.outcome]}: {_STATUSES.get(tried.status, answered)}."


def status_words(endpoint: Endpoint) -> str:
    """How the last delivery fared, in words; empty where there was none."""
    if endpoint.last_status is None:
        return ""
    if endpoint.failing_since is None:
        return f"Taken ({endpoint.last_status})"
    words = _STATUSES.get(endpoint.last_status)
    return f"Not taken: {words or f'it answered {endpoint.last_status}'}"


async def _page(
    deps: Deps,
    session: Session,
    *,
    done: str = "",
    failed: bool = False,
    secret: SecretBody | None = None,
    trouble: Trouble | None = None,
) -> Response:
    packs, endpoints = await deps.packs.all(), await deps.endpoints.all()
    return page(
        "webhooks.html",
        trouble.problem.status if trouble else 200,
        session=session,
        disturbances=await disturbances_if_known(deps),
        endpoints=endpoints,
        titles={endpoint.id: endpoint.title for endpoint in endpoints},
        hosts=await deps.endpoints.hosts(),
        changes=await deps.endpoints.changes(limit=_HISTORY),
        names={member.id: member.name for member in await deps.directory.everyone()},
        kinds=[(kind, KINDS[kind]) for kind in get_args(Kind)],
        status_words=status_words,
        done=done,
        failed=failed,
        secret=secret,
        trouble=trouble,
        face=Face(next((pack.timezone for pack in packs), "UTC"), deps.clock.now()),
    )
