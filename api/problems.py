"""Problem details (RFC 9457): the one shape in which the API says that something was not done, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.fields import CODE_PATTERN, TEXT_PATTERN
from complaints.base import Refused

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:redress:problem:"

_TITLES = {
    400: "The request can not be read",
    401: "Sign in first",
    403: "You may not do this",
    404: "Not found",
    405: "This can not be done here",
    406: "Not to be had in that form",
    410: "Gone",
    409: "It does not fit as things stand",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Not a form of content that is understood here",
    422: "The request is not well formed",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not available at the moment",
}

_CODES = {
    400: "not_readable",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "media_type_not_supported",
    422: "not_well_formed",
    429: "too_many_requests",
    500: "internal_error",
    503: "not_available",
}

_DETAILS = {
    400: "The body of the request is not JSON in UTF-8; correct it and send it again.",
    401: "Send a valid token: Authorization: Bearer <token>.",
    404: "There is nothing at this address.",
    405: "This address does not know that method; the Allow header names those it does.",
    413: "The request is larger than this address takes.",
    415: "Send the body as application/json.",
    500: "The request was not carried out or its outcome is not known; the request id leads us to what went"
    " wrong. It is safe to send a command again with the same Idempotency-Key.",
}

# A refusal is 409 (it does not fit the complaint as it stands) unless its code is one of these.
_STATUS_OF_REFUSAL = {
    "not_allowed": 403,
    "not_the_owner": 403,
    "not_offered_to_you": 403,
    "self_approval": 403,
    "above_limit": 403,
    "not_the_reviewer": 403,
    "not_independent": 403,
    "own_action": 403,
    "unknown": 404,
    "bad_reference": 404,
    "changed_meanwhile": 412,
    "file_too_large": 413,
    "file_empty": 422,
    "file_type_not_allowed": 422,
    "file_type_wrong": 422,
}

_PATTERNS = {
    TEXT_PATTERN: "A text has to have something in it besides blanks, and no control characters.",
    CODE_PATTERN: "This has to be 1 to 200 visible ASCII characters without blanks.",
}
_SENTENCES = {
    "missing": "This has to be given.",
    "extra_forbidden": "This is not known here; leave it out.",
    "json_invalid": "This is not JSON.",
    "string_unicode": "This is not valid Unicode.",
    "model_attributes_type": "This has to be a JSON object.",
    "model_type": "This has to be a JSON object.",
}


class ProblemBody(BaseModel):
    """A problem as it is sent (RFC 9457, with members of ours)."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(
        description="A URN that names the kind of problem.", examples=["urn:redress:problem:not_the_owner"]
    )
    title: str = Field(description="The kind of problem in a few words.", examples=["You may not do this"])
    status: int = Field(description="The HTTP status.", ge=400, le=599, examples=[403])
    detail: str = Field(
        description="A sentence that says what is the matter and what to do now.",
        examples=["Only the owner, or a supervisor, may do this; ask for a handover."],
    )
    code: str = Field(description="The stable code that programs go by.", examples=["not_the_owner"])
    request_id: str | None = Field(None, description="Name it when you ask us about this request.")
    rule: str | None = Field(None, description="The rule that stands in the way, and its source.")
    who: str | None = Field(
        None, description="Who may do it.", examples=["owner, supervisor, department head"]
    )
    reference: str | None = Field(None, description="The complaint it is about.")
    errors: list[FieldError] | None = Field(None, description="What is not well formed, field by field.")


class FieldError(BaseModel):
    """One field that is not well formed. What was sent is never repeated: it may be personal."""

    at: str = Field(description="Where in the request.", examples=["body.parties.0.name"])
    code: str = Field(description="What kind of fault.", examples=["string_too_long"])
    detail: str = Field(
        description="What it has to be.", examples=["String should have at most 20000 characters"]
    )


ProblemBody.model_rebuild()


class Problem(Exception):  # noqa: N818 - it is the name of what RFC 9457 describes
    """An answer other than success. `detail` is a sentence for a person; `members` are further fields."""

    def __init__(
        self,
        status: int,
        code: str | None = None,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.status = status
        self.code = code or _CODES.get(status, f"http_{status}")
        self.detail = detail or _DETAILS.get(status) or f"{_title(status)}."
        self.headers = dict(headers or {})
        self.members = {name: value for name, value in members.items() if value is not None}
        super().__init__(self.code)

    @classmethod
    def of_refusal(cls, refused: Refused, reference: str | None = None) -> Problem:
        """What a refusal of the rules is over HTTP."""
        status = _STATUS_OF_REFUSAL.get(refused.code, 409)
        return cls(
            status, refused.code, refused.sentence, rule=refused.rule, who=refused.who, reference=reference
        )

    def response(self) -> JSONResponse:
        """The answer, with the request id that the log lines of this request carry."""
        body: dict[str, Any] = {
            "type": f"{_TYPE}{self.code}",
            "title": _title(self.status),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id is not None:
            body["request_id"] = request_id
        headers = dict(self.headers)
        if self.status == 401:
            headers.setdefault("WWW-Authenticate", 'Bearer realm="redress"')
        return JSONResponse(body | self.members, self.status, headers, media_type=MEDIA_TYPE)


def _title(status: int) -> str:
    if status in _TITLES:
        return _TITLES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Not done"


async def on_problem(request: Request, error: Exception) -> JSONResponse:
    """Answers a Problem that a route raised."""
    if not isinstance(error, Problem):
        raise error
    return error.response()


async def on_refused(request: Request, error: Exception) -> JSONResponse:
    """Answers a refusal of the rules that a route let through."""
    if not isinstance(error, Refused):
        raise error
    reference = structlog.contextvars.get_contextvars().get("reference")
    return Problem.of_refusal(error, reference).response()


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Answers what the framework refuses: no such address, no such method, a body too large or unreadable."""
    if not isinstance(error, HTTPException):
        raise error
    headers = {}
    if error.status_code == 405:
        headers["Allow"] = _methods_at(request) or (error.headers or {}).get("Allow", "")
    return Problem(error.status_code, headers=headers).response()


def _methods_at(request: Request) -> str:
    """The methods that this address knows; the framework names only those of the first route it met there."""
    path = getattr(request.scope.get("route"), "path", None)
    return ", ".join(sorted(request.app.state.methods.get(path, ())))


async def on_caller_gone(request: Request, error: Exception) -> JSONResponse:
    """Answers, to nobody any more, a caller who broke off while sending: no fault of ours."""
    return Problem(400).response()


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answers a request whose parts are not well formed, field by field and without repeating any."""
    if not isinstance(error, RequestValidationError):
        raise error
    return not_well_formed(error.errors()).response()


def not_well_formed(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """The problem for pydantic's `errors`; of each only the place, the kind and what it has to be."""
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(400)
    shown = [
        {"at": _place(error), "code": error["type"], "detail": _sentence(error)} for error in errors[:50]
    ]
    places = ", ".join(dict.fromkeys(item["at"] for item in shown[:5]))
    return Problem(422, detail=f"Correct what is named in errors and send it again: {places}.", errors=shown)


def _sentence(error: Mapping[str, Any]) -> str:
    pattern = (error.get("ctx") or {}).get("pattern")
    if pattern in _PATTERNS:
        return _PATTERNS[pattern]
    return _SENTENCES.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")


def _place(error: Mapping[str, Any]) -> str:
    """Where the fault is, in names of ours: one that the caller made up may be anybody's."""
    *before, last = error["loc"] or ("",)
    shown = [*before, "?" if error["type"] == "extra_forbidden" else last]
    return ".".join(str(part) for part in shown)
