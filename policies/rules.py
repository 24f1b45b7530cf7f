"""The rules a pack is made of: clocks, ladders, limits, windows, each with its source and its basis."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from policies.durations import DayRule, Duration, Offset
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Role, Severity, Tier


def _has_english(texts: dict[str, str]) -> dict[str, str]:
    if not texts.get("en"):
        raise ValueError("an English text (en) is always needed")
    return texts


Texts = Annotated[dict[str, str], AfterValidator(_has_english)]
"""One text in several languages, by ISO 639-1 code; `en` is always there."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""A name that rules refer to each other by."""


class Frozen(BaseModel):
    """What all parts of a pack have in common: they never change, and take no field they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Basis(StrEnum):
    """How binding a figure is (the five standards' preface)."""

    REQUIREMENT = "requirement"  # the source says shall
    TARGET = "target"
    EXAMPLE = "example"  # told in a case story
    EXPECTATION = "expectation"  # reported of customers
    CHOICE = "choice"  # the source gives none: the organisation chose


class Source(Frozen):
    """Where a figure stands. For a choice: the place that leaves it open."""

    document: str
    section: str


class Sourced(Frozen):
    """A rule that can say where it comes from, how binding it is, since when, and who chose it."""

    basis: Basis
    source: Source
    since: date
    chosen_by: str | None = None


class Applies(Frozen):
    """Which complaints a rule is for. An empty list is any; None is either."""

    kinds: tuple[Kind, ...] = ()
    severities: tuple[Severity, ...] = ()
    tiers: tuple[Tier, ...] = ()
    channels: tuple[Channel, ...] = ()
    feedback_classes: tuple[FeedbackClass, ...] = ()
    anonymous: bool | None = None
    simple: bool | None = None

    def holds(
        self,
        *,
        kind: Kind,
        severity: Severity,
        tier: Tier,
        channel: Channel,
        feedback_class: FeedbackClass | None,
        anonymous: bool,
        simple: bool = False,
    ) -> bool:
        """Whether the rule is for a complaint so classed."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.severities or severity in self.severities)
            and (not self.tiers or tier in self.tiers)
            and (not self.channels or channel in self.channels)
            and (not self.feedback_classes or feedback_class in self.feedback_classes)
            and self.anonymous in (None, anonymous)
            and self.simple in (None, simple)
        )


class ClockRule(Sourced):
    """One promise: what must have happened, how long after what, for whom, and who hears of it if not."""

    id: Name
    title: Texts
    starts_on: Fact
    met_by: tuple[Fact, ...]
    stops_on: tuple[Fact, ...] = (Fact.ENDED,)
    duration: Duration
    calendar: Name | None = None
    day_rule: DayRule = DayRule.END_OF_DAY
    roll: bool = False  # a last civil day that does not work moves to the next one that does
    statutory: bool = False
    applies_if: Applies = Applies()
    pauses_on: tuple[Name, ...] = ()
    warn_at: tuple[Offset, ...] = ()
    ladder: Name | None = None
    only_if: Name | None = None  # a parameter of the pack that must be on


class PauseReason(Sourced):
    """A reason for which clocks may stand still, for how long at most, and which facts end it."""

    id: Name
    title: Texts
    limit: Duration | None = None
    ends_on: tuple[Fact, ...] = ()


def _known_recipient(word: str) -> str:
    kind, _, who = word.partition(":")
    if word in ("owner", "owner_supervisor") or (kind == "person" and who):
        return word
    if kind == "role" and who in {role.value for role in Role}:
        return word
    raise ValueError(f"'{word}' is nobody: write owner, owner_supervisor, role:<role> or person:<id>")


Recipient = Annotated[str, AfterValidator(_known_recipient)]


class Rung(Frozen):
    """One step of a ladder: when, who, how, and what follows where nobody stirs."""

    at: Offset
    tell: tuple[Recipient, ...] = Field(min_length=1)
    over: tuple[Channel, ...] = (Channel.MAIL,)
    repeat_every: Duration | None = None
    repeat_at_most: int = Field(default=0, ge=0, le=100)
    acknowledge_within: Duration | None = None


class Ladder(Sourced):
    """How an alarm climbs while a clock stays overdue; `id` is its name in the pack."""

    id: Name
    rungs: tuple[Rung, ...] = Field(min_length=1)


class AuthorityLimit(Sourced):
    """The largest remedy that a role may approve, in minor units of a currency (ISO 4217)."""

    role: Role
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    up_to_minor: int = Field(ge=0)


class GateItem(StrEnum):
    """What a final response may have to contain before it may go."""

    STAGE = "stage"
    DECISION_EACH_ISSUE = "decision_each_issue"
    REASONS_EACH_ISSUE = "reasons_each_issue"
    REMEDY_DATES = "remedy_dates"
    OUTSTANDING_ACTIONS = "outstanding_actions"
    NEXT_STEP = "next_step"
    OUTSIDE_BODY = "outside_body"
    OUTSIDE_TIME_LIMIT = "outside_time_limit"


class ResponseGate(Sourced):
    """What this pack asks of a final response."""

    requires: tuple[GateItem, ...]


class Windows(Sourced):
    """How long doors stand open: to dispute, reopen, confirm; and until handovers and offers lapse."""

    dispute: Duration
    reopen: Duration
    confirm: Duration
    archive_after: Duration
    handover_lapses: Duration
    offer_lapses: Duration


class Satisfaction(Sourced):
    """When the customer is asked for a score from 1 to 5, and the score up to which a senior looks at it."""

    low_score: int = Field(ge=1, le=5)
    ask_after: Fact


class OutsideBody(Sourced):
    """Where the customer may go who is not content, and until when after the final response."""

    name: Texts
    time_limit: Duration
    contact: str


class Retention(Sourced):
    """How long after closing the texts of a complaint are kept."""

    keep: Duration


class SecondApprover(Sourced):
    """Above which sum a second person must approve a remedy, in minor units of the pack's currency."""

    above_minor: int = Field(ge=0)


class Target(Sourced):
    """A figure to be reached over all complaints, in whole per cent or whole minutes as `unit` says."""

    id: Name
    title: Texts
    unit: str = Field(pattern=r"^(percent|minutes|points)$")
    at_least: int | None = None
    at_most: int | None = None
