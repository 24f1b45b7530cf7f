"""The OpenAPI document: what every operation may answer, the problem schema, examples for every body."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.middleware import REQUEST_ID
from api.problems import MEDIA_TYPE, ProblemBody

VERSION = "1"

DESCRIPTION = """Redress receives complaints and sees them through: acknowledgement, investigation, decision, \
remedy, written feedback, dispute, post-mortem. Each complaint has deadlines that act by themselves.

**Commands** are decisions of people. Each has a route of its own; what it did comes back at once, or a place \
to look. Send an `Idempotency-Key` with each, and it is safe to send again whatever happened; send `If-Match` \
with the version you saw, and you do not overwrite what others did.

**Problems** (RFC 9457) say in a sentence what is the matter and what to do now; `code` is for programs.

**Texts** of people are stored encrypted and shown only to those who may read them; each reading is recorded."""

router = APIRouter()

_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
_WHEN = {
    400: "The body can not be read.",
    401: "No token, or not a valid one.",
    403: "Not yours to do.",
    404: "Nothing of this name, or not for you.",
    409: "It does not fit as things stand.",
    410: "It was erased.",
    412: "Changed since the version in If-Match.",
    413: "Too large.",
    415: "Content of another type.",
    422: "Not well formed.",
    429: "Too many requests; Retry-After says when.",
    500: "An error on our side.",
    503: "Not available now; Retry-After says when.",
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "How to sign in.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these statuses, each a problem."""
    return {
        status: {
            "description": _WHEN[status],
            "content": {MEDIA_TYPE: {"schema": _PROBLEM_REF}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }


@router.get("/openapi.json", include_in_schema=False)
async def served(request: Request) -> Response:
    """The document. Made in a thread: it takes a second, in which others want to be answered."""
    return JSONResponse(await asyncio.to_thread(request.app.openapi))


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once from the routes."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Redress", summary="Complaints, seen through.", version=VERSION, description=DESCRIPTION,
            routes=app.routes,
        )  # fmt: skip
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(_schemas(ProblemBody, "Problem"))
        for name in ("HTTPValidationError", "ValidationError"):  # the framework's own; ours are problems
            schemas.pop(name, None)
        for operation in _operations(made):
            _complete(operation)
        app.openapi_schema = made
    return app.openapi_schema


def _schemas(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), name: schema}


def _operations(made: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for path in made["paths"].values():
        for method, operation in path.items():
            if method in {"get", "post", "put", "delete", "patch"}:
                yield operation


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, told in problems(500).items():
        responses.setdefault(str(status), told)
    for told in responses.values():
        told.setdefault("headers", {})[REQUEST_ID] = {
            "description": "Name it when you ask us about this request.", "schema": {"type": "string"}
        }  # fmt: skip


def example_of(model: type[BaseModel]) -> Any:
    """A small valid body: what has to be given, each by its schema's own example."""
    schema = model.model_json_schema()
    return _example(schema, schema.get("$defs", {}))


def _example(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _example(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _example(schema[choice][0], defs)
    return _by_type(schema, defs)


def _by_type(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", ())
            return {name: _example(schema["properties"][name], defs) for name in wanted}
        case "array" if "prefixItems" in schema:
            return [_example(item, defs) for item in schema["prefixItems"]]
        case "array":
            return [_example(schema["items"], defs)] if schema.get("minItems", 0) else []
        case "integer":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            return "L1"
