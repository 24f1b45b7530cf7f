"""Every command keeps the standing rules, whichever it is: who may give it, when, and what a refusal says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from complaints.base import Actor, Command, Event, Frozen, Order, Refused, TextRef
from complaints.case import Case
from complaints.chapters.intake import ReceiveComplaint
from complaints.lifecycle import fold, possible, receive
from complaints.phases import Phase, phase
from complaints.systemic.issue import (
    OpenSystemicIssue,
    SystemicIssue,
    decide_systemic,
    open_systemic,
    possible_systemic,
)
from policies.vocabulary import Role
from tests.complaints.making import command_for, later
from tests.complaints.scenes import (
    DECISIONS,
    FACTS,
    OURS,
    OWNERS,
    PEOPLE,
    TO_COMPLAINTS,
    TO_ISSUES,
    Scene,
    a_scene,
    by_name,
    give,
    order,
    refusal,
    scenes,
    scenes_for,
)
from tests.complaints.support import emil, machine
from tests.complaints.telling import told
from tests.support.life_steps import COMING, SYSTEMIC

# Who may --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", OURS.values(), ids=by_name)
def test_a_command_says_what_it_does_and_who_may_give_it(command: type[Command]) -> None:
    assert command.title[:1].isupper()
    assert [it.__name__ for it in OURS.values() if it.title == command.title] == [command.__name__]
    assert command.who
    assert all(isinstance(role, Role) for role in command.who)
    words = " ".join((command.__doc__ or "").split())
    first = re.split(r"(?<=[.!?]) ", words)[0]
    assert first[:1].isupper()
    assert len(first) <= 120, first
    assert words.endswith((".", "?", "!"))
    assert not command.fact or command.when_ended, "a fact can come at any time"


@pytest.mark.parametrize("command", OURS.values(), ids=by_name)
def test_nobody_without_one_of_its_roles_may_give_it(command: type[Command]) -> None:
    scene = a_scene(Phase.INVESTIGATING)
    for role in (*(role for role in Role if role not in command.who), None):
        actor = Actor(id="ana", roles=() if role is None else (role,))
        with pytest.raises(Refused) as refused:
            body = command_for(command, scene.case)
            if command is ReceiveComplaint:
                receive(scene.pack, scene.case.reference, order(scene.case, actor, body))
            elif command is OpenSystemicIssue:
                open_systemic(SYSTEMIC, order(scene.case, actor, body))
            elif command.to_systemic:
                decide_systemic(told().issue, order(scene.case, actor, body), scene.pack)
            else:
                give(scene, actor, body)
        assert refused.value.code == "not_allowed"
        assert all(role.replace("_", " ") in refused.value.sentence for role in command.who)
        assert command.title in refused.value.sentence


@pytest.mark.parametrize("command", OWNERS, ids=by_name)
def test_what_is_the_owners_is_refused_to_others_and_they_are_told_what_to_do(command: type[Command]) -> None:
    roles = tuple(role for role in command.who if role not in (Role.SUPERVISOR, Role.DEPARTMENT_HEAD))
    assert roles, "a command that supervisors alone may give is not the owner's"
    other = Actor(id="stranger", roles=roles)
    owned = a_scene(Phase.INVESTIGATING)
    assert owned.case.ownership.owner == "ana"
    refused = refusal(owned, other, command_for(command, owned.case))
    assert refused is not None
    assert refused.code == "not_the_owner"
    assert "ask for a handover" in refused.sentence
    nobodys = a_scene(Phase.RECEIVED)
    assert nobodys.case.ownership.owner is None
    refused = refusal(nobodys, other, command_for(command, nobodys.case))
    assert refused is not None
    assert refused.code == "not_the_owner"
    assert "take it first" in refused.sentence


@pytest.mark.parametrize("command", [it for it in DECISIONS if not it.recused_may], ids=by_name)
def test_whoever_has_a_conflict_of_interest_is_recused_from_it(command: type[Command]) -> None:
    scene = next(scene for scene in scenes() if scene.case.ownership.conflicted and not scene.case.ended)
    assert scene.case.ownership.conflicted == ("ben",)
    recused = Actor(id="ben", roles=tuple(command.who))
    refused = refusal(scene, recused, command_for(command, scene.case))
    assert refused is not None
    assert refused.code == "conflict_declared"


# When -----------------------------------------------------------------------------------------------


ENDS = (Phase.WITHDRAWN, Phase.MERGED, Phase.DECLINED, Phase.FORWARDED)
OVER = {"ended", "archived", "erased"}


@pytest.mark.parametrize("command", DECISIONS, ids=by_name)
def test_what_is_over_is_moved_on_by_nothing_that_does_not_say_so(command: type[Command]) -> None:
    able = Actor(id="nobody", roles=tuple(Role))
    codes: dict[str, set[str | None]] = {}
    for name, scene in over():
        refused = refusal(scene, able, command_for(command, scene.case))
        codes.setdefault(name, set()).add(refused.code if refused is not None else None)
    assert codes.keys() == {*ENDS, "archived", "erased"}
    for name, heard in codes.items():
        expected = name if name in ("archived", "erased") else "ended"
        if not command.when_ended:
            assert heard == {expected}
        elif name == "erased":
            # Nothing more is written where the texts are gone; what writes nothing may still be done.
            assert None not in heard or TextRef not in leaves(command)
            assert not heard & {"ended", "archived"}
        else:
            assert not heard & OVER


def leaves(annotation: Any) -> set[Any]:
    """The types that the fields of a model are made of."""
    if isinstance(annotation, type) and issubclass(annotation, Frozen) and annotation is not TextRef:
        return {leaf for field in annotation.model_fields.values() for leaf in leaves(field.annotation)}
    arguments = get_args(annotation)
    return {leaf for argument in arguments for leaf in leaves(argument)} if arguments else {annotation}


def over() -> Iterator[tuple[str, Scene]]:
    """Complaints that are over, by how."""
    for scene in scenes():
        case = scene.case
        if case.erased is not None:
            yield "erased", scene
        elif case.ended and case.closure.archived_at is None:
            yield phase(case), scene
        elif case.closure.archived_at is not None and not case.ended:
            yield "archived", scene


@pytest.mark.parametrize("command", FACTS, ids=by_name)
def test_a_fact_is_never_refused_whatever_the_complaint_has_become(command: type[Command]) -> None:
    assert {phase(scene.case) for scene in scenes_for(command)} == set(Phase)
    for scene in scenes_for(command):
        for body in (command_for(command, scene.case), command_for(command)):
            for occurred_at in (None, scene.case.received_at - timedelta(days=9)):
                happenings = give(scene, machine, body, occurred_at=occurred_at)
                after = fold(happenings, scene.case)
                assert Case.model_validate_json(after.model_dump_json()) == after
                assert after.erased == scene.case.erased


@pytest.mark.parametrize("command", DECISIONS, ids=by_name)
def test_nothing_happens_before_the_receipt_or_in_the_future(command: type[Command]) -> None:
    for scene in scenes_for(command):
        body = command_for(command, scene.case)
        able = Actor(id="nobody", roles=tuple(Role))
        before = refusal(scene, able, body, occurred_at=scene.case.received_at - timedelta(microseconds=1))
        assert before is not None
        assert before.code == "before_receipt"
        future = refusal(scene, able, body, occurred_at=later(scene.case) + timedelta(microseconds=1))
        assert future is not None
        assert future.code == "in_the_future"


# What a refusal is ------------------------------------------------------------------------------------


_CODE = re.compile(r"[A-Za-z]_[A-Za-z]")
_REPR = re.compile(r"\bNone\b|\bTrue\b|\bFalse\b|[<>{}\[\]]|\w\(|datetime|Role\.")


def wrong_in(sentence: str) -> list[str]:
    """What a person would stumble over in a refusal."""
    wrong = []
    if not (sentence[:1].isupper() or sentence[:1] == "“"):
        wrong.append("does not begin like a sentence")
    if not sentence.endswith("."):
        wrong.append("does not end like a sentence")
    if _CODE.search(sentence):
        wrong.append("holds a code")
    if _REPR.search(sentence):
        wrong.append("holds what only Python says")
    if any(name in sentence.split() for name in (*Command.REGISTRY, *Event.REGISTRY) if _compound(name)):
        wrong.append("names a class")
    return wrong


def _compound(name: str) -> bool:
    return re.search(r"[a-z][A-Z]", name) is not None


@pytest.mark.parametrize("command", TO_COMPLAINTS, ids=by_name)
def test_a_refusal_changes_nothing_reads_well_and_is_foreseen(command: type[Command]) -> None:
    sentences: set[str] = set()
    for scene in scenes_for(command):
        before = scene.case.model_dump_json()
        bodies = (command_for(command, scene.case), command_for(command))
        for actor in PEOPLE:
            foreseen = possible(scene.pack, scene.case, command, actor, later(scene.case))
            if foreseen is None and not actor.has(*command.who):
                raise AssertionError(f"{actor.id} may not, and is offered it")
            for refused in (refusal(scene, actor, body) for body in bodies):
                if foreseen is not None:
                    assert refused is not None
                    assert (refused.code, refused.sentence) == (foreseen.code, foreseen.sentence)
                if refused is not None:
                    sentences.add(refused.sentence)
        assert scene.case.model_dump_json() == before
    assert {sentence: wrong_in(sentence) for sentence in sentences if wrong_in(sentence)} == {}


# To a systemic issue ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", TO_ISSUES, ids=by_name)
def test_a_refusal_of_an_issue_reads_well_and_is_foreseen(command: type[Command]) -> None:
    sentences: set[str] = set()
    for given in told().to_issues:
        issue = given.issue
        if issue is None:
            continue
        before = issue.model_dump_json()
        body = command_for(command)
        for actor in PEOPLE:
            foreseen = possible_systemic(issue, command, actor, given.at)
            heard = _refusal_of_issue(issue, _to_issue(actor, body, given.at))
            if foreseen is not None:
                assert heard is not None
                assert (heard.code, heard.sentence) == (foreseen.code, foreseen.sentence)
            if heard is not None:
                sentences.add(heard.sentence)
        assert issue.model_dump_json() == before
    assert {sentence: wrong_in(sentence) for sentence in sentences if wrong_in(sentence)} == {}


@pytest.mark.parametrize("command", TO_ISSUES, ids=by_name)
def test_an_issue_takes_nothing_before_it_was_opened_in_the_future_or_once_it_is_resolved(
    command: type[Command],
) -> None:
    issue, body = told().issue, command_for(command)
    at = told().to_issues[-1].at + timedelta(minutes=1)
    opened = told().to_issues[0].at
    early = issue.changed(resolved_at=None)
    for state, fields, code in (
        (early, {"occurred_at": opened - timedelta(microseconds=1)}, "before_start"),
        (early, {"occurred_at": at + timedelta(microseconds=1)}, "in_the_future"),
        (issue, {}, "resolved"),
    ):
        refused = _refusal_of_issue(state, _to_issue(emil, body, at).model_copy(update=fields))
        assert refused is not None
        assert refused.code == code


def _to_issue(actor: Actor, body: Command, at: datetime) -> Order:
    return Order(id="c1", actor=actor, body=body, at=at)


def _refusal_of_issue(issue: SystemicIssue, given: Order) -> Refused | None:
    pack = COMING["crm-service"] if issue.outage is None else COMING[issue.outage.pack.name]
    try:
        decide_systemic(issue, given, pack)
    except Refused as refused:
        return refused
    return None
