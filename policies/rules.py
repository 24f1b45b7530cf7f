"""The rules a pack is made of: clocks, limits, windows, targets, each with its source and its basis."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from policies.arithmetic.durations import DayRule, Duration, Offset
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Role, Severity, Tier


def _has_english(texts: dict[str, str]) -> dict[str, str]:
    if not texts.get("en"):
        raise ValueError("an English text (en) is always needed")
    return texts


Texts = Annotated[dict[str, str], AfterValidator(_has_english)]
"""One text in several languages, by ISO 639-1 code; `en` is always there."""

A_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
"""What names are made of."""

Name = Annotated[str, Field(pattern=f"^{A_NAME.pattern}$")]
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
    problem_types: tuple[Name, ...] = ()
    except_problem_types: tuple[Name, ...] = ()
    handling_tiers: tuple[int, ...] = ()
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
        problem_type: str | None = None,
        handling_tier: int = 1,
    ) -> bool:
        """Whether the rule is for a complaint so classed."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.severities or severity in self.severities)
            and (not self.tiers or tier in self.tiers)
            and (not self.channels or channel in self.channels)
            and (not self.feedback_classes or feedback_class in self.feedback_classes)
            and (not self.problem_types or problem_type in self.problem_types)
            and problem_type not in self.except_problem_types
            and (not self.handling_tiers or handling_tier in self.handling_tiers)
            and self.anonymous in (None, anonymous)
            and self.simple in (None, simple)
        )


class MetWhen(StrEnum):
    """How many of the facts that meet a clock it takes."""

    ANY = "any"
    ALL = "all"  # met at the last of them, each counted from its first time since the start


class Extension(Sourced):
    """How much longer a clock may be given, by whom, and whether the customer is told.

    `by` is in the clock's own unit and is added once for each of at most `at_most` extensions. `letter` is
    the one that tells the customer the reasons and the new date; None where the source asks for none.
    `after_due`: it may be asked for and granted once the clock is overdue, too.
    """

    by: Duration
    at_most: int = Field(default=1, ge=1, le=20)
    approved_by: tuple[Role, ...] = Field(min_length=1)
    letter: Literal["extension", "holding_reply"] | None = None
    after_due: bool = False


class LadderChoice(Frozen):
    """Another ladder for some complaints: for those of a customer's tier or a tier of handling, say."""

    applies_if: Applies
    ladder: Name


class ClockRule(Sourced):
    """One promise: what must have happened, how long after what, for whom, and who hears of it if not.

    `departments` are those that facts about departments must be about: a question asked and answered is
    one of theirs; told are they all. `raises_tier`: a breach moves the case up to the next tier of handling.
    """

    id: Name
    title: Texts
    starts_on: Fact
    met_by: tuple[Fact, ...]
    met_when: MetWhen = MetWhen.ANY
    departments: tuple[Name, ...] = ()
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
    ladders_if: tuple[LadderChoice, ...] = ()  # the first that applies goes before `ladder`
    only_if: Name | None = None  # a parameter of the pack that must be on
    extension: Extension | None = None
    raises_tier: bool = False

    def extended(self, times: int) -> "ClockRule":
        """The rule as it counts after so many extensions."""
        if not times or self.extension is None:
            return self
        longer = Duration(
            amount=self.duration.amount + times * self.extension.by.amount, unit=self.duration.unit
        )
        return self.model_copy(update={"duration": longer})


class PauseReason(Sourced):
    """A reason for which clocks may stand still, for how long at most, and which facts begin and end it.

    `remind_at` are moments before the limit at which whoever is waited for is reminded.
    """

    id: Name
    title: Texts
    limit: Duration | None = None
    starts_on: tuple[Fact, ...] = ()
    ends_on: tuple[Fact, ...] = ()
    remind_at: tuple[Offset, ...] = ()


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


class HandlingTier(Sourced):
    """A tier of handling: who holds a case that is in it, and which cases begin there (分級響應).

    How long a case may stay in it is a clock that starts on `tier_entered` and says `raises_tier`.
    """

    number: int = Field(ge=1, le=9)
    title: Texts
    held_by: tuple[Role, ...] = Field(min_length=1)
    enters_if: Applies | None = None


class ProblemType(Frozen):
    """What a complaint is about, as this organisation sorts it, and the department that sees to it.

    `own_process`: the organisation's own process is what is complained of.
    """

    title: Texts
    department: Name | None = None
    own_process: bool = False


class InternalReviewRule(Sourced):
    """A complaint about the organisation's own process is reviewed inside it, by no one who handled it."""

    opens_for: tuple[Name, ...] = Field(min_length=1)  # problem types


class DispatchRule(Sourced):
    """To whom the service gives what nobody has taken: the eligible person with the least present load."""

    applies_if: Applies = Applies()
    to: Role
    department: Name | None = None


class AutomaticReply(Sourced):
    """A receipt that leaves by itself as soon as a complaint is recorded, for those who can be written to."""

    letter: Literal["receipt"] = "receipt"


class OutageGrade(Sourced):
    """How soon an outage of this grade (1 is the gravest) is announced, how often there is news, and over what."""

    grade: int = Field(ge=1, le=3)
    title: Texts
    announce_within: Duration
    update_every: Duration | None = None
    over: tuple[Channel, ...] = Field(min_length=2)


class SystemicSuspicion(Sourced):
    """From how many complaints of one problem type, of how many sites, within how long, one cause is suspected."""

    complaints: int = Field(ge=2)
    sites: int = Field(ge=1)
    within: Duration


class Measure(StrEnum):
    """What a target is measured by."""

    SATISFACTION = "satisfaction"  # per cent of scores that are 4 or 5
    SATISFACTION_ATTITUDE = "satisfaction_attitude"
    SATISFACTION_PROFESSIONALISM = "satisfaction_professionalism"
    SATISFACTION_EFFICIENCY = "satisfaction_efficiency"
    SATISFACTION_HANDLING = "satisfaction_handling"  # of complaints alone
    NPS = "nps"  # promoters less detractors, in points
    MET_IN_TIME = "met_in_time"  # per cent of a clock's occurrences met by their due moment
    TIME_TO_MEET = "time_to_meet"  # median minutes of a clock's occurrences
    HANDLING_TIME_CHANGE = "handling_time_change"  # per cent against the period before
    COMPLAINTS_CHANGE = "complaints_change"  # per cent against the period before
    SUPPLIED = "supplied"  # not in the record: the organisation enters it


class Target(Sourced):
    """A figure to be reached over all complaints, in whole per cent, minutes or points as `unit` says."""

    id: Name
    title: Texts
    measure: Measure = Measure.SUPPLIED
    clock: Name | None = None
    unit: str = Field(pattern=r"^(percent|minutes|points)$")
    at_least: int | None = None
    at_most: int | None = None
    exclusive: bool = False  # the bound itself does not do: below, or above, it
    warn_fall: int | None = Field(default=None, ge=0)  # by more than this in 30 days is a warning
