"""Targets: one that fails is left alone and tried again now and then; one that is slow takes no more than its share."""

import asyncio

import pytest

from activities.delivery.gates import Gates, TargetShut
from activities.delivery.mail import MailAway, MailBounced, MailDeferred
from activities.delivery.targets import Circuit, Limits, Rate, Target

LIMITS = Limits(at_once=2, failures=3, pause=10, longest_pause=40, patience=0.05)


def tried(target: Target, now: float, *, answered: bool | None) -> None:
    target.begin(now)
    target.end(now, answered=answered)


def test_a_target_that_fails_so_often_in_a_row_is_left_alone_for_a_while() -> None:
    target = Target(LIMITS)
    for answered in (False, False, True, False, False):
        assert target.ask(0) == 0
        tried(target, 0, answered=answered)
    assert target.circuit is Circuit.CLOSED, "an answer in between begins the count anew"
    tried(target, 0, answered=None)
    assert target.circuit is Circuit.CLOSED, "our own server's trouble is not the target's"
    tried(target, 0, answered=False)
    assert (target.circuit, target.ask(4)) == (Circuit.OPEN, 6)


def test_after_its_pause_one_try_decides_and_pauses_grow() -> None:
    target = Target(LIMITS)
    for _ in range(3):
        tried(target, 0, answered=False)
    now = 10.0
    for pause in (20, 40, 40):
        assert target.ask(now) == 0
        target.begin(now)
        assert target.ask(now) > 0, "one at a time"
        target.end(now, answered=False)
        assert target.ask(now) == pause
        now += pause
    assert target.ask(now) == 0
    tried(target, now, answered=True)
    assert (target.circuit, target.ask(now), target.idle) == (Circuit.CLOSED, 0, True)


def test_a_rate_allows_a_burst_and_then_so_many_a_second() -> None:
    target = Target(LIMITS, Rate(per_second=2, burst=3))
    for _ in range(3):
        assert target.ask(0) == 0
        tried(target, 0, answered=True)
    assert target.ask(0) == 0.5
    assert target.ask(0.5) == 0
    tried(target, 0.5, answered=True)
    assert target.ask(0.5) == 0.5
    assert target.ask(60) == 0


async def test_who_finds_no_place_at_a_hanging_target_is_turned_away_and_others_pass() -> None:
    gates = Gates(LIMITS)
    held = asyncio.Event()

    begun = asyncio.Barrier(3)

    async def hang() -> None:
        async with gates.through("mail:hangs"):
            await begun.wait()
            await held.wait()

    hanging = [asyncio.create_task(hang()) for _ in range(2)]
    await begun.wait()
    with pytest.raises(TargetShut, match="target busy"):
        async with gates.through("mail:hangs"):
            pytest.fail("there was no place")
    async with gates.through("mail:good"):
        pass
    held.set()
    await asyncio.gather(*hanging)
    async with gates.through("mail:hangs"):
        pass


async def test_who_waits_gets_the_place_of_who_leaves() -> None:
    gates = Gates(Limits(at_once=1, patience=30))
    began, goes_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def first() -> None:
        async with gates.through("mail:slow"):
            began.set()
            await goes_on.wait()
            done.append("first")

    async def second() -> None:
        await began.wait()
        goes_on.set()
        async with gates.through("mail:slow"):
            done.append("second")

    await asyncio.gather(first(), second())
    assert done == ["first", "second"]


@pytest.mark.parametrize(
    ("error", "circuit"),
    [
        (MailBounced("550 5.1.1"), Circuit.CLOSED),
        (MailDeferred("451 4.7.1"), Circuit.CLOSED),
        (MailDeferred("421 4.3.2"), Circuit.OPEN),
        (MailDeferred("SMTPReadTimeoutError"), Circuit.OPEN),
        (MailAway("ConnectionRefusedError"), Circuit.CLOSED),
    ],
)
async def test_an_answer_is_no_failure_whatever_it_says(error: Exception, circuit: Circuit) -> None:
    gates = Gates(LIMITS)
    for _ in range(3):
        with pytest.raises(type(error)):
            async with gates.through("mail:example.org"):
                raise error
    assert gates.circuits() == {("mail", circuit): 1}


async def test_while_its_circuit_is_open_nothing_reaches_a_target() -> None:
    gates = Gates(LIMITS)
    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            async with gates.through("webhook:w1"):
                raise ConnectionResetError
    with pytest.raises(TargetShut, match="circuit open") as shut:
        async with gates.through("webhook:w1"):
            pytest.fail("it was let in")
    assert shut.value.failing
    assert 0 < shut.value.after < 18
