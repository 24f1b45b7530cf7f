"""Rules in words: for whom, how long, when, by whom. English, for terminals, pages and comparisons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policies.arithmetic.durations import Duration, Offset, Unit
from policies.ladders import Ladder, Rung, Unanswered
from policies.rules import Applies, Basis, ClockRule, Extension, Source, Sourced, Texts
from policies.vocabulary import AlertChannel, Channel, Fact, FeedbackClass, Kind, Role

_KINDS = {
    Kind.COMPLAINT: "complaints",
    Kind.SERVICE_REQUEST: "service requests",
    Kind.ENQUIRY: "enquiries",
    Kind.SUGGESTION: "suggestions",
    Kind.DISPUTE: "disputes",
}
_CHANNELS = {
    Channel.WEB: "the web",
    Channel.APP: "the app",
    Channel.MAIL: "e-mail",
    Channel.PHONE: "the phone",
    Channel.CHAT: "chat",
    Channel.LETTER: "letters",
    Channel.IN_PERSON: "a visit",
    Channel.STORE: "the store channel",
    Channel.SOCIAL: "social media",
    Channel.REGULATOR: "a regulator",
    Channel.IMPORT: "an import",
}
_WAYS = {
    AlertChannel.MAIL: "e-mail",
    AlertChannel.WEBHOOK: "webhooks",
    AlertChannel.CHAT: "chat",
    AlertChannel.DESK: "the desk",
}
_FEEDBACK = {
    FeedbackClass.IMMEDIATE: "immediate feedback",
    FeedbackClass.LONG_TERM: "long-term feedback",
    FeedbackClass.SYSTEMIC: "systemic feedback",
}
_BASES = {
    Basis.REQUIREMENT: "required",
    Basis.TARGET: "a target",
    Basis.EXAMPLE: "an example of the source",
    Basis.EXPECTATION: "expected by customers",
    Basis.CHOICE: "a choice",
}
_SINGULAR = {
    Unit.WORKING_HOURS: "working hour",
    Unit.WORKING_DAYS: "working day",
    Unit.CALENDAR_DAYS: "calendar day",
    Unit.WEEKS: "week",
    Unit.MONTHS: "month",
    Unit.YEARS: "year",
}

NOBODY_YET = "redress-default"
"""Who chose what no organisation has made its own yet."""


def words(code: str) -> str:
    """A code of the vocabulary as it is said: `department_asked` is “department asked”."""
    return code.replace("_", " ")


def listed(items: Iterable[str], joined_by: str = "and") -> str:
    """“a”, “a and b”, “a, b and c”; empty for none."""
    *most, last = list(items) or [""]
    return f"{', '.join(most)} {joined_by} {last}" if most else last


def begun(text: str) -> str:
    """The text with its first letter as a sentence begins."""
    return f"{text[:1].upper()}{text[1:]}"


def text_in(texts: Texts, language: str) -> str:
    """The text in a language, or in English where it is not in that one."""
    return texts.get(language) or texts["en"]


def length(duration: Duration) -> str:
    """`1 month`, `10 working days`, `15 min`."""
    unit = _SINGULAR.get(duration.unit) if duration.amount == 1 else None
    return f"{duration.amount} {unit or duration.unit.value}"


def moment(offset: Offset) -> str:
    """When an offset falls: `when it is due`, `20 % of its time before it is due`, `4 h after it was due`."""
    if offset.sign == 0:
        return "when it is due"
    size = offset.size
    much = f"{abs(offset.percent or 0)} % of its time" if size is None else length(size)
    return f"{much} before it is due" if offset.sign < 0 else f"{much} after it was due"


def whom(applies: Applies, problem_types: Mapping[str, Texts] | None = None) -> str:
    """Which complaints a rule is for: `urgent complaints over the store channel`, `all cases`.

    `problem_types` are the pack's own titles; without them their names are said.
    """
    titles = problem_types or {}
    kinds = listed((_KINDS[kind] for kind in applies.kinds), "or")
    before = []
    if applies.anonymous:
        before.append("anonymous")
    if applies.simple is not None:
        before.append("simple" if applies.simple else "not simple")
    before.append(listed((words(severity) for severity in applies.severities), "or"))
    qualified = " ".join(part for part in before if part)
    text = kinds or ("cases" if qualified else "all cases")
    text = f"{qualified} {text}".strip()
    if applies.problem_types:
        about = (titles[name]["en"] if name in titles else words(name) for name in applies.problem_types)
        text += f" about {listed((f'“{title}”' for title in about), 'or')}"
    if applies.except_problem_types:
        other = (
            titles[name]["en"] if name in titles else words(name) for name in applies.except_problem_types
        )
        text += f" about anything but {listed((f'“{title}”' for title in other), 'or')}"
    if applies.channels:
        text += f" over {listed((_CHANNELS[channel] for channel in applies.channels), 'or')}"
    if applies.tiers:
        text += f" of {listed((words(tier) for tier in applies.tiers), 'or')} customers"
    if applies.feedback_classes:
        text += f" classed as {listed((_FEEDBACK[one] for one in applies.feedback_classes), 'or')}"
    if applies.handling_tiers:
        text += f" in handling tier {listed(map(str, applies.handling_tiers), 'or')}"
    if applies.anonymous is False:
        text += ", but for anonymous ones"
    return text


def facts(found: Iterable[Fact], joined_by: str = "or") -> str:
    """Facts as they are said, in the pack's order."""
    return listed((words(fact) for fact in found), joined_by)


def met_by(rule: ClockRule) -> str:
    """What meets a clock: any of its facts, or all of them."""
    said = facts(rule.met_by, "or" if rule.met_when == "any" else "and")
    return said if rule.met_when == "any" or len(rule.met_by) == 1 else f"all of {said}"


def roles(found: Iterable[Role], joined_by: str = "or") -> str:
    """Roles as they are said, in the plural."""
    return listed((f"{words(role)}s" for role in found), joined_by)


def recipient(word: str) -> str:
    """Whom a rung tells: `the owner`, `the owner's supervisor`, `department heads`, `person …`."""
    kind, _, who = word.partition(":")
    if kind == "role":
        return f"{words(who)}s"
    if kind == "person":
        return f"person {who}"
    if kind == "on_duty":
        return f"whoever is on duty in {words(who)}"
    return {"owner": "the owner", "owner_supervisor": "the owner's supervisor"}[word]


def rung(step: Rung) -> str:
    """One rung: when, whom, over what, and what follows where nobody stirs."""
    said = f"{moment(step.at)}: {listed(recipient(word) for word in step.tell)}"
    if step.over != (AlertChannel.MAIL,):
        said += f" over {listed(_WAYS[way] for way in step.over)}"
    if step.repeat_every is not None:
        said += f", again every {length(step.repeat_every)}, {step.repeat_at_most} times at most"
    if step.acknowledge_within is not None:
        said += f", to be acknowledged within {length(step.acknowledge_within)}"
    if step.note_required:
        said += ", with a note"
    if step.raise_tier:
        said += "; the case moves up a tier of handling"
    if step.reassign_to is not None:
        said += f"; the case is given to one of the {words(step.reassign_to)}s"
    return said


def ladder(found: Ladder) -> tuple[str, ...]:
    """What holds a ladder, and what makes it go on; empty where nothing is said of it."""
    said = []
    if found.unanswered is Unanswered.CLIMBS:
        said.append("a rung that is not acknowledged in its time makes the next one call")
    if found.holds is not None:
        said.append(f"an acknowledgement holds the ladder for {length(found.holds)}")
    if found.snooze_at_most is not None:
        said.append(f"it may be snoozed for {length(found.snooze_at_most)} at most")
    return tuple(said)


def extension(found: Extension) -> str:
    """How much longer, how often, who approves, and whether the customer is told."""
    times = "once" if found.at_most == 1 else f"{found.at_most} times"
    told = (
        "the customer is not told" if found.letter is None else f"the customer gets {_letter(found.letter)}"
    )
    late = ", also when overdue" if found.after_due else ""
    return f"by {length(found.by)}, {times}, approved by {roles(found.approved_by)}; {told}{late}"


def _letter(kind: str) -> str:
    return f"the letter “{words(kind)}”"


def money(minor: int, currency: str) -> str:
    """An amount of minor units with two decimals: `CNY 500.00`."""
    return f"{currency} {minor // 100:,}.{minor % 100:02}"


def source(found: Source) -> str:
    """Document and section."""
    return f"{found.document}, {found.section}"


def basis(found: Basis, chosen_by: str | None) -> str:
    """How binding a figure is, and who chose it."""
    if chosen_by is None:
        return _BASES[found]
    return "a choice nobody has made yet" if chosen_by == NOBODY_YET else f"chosen by {chosen_by}"


def origin(rule: Sourced) -> str:
    """How binding a rule is, where it stands and since when it holds, on one line."""
    return f"{basis(rule.basis, rule.chosen_by)}: {source(rule.source)}, since {rule.since}"
