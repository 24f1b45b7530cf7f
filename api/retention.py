"""Retention over HTTP: which complaints come to the end of the time for which their texts are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from activities.watching.retaining import GRACE
from api.deps import Deps, DepsHere
from api.openapi import problems
from api.problems import Problem
from api.reads import auditor
from complaints.chapters.erasure import retention_chosen, the_rule
from ledger.retention import PAGE_AT_MOST, Ending, coming, resting_under

router = APIRouter(tags=["service"], dependencies=[Depends(auditor)])

DAYS = 30
"""How many days ahead are shown where nobody asks for others."""
LONGEST = 3660
"""Days: ten years."""


class EndingBody(BaseModel):
    """One complaint whose texts are to be erased. A legal hold keeps them, and it is in this list no more."""

    reference: str = Field(examples=["7K2M-9QF3-XA5C"])
    kind: str
    channel: str
    site: str | None
    received_at: AwareDatetime
    closed_at: AwareDatetime | None = Field(description="Null where it ended without an answer.")
    kept_until: AwareDatetime = Field(description="When the time is over for which its pack keeps its texts.")
    erased_at: AwareDatetime = Field(
        description="When the service erases them at the earliest, unless something comes between: a day later."
    )
    pack: str
    pack_version: int
    rule: str = Field(
        description="The pack's rule, with its source.", examples=["retained (Open, not given)"]
    )


class UnchosenBody(BaseModel):
    """A version of a pack with complaints in the archive, in which nobody has chosen how long texts are kept."""

    pack: str = Field(examples=["retail-2025"])
    pack_version: int
    choices: str = Field(
        description="Where the pack's choices stand.", examples=["/packs/retail-2025/choices?version=1"]
    )


class RetentionBody(BaseModel):
    """A page of complaints by when their time is over; those whose time is over already come first."""

    as_of: AwareDatetime
    until: AwareDatetime
    complaints: tuple[EndingBody, ...]
    unchosen: tuple[UnchosenBody, ...] = Field(
        description="Under these nothing is erased by itself, until somebody chooses how long texts are kept."
    )
    next: str | None = Field(description="Send it as `cursor` for the page that follows; null on the last.")


class Asked(BaseModel):
    """How far ahead, and which page."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(DAYS, ge=0, le=LONGEST, description="How many days ahead.")
    cursor: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=PAGE_AT_MOST)


@router.get("/retention", operation_id="retention", summary="What is erased soon, as its time is over",
            response_model=RetentionBody, responses=problems(401, 403, 422, 503))  # fmt: skip
async def retention(deps: DepsHere, asked: Annotated[Asked, Query()]) -> Response:
    """Archived complaints that come to the end of their retention. What has to stay needs a legal hold.

    And the packs of archived complaints in which nobody has chosen one: under those nothing is erased by itself.

    Who: compliance officer, administrator. Nothing is in it that a person wrote.
    """
    found = await ending(deps, asked.days, cursor=asked.cursor, limit=asked.limit)
    return JSONResponse(found.model_dump(mode="json"))


async def ending(deps: Deps, days: int, *, cursor: str | None = None, limit: int = 50) -> RetentionBody:
    """A page of what comes to its end within so many days. Raises Problem (422) for a bad cursor."""
    now = deps.clock.now()
    until = now + timedelta(days=days)
    async with deps.reading.connect() as conn:
        try:
            page = await coming(conn, until, cursor=cursor, limit=limit)
        except ValueError as error:
            raise Problem(422, "bad_cursor", str(error)) from None
        packs = await resting_under(conn)
    told = [await _told(deps, row, now) for row in page.rows]
    unchosen = [
        UnchosenBody(pack=name, pack_version=version, choices=f"/packs/{name}/choices?version={version}")
        for name, version in packs
        if (pack := await deps.packs.named(name, version, now)) is not None and not retention_chosen(pack)
    ]
    return RetentionBody(
        as_of=now, until=until, complaints=tuple(told), unchosen=tuple(unchosen), next=page.next
    )


async def _told(deps: Deps, row: Ending, now: datetime) -> EndingBody:
    pack = await deps.packs.named(row.pack, row.pack_version, now)
    return EndingBody(
        reference=row.reference, kind=row.kind, channel=row.channel, site=row.site,
        received_at=row.received_at, closed_at=row.closed_at, kept_until=row.erased_from,
        erased_at=row.erased_from + GRACE, pack=row.pack, pack_version=row.pack_version,
        rule="" if pack is None else the_rule(pack),
    )  # fmt: skip
