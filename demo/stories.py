"""The demo's stories: complaints at every stage of their life, told as a client of the API would tell them.

Each step has an idempotency key of its own, so that telling them again adds nothing, and telling them
after an interruption goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

Fields = Mapping[str, Any]


@dataclass
class Teller:
    """Gives commands over HTTP as the demo's people. `tokens` by login; `now` is the service's own time."""

    client: httpx.AsyncClient
    tokens: Mapping[str, str]
    now: datetime
    untold: list[str] = field(default_factory=list)

    async def receives(self, story: str, *, ago: timedelta, **complaint: Any) -> str:
        """A complaint comes in, truly received `ago` before now; its reference."""
        body = {"pack": "retail-2025", "received_at": (self.now - ago).isoformat(), **complaint}
        answer = await self._post("iris", "/complaints", f"demo/{story}/receive", body)
        reference: str = answer.json()["reference"]
        return reference

    async def does(self, story: str, login: str, reference: str, command: str, **fields: Any) -> None:
        """One command; a refusal (somebody went on with the story meanwhile) is noted and passed over."""
        path = f"/complaints/{reference}/commands/{command}"
        step = f"demo/{story}/{command}/{fields.pop('step', 1)}"
        try:
            await self._post(login, path, step, fields)
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code >= 500:
                raise
            self.untold.append(f"{story}: {command}: {refused.response.json().get('detail')}")

    async def _post(self, login: str, path: str, key: str, body: Fields) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[login]}", "Idempotency-Key": key}
        answer = await self.client.post(path, json=body, headers=headers)
        return answer.raise_for_status()


Story = Callable[[Teller], Awaitable[None]]


def customer(name: str, address: str, language: str = "en", channel: str = "mail") -> Fields:
    return {"role": "customer", "name": name, "address": address, "language": language, "channel": channel}


async def kettle(tell: Teller) -> None:
    """A whole life: from receipt to a refund, a final response, a confirmed outcome and its post-mortem."""
    story = "kettle"
    ref = await tell.receives(
        story,
        ago=timedelta(minutes=14),
        channel="mail",
        subject="電熱水壺使用一天後損壞",
        narrative="我上週六購買的電熱水壺，第二天就不能加熱。店員說不能退貨。請退款並說明原因。",
        parties=[customer("王小明", "xiaoming@customer.example", "zh")],
    )

    async def does(login: str, command: str, **fields: Any) -> None:
        await tell.does(story, login, ref, command, **fields)

    await does("iris", "acknowledge", text="已收到您的投訴，專員會在今日聯絡您。")
    await does("iris", "triage", kind="complaint", severity="regular", tier="standard")
    await does("ana", "take-ownership")
    await does("ana", "add-issue", text="水壺第二天即損壞，店員拒絕退貨。")
    await does(
        "ana", "record-contact", way="phone", content="詢問購買日期及損壞情況。",
        reaction="客戶情緒平穩，希望退款。", outcome="客戶會寄回發票照片。",
    )  # fmt: skip
    await does("ana", "record-finding", issue="I1", text="同一批次有三宗相同故障，溫控器不合格。")
    await does("ana", "complete-preliminary-investigation", summary="產品批次缺陷；店員不了解退貨政策。")
    await does("ana", "propose-plan", text="全額退款，並通知門市停售該批次。")
    await does(
        "ana", "decide-issue", issue="I1", outcome="upheld", cause="process_defect",
        reasons="商品在保修期內損壞，門市應予退款。",
    )  # fmt: skip
    await does(
        "ana", "propose-remedy", kind="refund", basis="liability",
        amount={"minor": 29900, "currency": "CNY"}, note="全額退款。",
    )  # fmt: skip
    await does("dora", "approve-remedy", remedy="R1")
    await does("ana", "offer-remedy", remedy="R1")
    await does("ana", "accept-remedy", remedy="R1", note="客戶電話中同意。")
    await does("ana", "pay-remedy", remedy="R1", payee="6222 0000 0000 0000")
    await does(
        "ana", "draft-response", text="經調查，您的水壺屬於不合格批次。我們已全額退款，並向您致歉。",
        next_step="如退款三日內未到帳，請與我們聯絡。", outstanding="門市培訓將於本月完成。", remedy_dates=True,
    )  # fmt: skip
    await does("cleo", "approve-response", draft="D1")
    await does("ana", "send-response")


async def parcel(tell: Teller) -> None:
    """Under investigation; a department has been asked and the handover is on offer."""
    story = "parcel"
    ref = await tell.receives(
        story,
        ago=timedelta(hours=3),
        channel="phone",
        subject="Parcel left in the rain",
        narrative="The driver left the parcel by the gate. The books inside are ruined.",
        parties=[customer("Rosa Lind", "rosa@customer.example")],
    )
    await tell.does(story, "iris", ref, "acknowledge")
    await tell.does(story, "iris", ref, "triage", kind="complaint", severity="complex", tier="premium")
    await tell.does(story, "ben", ref, "take-ownership")
    await tell.does(story, "ben", ref, "add-issue", text="Delivered without shelter, against instructions.")
    await tell.does(
        story, "ben", ref, "ask-department", department="logistics", question="Who delivered on Tuesday?"
    )
    await tell.does(story, "ben", ref, "offer-handover", to="usr_ana", reason="Ana knows this carrier.")


async def invoice(tell: Teller) -> None:
    """A response waits for a second pair of eyes."""
    story = "invoice"
    ref = await tell.receives(
        story,
        ago=timedelta(hours=20),
        channel="web",
        subject="Charged twice",
        narrative="My card was charged twice for order 5531.",
        parties=[customer("Tom Ferris", "tom@customer.example")],
    )
    await tell.does(story, "iris", ref, "acknowledge")
    await tell.does(story, "iris", ref, "triage", kind="complaint", severity="regular", tier="standard")
    await tell.does(story, "ana", ref, "take-ownership")
    await tell.does(story, "ana", ref, "add-issue", text="One order, two charges.")
    await tell.does(story, "ana", ref, "record-finding", issue="I1", text="The second charge was a retry.")
    await tell.does(
        story, "ana", ref, "decide-issue", issue="I1", outcome="upheld", cause="system_failure",
        reasons="The terminal timed out and charged again.",
    )  # fmt: skip
    await tell.does(
        story, "ana", ref, "draft-response", text="You were charged twice by our fault; the second charge is void.",
        next_step="The money is on your card within three days.",
    )  # fmt: skip


async def waiting(tell: Teller) -> None:
    """Stands still while we wait for the customer, who was asked something."""
    story = "waiting"
    ref = await tell.receives(
        story,
        ago=timedelta(hours=6),
        channel="chat",
        subject="退款未到帳",
        narrative="退款已經兩週，仍未到帳。",
        parties=[customer("李靜", "lijing@customer.example", "zh")],
    )
    await tell.does(story, "iris", ref, "acknowledge")
    await tell.does(story, "mei", ref, "take-ownership")
    await tell.does(story, "mei", ref, "ask-customer", text="請提供銀行卡後四位，以便我們查詢。")


async def newcomers(tell: Teller) -> None:
    """One that has just come in, one that nobody has looked at for hours, one that left no name."""
    await tell.receives(
        "fresh", ago=timedelta(minutes=2), channel="web", subject="Rude at the counter",
        narrative="I was told to come back when I could speak properly.",
        parties=[customer("Jo Abara", "jo@customer.example")],
    )  # fmt: skip
    await tell.receives(
        "forgotten", ago=timedelta(hours=5), channel="mail", subject="No answer since Monday",
        narrative="I wrote on Monday about the broken lift and have heard nothing.",
        parties=[customer("Pat Quinn", "pat@customer.example")],
    )  # fmt: skip
    await tell.receives(
        "anonymous", ago=timedelta(minutes=10), channel="web", subject="Smell in the cold store",
        narrative="The cold store in the basement has smelt for a week.",
    )  # fmt: skip


async def payment(tell: Teller) -> None:
    """Under a British regulator's rules: a payment service, and more time asked for that waits to be granted."""
    story = "payment"
    ref = await tell.receives(
        story,
        ago=timedelta(days=9),
        pack="uk-fca-disp",
        channel="mail",
        subject="A transfer that never arrived",
        narrative="I sent 240 pounds to my landlord on the 3rd. He has nothing, and the app says done.",
        problem_type="payment_services",
        parties=[customer("Nia Hughes", "nia@customer.example")],
    )
    await tell.does(story, "iris", ref, "acknowledge")
    await tell.does(
        story, "iris", ref, "triage", kind="complaint", severity="regular", tier="standard",
        problem_type="payment_services",
    )  # fmt: skip
    await tell.does(story, "ana", ref, "take-ownership")
    await tell.does(story, "ana", ref, "add-issue", text="The transfer was debited and not credited.")
    await tell.does(
        story, "ana", ref, "ask-extension", clock="payment_services_response",
        reason="The receiving bank has ten days to trace the transfer, and has used four.",
    )  # fmt: skip


async def own_process(tell: Teller) -> None:
    """About how we ourselves work: moved up to senior staff, and an internal review waits for a reviewer."""
    story = "own-process"
    ref = await tell.receives(
        story,
        ago=timedelta(hours=2),
        pack="service-centre",
        channel="phone",
        severity="complex",
        subject="三次來電均被掛斷",
        narrative="我三次致電，每次轉接後都被掛斷，還要我重新說明問題。",
        problem_type="own_process",
        parties=[customer("趙雲", "zhaoyun@customer.example", "zh")],
    )
    await tell.does(story, "iris", ref, "acknowledge")
    await tell.does(
        story, "iris", ref, "triage", kind="complaint", severity="complex", tier="standard",
        problem_type="own_process",
    )  # fmt: skip
    await tell.does(story, "dora", ref, "take-ownership")


async def batch(tell: Teller) -> None:
    """One batch of ingredients, three shops: triaged, told to its department and given out by the service."""
    for number, (site, words) in enumerate(
        (
            ("north-0117", "The sauce smelt off."),
            ("north-0204", "The same sauce made my daughter ill."),
            ("west-0031", "The sauce had turned."),
        ),
        start=1,
    ):
        story = f"batch-{number}"
        ref = await tell.receives(
            story,
            ago=timedelta(minutes=90 - 20 * number),
            pack="service-standards",
            channel="store",
            site=site,
            subject="Sauce that had gone off",
            narrative=words,
            problem_type="product_quality",
            parties=[customer(f"Guest {number}", f"guest{number}@customer.example")],
        )
        await tell.does(
            story, "iris", ref, "triage", kind="complaint", severity="regular", tier="standard",
            problem_type="product_quality",
        )  # fmt: skip


async def on_call(tell: Teller) -> None:
    """Under the on-call example: one whose early call is still to come, one whose call was seen and then forgotten.

    And one of a premium customer, for whom another ladder is climbed. Nobody does anything about any of them.
    """

    async def comes_in(story: str, who: str, subject: str, narrative: str, **classes: Any) -> str:
        name = who.partition(" ")[0].lower()
        return await tell.receives(
            story, pack="on-call-example", channel="web", subject=subject, narrative=narrative,
            parties=[customer(who, f"{name}@customer.example")], **classes,
        )  # fmt: skip

    ref = await comes_in(
        "call-seen", "Ravi Menon", "Wrong size, again", "This is the third pair that does not fit the label.",
        ago=timedelta(minutes=9, seconds=30),
    )  # fmt: skip
    await tell.does("call-seen", "ana", ref, "take-ownership")
    # Forty per cent of its quarter of an hour before due, whoever is on duty was called: that was half a minute ago.
    await tell.does("call-seen", "ana", ref, "acknowledge-alert", clock="response")
    ref = await comes_in(
        "call-early", "Ines Duarte", "Till closed at noon", "Nobody was at the till for twenty minutes.",
        ago=timedelta(minutes=1),
    )  # fmt: skip
    await tell.does("call-early", "ben", ref, "take-ownership")
    ref = await comes_in(
        "call-premium", "Hana Sato", "Concierge never called", "I was promised a call on Friday.",
        ago=timedelta(minutes=1), tier="premium",
    )  # fmt: skip
    await tell.does("call-premium", "iris", ref, "acknowledge")
    await tell.does("call-premium", "ben", ref, "take-ownership")


STORIES: tuple[Story, ...] = (
    kettle,
    parcel,
    invoice,
    waiting,
    newcomers,
    payment,
    own_process,
    batch,
)
WATCHED: tuple[Story, ...] = (on_call,)
"""Told last, from a moment of their own: whoever has started the demo sees what time makes of them."""
