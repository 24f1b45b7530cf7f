"""The risk register over HTTP: which systemic issues carry which risk, by likelihood and impact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.deps import DepsHere
from api.openapi import problems
from api.security import StaffHere
from complaints.systemic.risk_state import MATRIX, RiskLevel, Treatment, level_of
from complaints.systemic.view import SystemicView
from ledger import reads

router = APIRouter(tags=["systemic issues"])


class CellBody(BaseModel):
    """One field of the matrix, and how many risks lie in it."""

    likelihood: int = Field(ge=1, le=5, description="1 rare to 5 almost certain.")
    impact: int = Field(ge=1, le=5, description="1 slight to 5 severe.")
    level: RiskLevel
    count: int


class RiskBody(BaseModel):
    """The risk of one systemic issue, as it was last assessed. Its reasons are with the issue."""

    reference: str = Field(examples=["SYS-7K2M-9QF3-XA57"])
    likelihood: int = Field(ge=1, le=5)
    impact: int = Field(ge=1, le=5)
    level: RiskLevel
    treatment: Treatment
    owner: str = Field(description="The staff id of whoever answers for it.")
    assessed_at: AwareDatetime
    review_by: AwareDatetime
    overdue: bool = Field(description="Whether that moment has gone by without a new assessment.")


class RiskRegister(BaseModel):
    """The risks of all systemic issues that are not resolved, the one to be looked at again first on top."""

    as_of: AwareDatetime
    matrix: tuple[CellBody, ...] = Field(description="All 25 fields, the likeliest first, by rising impact.")
    risks: tuple[RiskBody, ...]
    not_assessed: int = Field(description="Unresolved systemic issues whose risk nobody has assessed.")


def register_of(views: Iterable[SystemicView], not_assessed: int, now: datetime) -> RiskRegister:
    """The register that these rows of the read model amount to; all of them have a risk."""
    risks = tuple(_entry(view, now) for view in views)
    return RiskRegister(as_of=now, matrix=_matrix(risks), risks=risks, not_assessed=not_assessed)


def _entry(view: SystemicView, now: datetime) -> RiskBody:
    likelihood, impact = view.risk_likelihood or 0, view.risk_impact or 0
    return RiskBody.model_validate(
        {
            "reference": view.reference,
            "likelihood": likelihood,
            "impact": impact,
            "level": level_of(likelihood, impact),
            "treatment": view.risk_treatment,
            "owner": view.risk_owner,
            "assessed_at": view.risk_assessed_at,
            "review_by": view.risk_review_by,
            "overdue": view.risk_review_by is not None and view.risk_review_by < now,
        }
    )


def _matrix(risks: Iterable[RiskBody]) -> tuple[CellBody, ...]:
    counted = Counter((risk.likelihood, risk.impact) for risk in risks)
    return tuple(
        CellBody(likelihood=likelihood, impact=impact, level=level, count=counted[likelihood, impact])
        for likelihood, levels in MATRIX.items()
        for impact, level in enumerate(levels, start=1)
    )


@router.get("/risks", operation_id="risks", summary="The risk register", response_model=RiskRegister,
            responses=problems(401, 403, 503))  # fmt: skip
async def risks(deps: DepsHere, caller: StaffHere) -> Response:
    """How many risks lie in each field of the matrix, and each risk. No text of anybody's is in it."""
    async with deps.reading.connect() as conn:
        views, not_assessed = await reads.risk_register(conn), await reads.not_assessed(conn)
    return JSONResponse(register_of(views, not_assessed, deps.clock.now()).model_dump(mode="json"))
