"""The page of a pack's letters and alerts: each as the mail that it becomes, and a button that sends oneself one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from activities.delivery.previews import is_to_customers, kinds
from api.deps import Deps, DepsHere
from api.desk.portal_words import LANGUAGES, TAGS
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.words import headed
from api.pack_letters import preview_of, send_sample
from api.pack_reads import PackName, PackVersion, published
from policies.wording.in_words import text_in

router = APIRouter(include_in_schema=False)

_LONGEST = 63


@router.get("/desk/packs/{name}/letters")
async def show(
    deps: DepsHere,
    session: SessionHere,
    name: PackName,
    *,
    version: PackVersion = None,
    kind: Annotated[str | None, Query(max_length=_LONGEST)] = None,
    language: Annotated[str, Query(max_length=20)] = "en",
    sent: str = "",
) -> Response:
    """One kind in one language, and the way to the others. Raises Problem (404)."""
    pack = await published(deps, name, version)
    chosen = kind or kinds(pack)[0]
    seen = preview_of(deps, pack, chosen, language)
    return page(
        "pack_letters.html",
        session=session,
        pack=pack,
        title=text_in(pack.title, "en"),
        groups=[
            ("To customers", [(one, headed(one)) for one in kinds(pack) if is_to_customers(one)]),
            ("To staff", [(one, headed(one)) for one in kinds(pack) if not is_to_customers(one)]),
        ],
        chosen=chosen,
        called=headed(chosen),
        seen=seen,
        tag=TAGS.get(language, language),
        language=language,
        languages=[(code, TAGS.get(code, code), LANGUAGES.get(code, code)) for code in pack.letters[chosen]],
        sent=bool(sent),
        address_of_mine=await _address(deps, session.actor.id) if sent else "",
    )


@router.post("/desk/packs/{name}/letters")
async def send(
    deps: DepsHere, session: SessionHere, form: FormHere, name: PackName, version: PackVersion = None
) -> Response:
    """Send oneself the one that is shown. Raises Problem (404)."""
    pack = await published(deps, name, version)
    kind, language = str(form.get("kind", ""))[:_LONGEST], str(form.get("language", ""))[:20]
    await send_sample(deps, session.actor.id, pack, kind, language)
    here = f"/desk/packs/{pack.name}/letters?version={pack.version}&kind={kind}&language={language}&sent=1"
    return RedirectResponse(here, 303)


async def _address(deps: Deps, staff: str) -> str:
    """Where their own mails go."""
    return next((box.address for box in await deps.directory.email_of(f"staff:{staff}")), "")
