"""By when a letter says that the customer hears from us, or that we want to hear from them. No I/O."""

from __future__ import annotations

from datetime import datetime

from activities.cases import Held
from complaints.case import Case
from complaints.chapters.conversation import next_news
from complaints.chapters.extensions import ExtensionGranted
from complaints.chapters.letters import Letter, LetterQueued
from policies.pack import Pack
from policies.vocabulary import Fact


def answer_due(held: Held, letter: Letter) -> datetime | None:
    """The moment (UTC) that a letter names, as the case stood when it was queued; None where it can name none.

    A question or a reminder names when we go on without the customer's answer; a holding reply or a letter
    about an extension the new date; every other one the next deadline by which the customer hears from us.
    """
    case = held.when_queued(letter.id)
    pack = held.pack_of(case)
    if letter.kind in ("question", "reminder"):
        return _waited_for_until(pack, case, letter.queued_at)
    if letter.kind == "holding_reply" and case.conversation.holding_letter == letter.id:
        return case.conversation.holding_until
    if letter.kind in ("holding_reply", "extension"):
        extended = _extended_to(held, letter)
        if extended is not None:
            return extended
    return next_news(pack, case, after=letter.queued_at)


def _waited_for_until(pack: Pack, case: Case, at: datetime) -> datetime:
    """The limit of the pause that waits for the customer; as long from now, where none does by itself.

    A pack without such a limit gives the customer as long as it gives them to confirm an outcome.
    """
    for_customer = [reason for reason in pack.pause_reasons.values() if Fact.CUSTOMER_WROTE in reason.ends_on]
    names = {reason.id for reason in for_customer}
    limits = [
        pause.ends_by
        for pause in case.clocks.pauses
        if pause.to is None and pause.ends_by is not None and pause.reason in names
    ]
    if limits:
        return min(limits)
    spans = [reason.limit for reason in for_customer if reason.limit is not None]
    return min((pack.after(at, span) for span in spans), default=pack.after(at, pack.windows.confirm))


def _extended_to(held: Held, letter: Letter) -> datetime | None:
    """The new due moment of the clock whose extension the letter tells of."""
    extended: dict[str | None, datetime | None] = {}
    for told in held.happenings:
        if isinstance(told.event, ExtensionGranted):
            extended[told.command] = told.event.due_at
        elif isinstance(told.event, LetterQueued) and told.event.letter == letter.id:
            return extended.get(told.command)
    return None
