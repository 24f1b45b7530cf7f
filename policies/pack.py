"""A policy pack: everything that differs between organisations, as data with a source for every figure."""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any, Self

from pydantic import Field

from policies.arithmetic.calendars import Calendar, TimeZone
from policies.arithmetic.deadlines import due_at, offset_at
from policies.arithmetic.durations import DayRule, Duration, Offset
from policies.arithmetic.explain import Explanation, ExtensionSpan
from policies.arithmetic.explain import explain as explained
from policies.ladders import Ladder, Recipient, Rung, SourcedRung, Unanswered
from policies.letters import Letter
from policies.rules import (
    Applies,
    AuthorityLimit,
    AutomaticReply,
    Basis,
    ClockRule,
    DispatchRule,
    Extension,
    Frozen,
    GateItem,
    HandlingTier,
    InternalReviewRule,
    LadderChoice,
    Measure,
    MetWhen,
    Name,
    OutageGrade,
    OutsideBody,
    PauseReason,
    ProblemType,
    ResponseGate,
    Retention,
    Satisfaction,
    SecondApprover,
    Source,
    Sourced,
    SystemicSuspicion,
    Target,
    Texts,
    Windows,
)
from policies.vocabulary import Channel, DeliveryState, Fact, Kind, Role, Severity, Tier

Path = tuple[str | int, ...]
"""Where an entry stands in a pack: keys, and indices in lists."""

Pauses = Sequence[tuple[datetime, datetime | None]]

__all__ = [
    "Applies",
    "AuthorityLimit",
    "AutomaticReply",
    "Basis",
    "ClockRule",
    "DispatchRule",
    "Extension",
    "Frozen",
    "GateItem",
    "HandlingTier",
    "InternalReviewRule",
    "Ladder",
    "LadderChoice",
    "Measure",
    "MetWhen",
    "Name",
    "OutageGrade",
    "OutsideBody",
    "Pack",
    "Path",
    "PauseReason",
    "Pauses",
    "ProblemType",
    "Recipient",
    "ResponseGate",
    "Retention",
    "Rung",
    "Satisfaction",
    "SecondApprover",
    "Source",
    "Sourced",
    "SourcedRung",
    "SystemicSuspicion",
    "Target",
    "Texts",
    "Unanswered",
    "Windows",
]


class Pack(Frozen):
    """One version of one policy pack. A complaint is pinned to it, by `digest`, at receipt.

    What a field that is not given means is part of what was published: a default here never changes.
    """

    name: Name
    version: int = Field(ge=1)
    title: Texts
    languages: tuple[str, ...] = ("en",)
    timezone: TimeZone
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    holds_from: date
    kinds: tuple[Kind, ...] = tuple(Kind)
    severities: tuple[Severity, ...] = tuple(Severity)
    tiers: tuple[Tier, ...] = tuple(Tier)
    channels: tuple[Channel, ...] = tuple(Channel)
    parameters: dict[Name, bool] = {}
    calendars: dict[Name, Calendar] = {}
    clocks: tuple[ClockRule, ...]
    ladders: dict[Name, Ladder] = {}
    pause_reasons: dict[Name, PauseReason] = {}
    authority: tuple[AuthorityLimit, ...] = ()
    second_approver: SecondApprover
    response_gate: ResponseGate
    windows: Windows
    satisfaction: Satisfaction
    outside_body: OutsideBody
    letters: dict[str, dict[str, Letter]] = {}
    phases_require: dict[Name, tuple[Fact, ...]] = {}
    delivered_by: dict[Channel, DeliveryState] = {}
    retained: Retention
    targets: tuple[Target, ...] = ()
    departments: dict[Name, Texts] = {}
    problem_types: dict[Name, ProblemType] = {}
    handling_tiers: tuple[HandlingTier, ...] = ()
    internal_review: InternalReviewRule | None = None
    dispatch: tuple[DispatchRule, ...] = ()
    automatic_reply: AutomaticReply | None = None
    outages: tuple[OutageGrade, ...] = ()
    systemic_suspected: SystemicSuspicion | None = None

    # Identity

    def canonical(self) -> str:
        """The whole pack as canonical JSON: keys sorted, no spaces, whole numbers only, no defaults.

        Without defaults, so that a version of the service that knows a further rule gives the same text.
        """
        return json.dumps(
            self.model_dump(mode="json", exclude_defaults=True),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """The pack that was published as this text; pydantic's ValidationError where it is none.

        Its digest is that of the text, by which complaints are pinned to it, however it would be written today.
        """
        pack = cls.model_validate_json(text)
        pack.__dict__["digest"] = hashlib.sha256(text.encode()).hexdigest()
        return pack

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form in UTF-8, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """Copy without carrying over what was derived from the original's content."""
        copied = super().model_copy(update=update, deep=deep)
        for derived in ("digest", "_clocks_by_id"):
            copied.__dict__.pop(derived, None)
        return copied

    # Clocks

    @cached_property
    def _clocks_by_id(self) -> dict[str, ClockRule]:
        return {rule.id: rule for rule in self.clocks}

    def clock(self, clock_id: str) -> ClockRule:
        """The rule of this id; KeyError where the pack has none."""
        return self._clocks_by_id[clock_id]

    def letter(self, kind: str, language: str) -> Letter:
        """The pack's wording of a letter, in English where it has none in this language.

        KeyError where the pack has no letter of this kind.
        """
        by_language = self.letters[kind]
        return by_language.get(language) or by_language["en"]

    def calendar_of(self, rule: ClockRule) -> Calendar | None:
        """The calendar that a clock counts in, or None where it names none."""
        return None if rule.calendar is None else self.calendars[rule.calendar]

    def deadline(
        self, rule: ClockRule, start: datetime, pauses: Pauses = (), *, extensions: int = 0
    ) -> datetime | None:
        """When a clock that started at `start` is due (UTC); None while a pause lasts."""
        return due_at(
            start,
            rule.extended(extensions).duration,
            self.calendar_of(rule),
            pauses,
            rule.day_rule,
            statutory=rule.statutory,
            roll=rule.roll,
            zone=self.timezone,
        )

    def offset_from(
        self, rule: ClockRule, start: datetime, due: datetime, offset: Offset, pauses: Pauses = (),
        *, extensions: int = 0,
    ) -> datetime:  # fmt: skip
        """The moment (UTC) at an offset from due, in the clock's own time."""
        return offset_at(
            start,
            due,
            rule.extended(extensions).duration,
            offset,
            self.calendar_of(rule),
            pauses=pauses,
            day_rule=rule.day_rule,
            statutory=rule.statutory,
            zone=self.timezone,
        )

    def explain(
        self, rule: ClockRule, start: datetime, pauses: Pauses = (), *, extensions: int = 0
    ) -> Explanation:
        """How `deadline` comes to its answer."""
        why = explained(
            start,
            rule.extended(extensions).duration,
            self.calendar_of(rule),
            pauses,
            rule.day_rule,
            statutory=rule.statutory,
            roll=rule.roll,
            zone=self.timezone,
        )
        if not extensions or rule.extension is None:
            return why
        extension = ExtensionSpan(
            times=extensions, by=rule.extension.by, due_before=self.deadline(rule, start, pauses)
        )
        return why.model_copy(update={"extension": extension})

    def after(
        self, start: datetime, duration: Duration, rule: ClockRule | None = None, *, paused: Pauses = ()
    ) -> datetime:
        """The moment (UTC) at which a window, a limit or a repeat that begins at `start` ends.

        Days end at the same time of day for a repeat of `rule`'s alarms, at 24:00 otherwise; working time
        needs the rule's calendar. `paused` are pauses that are over, and do not count.
        """
        calendar = None if rule is None else self.calendar_of(rule)
        ends = DayRule.END_OF_DAY if rule is None else DayRule.SAME_TIME
        moment = due_at(start, duration, calendar, paused, ends, zone=self.timezone)
        if moment is None:
            raise AssertionError("a span whose pauses are over always ends")
        return moment

    def before_limit(self, start: datetime, until: datetime, limit: Duration, offset: Offset) -> datetime:
        """The moment (UTC) at an offset from the end of a limit that began at `start`; never before `start`."""
        return offset_at(start, until, limit, offset, None, zone=self.timezone)

    # Limits

    @property
    def second_approver_above_minor(self) -> int:
        """Above which sum a second person must approve, in minor units of the pack's currency."""
        return self.second_approver.above_minor

    def needs_second_approver(self, amount_minor: int, currency: str) -> bool:
        """Whether a remedy needs two approvers; always in a currency for which the pack has no figure."""
        return currency != self.currency or amount_minor > self.second_approver.above_minor

    def authority_limit(self, roles: Collection[Role], currency: str) -> int:
        """The largest remedy that a person with these roles may approve, in minor units; 0 where none."""
        limits = [
            limit.up_to_minor
            for limit in self.authority
            if limit.role in roles and limit.currency == currency
        ]
        return max(limits, default=0)

    @property
    def retention(self) -> Duration:
        """How long after closing the texts of a complaint are kept."""
        return self.retained.keep

    @property
    def simple_problem_handled_in_full(self) -> bool:
        """Whether a simple problem must be handled to the end in the time of first handling."""
        return self.parameters.get("simple_problem_handled_in_full", False)

    def sourced(self) -> tuple[tuple[Path, Sourced], ...]:
        """Every rule that carries a source, with its path in the pack; of rungs, those that say one of their own."""
        parts = ((name, getattr(self, name)) for name in type(self).model_fields)
        return tuple(found for name, part in parts for found in _sourced((name,), part))

    def choices(self) -> tuple[tuple[Path, Sourced], ...]:
        """Every rule that is a choice, with its path in the pack."""
        return tuple((path, rule) for path, rule in self.sourced() if rule.basis is Basis.CHOICE)


def _sourced(path: Path, value: object) -> list[tuple[Path, Sourced]]:
    if isinstance(value, Ladder):
        rungs = enumerate(value.sourced_rungs())
        own = (((*path, "rungs", at), found) for at, found in rungs if found.rung.says_its_origin)
        return [(path, value), *own]
    if isinstance(value, Sourced):
        inside = ((name, getattr(value, name)) for name in type(value).model_fields)
        return [(path, value), *(found for name, part in inside for found in _sourced((*path, name), part))]
    if isinstance(value, tuple):
        return [found for at, item in enumerate(value) for found in _sourced((*path, at), item)]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _sourced((*path, key), item)]
    return []
