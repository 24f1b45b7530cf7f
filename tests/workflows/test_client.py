"""The engine as callers see it: nobody waits for ever because Temporal can not be connected to."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client

from complaints.base import Order
from complaints.chapters.ownership import TakeOwnership
from runtime.clock import SYSTEM
from tests.complaints.support import RECEIVED, ana
from tests.support.waiting import PATIENCE
from workflows.client import Engine, EngineAway


async def test_a_caller_is_told_that_it_is_away_though_connecting_never_ends() -> None:
    async def connect() -> Client:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def held_case(reference: str) -> None:
        raise AssertionError(f"nothing is known of {reference}")

    engine = Engine(connect, "queue", SYSTEM, held_case, wait=timedelta(milliseconds=50))
    order = Order(id="take", actor=ana, body=TakeOwnership(), at=RECEIVED)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(EngineAway, match="did not take the order in time"):
            await engine.execute("7K2M-9QF3-XA5C", order)
