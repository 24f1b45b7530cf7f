"""`redress recover`: Temporal's database is gone, and every open complaint comes back with its clocks."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx

from activities.watching.recovery import recover
from complaints.base import Happening
from complaints.chapters.remedies import RemedyState
from complaints.lifecycle import fold
from complaints.timing.occurrences import ClockBreached
from tests.support.house import PAYMENTS_TOKEN, House, house
from tests.support.load import Load, loaded
from tests.support.promises import kept, workflows_agree
from tests.support.waiting import PATIENCE, eventually

LIVE = 100
SPEED = 30
CLOCK = "first_handling"
HALF_AN_HOUR = timedelta(minutes=30)
"""Due half an hour after receipt, a minute here: long enough to lose Temporal's database and to recover before."""
PAYEE = "demo:late:600"
"""The payment service takes it, and settles it when it is told to."""


async def ordered(load: Load, reference: str) -> str:
    """A remedy of this complaint, on its way to the provider; the payment's key."""
    amount = {"minor": 29_900, "currency": "CNY"}
    remedy = {"kind": "refund", "basis": "liability", "note": "The price.", "amount": amount}
    for who, slug, body in (
        ("dora", "assign", {"to": "usr_ana"}),
        ("ana", "propose-remedy", remedy),
        ("dora", "approve-remedy", {"remedy": "R1"}),
        ("ana", "offer-remedy", {"remedy": "R1"}),
        ("ana", "accept-remedy", {"remedy": "R1"}),
        ("ana", "pay-remedy", {"remedy": "R1", "payee": PAYEE}),
    ):
        path = f"/complaints/{reference}/commands/{slug}"
        answered = await load.send(who, path, body, f"{reference}-{slug}")
        assert answered.status == HTTPStatus.OK, answered
        load.commands.append(answered)
    return f"{reference}/R1/pay/1"


async def made(whole: House) -> list[dict[str, str]]:
    """What the provider has on its books."""
    return (await _bank(whole, "GET", "/payments")).json()  # type: ignore[no-any-return]


async def _bank(whole: House, method: str, path: str) -> httpx.Response:
    assert whole.settings.payments_url is not None
    headers = {"Authorization": f"Bearer {PAYMENTS_TOKEN}"}
    async with httpx.AsyncClient(
        base_url=whole.settings.payments_url, headers=headers, timeout=PATIENCE
    ) as bank:
        return (await bank.request(method, path)).raise_for_status()


async def breached(whole: House, reference: str) -> None:
    """Waits for the breach of CLOCK: it comes by itself, and at the moment that the receipt had set."""

    async def breach() -> Happening | None:
        for told in await whole.record.read(reference):
            if isinstance(told.event, ClockBreached) and told.event.clock == CLOCK:
                return told
        return None

    told = await eventually(breach, within=2 * PATIENCE, what=f"the breach of {CLOCK} of {reference}")
    assert told is not None
    due_at = fold(await whole.record.read(reference)).received_at + HALF_AN_HOUR
    assert due_at < told.occurred_at <= due_at + timedelta(seconds=1)


async def test_every_open_complaint_comes_back_with_its_clocks_and_goes_on(reachable_folder: Path) -> None:
    async with house(reachable_folder, speed=SPEED) as whole:
        async with loaded(whole, complaints=LIVE) as load:
            await load.progress(60)
            key = await ordered(load, load.references[0])
            await eventually(lambda: made(whole), what="the provider to have the order")
            fresh = [await load.receive() for _ in range(5)]
        await whole.kill("temporal")
        await asyncio.to_thread(shutil.rmtree, whole.temporal.folder)
        await whole.start("temporal")

        said = await whole.command("recover")
        live = await whole.live()
        assert live >= LIVE
        assert "could not" not in said
        assert " workflows were started again from the record" in said
        await workflows_agree(whole, load.references)
        again = await recover(whole.sql, whole.record, whole.engine)
        assert (again.revived, again.running, again.failed) == (0, live, []), "recovery may be repeated"

        async with httpx.AsyncClient(base_url=whole.url, timeout=PATIENCE) as client:
            later = Load(whole, client, references=load.references, commands=load.commands)
            for number, reference in enumerate(load.references[:20]):
                path = f"/complaints/{reference}/commands/add-note"
                note = {"text": "After the recovery."}
                later.commands.append(await later.send("dora", path, note, f"after-{number}"))
            assert later.faults == []
        settled = {payment["key"]: payment["id"] for payment in await made(whole)}
        assert list(settled) == [key], "ordered once, before and after"
        await _bank(whole, "POST", f"/payments/{settled[key]}/settle")

        async def paid() -> bool:
            case = fold(await whole.record.read(load.references[0]))
            return case.remedies.of("R1").state is RemedyState.PAID

        await eventually(paid, what="the payment in flight to be recorded as settled")
        told = [happening.event.type for happening in await whole.record.read(load.references[0])]
        assert told.count("PaymentOrdered") == 1

        for reference in fresh:
            await breached(whole, reference)
        await kept(whole, later)
