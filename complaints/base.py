"""What every chapter is written with: commands, events, refusals, and the small values they carry."""

from __future__ import annotations

import builtins  # `type` below is an event's or command's name
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_serializer, field_validator

from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from policies.pack import Pack

SYSTEM = "system"
"""The actor of what time alone made happen."""

INSTANT = timedelta(microseconds=1)
"""The finest instant there is. Exactly at the due moment is in time; one INSTANT later is not."""

HANDLING = frozenset({Role.HANDLER, Role.SUPERVISOR, Role.DEPARTMENT_HEAD})
"""Who handles complaints."""


class Frozen(BaseModel):
    """A value: equal by content, never changed, strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TextRef(Frozen):
    """Points at a text that lies encrypted beside the record; the chain holds only this salted digest.

    `digest` is hex SHA-256 over the salt (16 bytes) followed by the UTF-8 text; the salt lies with the
    text, so that a short text can not be guessed and is gone once the text is erased.
    """

    id: str
    digest: str


Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""A short name that an organisation gives something: a type of problem, a department, a shop or branch."""


class AttachmentRef(Frozen):
    """Points at an encrypted file; `digest` as in TextRef, over the file's bytes; `size` in bytes."""

    id: str
    digest: str
    size: Annotated[int, Field(ge=0)]
    media_type: str
    filename: TextRef


class Money(Frozen):
    """An amount in minor units (cents, fen) of an ISO 4217 currency."""

    minor: Annotated[int, Field(gt=0, le=10**12)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Person(Frozen):
    """A member of staff as the directory attested them when the command was given."""

    id: str
    roles: tuple[Role, ...] = ()
    supervisor: str | None = None


class Actor(Person):
    """Who gives a command. A complainant's id is `party:<id>` of the party they act as."""

    @property
    def is_staff(self) -> bool:
        return not self.id.startswith("party:")

    def has(self, *roles: Role) -> bool:
        return any(role in self.roles for role in roles)


class PackRef(Frozen):
    """The very pack version that a complaint is pinned to; `digest` is hex SHA-256 of its canonical form."""

    name: str
    version: int
    digest: str


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A command does not fit. `code` is stable; `sentence` tells a handler what and what to do now.

    `rule` names the rule and its source where a pack or a standard set it; `who` says who may.
    """

    def __init__(self, code: str, sentence: str, *, rule: str | None = None, who: str | None = None) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.rule = rule
        self.who = who


class About(NamedTuple):
    """What the facts of an event are about, where that is less than the whole complaint.

    `subject` is the id of one of several things of a kind (a question Q1, say), each with a clock of its own.
    """

    subject: str | None = None
    department: str | None = None


class Event(Frozen):
    """Something that happened to a complaint. Its `type` is its class name, once landed never renamed."""

    REGISTRY: ClassVar[dict[str, builtins.type[Event]]] = {}
    hand: ClassVar[bool] = True
    """Whether its actor had a hand in the case by it, and so can not review it later."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):
            Event.REGISTRY[cls.__name__] = cls

    @property
    def type(self) -> str:
        return self.__class__.__name__

    def facts(self) -> tuple[Fact, ...]:
        """What this event makes true, for the pack's clocks."""
        return ()

    def about(self) -> About:
        """What its facts are about, for clocks that run for one question or one department."""
        return About()

    def evolve(self, case: Any, told: Happening) -> Any:
        """The case (or systemic issue) after this event; must not refuse: what is recorded has happened."""
        raise NotImplementedError(self.type)


class Happening(Frozen):
    """An event with its two instants: when it took effect and when it was recorded.

    `actor` is a staff id, a `party:` id or `system`; `command` is the id of the command that caused it,
    None where time alone did.
    """

    event: Event
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    actor: str
    command: str | None = None

    @field_serializer("event")
    def _event_with_type(self, event: Event) -> dict[str, Any]:
        return {"type": event.type, **event.model_dump(mode="json")}

    @field_validator("event", mode="before")
    @classmethod
    def _event_by_type(cls, value: Any) -> Any:
        if isinstance(value, dict):
            body = dict(value)
            return Event.REGISTRY[body.pop("type")].model_validate(body)
        return value


class Context(Frozen):
    """What a decision may look at beside the case: the pinned pack, who asks, and the two instants."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    pack: Any  # policies.pack.Pack; Any, as pydantic would otherwise validate a whole pack each time
    actor: Actor
    at: AwareDatetime
    occurred_at: AwareDatetime

    @property
    def rules(self) -> Pack:
        pack: Pack = self.pack
        return pack


class Command(Frozen):
    """A person's decision, or (with `fact = True`) a fact from outside that can not be refused.

    Class attributes are what the registry, the API and the desk's forms are made from:
    `title` (the button), `who` (roles that may give it), `owner_only` (only the accepted owner, or a
    supervisor or department head where `who` names them), `when_ended` (also once the case has ended or is archived).
    """

    REGISTRY: ClassVar[dict[str, builtins.type[Command]]] = {}
    title: ClassVar[str] = ""
    who: ClassVar[frozenset[Role]] = frozenset()
    owner_only: ClassVar[bool] = False
    when_ended: ClassVar[bool] = False
    fact: ClassVar[bool] = False
    recused_may: ClassVar[bool] = False
    """Whether somebody with a declared conflict of interest may still give it."""
    to_systemic: ClassVar[bool] = False
    """Whether it is given to a systemic issue and not to a complaint."""
    unaided: ClassVar[bool] = False
    """Whether it is recorded without the complaint's workflow while Temporal is away: who is called can answer."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):
            Command.REGISTRY[cls.__name__] = cls

    @property
    def type(self) -> str:
        return self.__class__.__name__

    @classmethod
    def check(cls, case: Any, ctx: Context) -> None:
        """Refuse what the case's state alone rules out, whatever the fields say.

        The desk calls it to grey out what is not possible, with the refusal's sentence as the reason.
        """

    def decide(self, case: Any, ctx: Context) -> Iterable[Event]:
        """The events this command causes. Raises Refused."""
        raise NotImplementedError(self.type)


def permit_role(command: type[Command], actor: Actor) -> None:
    """Refuse a command that nobody with the actor's roles may ever give. Raises Refused."""
    if not actor.has(*command.who):
        who = ", ".join(sorted(role.replace("_", " ") for role in command.who))
        raise Refused("not_allowed", f"“{command.title}” may be done by: {who}.", who=who)


class Order(Frozen):
    """A command on its way: its id (the idempotency key), who gave it, and when.

    `at` is when it reached us; `occurred_at`, not after `at`, when it is told of later. `expected_version`
    is the complaint's version that the caller had seen (If-Match).
    """

    id: Annotated[str, Field(min_length=1, max_length=200)]
    actor: Actor
    body: Command
    at: AwareDatetime
    occurred_at: AwareDatetime | None = None
    expected_version: int | None = None

    def recorded(self, now: datetime) -> Order:
        """The order as it is recorded at `now`: it took effect when it reached us, unless it tells of earlier."""
        return self.model_copy(update={"at": max(now, self.at), "occurred_at": self.occurred_at or self.at})

    @field_serializer("body")
    def _body_with_type(self, body: Command) -> dict[str, Any]:
        return {"type": body.type, **body.model_dump(mode="json")}

    @field_validator("body", mode="before")
    @classmethod
    def _body_by_type(cls, value: Any) -> Any:
        if isinstance(value, dict):
            body = dict(value)
            return Command.REGISTRY[body.pop("type")].model_validate(body)
        return value


class Coming(NamedTuple):
    """What time alone will make happen at `when`, unless the case changes before."""

    when: datetime
    event: Event
