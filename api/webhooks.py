"""Webhooks over HTTP, for administrators: endpoints, their secrets, trying one out, and hosts that may be private."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Final, Literal
from uuid import uuid4

import httpx
from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused
from activities.delivery.channels.guard import is_public, plain_host
from api.deps import Deps, DepsHere
from api.fields import TEXT_PATTERN, Flag
from api.inputs import Input
from api.openapi import problems
from api.problems import Problem
from api.reads import auditor
from api.security import JSON_ONLY, AdministratorHere
from complaints.base import Actor
from ledger.webhooks import AllowedHost, Endpoint, TwoSecrets, UrlTaken, WebhookChange
from ledger.worklist import PAGE_AT_MOST

router = APIRouter(tags=["webhooks"], dependencies=JSON_ONLY)

Kind = Literal["alert_warning", "alert_breach"]
"""What ladders say over webhooks (complaints.messages)."""

NOT_HTTPS: Final = (
    "An endpoint has to be reached over HTTPS, unless its host is one that was allowed; allow the host first."
)
PRIVATE: Final = (
    "This is an address within the house, or one that is nobody's."
    " If alerts are to go there, allow the host first."
)
TAKEN: Final = "There is an endpoint of this address already; change that one."
TWO: Final = (
    "There are two live secrets already. Retire the older one first, when the receiver has the newer."
)
ONE: Final = "There is one live secret only, and without it nothing could be signed."
_URL_FORM: Final = (
    "This has to be a web address such as https://hooks.example.org/alerts,"
    " without a user, a password or a fragment"
)
_URL_PATTERN = r"^https?://[!-~]{1,1990}$"
_HOST_PATTERN = r"^[A-Za-z0-9._:\[\]-]{1,253}$"


def _url(value: str) -> str:
    try:
        parts = httpx.URL(value)
        good = bool(parts.host) and not parts.userinfo and not parts.fragment and parts.port != 0
    except (httpx.InvalidURL, UnicodeError, ValueError):
        good = False
    if not good:
        raise PydanticCustomError("url_form", _URL_FORM)
    return value


def _host(value: str) -> str:
    plain = plain_host(value)
    if not plain:
        raise PydanticCustomError(
            "host_form", "This has to be a host such as hooks.internal, or an IP address"
        )
    return plain


Url = Annotated[
    str,
    StringConstraints(strict=True, pattern=_URL_PATTERN),
    AfterValidator(_url),
    Field(description="Where alerts are posted.", examples=["https://hooks.example.org/redress"]),
]
Title = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=100, pattern=TEXT_PATTERN),
    Field(description="What people call it.", examples=["On-call pager"]),
]
Kinds = Annotated[
    tuple[Kind, ...],
    Field(
        max_length=20, description="The kinds of alert it hears of; none: all.", examples=[["alert_breach"]]
    ),
]
Host = Annotated[
    str,
    StringConstraints(strict=True, pattern=_HOST_PATTERN),
    AfterValidator(_host),
    Field(description="A host, without scheme and port.", examples=["hooks.internal"]),
]
EndpointHere = Annotated[
    str,
    Path(
        pattern=r"^whk_[0-9a-f]{32}$",
        description="The id of an endpoint.",
        openapi_examples={"endpoint": {"value": "whk_6f0b6d0e0a515c0f9d3c4f3f6a6a2f10"}},
    ),
]


class NewWebhook(Input):
    """An endpoint to be entered."""

    url: Url
    title: Title
    kinds: Kinds = ()


class WebhookGiven(NewWebhook):
    """An endpoint as it is to be from now on."""

    active: Flag = Field(description="Whether alerts are posted to it.", examples=[True])


class HostGiven(Input):
    """A host that may, or may no longer, be private."""

    host: Host


class WebhooksBody(BaseModel):
    """The endpoints, by title."""

    webhooks: tuple[Endpoint, ...]


class HostsBody(BaseModel):
    """The hosts that alerts may go to although they are private, and without TLS."""

    hosts: tuple[AllowedHost, ...]


class SecretBody(BaseModel):
    """An endpoint with its new secret, which is shown this once."""

    webhook: Endpoint
    secret: str = Field(examples=["whsec_c2VjcmV0"])


class Tried(BaseModel):
    """What came of trying an endpoint out."""

    outcome: Literal["taken", "deferred", "refused"] = Field(
        description="taken: it answered 2xx. deferred: a real alert would be tried again. refused: it would not."
    )
    status: str = Field(description="The code it answered with, or a name of ours.", examples=["200"])


class WebhookChangesBody(BaseModel):
    """A page of the history, newest first."""

    changes: tuple[WebhookChange, ...]
    next: int | None = Field(description="Send it as `before` for the page that follows; null on the last.")


@router.get("/webhooks", operation_id="webhooks", summary="The endpoints that alerts are posted to",
            response_model=WebhooksBody, responses=problems(401, 403, 503))  # fmt: skip
async def webhooks(deps: DepsHere, caller: AdministratorHere) -> Response:
    """All endpoints, how the last delivery to each fared, and since when one fails. Never a secret."""
    return JSONResponse(WebhooksBody(webhooks=await deps.endpoints.all()).model_dump(mode="json"))


@router.post("/webhooks", operation_id="add-webhook", summary="Enter an endpoint", status_code=201,
             response_model=SecretBody, responses=problems(400, 401, 403, 409, 413, 415, 422, 503))  # fmt: skip
async def add(
    deps: DepsHere,
    caller: AdministratorHere,
    body: Annotated[NewWebhook, Body(openapi_examples={"example": {"value": {
        "url": "https://hooks.example.org/redress", "title": "On-call pager", "kinds": ["alert_breach"]}}})],
) -> Response:  # fmt: skip
    """Enter an endpoint. Its secret is shown this once: what is posted is signed with it."""
    return JSONResponse((await added(deps, caller.actor, body)).model_dump(mode="json"), 201)


@router.get("/webhook-changes", operation_id="webhook-changes", summary="How the endpoints changed",
            response_model=WebhookChangesBody, responses=problems(401, 403, 422, 503),
            dependencies=[Depends(auditor)])  # fmt: skip
async def changes(
    deps: DepsHere,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="The id before which to begin.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_AT_MOST)] = 100,
) -> Response:
    """Every change of an endpoint or an allowed host: what, by whom, when."""
    found = await deps.endpoints.changes(before=before, limit=limit)
    body = WebhookChangesBody(changes=found, next=found[-1].id if len(found) == limit else None)
    return JSONResponse(body.model_dump(mode="json"))


@router.put("/webhooks/{endpoint}", operation_id="change-webhook", summary="Change an endpoint",
            response_model=Endpoint,
            responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503))  # fmt: skip
async def change(
    deps: DepsHere,
    caller: AdministratorHere,
    endpoint: EndpointHere,
    body: Annotated[WebhookGiven, Body(openapi_examples={"example": {"value": {
        "url": "https://hooks.example.org/redress", "title": "On-call pager", "kinds": [], "active": False}}})],
) -> Response:  # fmt: skip
    """Say what an endpoint is from now on. One that is not active is told nothing."""
    return JSONResponse((await changed(deps, caller.actor, endpoint, body)).model_dump(mode="json"))


@router.post("/webhooks/{endpoint}/rotate", operation_id="rotate-webhook-secret",
             summary="A new secret beside the old", response_model=SecretBody,
             responses=problems(401, 403, 404, 409, 415, 422, 503))  # fmt: skip
async def rotate(deps: DepsHere, caller: AdministratorHere, endpoint: EndpointHere) -> Response:
    """A further secret, shown this once. Both are live, and what is posted carries a signature of each."""
    return JSONResponse((await rotated(deps, caller.actor, endpoint)).model_dump(mode="json"))


@router.post("/webhooks/{endpoint}/retire", operation_id="retire-webhook-secret",
             summary="Retire the older secret", response_model=Endpoint,
             responses=problems(401, 403, 404, 409, 415, 422, 503))  # fmt: skip
async def retire(deps: DepsHere, caller: AdministratorHere, endpoint: EndpointHere) -> Response:
    """The newer secret alone signs from here on."""
    return JSONResponse((await retired(deps, caller.actor, endpoint)).model_dump(mode="json"))


@router.post("/webhooks/{endpoint}/ping", operation_id="ping-webhook", summary="Try an endpoint out",
             response_model=Tried, responses=problems(401, 403, 404, 415, 422, 503))  # fmt: skip
async def ping(deps: DepsHere, caller: AdministratorHere, endpoint: EndpointHere) -> Response:
    """Post a signed `{"kind": "ping"}` to an endpoint, active or not, and say what came of it."""
    return JSONResponse((await tried(deps, endpoint)).model_dump(mode="json"))


@router.get("/webhook-hosts", operation_id="webhook-hosts", summary="Hosts that may be private",
            response_model=HostsBody, responses=problems(401, 403, 503))  # fmt: skip
async def hosts(deps: DepsHere, caller: AdministratorHere) -> Response:
    """The hosts that webhooks and chat may reach within the house, and who allowed each."""
    return JSONResponse(HostsBody(hosts=await deps.endpoints.hosts()).model_dump(mode="json"))


_HOST_EXAMPLE = {"example": {"value": {"host": "hooks.internal"}}}


@router.post("/webhook-hosts/allow", operation_id="allow-webhook-host", summary="Allow a private host",
             response_model=HostsBody, responses=problems(400, 401, 403, 413, 415, 422, 503))  # fmt: skip
async def allow(
    deps: DepsHere,
    caller: AdministratorHere,
    body: Annotated[HostGiven, Body(openapi_examples=_HOST_EXAMPLE)],
) -> Response:
    """Let webhooks and chat reach this very host, though its addresses are private, and without TLS."""
    await deps.endpoints.allow(body.host, caller.actor.id)
    return JSONResponse(HostsBody(hosts=await deps.endpoints.hosts()).model_dump(mode="json"))


@router.post("/webhook-hosts/forbid", operation_id="forbid-webhook-host", summary="Take that back",
             response_model=HostsBody, responses=problems(400, 401, 403, 404, 413, 415, 422, 503))  # fmt: skip
async def forbid(
    deps: DepsHere,
    caller: AdministratorHere,
    body: Annotated[HostGiven, Body(openapi_examples=_HOST_EXAMPLE)],
) -> Response:
    """From here on this host is reached only at public addresses."""
    if not await deps.endpoints.forbid(body.host, caller.actor.id):
        raise Problem(404, "unknown_host", "This host was not allowed; compare it with the list.")
    return JSONResponse(HostsBody(hosts=await deps.endpoints.hosts()).model_dump(mode="json"))


async def added(deps: Deps, actor: Actor, given: NewWebhook) -> SecretBody:
    """The endpoint, entered. Raises Problem (409: where it may not be, or is already)."""
    await _require_reachable(deps, given.url)
    try:
        made = await deps.endpoints.add(url=given.url, title=given.title, kinds=given.kinds, by=actor.id)
    except UrlTaken:
        raise Problem(409, "url_taken", TAKEN) from None
    return SecretBody(webhook=made.endpoint, secret=made.secret)


async def changed(deps: Deps, actor: Actor, endpoint: str, given: WebhookGiven) -> Endpoint:
    """The endpoint as it is now. Raises Problem (404; 409: where it may not be, or another is)."""
    await endpoint_of(deps, endpoint)
    await _require_reachable(deps, given.url)
    try:
        found = await deps.endpoints.change(
            endpoint, url=given.url, title=given.title, kinds=given.kinds, active=given.active, by=actor.id
        )
    except UrlTaken:
        raise Problem(409, "url_taken", TAKEN) from None
    if found is None:
        raise _unknown()
    return found


async def rotated(deps: Deps, actor: Actor, endpoint: str) -> SecretBody:
    """The endpoint with its new secret. Raises Problem (404; 409: there are two)."""
    try:
        secret = await deps.endpoints.rotate(endpoint, actor.id)
    except TwoSecrets:
        raise Problem(409, "two_secrets", TWO) from None
    if secret is None:
        raise _unknown()
    return SecretBody(webhook=await endpoint_of(deps, endpoint), secret=secret)


async def retired(deps: Deps, actor: Actor, endpoint: str) -> Endpoint:
    """The endpoint with one secret. Raises Problem (404; 409: it has but one)."""
    await endpoint_of(deps, endpoint)
    if not await deps.endpoints.retire(endpoint, actor.id):
        raise Problem(409, "one_secret", ONE)
    return await endpoint_of(deps, endpoint)


async def tried(deps: Deps, endpoint: str) -> Tried:
    """What came of posting a ping. Raises Problem (404)."""
    await endpoint_of(deps, endpoint)
    try:
        return Tried(outcome="taken", status=await deps.webhooks.ping(endpoint, f"ping/{uuid4().hex}"))
    except ChannelDeferred as deferred:
        return Tried(outcome="deferred", status=deferred.status)
    except ChannelRefused as refused:
        return Tried(outcome="refused", status=refused.status)


async def endpoint_of(deps: Deps, endpoint: str) -> Endpoint:
    """The endpoint of this id. Raises Problem (404)."""
    found = await deps.endpoints.one(endpoint)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Problem:
    return Problem(404, "unknown_webhook", "There is no endpoint of this id; compare it with the list.")


async def _require_reachable(deps: Deps, url: str) -> None:
    """Say now what would be refused at every delivery, as far as it shows without resolving the name.

    Raises Problem (409).
    """
    parts = httpx.URL(url)
    host = plain_host(parts.host)
    if host in {allowed.host for allowed in await deps.endpoints.hosts()}:
        return
    if parts.scheme != "https":
        raise Problem(409, "not_https", NOT_HTTPS)
    try:
        literal = str(ip_address(host))
    except ValueError:
        return
    if not is_public(literal):
        raise Problem(409, "private_address", PRIVATE)
