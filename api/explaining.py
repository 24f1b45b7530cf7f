"""Why a clock is due when it is, for programs: rule, intervals, pauses, holidays, extension, and all of it in words."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.deps import DepsHere
from api.desk.portal_words import language_of
from api.openapi import problems
from api.runs import LARGEST_OCCURRENCE, run_explained
from api.security import ComplaintHere, StaffHere
from complaints.timing.explained import sentences
from complaints.timing.occurrences import ClockState
from policies.arithmetic.explain import Explanation
from policies.rules import Basis, Source, Texts
from policies.wording.explain_steps import NamedPause
from policies.wording.spoken import Language

router = APIRouter(tags=["complaints"])


class RuleBody(BaseModel):
    """The promise that a clock keeps, with its source. `duration` is without extensions."""

    title: Texts
    duration: str = Field(examples=["10 working days"])
    calendar: str | None
    statutory: bool
    source: Source
    basis: Basis
    since: date
    chosen_by: str | None


class PauseBody(BaseModel):
    """A pause [begin, end) of the clock, one for each reason; `end` is null while it lasts."""

    reason: str
    title: Texts
    begin: AwareDatetime
    end: AwareDatetime | None


class ExplainedBody(BaseModel):
    """One run of one clock, and why it is due when it is.

    `due_at` is what the record holds: as it is, or as it stood when the run ended. `explanation` has every
    counted interval or day, pauses that overlap joined; `pauses` are the same by reason. `words` say it all
    in sentences, local to the zone of the explanation.
    """

    reference: str
    clock: str
    occurrence: int
    occurrences: int = Field(description="How many runs this clock has had.")
    subject: str | None
    state: ClockState
    rule: RuleBody
    started_at: AwareDatetime
    due_at: AwareDatetime | None
    met_at: AwareDatetime | None
    breached_at: AwareDatetime | None
    stopped_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    extensions: int
    explanation: Explanation
    pauses: tuple[PauseBody, ...]
    warnings: tuple[AwareDatetime, ...] = Field(description="When the pack warns, in order.")
    as_of: AwareDatetime = Field(description="The moment of which the last of the words speak.")
    language: Literal["en", "zh"]
    words: tuple[str, ...]


OccurrenceAsked = Annotated[
    int | None,
    Query(ge=1, le=LARGEST_OCCURRENCE, description="Which run of the clock; left out, the latest."),
]


@router.get("/complaints/{reference}/clocks/{clock}/explain", operation_id="explain",
            summary="Why a deadline is when it is", response_model=ExplainedBody,
            responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def explain(
    deps: DepsHere,
    caller: StaffHere,
    reference: ComplaintHere,
    clock: str,
    *,
    occurrence: OccurrenceAsked = None,
    language: Annotated[
        Literal["en", "zh"] | None,
        Query(description="Of the words; left out, by Accept-Language, else English."),
    ] = None,
    accept_language: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Every counted interval, pause, holiday and extension of one run of a clock, as data and in words."""
    case, pack, told = await run_explained(deps, reference, clock, occurrence)
    speaks: Language = "zh" if language_of(language, "", accept_language) == "zh" else "en"
    now = deps.clock.now()
    run, rule = told.run, told.rule
    body = ExplainedBody(
        reference=reference,
        clock=run.clock,
        occurrence=run.number,
        occurrences=case.clocks.count(run.clock),
        subject=run.subject,
        state=run.state,
        rule=RuleBody(
            title=rule.title, duration=str(rule.duration), calendar=rule.calendar, statutory=rule.statutory,
            source=rule.source, basis=rule.basis, since=rule.since, chosen_by=rule.chosen_by,
        ),
        started_at=run.started_at,
        due_at=told.due_at,
        met_at=run.met_at,
        breached_at=run.breached_at,
        stopped_at=run.stopped_at,
        acknowledged_at=run.acknowledged_at,
        extensions=run.extensions,
        explanation=told.why,
        pauses=tuple(_pause(pause) for pause in told.pauses),
        warnings=told.warnings,
        as_of=now,
        language=speaks,
        words=tuple(str(sentence) for sentence in sentences(pack, told, now, speaks)),
    )  # fmt: skip
    return JSONResponse(
        body.model_dump(mode="json"), headers={"Content-Language": speaks, "Vary": "Accept-Language"}
    )


def _pause(pause: NamedPause) -> PauseBody:
    return PauseBody(reason=pause.reason, title=pause.title, begin=pause.begin, end=pause.end)
