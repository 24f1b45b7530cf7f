"""Outages: a systemic issue with a grade, announced in time over several channels until somebody made sure it is over.

What time alone makes of one, together with what else a systemic issue waits for, is put together in systemic_time.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from complaints.base import (
    INSTANT,
    Command,
    Context,
    Event,
    Happening,
    PackRef,
    Refused,
    TextRef,
)
from complaints.messages import Message, MessageKind
from complaints.systemic.issue import LEADING, SystemicIssue, refuse_resolved
from complaints.systemic.outage_state import Announcement, Broadcast, Grade, Outage, Way, way_of
from policies.pack import Pack
from policies.rules import OutageGrade
from policies.vocabulary import Channel, Role

SPEAKING = (Role.HANDLER, Role.INTAKE_AGENT, Role.SUPERVISOR)
"""Who speaks with customers, and is told what to say."""
ANSWERABLE = (Role.SUPERVISOR, Role.DEPARTMENT_HEAD)
"""Who is alerted when nothing was said in time."""


# Events -------------------------------------------------------------------------------------------


class OutageGraded(Event):
    """The grade an outage has from now on, by the rules of this pack; the next word is due at `news_by`."""

    grade: Grade
    reason: TextRef
    pack: PackRef
    news_by: AwareDatetime

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        at = told.occurred_at
        graded = Outage(
            grade=self.grade, pack=self.pack, since=at, graded_at=at, news_by=self.news_by,
            recorded_at=told.recorded_at,
        )  # fmt: skip
        before = case.outage
        if before is not None:
            since = before.since if before.lasts else at
            kept = {"since": since, "announcements": before.announcements, "missed": before.missed}
            graded = graded.model_copy(update=kept)
        return case.changed(outage=graded)


class _Said(Event):
    text: TextRef
    channels: tuple[Broadcast, ...]

    def announced(self, case: SystemicIssue, told: Happening, announcement: Announcement) -> SystemicIssue:
        """The issue once this was said: to everybody, and to its complaints' customers where letters go out."""
        outage = _outage(case)
        after = outage.model_copy(
            update={
                "announcements": (*outage.announcements, announcement),
                "news_by": announcement.news_by,
                "verified_at": announcement.at if announcement.over else None,
                "recorded_at": told.recorded_at,
            }
        )
        letters = any(item.how is Way.LETTERS for item in self.channels)
        return case.said(self.text, tell_customers=letters).changed(outage=after)


class OutageAnnounced(_Said):
    """What was said, over which channels and how; the next word is due at `news_by`, where one is."""

    news_by: AwareDatetime | None

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        said = Announcement(at=told.occurred_at, text=self.text, channels=self.channels, news_by=self.news_by)
        return self.announced(case, told, said)


class OutageVerified(_Said):
    """The service is back, somebody made sure, and everybody who heard of the outage hears that."""

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        said = Announcement(at=told.occurred_at, text=self.text, channels=self.channels, over=True)
        return self.announced(case, told, said)


class OutageSilent(Event):
    """Nobody said anything by `due_at`; the next word is due at `news_by`, where one is."""

    due_at: AwareDatetime
    news_by: AwareDatetime | None

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        outage = _outage(case)
        after = {"news_by": self.news_by, "missed": outage.missed + 1}
        return case.changed(outage=outage.model_copy(update=after))


class OutageSummarised(Event):
    """What happened, what it came from, and what is done so that it does not come back."""

    text: TextRef

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        outage = _outage(case).model_copy(update={"summarised_at": told.occurred_at})
        return case.said(self.text).changed(outage=outage)


# Commands -----------------------------------------------------------------------------------------


class _Leading(Command):
    who: ClassVar[frozenset[Role]] = LEADING
    to_systemic: ClassVar[bool] = True

    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        refuse_resolved(case)


class _InOutage(_Leading):
    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        refuse_resolved(case)
        if case.outage is None:
            raise Refused("not_graded", "This is no outage yet; give it a grade first.")


class _WhileItLasts(_InOutage):
    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        super().check(case, ctx)
        if not _outage(case).lasts:
            raise Refused("outage_over", "The outage is over; grade it again if it is back.")


class GradeOutage(_Leading):
    """Say that this is an outage and how grave it is: 1 emergency, 2 general, 3 routine.

    By the rules of `pack` it is announced in time, and again and again while it lasts. A new grade never moves
    later what is due already. An outage that is back after it was over is graded again.
    """

    title: ClassVar[str] = "Grade the outage"

    grade: Grade
    reason: TextRef
    pack: PackRef

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        rule = _rule(ctx.rules, self.grade)
        before = case.outage if case.outage is not None and case.outage.lasts else None
        if before is not None and (before.grade, before.pack) == (self.grade, self.pack):
            raise Refused("already_done", f"The outage has grade {self.grade} already.")
        news_by = ctx.rules.after(ctx.occurred_at, rule.announce_within)
        if before is not None and before.news_by is not None:
            news_by = min(news_by, before.news_by)
        yield OutageGraded(grade=self.grade, reason=self.reason, pack=self.pack, news_by=news_by)


class AnnounceOutage(_WhileItLasts):
    """Tell customers of the outage, or what is new about it, over several channels at once.

    `over` has to name at least the channels that the pack asks for. By e-mail the customers of the joined
    complaints hear; over the web and the app the status page and its banner say it; for the phone, the chat
    and the stores, those who speak with customers there are given the words.
    """

    title: ClassVar[str] = "Announce the outage"

    text: TextRef
    over: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=20)]

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        outage = _outage(case)
        rule = _rule(ctx.rules, outage.grade)
        channels = _broadcast(rule, self.over)
        latest = outage.latest
        said_at = ctx.occurred_at if latest is None else max(ctx.occurred_at, latest.at)
        yield OutageAnnounced(text=self.text, channels=channels, news_by=_next(ctx.rules, rule, said_at))


class VerifyOutageOver(_WhileItLasts):
    """Say that the service is back, once you made sure: everybody whom the outage was announced to hears it."""

    title: ClassVar[str] = "Verify that the outage is over"

    text: TextRef

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        outage = _outage(case)
        heard = [item.channel for said in outage.announcements for item in said.channels]
        over = dict.fromkeys((*_rule(ctx.rules, outage.grade).over, *heard))
        channels = tuple(_named(over))
        yield OutageVerified(text=self.text, channels=channels)


class SummariseOutage(_InOutage):
    """Sum up what happened, what it came from, and what is done so that it does not come back."""

    title: ClassVar[str] = "Sum the outage up"

    text: TextRef

    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        super().check(case, ctx)
        if _outage(case).lasts:
            raise Refused(
                "not_verified", "Make sure that the service is back, and say so, before you sum up."
            )

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        yield OutageSummarised(text=self.text)


# What time alone makes happen -------------------------------------------------------------------------


def next_silence(issue: SystemicIssue) -> datetime | None:
    """The first instant at which customers are left without news that was due, or None.

    A word said exactly when it was due is in time, so that is the instant after.
    """
    outage = issue.outage
    if outage is None or outage.news_by is None or issue.resolved_at is not None:
        return None
    return outage.news_by + INSTANT


def silence(pack: Pack | None, issue: SystemicIssue) -> OutageSilent:
    """What happens at `next_silence`; `pack` is the one that the outage is graded by.

    Raises ValueError where there is no pack, or no news is due.
    """
    outage = _outage(issue)
    if pack is None or outage.news_by is None:
        raise ValueError(f"{issue.reference} waits for no news")
    # What was told of late was silent before anyone could know: that is one silence, and not one for each
    # time that there should have been news.
    since = max(outage.news_by, outage.recorded_at or outage.news_by)
    return OutageSilent(due_at=outage.news_by, news_by=_next(pack, _rule(pack, outage.grade), since))


def messages_about_outage(issue: SystemicIssue, told: Happening) -> Iterator[Message]:
    """The alerts that one happening of an outage calls for; `issue` is the issue after it."""
    event = told.event
    match event:
        case OutageAnnounced() | OutageVerified():
            if any(item.how is Way.STAFF_WORDS for item in event.channels):
                for role in SPEAKING:
                    key = f"{issue.reference}/outage/said/{issue.sequence}/{role}"
                    yield _alert("outage_announced", key, role, text_id=event.text.id)
        case OutageSilent():
            for role in ANSWERABLE:
                key = f"{issue.reference}/outage/silent/{event.due_at.isoformat()}/{role}"
                yield _alert("outage_overdue", key, role, due_at=event.due_at)
        case _:
            return


# Rules --------------------------------------------------------------------------------------------


def asked_for(pack: Pack, grade: int) -> tuple[Channel, ...]:
    """The channels that an announcement of this grade has to go over. Raises Refused for a grade without a rule."""
    return _rule(pack, grade).over


def _rule(pack: Pack, grade: int) -> OutageGrade:
    found = next((rule for rule in pack.outages if rule.grade == grade), None)
    if found is not None:
        return found
    known = ", ".join(str(rule.grade) for rule in pack.outages)
    rather = f"it knows: {known}" if known else "choose a pack that has rules for outages"
    raise Refused(
        "no_such_grade", f"The pack {pack.name} has no rule for outages of grade {grade}; {rather}."
    )


def _next(pack: Pack, rule: OutageGrade, since: datetime) -> datetime | None:
    """By when there is to be news again after `since`; None where the pack asks for none."""
    if rule.update_every is None or rule.update_every.is_zero:
        return None
    return pack.after(since, rule.update_every)


def _broadcast(rule: OutageGrade, over: Sequence[Channel]) -> tuple[Broadcast, ...]:
    missing = [channel for channel in rule.over if channel not in over]
    if missing:
        words = ", ".join(spoken(channel) for channel in missing)
        source = f"{rule.source.document}, {rule.source.section}"
        raise Refused(
            "channels_missing",
            f"An outage of grade {rule.grade} is announced over {words} as well; add what is missing.",
            rule=f"outages.{rule.grade} ({source})",
        )
    return tuple(_named(dict.fromkeys(over)))


def _named(over: Iterable[Channel]) -> Iterator[Broadcast]:
    for channel in over:
        how = way_of(channel)
        if how is None:
            raise Refused(
                "nobody_listens", f"Nobody hears an announcement over “{spoken(channel)}”; leave it out."
            )
        yield Broadcast(channel=channel, how=how)


def spoken(channel: Channel) -> str:
    """What a channel that customers are told over is called."""
    return "e-mail" if channel is Channel.MAIL else channel.replace("_", " ")


def _alert(
    kind: MessageKind, dedupe: str, role: Role, *, text_id: str | None = None, due_at: datetime | None = None
) -> Message:
    return Message(
        dedupe=dedupe,
        kind=kind,
        to=f"role:{role}",
        fallback=f"role:{Role.ADMINISTRATOR}",
        text_id=text_id,
        due_at=due_at,
    )


def _outage(issue: SystemicIssue) -> Outage:
    if issue.outage is None:
        raise ValueError(f"{issue.reference} is no outage")
    return issue.outage
