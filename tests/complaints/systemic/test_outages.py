"""Outages: graded, announced in time over every channel the pack asks for, verified, summed up; silence is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.base import INSTANT, SYSTEM, Actor, Command, Happening, Order, PackRef, Refused
from complaints.references import reference, systemic_reference
from complaints.systemic.issue import (
    OpenSystemicIssue,
    PlanSystemic,
    ResolveSystemic,
    SystemicIssue,
    decide_systemic,
    evolve_systemic,
    fold_systemic,
    open_systemic,
    pack_needed,
    tells,
)
from complaints.systemic.moments import due_systemic, messages_about, next_wakeup_systemic
from complaints.systemic.outage_state import Outage, OutagePhase, Way, way_of
from complaints.systemic.outages import (
    AnnounceOutage,
    GradeOutage,
    OutageSilent,
    SummariseOutage,
    VerifyOutageOver,
)
from complaints.systemic.view import systemic_view
from complaints.transition import systemic_transition
from policies.arithmetic.durations import Duration
from policies.checking.contradictions import contradictions
from policies.pack import Pack
from policies.rules import Basis, OutageGrade, Source
from policies.vocabulary import Channel, Role
from tests.complaints.support import PACK, ana, dora, iris, text

SYS = systemic_reference(9)
ONE = reference(1)
START = datetime(2025, 9, 1, 2, 0, tzinfo=UTC)
ALL = (Channel.WEB, Channel.APP, Channel.MAIL, Channel.PHONE)


def grade(number: int, within: str, every: str | None, *over: Channel) -> OutageGrade:
    """A rule of a test pack."""
    return OutageGrade(
        basis=Basis.REQUIREMENT,
        source=Source(document="service-centre", section="S3.2"),
        since=date(2025, 1, 1),
        grade=number,
        title={"en": ("Emergency", "General", "Routine")[number - 1]},
        announce_within=Duration.parse(within),
        update_every=None if every is None else Duration.parse(every),
        over=over,
    )


OUT: Pack = PACK.model_copy(
    update={
        "outages": (
            grade(1, "15 min", "1 h", *ALL),
            grade(2, "1 h", "4 h", Channel.WEB, Channel.MAIL),
            grade(3, "1 calendar days", None, Channel.WEB, Channel.PHONE),
        )
    }
)
REF = PackRef(name=OUT.name, version=OUT.version, digest=OUT.digest)


class Story:
    """An issue told step by step as its workflow would: time first, then the command; all through JSON and back."""

    def __init__(self, *, at: datetime = START, pack: Pack = OUT) -> None:
        self.pack = pack
        self.now = at
        self.happenings: list[Happening] = []
        self.given: dict[str, list[Command]] = {}
        self.orders = 0
        body = OpenSystemicIssue(
            name=text("Tills are down"), description=text("In all shops."), complaints=(ONE,)
        )
        self.issue: SystemicIssue = self._record(None, open_systemic(SYS, self._order(dora, body, at)))

    @classmethod
    def graded(cls, number: int = 1) -> Story:
        story = cls()
        story.do(GradeOutage(grade=number, reason=text("No till works."), pack=REF), at=START)
        return story

    def do(
        self,
        body: Command,
        at: datetime | None = None,
        *,
        actor: Actor = dora,
        occurred_at: datetime | None = None,
    ) -> tuple[Happening, ...]:
        when = at or self.now
        self.until(occurred_at or when)
        order = self._order(actor, body, when, occurred_at)
        pack = self.pack if pack_needed(self.issue, body) else None
        told = decide_systemic(self.issue, order, pack)
        self.issue = self._record(self.issue, told)
        self.until(when)
        return told

    def refused(self, body: Command, *, actor: Actor = dora) -> Refused:
        before = self.issue
        with pytest.raises(Refused) as raised:
            self.do(body, actor=actor)
        assert self.issue == before
        assert raised.value.sentence.endswith(".")
        return raised.value

    def announced(
        self, at: datetime | None = None, occurred_at: datetime | None = None
    ) -> tuple[Happening, ...]:
        return self.do(AnnounceOutage(text=text("We are on it."), over=ALL), at, occurred_at=occurred_at)

    def phase(self) -> OutagePhase:
        return self.outage.phase

    def until(self, when: datetime) -> tuple[Happening, ...]:
        if self.issue.outage is None:
            self.now = max(self.now, when)
            return ()
        wake = next_wakeup_systemic(self.issue)
        told = due_systemic(self.pack, self.issue, when)
        if told:
            assert wake is not None
            assert wake <= told[0].occurred_at, "woke too late for it"
        self.issue = self._record(self.issue, told)
        self.now = max(self.now, when)
        return told

    @property
    def outage(self) -> Outage:
        assert self.issue.outage is not None
        return self.issue.outage

    def silences(self) -> list[datetime]:
        return [told.event.due_at for told in self.happenings if isinstance(told.event, OutageSilent)]

    def _order(self, actor: Actor, body: Command, at: datetime, occurred_at: datetime | None = None) -> Order:
        self.orders += 1
        order = Order(id=f"o{self.orders}", actor=actor, body=body, at=at, occurred_at=occurred_at)
        assert Order.model_validate_json(order.model_dump_json()) == order
        return order

    def _record(self, issue: SystemicIssue | None, happenings: tuple[Happening, ...]) -> SystemicIssue:
        for told in happenings:
            again = Happening.model_validate_json(told.model_dump_json())
            assert again == told
            issue = evolve_systemic(issue, again)
            self.happenings.append(again)
            for complaint, fact in tells(issue, again):
                self.given.setdefault(complaint, []).append(fact)
        assert issue is not None
        assert SystemicIssue.model_validate_json(issue.model_dump_json()) == issue
        assert fold_systemic(self.happenings) == issue
        return issue


SECOND = timedelta(seconds=1)
DUE = START + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("at", "silent"), [(DUE - SECOND, []), (DUE, []), (DUE + INSTANT, [DUE]), (DUE + SECOND, [DUE])]
)
def test_the_first_announcement_is_in_time_up_to_its_very_moment(
    at: datetime, silent: list[datetime]
) -> None:
    story = Story.graded()
    assert story.outage.news_by == DUE
    story.announced(at)
    assert story.silences() == silent


@pytest.mark.parametrize(("number", "late"), [(1, timedelta(hours=1)), (2, timedelta(hours=4)), (3, None)])
@pytest.mark.parametrize("off", [-SECOND, timedelta(), INSTANT, SECOND])
def test_then_there_is_news_as_often_as_the_pack_says(
    number: int, late: timedelta | None, off: timedelta
) -> None:
    story = Story.graded(number)
    said = START + timedelta(minutes=5)
    story.announced(said)
    if late is None:
        assert next_wakeup_systemic(story.issue) is None
        story.announced(said + timedelta(days=30))
        assert story.silences() == []
        return
    due = said + late
    assert story.outage.news_by == due
    story.announced(due + off)
    assert story.silences() == ([due] if off > timedelta() else [])
    assert story.outage.news_by == due + off + late


def test_what_was_said_in_time_is_in_time_though_it_is_entered_late() -> None:
    story = Story.graded()
    story.announced(DUE + timedelta(minutes=5), occurred_at=DUE)
    assert story.silences() == []
    assert story.outage.news_by == DUE + timedelta(hours=1)


def test_every_silence_is_told_once_to_those_who_answer_for_it() -> None:
    story = Story.graded()
    story.until(DUE + timedelta(hours=2, minutes=30))
    assert story.silences() == [DUE, DUE + timedelta(hours=1), DUE + timedelta(hours=2)]
    assert story.outage.missed == 3
    issue, keys = fold_systemic(story.happenings[:3]), []
    for told in story.happenings[3:]:
        issue = evolve_systemic(issue, told)
        for message in messages_about(issue, told):
            assert message.kind == "outage_overdue"
            keys.append((message.to, message.due_at))
            assert message.dedupe.startswith(f"{SYS}/outage/silent/")
    roles = (f"role:{Role.SUPERVISOR}", f"role:{Role.DEPARTMENT_HEAD}")
    assert keys == [(role, due) for due in story.silences() for role in roles]


def test_time_alone_does_not_make_a_decision_stale() -> None:
    story = Story.graded()
    seen = story.issue.version
    story.until(DUE + timedelta(hours=5))
    assert story.issue.version == seen < story.issue.sequence
    order = Order(
        id="x", actor=dora, body=AnnounceOutage(text=text("x"), over=ALL), at=story.now, expected_version=seen
    )
    assert decide_systemic(story.issue, order, OUT)
    stale = order.model_copy(update={"expected_version": seen - 1})
    with pytest.raises(Refused, match="changed_meanwhile"):
        decide_systemic(story.issue, stale, OUT)


def test_an_announcement_names_every_channel_that_it_is_to_go_over() -> None:
    story = Story.graded()
    refusal = story.refused(AnnounceOutage(text=text("x"), over=(Channel.WEB, Channel.CHAT)))
    assert refusal.code == "channels_missing"
    assert refusal.sentence == (
        "An outage of grade 1 is announced over app, e-mail, phone as well; add what is missing."
    )
    assert refusal.rule == "outages.1 (service-centre, S3.2)"
    deaf = story.refused(AnnounceOutage(text=text("x"), over=(*ALL, Channel.IMPORT)))
    assert deaf.code == "nobody_listens"


def test_the_record_says_over_which_channels_it_went_and_how() -> None:
    story = Story.graded()
    (told,) = story.do(AnnounceOutage(text=text("x"), over=(*ALL, Channel.STORE, Channel.WEB)))
    said = story.outage.latest
    assert said is not None
    assert [(item.channel, item.how) for item in said.channels] == [
        (Channel.WEB, Way.STATUS_PAGE),
        (Channel.APP, Way.STATUS_FEED),
        (Channel.MAIL, Way.LETTERS),
        (Channel.PHONE, Way.STAFF_WORDS),
        (Channel.STORE, Way.STAFF_WORDS),
    ]
    to = [message.to for message in messages_about(story.issue, told)]
    assert to == ["role:handler", "role:intake_agent", "role:supervisor"]
    assert {message.text_id for message in messages_about(story.issue, told)} == {text("x").id}


@pytest.mark.parametrize(("over", "written"), [((Channel.WEB, Channel.MAIL), True), (ALL[:2], False)])
def test_customers_of_joined_complaints_are_written_to_where_mail_is_among_the_channels(
    over: tuple[Channel, ...], written: bool
) -> None:
    pack = OUT.model_copy(
        update={"outages": (grade(1, "15 min", None, *ALL[:2]), grade(2, "1 h", None, *over))}
    )
    story = Story(pack=pack)
    story.do(GradeOutage(grade=2, reason=text("r"), pack=REF))
    (told,) = story.do(AnnounceOutage(text=text("x"), over=over))
    (fact,) = [note for note in story.given[ONE] if note.type == "NoteSystemicUpdate"]
    assert getattr(fact, "tell_customer") is written  # noqa: B009 - the fact is only known as a command
    assert not list(messages_about(story.issue, told)), "nobody speaks over these channels"


def test_the_phase_follows_from_what_happened() -> None:
    story = Story()
    assert story.issue.outage is None
    assert story.refused(AnnounceOutage(text=text("x"), over=ALL)).code == "not_graded"
    story.do(GradeOutage(grade=1, reason=text("r"), pack=REF))
    assert story.phase() is OutagePhase.CLASSIFIED
    assert story.refused(SummariseOutage(text=text("x"))).code == "not_verified"
    story.announced()
    assert story.phase() is OutagePhase.HANDLING
    story.do(VerifyOutageOver(text=text("All tills work.")))
    assert story.phase() is OutagePhase.VERIFIED
    assert next_wakeup_systemic(story.issue) is None
    assert story.refused(AnnounceOutage(text=text("x"), over=ALL)).code == "outage_over"
    assert story.refused(VerifyOutageOver(text=text("x"))).code == "outage_over"
    assert story.refused(ResolveSystemic(text=text("x"))).code == "not_summarised"
    story.do(SummariseOutage(text=text("A certificate ran out.")))
    assert story.phase() is OutagePhase.SUMMARISED
    story.do(ResolveSystemic(text=text("It is renewed by itself now.")))
    assert story.refused(GradeOutage(grade=1, reason=text("r"), pack=REF)).code == "resolved"


def test_an_issue_that_is_no_outage_still_needs_managements_plan() -> None:
    story = Story()
    assert story.refused(ResolveSystemic(text=text("x"))).code == "not_planned"
    story.do(PlanSystemic(text=text("x")))
    story.do(ResolveSystemic(text=text("x")))


def test_all_who_heard_of_it_hear_that_it_is_over() -> None:
    story = Story.graded(2)
    story.do(AnnounceOutage(text=text("x"), over=(Channel.WEB, Channel.MAIL, Channel.STORE)))
    story.do(VerifyOutageOver(text=text("All tills work.")))
    said = story.outage.latest
    assert said is not None and said.over
    assert [item.channel for item in said.channels] == [Channel.WEB, Channel.MAIL, Channel.STORE]


def test_a_new_grade_never_moves_later_what_is_due_already() -> None:
    story = Story.graded(1)
    story.do(GradeOutage(grade=3, reason=text("One shop only."), pack=REF), START + timedelta(minutes=10))
    assert (story.outage.grade, story.outage.news_by) == (3, DUE)
    worse = Story.graded(3)
    worse.do(GradeOutage(grade=1, reason=text("All shops."), pack=REF), START + timedelta(hours=1))
    assert worse.outage.news_by == START + timedelta(hours=1, minutes=15)
    assert worse.outage.since == START
    again = worse.refused(GradeOutage(grade=1, reason=text("r"), pack=REF))
    assert again.code == "already_done"


def test_an_outage_that_is_back_is_graded_again_and_announced_anew() -> None:
    story = Story.graded()
    story.announced()
    story.do(VerifyOutageOver(text=text("x")))
    story.do(SummariseOutage(text=text("x")))
    back = story.now + timedelta(hours=3)
    story.do(GradeOutage(grade=1, reason=text("Down again."), pack=REF), back)
    assert (story.outage.phase, story.outage.since) == (OutagePhase.CLASSIFIED, back)
    assert story.outage.news_by == back + timedelta(minutes=15)
    assert story.refused(ResolveSystemic(text=text("x"))).code == "not_summarised"


def test_a_pack_without_rules_for_the_grade_is_refused_in_words() -> None:
    story = Story(pack=PACK)
    refusal = story.refused(GradeOutage(grade=2, reason=text("r"), pack=REF))
    assert refusal.code == "no_such_grade"
    assert "choose a pack that has rules for outages" in refusal.sentence
    some = Story(pack=OUT.model_copy(update={"outages": OUT.outages[:1]}))
    assert "it knows: 1" in some.refused(GradeOutage(grade=2, reason=text("r"), pack=REF)).sentence


@pytest.mark.parametrize("channel", Channel)
def test_a_pack_asks_for_no_channel_that_nobody_hears(channel: Channel) -> None:
    asking = OUT.model_copy(update={"outages": (grade(1, "15 min", None, Channel.WEB, channel),)})
    sentences = [finding.sentence for finding in contradictions(asking)]
    refused = f"no customer hears an announcement over '{channel}'" in sentences
    assert refused is (way_of(channel) is None)


@pytest.mark.parametrize("actor", [ana, iris])
def test_only_those_who_lead_may(actor: Actor) -> None:
    story = Story.graded()
    for body in (
        AnnounceOutage(text=text("x"), over=ALL),
        GradeOutage(grade=2, reason=text("r"), pack=REF),
        VerifyOutageOver(text=text("x")),
        SummariseOutage(text=text("x")),
    ):
        assert story.refused(body, actor=actor).code == "not_allowed"


def test_complaints_named_at_the_opening_are_joined_with_it_once() -> None:
    body = OpenSystemicIssue(
        name=text("x"), description=text("x"), complaints=(ONE, ONE.lower(), reference(2))
    )
    told = open_systemic(SYS, Order(id="o", actor=dora, body=body, at=START))
    assert fold_systemic(told).members == (ONE, reference(2))
    bad = body.model_copy(update={"complaints": (SYS,)})
    with pytest.raises(Refused, match="bad_reference"):
        open_systemic(SYS, Order(id="o", actor=dora, body=bad, at=START))


def test_lists_and_the_watchdog_see_what_is_due() -> None:
    story = Story.graded()
    row = systemic_view(story.issue)
    assert (row.outage_phase, row.outage_grade, row.outage_pack) == ("classified", 1, OUT.digest)
    assert (row.wake_at, row.news_by, row.said_text) == (DUE + INSTANT, DUE, None)
    story.announced()
    row = systemic_view(story.issue)
    assert (row.outage_phase, row.said_text, row.said_at) == ("handling", text("We are on it.").id, START)


def test_a_commit_queues_the_alerts_of_silence() -> None:
    story = Story.graded()
    told = due_systemic(OUT, story.issue, DUE + SECOND, DUE + 5 * SECOND)
    commit = systemic_transition(story.issue, SYS, told)
    assert [message.kind for message in commit.messages] == ["outage_overdue"] * 2
    assert told[0].occurred_at == DUE + INSTANT
    assert told[0].recorded_at == DUE + 5 * SECOND
    assert told[0].actor == SYSTEM
    assert commit.systemic is not None
    assert commit.systemic.wake_at == DUE + timedelta(hours=1) + INSTANT


def test_what_is_graded_years_late_was_silent_once_and_not_once_an_hour() -> None:
    long_ago = START - timedelta(days=5 * 365)
    story = Story(at=long_ago)
    grade = GradeOutage(grade=1, reason=text("It was down all along."), pack=REF)
    story.do(grade, at=START, occurred_at=long_ago)
    assert story.silences() == [long_ago + timedelta(minutes=15)]
    assert story.outage.news_by == START + timedelta(hours=1), "from when it was told of, as ever"


def test_a_word_told_of_years_late_promises_news_from_when_it_was_told_of() -> None:
    long_ago = START - timedelta(days=365)
    story = Story(at=long_ago)
    story.do(GradeOutage(grade=1, reason=text("It was."), pack=REF), at=START, occurred_at=long_ago)
    spoken = AnnounceOutage(text=text("We are on it."), over=ALL)
    story.do(spoken, at=START + SECOND, occurred_at=long_ago + SECOND)
    assert len(story.silences()) <= 3
    assert story.outage.news_by is not None and story.outage.news_by > START


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 40_000), min_size=1, max_size=8),
    st.sampled_from([1, 2]),
)
def test_in_however_many_steps_time_passes_it_comes_to_the_same(steps: list[int], number: int) -> None:
    once, stepwise = Story.graded(number), Story.graded(number)
    end = START + timedelta(seconds=sum(steps))
    once.until(end)
    at = START
    for seconds in steps:
        at += timedelta(seconds=seconds)
        stepwise.until(at)
    assert stepwise.silences() == once.silences()
    assert stepwise.outage == once.outage
    assert all(due < end for due in once.silences())
    wake = next_wakeup_systemic(once.issue)
    assert wake is not None and wake > end
