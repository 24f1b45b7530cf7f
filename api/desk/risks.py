"""The risk register at the desk: the matrix in words and figures, and each risk with who answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import DepsHere
from api.desk.rendering import page
from api.desk.sessions import SessionHere
from api.desk.systemic import around_of
from api.desk.systemic_list import titles_of
from api.desk.words import headed
from api.risks import CellBody, register_of
from api.status import disturbances_if_known
from complaints.systemic.risk_state import IMPACTS, LIKELIHOODS, RiskLevel, Treatment, rated
from ledger import reads

router = APIRouter(include_in_schema=False)

_GRAVEST = tuple(reversed(RiskLevel))
TREATMENTS: Mapping[Treatment, str] = {
    Treatment.AVOID: "Avoided: what brings it about is not done any more",
    Treatment.REDUCE: "Reduced: it is made less likely, or less grave",
    Treatment.TRANSFER: "Transferred: somebody else bears it",
    Treatment.ACCEPT: "Accepted: it is borne as it is",
}


@dataclass(frozen=True)
class Row:
    """One line of the matrix: a likelihood, and its five fields."""

    title: str
    cells: tuple[CellBody, ...]


@dataclass(frozen=True)
class Entry:
    """One risk as the page shows it."""

    reference: str
    title: str
    level: RiskLevel
    likelihood: str
    impact: str
    treatment: str
    owner: str
    assessed_at: datetime
    review_by: datetime
    overdue: bool


@router.get("/desk/risks")
async def show(deps: DepsHere, session: SessionHere) -> Response:
    """The register: the gravest risks first, and of those the one that is to be looked at again first."""
    around = await around_of(deps, None)
    async with deps.reading.connect() as conn:
        views, not_assessed = await reads.risk_register(conn), await reads.not_assessed(conn)
        titles = await titles_of(deps, conn, session, views, purpose="risk register")
    register = register_of(views, not_assessed, around.face.now)
    entries = [
        Entry(
            reference=risk.reference,
            title=titles.get(risk.reference, ""),
            level=risk.level,
            likelihood=rated(LIKELIHOODS, risk.likelihood),
            impact=rated(IMPACTS, risk.impact),
            treatment=TREATMENTS[risk.treatment],
            owner=around.names.get(risk.owner, "Somebody who has left"),
            assessed_at=risk.assessed_at,
            review_by=risk.review_by,
            overdue=risk.overdue,
        )
        for risk in register.risks
    ]
    by_likelihood: dict[int, list[CellBody]] = {}
    for cell in register.matrix:
        by_likelihood.setdefault(cell.likelihood, []).append(cell)
    return page(
        "risks.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        rows=[Row(rated(LIKELIHOODS, n), tuple(cells)) for n, cells in by_likelihood.items()],
        impacts=[rated(IMPACTS, n) for n in range(1, len(IMPACTS) + 1)],
        entries=sorted(entries, key=lambda entry: _GRAVEST.index(entry.level)),
        not_assessed=register.not_assessed,
        face=around.face,
        headed=headed,
    )
