"""Showing what is in the record: references to texts become texts, for those who may read them, and no others."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, Field, create_model
from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import Deps
from complaints.base import HANDLING, Actor, AttachmentRef, Frozen, TextRef
from ledger import access
from ledger.texts import Erased
from policies.vocabulary import Role


class TextState(StrEnum):
    """Whether a text is shown. `withheld`: not for this reader. `erased`: destroyed, its digest is kept."""

    SHOWN = "shown"
    WITHHELD = "withheld"
    ERASED = "erased"


class ShownText(BaseModel):
    """A text of a person, as far as this reader may see it."""

    id: str
    state: TextState
    text: str | None = None


class ShownFile(BaseModel):
    """An attached file; its bytes are at /complaints/{reference}/attachments/{id}. `size` in bytes."""

    id: str
    size: int
    media_type: str
    filename: ShownText


EVERYTHING = frozenset({"*"})
_INTAKE = frozenset(
    {"intake", "conversation", "letters", "subject", "narrative", "parties", "needs", "attachments"}
)
_APPROVAL = frozenset({"redress", "remedies", "payments", "response", "feedback"})


def areas_of(actor: Actor) -> frozenset[str]:
    """Whose texts this person reads: fields of the case and chapters of events, or everything.

    Who approves or pays sees what there is to approve and no narrative; administrators keep the service
    running and read none (DESIGN, Vocabulary: who pays a remedy sees no narrative).
    """
    if actor.has(*HANDLING, Role.COMPLIANCE_OFFICER):
        return EVERYTHING
    areas: frozenset[str] = frozenset()
    if actor.has(Role.INTAKE_AGENT):
        areas |= _INTAKE
    if actor.has(Role.APPROVER):
        areas |= _APPROVAL
    return areas


class Reader:
    """One reading of one complaint by one person: gathers texts, notes the reading, shows.

    Use it in this order: `want` each part, `read` once, then `show` each part.
    """

    def __init__(self, actor: Actor, reference: str, purpose: str) -> None:
        """`purpose` is what the access log says it was for (the route's name)."""
        self._actor = actor
        self._reference = reference
        self._purpose = purpose
        self._areas = areas_of(actor)
        self._wanted: dict[str, str] = {}
        self._texts: Mapping[str, str | Erased] = {}

    def want(self, value: Any, area: str) -> None:
        """Remember the texts of a part that belongs to this area, where this reader may see it."""
        if self._areas is EVERYTHING or area in self._areas:
            for ref in refs_in(value):
                self._wanted[ref.id] = area

    def forbid(self) -> None:
        """Show no text after all: this reader has declared a conflict of interest in the complaint."""
        self._areas = frozenset()
        self._wanted = {}

    async def read(self, deps: Deps, conn: AsyncConnection) -> None:
        """Note the reading in the access log, then decrypt. What can not be noted is not read."""
        if not self._wanted:
            return
        await access.record(
            conn,
            at=deps.clock.now(),
            actor=self._actor.id,
            reference=self._reference,
            purpose=self._purpose,
            what=self._wanted.values(),
        )
        self._texts = await deps.texts.get(conn, self._wanted)

    def text(self, ref: TextRef) -> dict[str, Any]:
        """One text as it is shown."""
        if ref.id not in self._wanted:
            return {"id": ref.id, "state": TextState.WITHHELD, "text": None}
        found = self._texts.get(ref.id)
        if not isinstance(found, str):
            return {"id": ref.id, "state": TextState.ERASED, "text": None}
        return {"id": ref.id, "state": TextState.SHOWN, "text": found}

    def show(self, value: Any) -> Any:
        """A part of the record as plain JSON values, its texts in place."""
        if isinstance(value, TextRef):
            return self.text(value)
        if isinstance(value, AttachmentRef):
            return {
                "id": value.id, "size": value.size, "media_type": value.media_type,
                "filename": self.text(value.filename),
            }  # fmt: skip
        if isinstance(value, BaseModel):
            return {name: self.show(getattr(value, name)) for name in value.__class__.model_fields}
        if isinstance(value, tuple | list):
            return [self.show(item) for item in value]
        if isinstance(value, Mapping):
            return {str(name): self.show(item) for name, item in value.items()}
        if isinstance(value, datetime):
            return value.isoformat().replace("+00:00", "Z")
        return value


def refs_in(value: Any) -> Iterator[TextRef]:
    """Every reference to a text in a part of the record."""
    if isinstance(value, TextRef):
        yield value
    elif isinstance(value, BaseModel):
        for name in value.__class__.model_fields:
            yield from refs_in(getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from refs_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs_in(item)


@cache
def shown_of(model: type[Frozen]) -> type[BaseModel]:
    """How a part of the record looks once shown: the model of its JSON, for the document."""
    fields: dict[str, Any] = {
        name: (
            _shown(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation),
            ...,
        )
        for name, field in model.model_fields.items()
    }
    return create_model(f"{model.__name__}Shown", __doc__=model.__doc__, **fields)


def _shown(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[_shown(arguments[0]), *arguments[1:]]
    if origin in (Union, types.UnionType):
        return Union[tuple(_shown(a) for a in arguments)]  # noqa: UP007 - made from a tuple
    if origin is tuple:
        return tuple[tuple(a if a is Ellipsis else _shown(a) for a in arguments)]  # type: ignore[misc]
    if origin is dict:
        return dict[str, _shown(arguments[1])]  # type: ignore[misc]
    if origin is Literal or not isinstance(annotation, type):
        return annotation
    if annotation is TextRef:
        return ShownText
    if annotation is AttachmentRef:
        return ShownFile
    return shown_of(annotation) if issubclass(annotation, Frozen) else annotation


class ShownEvent(BaseModel):
    """One event of a stream. `occurred_at` is when it took effect, `recorded_at` when it was recorded."""

    sequence: int
    type: str = Field(examples=["Acknowledged"])
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    actor: str = Field(
        description="A staff id, `party:` and an id, or `system` for what time alone made happen."
    )
    command: str | None
    body: dict[str, Any] = Field(description="The event's own fields, by its type.")
    hash: str = Field(description="Its place in the chain: SHA-256, 64 hexadecimal digits.")
