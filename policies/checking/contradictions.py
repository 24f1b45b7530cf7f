"""Where a pack contradicts itself: each finding says where it stands and what is wrong, as a sentence."""

from collections.abc import Iterator

from policies.arithmetic.durations import Duration
from policies.checking.clocks import clocks, pause_reasons
from policies.checking.findings import Finding, countable, reaches_past
from policies.checking.house import OWNING, organisation, targets
from policies.letters import FIELDS, Letter, fields_in, too_telling
from policies.pack import Basis, ClockRule, GateItem, Ladder, Name, Pack, Path, Rung, Unanswered
from policies.vocabulary import AlertChannel, Channel, DeliveryState, Fact, Role

PHASES = (
    "received",
    "acknowledged",
    "investigating",
    "resolving",
    "responded",
    "awaiting_customer",
    "disputed",
    "closed",
)


_IN_TURN = (
    *(phase for phase in PHASES if phase not in ("disputed", "closed")),
    "closed",
    "disputed",
    "never",
)
_NOT_BEFORE = {
    Fact.RESOLVED: "resolving",
    Fact.RESPONSE_SENT: "responded",
    Fact.RESPONSE_DELIVERED: "responded",
    Fact.CUSTOMER_CONFIRMED: "responded",
    Fact.CLOSED: "closed",
    Fact.DISPUTED: "disputed",
    Fact.DISPUTE_ACKNOWLEDGED: "disputed",
    Fact.DISPUTE_INVESTIGATED: "disputed",
    Fact.DISPUTE_REPLY_SENT: "disputed",
    Fact.DISPUTE_REPLY_DELIVERED: "disputed",
    Fact.DISPUTE_CLOSED: "never",
    Fact.REOPENED: "never",
    Fact.ENDED: "never",
}
"""The first phase that can be left with such a fact on record: what leads into a phase is none of those before it."""


def contradictions(pack: Pack) -> tuple[Finding, ...]:
    """Everything by which this pack contradicts itself; empty for a sound one."""
    return (
        *clocks(pack),
        *_ladders(pack),
        *pause_reasons(pack),
        *organisation(pack),
        *targets(pack),
        *_sources(pack),
        *_letters(pack),
        *_limits(pack),
        *_phases(pack),
    )


def _ladders(pack: Pack) -> Iterator[Finding]:
    used = {name for rule in pack.clocks for name in ladders_of(rule)}
    for name, ladder in pack.ladders.items():
        path: Path = ("ladders", name)
        if ladder.id != name:
            yield Finding((*path, "id"), f"the ladder '{name}' calls itself '{ladder.id}'")
        if name not in used:
            yield Finding(path, f"no clock uses the ladder '{name}'")
        climbing = [rule for rule in pack.clocks if name in ladders_of(rule)]
        yield from _holding(ladder, all(rule.calendar is not None for rule in climbing), path)
        has_calendar = all(rule.calendar is not None for rule in climbing)
        for number, rung in enumerate(ladder.rungs):
            where = (*path, "rungs", number)
            yield from _rung(pack, rung, has_calendar, where)
            for rule in climbing:
                if rung.at.sign < 0 and reaches_past(rung.at, rule.duration):
                    yield Finding(
                        (*where, "at"),
                        f"a rung at '{rung.at}' would come before the clock '{rule.id}' starts",
                    )


def ladders_of(rule: ClockRule) -> tuple[Name, ...]:
    """Every ladder that some complaint may climb for this clock."""
    return (*(choice.ladder for choice in rule.ladders_if), *((rule.ladder,) if rule.ladder else ()))


def _holding(ladder: Ladder, has_calendar: bool, path: Path) -> Iterator[Finding]:
    for name in ("holds", "snooze_at_most"):
        size: Duration | None = getattr(ladder, name)
        yield from countable(size, has_calendar, (*path, name))
        if size is not None and size.is_zero:
            yield Finding((*path, name), "an acknowledgement that holds for no time is none")
    if ladder.snooze_at_most is not None and ladder.holds is None:
        yield Finding(
            (*path, "snooze_at_most"),
            "a ladder that can be snoozed must say how long an acknowledgement holds",
        )
    timed = any(rung.acknowledge_within is not None for rung in ladder.rungs[:-1])
    if ladder.unanswered is Unanswered.CLIMBS and not timed:
        yield Finding(
            (*path, "unanswered"), "no rung below the last says within how long it is to be acknowledged"
        )


def _rung(pack: Pack, rung: Rung, has_calendar: bool, path: Path) -> Iterator[Finding]:
    if rung.repeat_at_most and rung.repeat_every is None:
        yield Finding((*path, "repeat_every"), "a rung that repeats must say after how long")
    if rung.repeat_every is not None and rung.repeat_every.is_zero:
        yield Finding((*path, "repeat_every"), "a rung cannot repeat without end at one moment")
    if rung.repeat_every is not None and not rung.repeat_at_most:
        yield Finding((*path, "repeat_at_most"), "a rung that repeats must say how often at most")
    for number, who in enumerate(rung.tell):
        if who == f"role:{Role.COMPLAINANT}":
            yield Finding((*path, "tell", number), "nobody on the staff is a complainant")
    if len(set(rung.over)) != len(rung.over):
        yield Finding((*path, "over"), "each way is named once")
    if set(rung.over) == {AlertChannel.WEBHOOK}:
        yield Finding((*path, "over"), "webhooks reach programs; name a way that reaches a person, too")
    if rung.acknowledge_within is not None and rung.acknowledge_within.is_zero:
        yield Finding((*path, "acknowledge_within"), "nobody can acknowledge an alert in no time")
    if rung.raise_tier and not pack.handling_tiers:
        yield Finding((*path, "raise_tier"), "the pack has no tiers of handling to move a case up")
    if rung.reassign_to is not None and rung.reassign_to not in OWNING:
        yield Finding((*path, "reassign_to"), f"the role '{rung.reassign_to}' may not own a complaint")
    for size in (rung.at.size, rung.repeat_every, rung.acknowledge_within):
        yield from countable(size, has_calendar, path)


def _sources(pack: Pack) -> Iterator[Finding]:
    for path, rule in pack.sourced():
        for part in ("document", "section"):
            if not getattr(rule.source, part).strip():
                yield Finding((*path, "source", part), f"a source names its {part}")
        if rule.basis is Basis.CHOICE and not rule.chosen_by:
            yield Finding((*path, "chosen_by"), "a choice must name who chose")
        if rule.basis is not Basis.CHOICE and rule.chosen_by:
            yield Finding((*path, "chosen_by"), f"nobody chose this: its basis is '{rule.basis}'")


def _letters(pack: Pack) -> Iterator[Finding]:
    for kind, by_language in pack.letters.items():
        if kind not in FIELDS:
            yield Finding(
                ("letters", kind), f"there is no letter of kind '{kind}'; there are {', '.join(FIELDS)}"
            )
            continue
        for language in pack.languages:
            if language not in by_language:
                yield Finding(("letters", kind), f"the letter is missing in '{language}'")
        for language, letter in by_language.items():
            yield from _letter(kind, letter, ("letters", kind, language))
    for kind in FIELDS:
        if kind not in pack.letters:
            yield Finding(("letters",), f"the letter '{kind}' is missing")


def _letter(kind: str, letter: Letter, path: Path) -> Iterator[Finding]:
    for name in sorted(fields_in(letter.body) - FIELDS[kind]):
        allowed = ", ".join(sorted(FIELDS[kind]))
        yield Finding((*path, "body"), f"a letter '{kind}' has no field '{name}'; it has {allowed}")
    for name in sorted(too_telling(kind, letter)):
        yield Finding((*path, "subject"), f"a subject may not tell '{name}': strangers may read it")


def _limits(pack: Pack) -> Iterator[Finding]:
    for name in type(pack.windows).model_fields:
        window = getattr(pack.windows, name)
        if isinstance(window, Duration):
            yield from countable(window, False, ("windows", name))
    yield from countable(pack.retention, False, ("retained", "keep"))
    seen = set()
    for at, limit in enumerate(pack.authority):
        if (limit.role, limit.currency) in seen:
            yield Finding(("authority", at), f"the role '{limit.role}' has two limits in {limit.currency}")
        seen.add((limit.role, limit.currency))
    if not any(limit.currency == pack.currency for limit in pack.authority):
        yield Finding(("authority",), f"nobody may approve a remedy in {pack.currency}")
    most = max((limit.up_to_minor for limit in pack.authority if limit.currency == pack.currency), default=0)
    if pack.second_approver.above_minor >= most:
        yield Finding(
            ("second_approver", "above_minor"),
            f"nobody may approve more than {most}, so no remedy ever needs the second approver",
        )
    if GateItem.REASONS_EACH_ISSUE in pack.response_gate.requires and (
        GateItem.DECISION_EACH_ISSUE not in pack.response_gate.requires
    ):
        yield Finding(("response_gate", "requires"), "there are no reasons where there is no decision")
    if len(set(pack.languages)) != len(pack.languages) or "en" not in pack.languages:
        yield Finding(("languages",), "the languages are different ones, English (en) among them")


def _phases(pack: Pack) -> Iterator[Finding]:
    for phase in pack.phases_require:
        if phase not in PHASES:
            yield Finding(("phases_require", phase), f"there is no phase '{phase}' that may be left")
    if Fact.CLOSED in pack.phases_require.get("closed", ()):
        yield Finding(("phases_require", "closed"), "nothing can be closed before it is closed")
    for phase, facts in pack.phases_require.items():
        for number, fact in enumerate(facts):
            if phase in PHASES and _IN_TURN.index(phase) < _IN_TURN.index(_NOT_BEFORE.get(fact, phase)):
                yield Finding(
                    ("phases_require", phase, number),
                    f"'{fact}' only comes once '{phase}' has been left, so nothing would ever leave it",
                )
    for channel, state in pack.delivered_by.items():
        if state in (DeliveryState.QUEUED, DeliveryState.BOUNCED):
            yield Finding(("delivered_by", channel), f"a letter that is '{state}' has not arrived")
    for channel in Channel:
        if channel not in pack.delivered_by:
            yield Finding(("delivered_by",), f"nothing says when a letter over '{channel}' has arrived")
    if pack.satisfaction.ask_after is Fact.SATISFACTION_ASKED:
        yield Finding(("satisfaction", "ask_after"), "the question cannot wait for itself")
