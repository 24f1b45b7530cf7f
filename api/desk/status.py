"""The public status page: what is out of order, what we say of it, and when there is news. Nobody signs in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.deps import DepsHere
from api.desk.portal_words import LANGUAGES, Voice, language_of
from api.desk.rendering import page
from api.status import disturbances

router = APIRouter(include_in_schema=False)


@router.get("/status")
async def show(
    deps: DepsHere, request: Request, lang: Annotated[str | None, Query(max_length=10)] = None
) -> Response:
    """Every disturbance that customers were told of, in the reader's language."""
    language = language_of(lang, "", request.headers.get("accept-language", ""))
    found = await disturbances(deps)
    return page(
        "status.html",
        headers={"Cache-Control": "no-cache"},
        say=Voice(language, found[0].zone if found else "UTC"),
        languages=LANGUAGES,
        here="/status",
        organisation=deps.settings.organisation,
        disturbances=found,
        voice=lambda item: Voice(language, item.zone),
        as_of=deps.clock.now(),
    )
