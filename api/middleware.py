"""What every request goes through: its id, its log line, its figures, safe headers, and a last net for errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import Problem

Largest = Callable[[str], int]
"""From an address' path to the largest body it takes, in bytes."""

_log = structlog.get_logger("api")

REQUEST_ID = "X-Request-ID"
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Answers hold personal data: no cache between us and the caller keeps them. Pages set their own policy.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_HSTS = "max-age=31536000; includeSubDomains"


class RequestFrame:
    """Outermost of the application's own layers (plain ASGI: a body that streams is passed on as it comes)."""

    def __init__(self, app: ASGIApp, metrics: Metrics, secure: bool, largest: Largest) -> None:
        """`secure`: the service is reached over HTTPS, and browsers may be told to insist on it.

        `largest` gives the largest body, in bytes, that an address takes.
        """
        self._app = app
        self._largest = largest
        self._metrics = metrics
        self._headers = {**SAFE_HEADERS, **({"Strict-Transport-Security": _HSTS} if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        request_id = given if _SANE_ID.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0
        began = time.perf_counter()

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered[REQUEST_ID] = request_id
                for name, value in self._headers.items():
                    answered.setdefault(name, value)
            await send(message)

        largest = self._largest(scope["path"])
        try:
            if _declared(headers) > largest:
                await Problem(413).response()(scope, receive, framed)
            else:
                await self._app(scope, _at_most(receive, largest), framed)
        except (
            Exception
        ):  # whatever escaped: the caller gets an answer with an id, the log the stack under it
            _log.exception("request failed", route=route_of(scope), method=scope["method"])
            if status:
                raise  # the answer is on its way already: it can only be broken off
            await Problem(500).response()(scope, receive, framed)
        finally:
            took = time.perf_counter() - began
            route = route_of(scope)
            self._metrics.request(scope["method"], route, status, took)
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                duration_ms=round(took * 1000, 1),
            )


def _declared(headers: Headers) -> int:
    """The length that the caller gives, in bytes; none or nonsense is found out while reading."""
    given = headers.get("content-length", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0


def _at_most(receive: Receive, largest: int) -> Receive:
    """Reads on until there is more than `largest`; then raises the 413 that the framework passes on."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > largest:
                raise HTTPException(413)
        return message

    return counted


def route_of(scope: Scope) -> str:
    """The template of the route (`/complaints/{reference}`); never the address itself, which may be secret."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "none"
