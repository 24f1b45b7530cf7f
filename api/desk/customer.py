"""The customer beside the complaint: what else they sent us, for the case page."""

from __future__ import annotations

from api.customers import CustomerBody, file_of, may_read_files
from api.deps import Deps
from complaints.case import Case
from ledger.directory import Session


async def earlier(deps: Deps, session: Session, case: Case) -> CustomerBody | None:
    """The other complaints of the customer; None where this reader is not to see who is behind it."""
    actor = session.actor
    if not may_read_files(actor) or actor.id in case.ownership.conflicted:
        return None
    return await file_of(deps, actor, case)
