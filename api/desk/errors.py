"""Problems on the desk's addresses as pages for people; programs go on getting problem details."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.desk.rendering import page
from api.problems import MEDIA_TYPE

_PAGES = ("/desk", "/sign-in", "/sign-out", "/progress", "/complain", "/status")
_KEPT = ("retry-after", "x-request-id", "allow", "strict-transport-security")


def is_page(path: str) -> bool:
    """Whether a person's browser is what asks for this address."""
    if path.startswith("/alerts/"):  # the links in mails; the list above them is for programs
        return True
    return path == "/" or any(path == start or path.startswith(f"{start}/") for start in _PAGES)


class ProblemsAsPages:
    """Outermost: what any layer answers as a problem is shown as a page where a page was asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_page(scope["path"]):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def turned(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                if Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE:
                    start = message
                    return
            elif start is not None:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    headers = Headers(raw=start["headers"])
                    await _page(scope, json.loads(body), headers)(scope, receive, send)
                return
            await send(message)

        await self._app(scope, receive, turned)


def _page(scope: Scope, problem: dict[str, Any], headers: Headers) -> Response:
    kept = {name: headers[name] for name in _KEPT if name in headers}
    if problem["status"] == 401 and scope["method"] == "GET":
        asked = scope["path"] + (
            f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        )
        return RedirectResponse(f"/sign-in?next={quote(asked, safe='')}", 303, kept)
    if problem["code"] == "second_factor_needed" and scope["method"] == "GET":
        return RedirectResponse("/desk/second-factor", 303, kept)
    inside = scope["path"] == "/" or scope["path"].startswith("/desk")
    return page(
        "problem.html",
        problem["status"],
        headers={**kept, "Cache-Control": "no-store"},
        referrer="no-referrer",
        problem=problem,
        inside=inside,
        sent=scope["method"] == "POST",
    )
