"""Pages from templates, with the headers that every page carries, and the files that pages load."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from api.problems import Problem
from complaints.base import HANDLING
from complaints.chapters.intake import ReceiveComplaint
from policies.vocabulary import Role

HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_YEAR = 31_536_000

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
"""No page has a script or style inside it, and none loads anything from elsewhere."""

_files: Mapping[str, bytes] = {
    file.name: file.read_bytes() for file in (HERE / "static").iterdir() if file.suffix in _TYPES
}
_digests = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in _files.items()}

router = APIRouter(include_in_schema=False)


def static(name: str) -> str:
    """The address of a file that pages load; it changes with the content, so that it may be kept for a year."""
    return f"/static/{_digests[name]}/{name}"


@router.get("/static/{digest}/{name}")
async def static_file(digest: str, name: str) -> Response:
    """A stylesheet, script or picture of ours."""
    if name not in _files:
        raise Problem(404)
    # Another release's page may still ask for its own: it gets ours, and does not keep it.
    keep = f"public, max-age={_YEAR}, immutable" if digest == _digests[name] else "no-cache"
    return Response(_files[name], media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": keep})


_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["static"] = static
_environment.globals["may_resend"] = lambda actor: actor.has(Role.ADMINISTRATOR, Role.SUPERVISOR)
_environment.globals["may_read_mail"] = lambda actor: actor.has(*HANDLING, Role.INTAKE_AGENT)
_environment.globals["may_administer"] = lambda actor: actor.has(Role.ADMINISTRATOR)
_environment.globals["may_audit"] = lambda actor: actor.has(Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
_environment.globals["may_receive"] = lambda actor: actor.has(*ReceiveComplaint.who)


def page(
    template: str,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    referrer: str = "same-origin",
    **context: Any,
) -> HTMLResponse:
    """A page. `referrer` is its Referrer-Policy: `no-referrer` where the address itself is a secret."""
    html = _environment.get_template(template).render(context)
    policy = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Referrer-Policy": referrer}
    return HTMLResponse(html, status, {**policy, **(headers or {})})
