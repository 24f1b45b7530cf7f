"""Webhooks against real receivers: signed, to the very address that was checked, and each answer as it is meant."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.channels import webhooks as module
from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused
from activities.delivery.channels.signing import verify
from activities.delivery.channels.webhooks import Webhooks
from ledger.webhooks import Endpoints
from runtime.clock import Clock
from runtime.ports import free_port
from tests.activities.delivery.channels.conftest import MASTER_KEY, NAME
from tests.activities.delivery.channels.receiving import Receiver, receiving

KEY = "7K2M-9QF3-XA5C/answer/1/0/0/owner/webhook"
BODY = {"reference": "7K2M-9QF3-XA5C", "kind": "alert_breach", "clock": "answer", "rung": 0, "repeat": 0}


@pytest.fixture
async def endpoints(engine: AsyncEngine) -> Endpoints:
    made = Endpoints(engine, MASTER_KEY)
    await made.allow("127.0.0.1", "usr_root")
    return made


@pytest.fixture
async def webhooks(engine: AsyncEngine) -> AsyncIterator[Webhooks]:
    made = Webhooks(engine, MASTER_KEY)
    yield made
    await made.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
def office(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver
) -> tuple[Endpoints, Webhooks, Receiver]:
    return endpoints, webhooks, receiver


async def entered(
    endpoints: Endpoints, receiver: Receiver, *kinds: str, path: str = "/alerts?a=b"
) -> tuple[str, str]:
    """An endpoint at the receiver, and its secret."""
    url = f"http://127.0.0.1:{receiver.port}{path}"
    made = await endpoints.add(url=url, title="Pager", kinds=kinds, by="usr_root")
    return made.endpoint.id, made.secret


def signed_with(secret: str, receiver: Receiver) -> bool:
    """Whether the last delivery was signed with this secret."""
    came = receiver.got[-1]
    now = Clock().now().timestamp()
    headers = came.headers
    return verify(secret, headers["redress-signature"], headers["redress-timestamp"], came.body, now)


async def test_a_delivery_is_signed_and_says_what_it_is_about(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver
) -> None:
    endpoint, secret = await entered(endpoints, receiver)
    await webhooks.send(endpoint, KEY, BODY)
    (came,) = receiver.got
    assert came.path == "/alerts?a=b"
    assert came.headers["redress-delivery"] == KEY
    assert came.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert json.loads(came.body) == {**BODY, "delivery": KEY}
    assert signed_with(secret, receiver)
    assert not signed_with(secret + "x", receiver)
    shown = await endpoints.one(endpoint)
    assert shown is not None
    assert (shown.last_status, shown.failing_since) == ("200", None)


async def test_while_a_secret_is_changed_both_fit_and_then_only_the_new_one(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver
) -> None:
    endpoint, old = await entered(endpoints, receiver)
    new = await endpoints.rotate(endpoint, "usr_root")
    assert new is not None
    await webhooks.send(endpoint, KEY, BODY)
    assert (signed_with(old, receiver), signed_with(new, receiver)) == (True, True)
    assert await endpoints.retire(endpoint, "usr_root")
    await webhooks.send(endpoint, KEY, BODY)
    assert (signed_with(old, receiver), signed_with(new, receiver)) == (False, True)


@pytest.mark.parametrize(
    ("status", "said", "again"),
    [(500, "500", True), (503, "503 retry-after 120", True), (429, "429 retry-after 120", True), (400, "400", False),
     (404, "404", False), (302, "302", False), (304, "304", False)],
)  # fmt: skip
async def test_what_is_answered_decides_what_becomes_of_it(
    office: tuple[Endpoints, Webhooks, Receiver], status: int, said: str, again: bool
) -> None:
    endpoints, webhooks, receiver = office
    async with receiving() as elsewhere:
        endpoint, _ = await entered(endpoints, receiver)
        receiver.status = status
        receiver.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        if "retry" in said:
            receiver.headers = {"Retry-After": "120"}
        with pytest.raises(ChannelRefused) as failed:
            await webhooks.send(endpoint, KEY, BODY)
        assert isinstance(failed.value, ChannelDeferred) is again
        assert failed.value.status == said
        assert elsewhere.got == [], "no redirect is followed"
    shown = await endpoints.one(endpoint)
    assert shown is not None
    assert shown.active
    assert shown.last_status == said
    assert shown.failing_since is not None
    receiver.status, receiver.headers = 204, {}
    await webhooks.send(endpoint, KEY, BODY)
    mended = await endpoints.one(endpoint)
    assert mended is not None
    assert mended.failing_since is None


async def test_an_endpoint_that_is_gone_is_switched_off_and_told_nothing_more(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver
) -> None:
    endpoint, _ = await entered(endpoints, receiver)
    receiver.status = 410
    with pytest.raises(ChannelRefused, match="410"):
        await webhooks.send(endpoint, KEY, BODY)
    assert await webhooks.endpoints("alert_breach") == ()
    with pytest.raises(ChannelRefused, match="switched_off"):
        await webhooks.send(endpoint, KEY, BODY)
    assert len(receiver.got) == 1
    last = (await endpoints.changes())[0]
    assert (last.subject, last.by_whom) == (endpoint, "service")


async def test_one_that_falls_silent_is_tried_again_later(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ANSWERS_WITHIN", 0.3)
    endpoint, _ = await entered(endpoints, receiver)
    receiver.silent = True
    with pytest.raises(ChannelDeferred, match="timed_out"):
        await webhooks.send(endpoint, KEY, BODY)


async def test_an_answer_without_end_is_not_read(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver
) -> None:
    endpoint, _ = await entered(endpoints, receiver)
    receiver.endless = True
    await webhooks.send(endpoint, KEY, BODY)


async def test_nobody_there_is_tried_again_and_nothing_of_the_address_is_said(
    endpoints: Endpoints, webhooks: Webhooks
) -> None:
    endpoint, _ = await entered(endpoints, Receiver(port=free_port()))
    with pytest.raises(ChannelDeferred) as failed:
        await webhooks.send(endpoint, KEY, BODY)
    assert failed.value.status == "not_reached"


async def test_a_private_address_is_not_called_unless_that_host_is_allowed(
    endpoints: Endpoints, engine: AsyncEngine, receiver: Receiver
) -> None:
    made = await endpoints.add(
        url=f"http://inside.example:{receiver.port}/", title="Inside", kinds=(), by="usr_root"
    )
    secure = await endpoints.add(
        url=f"https://inside.example:{receiver.port}/", title="Secure", kinds=(), by="usr_root"
    )
    webhooks = Webhooks(engine, MASTER_KEY, resolver=lambda host, port: ["127.0.0.1"])
    with pytest.raises(ChannelRefused, match="not_https"):
        await webhooks.send(made.endpoint.id, KEY, BODY)
    with pytest.raises(ChannelRefused, match="private_address"):
        await webhooks.send(secure.endpoint.id, KEY, BODY)
    assert receiver.connections == 0, "not even a connection was made"
    await endpoints.allow("inside.example", "usr_root")
    await webhooks.send(made.endpoint.id, KEY, BODY)
    assert receiver.got[-1].headers["host"] == f"inside.example:{receiver.port}"
    await webhooks.close()


async def test_the_name_is_asked_for_once_and_stays_in_the_handshake(
    endpoints: Endpoints, engine: AsyncEngine, certified: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    shows, trusts = certified
    await endpoints.allow(NAME, "usr_root")
    asked: list[str] = []

    def once(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    async with receiving(shows) as receiver:
        made = await endpoints.add(
            url=f"https://{NAME}:{receiver.port}/", title="TLS", kinds=(), by="usr_root"
        )
        webhooks = Webhooks(engine, MASTER_KEY, resolver=once, trust=trusts)
        await webhooks.send(made.endpoint.id, KEY, BODY)
        await webhooks.close()
        assert asked == [NAME]
        assert receiver.got[0].headers["host"] == f"{NAME}:{receiver.port}"

        other = await endpoints.add(
            url=f"https://other.example:{receiver.port}/", title="Other", kinds=(), by="usr_root"
        )
        await endpoints.allow("other.example", "usr_root")
        wrong = Webhooks(engine, MASTER_KEY, resolver=lambda host, port: ["127.0.0.1"], trust=trusts)
        with pytest.raises(ChannelDeferred, match="not_reached"):
            await wrong.send(other.endpoint.id, KEY, BODY)
        await wrong.close()
        assert len(receiver.got) == 1, "a certificate for another name is none"


async def test_where_one_address_does_not_answer_the_next_is_tried(
    endpoints: Endpoints, engine: AsyncEngine, receiver: Receiver
) -> None:
    endpoint, _ = await entered(endpoints, receiver)
    webhooks = Webhooks(engine, MASTER_KEY, resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    await webhooks.send(endpoint, KEY, BODY)
    assert len(receiver.got) == 1
    await webhooks.close()


async def test_only_what_was_subscribed_to_is_heard(endpoints: Endpoints, webhooks: Webhooks) -> None:
    everything, _ = await entered(endpoints, Receiver(port=1))
    breaches, _ = await entered(endpoints, Receiver(port=2), "alert_breach")
    off, _ = await entered(endpoints, Receiver(port=3))
    shown = await endpoints.one(off)
    assert shown is not None
    await endpoints.change(off, url=shown.url, title="Off", kinds=(), active=False, by="usr_root")
    assert set(await webhooks.endpoints("alert_breach")) == {everything, breaches}
    assert await webhooks.endpoints("alert_warning") == (everything,)


async def test_the_database_gives_no_secret_away_and_the_history_stays(
    endpoints: Endpoints, engine: AsyncEngine, receiver: Receiver
) -> None:
    endpoint, secret = await entered(endpoints, receiver)
    async with engine.connect() as conn:
        row = (await conn.execute(text("SELECT secret, older_secret FROM webhook_endpoints"))).one()
        assert secret.encode() not in row.secret
    target = await endpoints.target(endpoint)
    assert target is not None
    assert target.secrets == (secret,)
    assert secret not in str(await endpoints.all())
    async with engine.connect() as conn:
        with pytest.raises(Exception, match="23001"):  # restrict_violation
            await conn.execute(text("DELETE FROM webhook_changes"))


async def test_try_it_out_posts_a_ping_also_where_it_is_switched_off(
    endpoints: Endpoints, webhooks: Webhooks, receiver: Receiver
) -> None:
    endpoint, secret = await entered(endpoints, receiver)
    assert await webhooks.ping(endpoint, "ping/1") == "200"
    assert json.loads(receiver.got[0].body) == {"kind": "ping", "delivery": "ping/1"}
    assert signed_with(secret, receiver)
    with pytest.raises(ChannelRefused, match="no_such_endpoint"):
        await webhooks.ping("whk_none", "ping/2")
