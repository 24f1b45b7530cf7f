"""The API put together: routes, what stands before and behind each, and the shells they stand on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api import (
    absences,
    alerts,
    attachments,
    bounces,
    commands,
    customers,
    desk,
    duty,
    explaining,
    facts,
    figures,
    health,
    inbound,
    intake,
    ladder,
    library,
    migrating,
    openapi,
    pack_letters,
    pack_reads,
    reads,
    retention,
    risks,
    service,
    staff,
    status,
    systemic,
    webhooks,
)
from api.deps import Deps
from api.desk.errors import ProblemsAsPages
from api.middleware import RequestFrame
from api.problems import Problem, on_caller_gone, on_http_exception, on_invalid, on_problem, on_refused
from api.unavailable import on_database_away, on_database_failed, on_engine_away
from complaints.base import Refused
from runtime.heap import freeze_heap
from runtime.logging import configure_logging
from runtime.settings import Settings, load_settings
from runtime.stopping import on_stop
from workflows.client import WAIT, EngineAway

LARGEST_BODY = 1024 * 1024
"""Bytes of a request's body, but for uploads, which have a limit of their own."""

_ROUTERS = (
    intake.router,
    reads.router,
    explaining.router,
    ladder.router,
    alerts.router,
    migrating.router,
    customers.router,
    commands.router,
    attachments.router,
    systemic.router,
    risks.router,
    duty.router,
    absences.router,
    library.router,
    inbound.router,
    bounces.router,
    webhooks.router,
    status.router,
    facts.router,
    figures.router,
    retention.router,
    pack_reads.router,
    pack_letters.router,
    service.router,
    staff.router,
    openapi.router,
    health.router,
    *desk.ROUTERS,
)


def largest_body(path: str) -> int:
    """Addresses that end in /attachments, of the API and of the desk, take a form with a file."""
    return attachments.FORM_BYTES if path.endswith("/attachments") else LARGEST_BODY


def create_app(settings: Settings | None = None, *, wait: timedelta = WAIT) -> FastAPI:
    """The application. Without settings those of the environment, and logging set up by them. A caller waits for a
    command's outcome up to `wait`, before it is told where to look.

    It connects to nothing until it is asked something. Raises SettingsError.
    """
    if settings is None:
        settings = load_settings()
        configure_logging(settings.log_level, service="api")
    deps = Deps.of(settings, wait)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        freeze_heap()
        with on_stop(deps.news.stop):  # who listens for news would keep the server from stopping
            yield
        await deps.close()

    app = FastAPI(
        title="Redress",
        lifespan=lifespan,
        openapi_url=None,  # openapi.py serves it
        docs_url=None,  # Swagger's page loads scripts from elsewhere, which our pages never do
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.deps = deps
    app.add_middleware(
        RequestFrame,
        metrics=deps.metrics,
        secure=settings.base_url.startswith("https://"),
        largest=largest_body,
    )
    app.add_middleware(ProblemsAsPages)
    for error, handler in (
        (Problem, on_problem),
        (Refused, on_refused),
        (HTTPException, on_http_exception),
        (RequestValidationError, on_invalid),
        (EngineAway, on_engine_away),
        (ClientDisconnect, on_caller_gone),
        (DBAPIError, on_database_failed),
        (PoolTimeoutError, on_database_away),
        (OSError, on_database_away),
    ):
        app.add_exception_handler(error, handler)
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for router in _ROUTERS:
        app.include_router(router)
        for route in router.routes:
            if isinstance(route, APIRoute):
                methods[route.path] |= route.methods or set()
    app.state.methods = methods
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app
