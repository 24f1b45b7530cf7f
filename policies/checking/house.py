"""Where what a pack says of its organisation contradicts itself: tiers, departments, dispatch, outages, targets."""

from collections.abc import Iterator

from policies.arithmetic.durations import Duration
from policies.checking.findings import Finding, countable
from policies.pack import Applies, Measure, Pack, Path, Target
from policies.vocabulary import Channel, Role

OWNING = frozenset({Role.HANDLER, Role.SUPERVISOR, Role.DEPARTMENT_HEAD})
"""Who may own a complaint."""

_OF_A_CLOCK = frozenset({Measure.MET_IN_TIME, Measure.TIME_TO_MEET})
_CHANGES = frozenset({Measure.HANDLING_TIME_CHANGE, Measure.COMPLAINTS_CHANGE})


def organisation(pack: Pack) -> Iterator[Finding]:
    """What is wrong with who does what."""
    yield from _for_whom(pack)
    yield from _tiers(pack)
    yield from _problem_types(pack)
    yield from _dispatch(pack)
    yield from _outages(pack)
    if (suspected := pack.systemic_suspected) is not None:
        yield from countable(suspected.within, False, ("systemic_suspected", "within"))
        if suspected.sites > suspected.complaints:
            yield Finding(("systemic_suspected", "sites"), "each complaint is of one site at most")


def _for_whom(pack: Pack) -> Iterator[Finding]:
    """Classes that a rule is for and that the pack does not have: such a rule is for nobody."""
    said: list[tuple[Path, Applies | None]] = [
        *((("clocks", at, "applies_if"), rule.applies_if) for at, rule in enumerate(pack.clocks)),
        *(
            (("clocks", at, "ladders_if", number, "applies_if"), choice.applies_if)
            for at, rule in enumerate(pack.clocks)
            for number, choice in enumerate(rule.ladders_if)
        ),
        *(
            (("handling_tiers", at, "enters_if"), tier.enters_if)
            for at, tier in enumerate(pack.handling_tiers)
        ),
        *((("dispatch", at, "applies_if"), rule.applies_if) for at, rule in enumerate(pack.dispatch)),
    ]
    for path, applies in said:
        if applies is None:
            continue
        for field in ("kinds", "severities", "tiers", "channels"):
            for number, word in enumerate(getattr(applies, field)):
                if word not in getattr(pack, field):
                    yield Finding((*path, field, number), f"the pack knows no '{word}' among its {field}")
        for field in ("problem_types", "except_problem_types"):
            for number, name in enumerate(getattr(applies, field)):
                if name not in pack.problem_types:
                    yield Finding((*path, field, number), f"the pack has no problem type called '{name}'")
        if both := sorted(set(applies.problem_types) & set(applies.except_problem_types)):
            yield Finding((*path, "except_problem_types"), f"'{both[0]}' is both meant and excepted")
        for number, tier in enumerate(applies.handling_tiers):
            if not 1 <= tier <= len(pack.handling_tiers):
                yield Finding((*path, "handling_tiers", number), f"the pack has no tier of handling {tier}")


def _tiers(pack: Pack) -> Iterator[Finding]:
    for at, tier in enumerate(pack.handling_tiers):
        path: Path = ("handling_tiers", at)
        if tier.number != at + 1:
            yield Finding(
                (*path, "number"), f"tiers are numbered from 1 without a gap; this one is number {at + 1}"
            )
        for number, role in enumerate(tier.held_by):
            if role not in OWNING:
                yield Finding((*path, "held_by", number), f"the role '{role}' may not own a complaint")
        if tier.enters_if is None:
            continue
        if at == 0:
            yield Finding((*path, "enters_if"), "every case begins in the first tier unless another takes it")
        if tier.enters_if == Applies():
            yield Finding((*path, "enters_if"), "every case would begin here, and none in a tier below")
        for above in pack.handling_tiers[at + 1 :]:
            if above.enters_if is not None and covers(above.enters_if, tier.enters_if):
                yield Finding(
                    (*path, "enters_if"), f"tier {above.number} takes every case that would begin here"
                )
        if tier.enters_if.handling_tiers:
            yield Finding((*path, "enters_if"), "in which tier a case begins can not depend on its tier")


def _problem_types(pack: Pack) -> Iterator[Finding]:
    for name, kind in pack.problem_types.items():
        if kind.department is not None and kind.department not in pack.departments:
            yield Finding(
                ("problem_types", name, "department"),
                f"the pack has no department called '{kind.department}'",
            )
    if pack.internal_review is None:
        return
    for number, name in enumerate(pack.internal_review.opens_for):
        path: Path = ("internal_review", "opens_for", number)
        if name not in pack.problem_types:
            yield Finding(path, f"the pack has no problem type called '{name}'")
        elif not pack.problem_types[name].own_process:
            yield Finding(path, f"the problem type '{name}' is not about the organisation's own process")


def _dispatch(pack: Pack) -> Iterator[Finding]:
    for at, rule in enumerate(pack.dispatch):
        path: Path = ("dispatch", at)
        if rule.to not in OWNING:
            yield Finding((*path, "to"), f"the role '{rule.to}' may not own a complaint")
        if rule.department is not None and rule.department not in pack.departments:
            yield Finding((*path, "department"), f"the pack has no department called '{rule.department}'")
        for earlier in range(at):
            if covers(pack.dispatch[earlier].applies_if, rule.applies_if):
                yield Finding(path, f"dispatch[{earlier}] comes first and takes every case of this rule")
                break


def covers(wide: Applies, narrow: Applies) -> bool:
    """Whether whatever `narrow` is for, `wide` is for, too."""
    for name in Applies.model_fields:
        of_wide, of_narrow = getattr(wide, name), getattr(narrow, name)
        if name == "except_problem_types":
            kept = set(of_narrow) | (set(narrow.problem_types) and set(of_wide) - set(narrow.problem_types))
            if not set(of_wide) <= kept:
                return False
        elif isinstance(of_wide, tuple):
            if of_wide and not (of_narrow and set(of_narrow) <= set(of_wide)):
                return False
        elif of_wide not in (None, of_narrow):
            return False
    return True


_DEAF = (Channel.REGULATOR, Channel.IMPORT)


def _outages(pack: Pack) -> Iterator[Finding]:
    seen = set()
    for at, outage in enumerate(pack.outages):
        path: Path = ("outages", at)
        if outage.grade in seen:
            yield Finding((*path, "grade"), f"grade {outage.grade} is said twice")
        seen.add(outage.grade)
        for number, channel in enumerate(outage.over):
            if channel in _DEAF:
                yield Finding((*path, "over", number), f"no customer hears an announcement over '{channel}'")
        if len(set(outage.over)) != len(outage.over):
            yield Finding((*path, "over"), "each channel is named once, and there are two at least")
        for name in ("announce_within", "update_every"):
            size: Duration | None = getattr(outage, name)
            yield from countable(size, False, (*path, name))
            if size is not None and size.is_zero:
                yield Finding((*path, name), "nobody can announce something in no time")


def targets(pack: Pack) -> Iterator[Finding]:
    """What is wrong with the figures that are to be reached."""
    seen = set()
    for at, target in enumerate(pack.targets):
        path: Path = ("targets", at)
        if target.id in seen:
            yield Finding((*path, "id"), f"there are two targets called '{target.id}'")
        seen.add(target.id)
        yield from _target(pack, target, path)


def _target(pack: Pack, target: Target, path: Path) -> Iterator[Finding]:
    kept = {rule.id for rule in pack.clocks if rule.only_if is None or pack.parameters.get(rule.only_if)}
    if target.measure in _OF_A_CLOCK:
        if target.clock is None:
            yield Finding((*path, "clock"), f"'{target.measure}' is measured of a clock; say which")
        elif target.clock not in kept:
            yield Finding((*path, "clock"), f"the pack has no clock called '{target.clock}'")
    elif target.clock is not None:
        yield Finding((*path, "clock"), f"'{target.measure}' is not measured of a clock")
    unit = _unit_of(target.measure)
    if unit is not None and target.unit != unit:
        yield Finding((*path, "unit"), f"'{target.measure}' is measured in {unit}")
    if target.at_least is None and target.at_most is None:
        yield Finding(path, f"the target '{target.id}' wants nothing: say at_least or at_most")
    low, high = _range_of(target)
    for name in ("at_least", "at_most"):
        bound: int | None = getattr(target, name)
        if bound is not None and not low <= bound <= high:
            yield Finding((*path, name), f"'{target.measure}' is never {bound} {target.unit}")
    if None not in (target.at_least, target.at_most) and (target.at_least or 0) > (target.at_most or 0):
        yield Finding((*path, "at_most"), "no figure is at least the one and at most the other")


def _unit_of(measure: Measure) -> str | None:
    if measure is Measure.SUPPLIED:
        return None
    if measure is Measure.NPS:
        return "points"
    return "minutes" if measure is Measure.TIME_TO_MEET else "percent"


def _range_of(target: Target) -> tuple[int, int]:
    """The least and the greatest figure that this measure can have, as far as it has limits."""
    if target.measure is Measure.NPS:
        return -100, 100
    if target.measure in _CHANGES:
        return -100, 10**9
    return 0, 100 if target.unit == "percent" else 10**9
