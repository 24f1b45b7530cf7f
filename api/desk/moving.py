"""The page that shows what a move to another pack would change, before the form that was sent is carried out."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from api.commands import slug
from api.deps import Deps
from api.desk.case import case_address
from api.desk.rendering import page
from api.desk.times import Face
from api.inputs import PackGiven
from api.migrating import pack_asked, previewed
from complaints.chapters.migration import ClockChange, MigratePack
from ledger.directory import Session
from policies.pack import Pack

SEEN = "seen"
"""The field by which a form says that the preview was looked at."""

_WORDS = {
    "moves": "is due at another moment",
    "starts": "begins to run",
    "stops": "falls away",
    "stays": "stays as it is",
}


async def moving_page(
    deps: Deps, session: Session, reference: str, given: Mapping[str, str], asked: PackGiven
) -> Response:
    """The preview, with the form once more so that it can be confirmed. Raises Refused and Problem."""
    to = await pack_asked(deps, asked.name, asked.version)
    shown = await previewed(deps, session.actor, reference, to)
    held = await deps.packs.of(shown.held)
    face = Face(held.timezone, deps.clock.now())

    def title(change: ClockChange) -> str:
        pack: Pack = to if any(rule.id == change.clock for rule in to.clocks) else held
        return pack.clock(change.clock).title["en"]

    return page(
        "moving.html",
        session=session,
        reference=reference,
        back=case_address(reference),
        action=f"/desk/complaints/{reference}/commands/{slug(MigratePack)}",
        held=f"{held.title['en']}, version {held.version}",
        to=f"{to.title['en']}, version {to.version}",
        changes=[
            {
                "title": title(change),
                "word": _WORDS[change.change],
                "before": face.due(change.before) if change.before else None,
                "after": face.due(change.after) if change.after else None,
            }
            for change in shown.clocks
        ],
        given={**given, SEEN: "yes"},
    )
