"""Where a pack's clocks and pauses contradict themselves, or promise what can never be kept."""

from collections.abc import Iterator
from datetime import UTC, datetime

from policies.arithmetic.calendars import BeyondKnown, Calendar, CalendarError
from policies.arithmetic.durations import Measure
from policies.checking.findings import Finding, countable, reaches_past
from policies.pack import ClockRule, MetWhen, Pack, Path, PauseReason
from policies.vocabulary import Fact, Role

_OF_DEPARTMENTS = frozenset({Fact.DEPARTMENT_ASKED, Fact.DEPARTMENT_ANSWERED, Fact.DEPARTMENT_TOLD})

_WRITTEN = frozenset(
    {
        Fact.AUTO_REPLIED,
        Fact.PROGRESS_REPORTED,
        Fact.HOLDING_REPLIED,
        Fact.ANSWERED,
        Fact.OUTCOME_TOLD,
        Fact.RESPONSE_SENT,
        Fact.RESPONSE_DELIVERED,
        Fact.CUSTOMER_CONFIRMED,
        Fact.DISPUTE_REPLY_SENT,
        Fact.DISPUTE_REPLY_DELIVERED,
    }
)
"""What only happens where somebody can be written to, and so never for an anonymous complainant."""

_AT_RECEIPT = frozenset({Fact.RECEIVED, Fact.RECORDED})
"""What comes once, at the very beginning, and so never after the start of a clock."""

_SOME_DAY = datetime(2100, 1, 1, tzinfo=UTC)
"""A start that lies beyond every calendar's table, at which each clock must still have a due moment."""

_APPROVING = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.APPROVER, Role.COMPLIANCE_OFFICER})


def clocks(pack: Pack) -> Iterator[Finding]:
    """What is wrong with the clocks, each by itself and beside its like."""
    if not pack.clocks:
        yield Finding(("clocks",), "a pack without a clock promises nothing")
    yield from _ending(pack)
    seen: set[str] = set()
    for at, rule in enumerate(pack.clocks):
        path: Path = ("clocks", at)
        if rule.id in seen:
            yield Finding((*path, "id"), f"there are two clocks called '{rule.id}'")
        seen.add(rule.id)
        yield from _beginning_and_end(pack, rule, path)
        counted = tuple(_counted_in(pack, rule, path))
        yield from counted or _always_due(pack, rule, path)
        yield from _named(pack, rule, path)
        yield from _warnings(rule, path)
        yield from _extension(rule, path)
        yield from _raising(pack, rule, path)


def _beginning_and_end(pack: Pack, rule: ClockRule, path: Path) -> Iterator[Finding]:
    if not rule.met_by:
        yield Finding((*path, "met_by"), f"nothing meets the clock '{rule.id}'")
    if rule.starts_on in rule.met_by:
        yield Finding((*path, "met_by"), f"'{rule.starts_on}' both starts and meets the clock '{rule.id}'")
    for number, fact in enumerate(rule.met_by):
        if fact in _AT_RECEIPT and fact is not rule.starts_on:
            yield Finding(
                (*path, "met_by", number), f"'{fact}' never comes after the clock '{rule.id}' has started"
            )
    if rule.starts_on in rule.stops_on:
        yield Finding((*path, "stops_on"), f"'{rule.starts_on}' both starts and stops the clock '{rule.id}'")
    if both := sorted(set(rule.met_by) & set(rule.stops_on)):
        yield Finding((*path, "stops_on"), f"'{both[0]}' both meets and stops the clock '{rule.id}'")
    if rule.met_when is MetWhen.ALL and len(set(rule.met_by)) == 1:
        yield Finding((*path, "met_when"), f"the clock '{rule.id}' wants all of one single fact")
    if _never_met_for_the_anonymous(rule):
        yield Finding(
            (*path, "applies_if"),
            f"nothing can meet the clock '{rule.id}' for an anonymous complainant, whom nobody can write to: "
            "say `anonymous: false`",
        )
    if rule.starts_on is Fact.TIER_ENTERED and not pack.handling_tiers:
        yield Finding((*path, "starts_on"), "the pack has no tiers of handling, so nothing enters one")
    if pack.automatic_reply is None and (
        rule.starts_on is Fact.AUTO_REPLIED or set(rule.met_by) == {Fact.AUTO_REPLIED}
    ):
        yield Finding(path, f"the clock '{rule.id}' waits for an automatic reply, and the pack sends none")


def _never_met_for_the_anonymous(rule: ClockRule) -> bool:
    if rule.applies_if.anonymous is False or rule.starts_on in _WRITTEN or not rule.met_by:
        return False
    needs = [fact in _WRITTEN for fact in rule.met_by]
    return any(needs) if rule.met_when is MetWhen.ALL else all(needs)


def _counted_in(pack: Pack, rule: ClockRule, path: Path) -> Iterator[Finding]:
    working = rule.duration.measure in (Measure.WORKING_TIME, Measure.WORKING_DAYS)
    if rule.calendar is not None and rule.calendar not in pack.calendars:
        yield Finding((*path, "calendar"), f"the pack has no calendar called '{rule.calendar}'")
    if rule.calendar is None and (rule.roll or working):
        yield Finding((*path, "calendar"), f"the clock '{rule.id}' needs a calendar: {rule.duration}")
    if rule.roll and rule.duration.measure is not Measure.CIVIL:
        yield Finding((*path, "roll"), "only a duration in calendar days, weeks or months can roll on")
    if rule.statutory and rule.pauses_on:
        yield Finding((*path, "pauses_on"), f"the clock '{rule.id}' is statutory, so nothing pauses it")


def _ends(calendar: Calendar) -> bool:
    return calendar.beyond_known is BeyondKnown.REFUSE and calendar.known_until is not None


def _ending(pack: Pack) -> Iterator[Finding]:
    """Calendars that give no answer from some date on, though clocks count in them."""
    used = {rule.calendar for rule in pack.clocks}
    for name, calendar in pack.calendars.items():
        if name in used and _ends(calendar):
            yield Finding(
                ("calendars", name, "beyond_known"),
                f"clocks count in this calendar, and it gives no due moment beyond {calendar.known_until}: say "
                "`weekly_hours`, and each explanation names the date from which they were assumed",
            )


def _always_due(pack: Pack, rule: ClockRule, path: Path) -> Iterator[Finding]:
    """What is wrong with a clock that would have no due moment: its complaint could not be taken in."""
    if rule.duration.is_zero and rule.duration.measure is Measure.ELAPSED:
        yield Finding((*path, "duration"), f"nobody can keep the promise '{rule.id}' in no time")
    calendar = pack.calendar_of(rule)
    if calendar is not None and _ends(calendar):
        return  # said of the calendar
    try:
        pack.deadline(rule, _SOME_DAY, extensions=0 if rule.extension is None else rule.extension.at_most)
    except CalendarError as error:
        yield Finding((*path, "duration"), f"the clock '{rule.id}' would have no due moment: {error}")


def _named(pack: Pack, rule: ClockRule, path: Path) -> Iterator[Finding]:
    for number, reason in enumerate(rule.pauses_on):
        if reason not in pack.pause_reasons:
            yield Finding(
                (*path, "pauses_on", number), f"the pack has no reason for a pause called '{reason}'"
            )
    if rule.ladder is not None and rule.ladder not in pack.ladders:
        yield Finding((*path, "ladder"), f"the pack has no ladder called '{rule.ladder}'")
    for number, choice in enumerate(rule.ladders_if):
        if choice.ladder not in pack.ladders:
            yield Finding(
                (*path, "ladders_if", number, "ladder"), f"the pack has no ladder called '{choice.ladder}'"
            )
    if rule.only_if is not None and rule.only_if not in pack.parameters:
        yield Finding((*path, "only_if"), f"the pack has no parameter called '{rule.only_if}'")
    for number, department in enumerate(rule.departments):
        if department not in pack.departments:
            yield Finding((*path, "departments", number), f"the pack has no department called '{department}'")
    if rule.departments and not _OF_DEPARTMENTS.intersection((rule.starts_on, *rule.met_by)):
        yield Finding((*path, "departments"), f"the clock '{rule.id}' is about nothing that departments do")


def _warnings(rule: ClockRule, path: Path) -> Iterator[Finding]:
    for number, offset in enumerate(rule.warn_at):
        where = (*path, "warn_at", number)
        if offset.sign >= 0:
            yield Finding(where, f"a warning at '{offset}' comes no earlier than the due moment")
        elif reaches_past(offset, rule.duration):
            yield Finding(where, f"a warning at '{offset}' would come before the clock starts")
        yield from countable(offset.size, rule.calendar is not None, where)


def _extension(rule: ClockRule, path: Path) -> Iterator[Finding]:
    extension = rule.extension
    if extension is None:
        return
    where = (*path, "extension")
    if rule.starts_on is Fact.DEPARTMENT_ASKED:
        yield Finding(where, "every question has a time of its own, and nobody could say which gets more")
    if extension.by.unit is not rule.duration.unit:
        yield Finding(
            (*where, "by"),
            f"the clock '{rule.id}' counts in {rule.duration.unit.value}, so it is extended in them, too",
        )
    if extension.by.is_zero:
        yield Finding((*where, "by"), "an extension by nothing gives no time")
    for number, role in enumerate(extension.approved_by):
        if role not in _APPROVING:
            yield Finding((*where, "approved_by", number), f"the role '{role}' approves nothing")
    if extension.letter is not None and rule.applies_if.anonymous is True:
        yield Finding((*where, "letter"), "nobody can write to an anonymous complainant")


def _raising(pack: Pack, rule: ClockRule, path: Path) -> Iterator[Finding]:
    if not rule.raises_tier:
        return
    where = (*path, "raises_tier")
    if not pack.handling_tiers:
        yield Finding(where, "the pack has no tiers of handling to raise a case to")
        return
    if rule.starts_on is not Fact.TIER_ENTERED:
        yield Finding(where, f"the time in a tier starts on 'tier_entered', not on '{rule.starts_on}'")
    if not rule.applies_if.handling_tiers:
        yield Finding(where, f"the clock '{rule.id}' must say in `applies_if` of which tier it is the time")
    elif max(rule.applies_if.handling_tiers) >= len(pack.handling_tiers):
        yield Finding(where, "above the highest tier there is none to raise a case to")


def pause_reasons(pack: Pack) -> Iterator[Finding]:
    """What is wrong with the reasons for which clocks may stand still."""
    for name, reason in pack.pause_reasons.items():
        path: Path = ("pause_reasons", name)
        if reason.id != name:
            yield Finding((*path, "id"), f"the reason '{name}' calls itself '{reason.id}'")
        if not any(name in rule.pauses_on for rule in pack.clocks):
            yield Finding(path, f"no clock pauses for '{name}'")
        yield from countable(reason.limit, False, (*path, "limit"))
        if both := sorted(set(reason.starts_on) & set(reason.ends_on)):
            yield Finding((*path, "ends_on"), f"'{both[0]}' both begins and ends the pause '{name}'")
        yield from _reminders(reason, path)


def _reminders(reason: PauseReason, path: Path) -> Iterator[Finding]:
    for number, offset in enumerate(reason.remind_at):
        where = (*path, "remind_at", number)
        if reason.limit is None:
            yield Finding(where, "there is no reminder before a limit that does not exist")
        elif offset.sign >= 0:
            yield Finding(where, f"a reminder at '{offset}' comes no earlier than the limit")
        elif reaches_past(offset, reason.limit):
            yield Finding(where, f"a reminder at '{offset}' would come before the pause begins")
        yield from countable(offset.size, False, where)
