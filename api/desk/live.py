"""The desk, live: a stream of server-sent events that tells a signed-in person of new alerts for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.deps import Deps, DepsHere
from api.desk.sessions import SessionHere, cookie_of
from api.desk.times import Face
from api.news import Stream, event, moment_of

router = APIRouter(include_in_schema=False)

_AGAIN_AFTER = b"retry: 3000\n\n"  # milliseconds, until a browser whose stream broke connects again


@router.get("/desk/live")
async def live(
    deps: DepsHere,
    request: Request,
    session: SessionHere,
    last_event_id: Annotated[str, Header(max_length=100)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """News until the browser leaves or the session ends.

    `after` is for a page that comes back to the front and opens a stream anew, to which browsers send no
    Last-Event-ID.
    """
    held = cookie_of(deps, request) or ""
    stream = await deps.news.open(session.actor.id, held, moment_of(last_event_id or after))
    zone = next((pack.timezone for pack in await deps.packs.all()), "UTC")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(deps, stream, zone), media_type="text/event-stream", headers=headers)


async def _told(deps: Deps, stream: Stream, zone: str) -> AsyncIterator[bytes]:
    try:
        yield _AGAIN_AFTER
        async for said in stream.said():
            now = deps.clock.now()
            yield event(said, Face(zone, now).minute(now))
    finally:
        deps.news.leave(stream)
