"""Chat through Apprise against a real receiver: what arrives, what is refused, and no address in any log line."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.channels.chat import SERVICES, Chat, apprise_loaded, is_chat_address
from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused
from ledger.webhooks import Endpoints
from runtime.ports import free_port
from tests.activities.delivery.channels.conftest import MASTER_KEY
from tests.activities.delivery.channels.receiving import Receiver, receiving


@pytest.fixture
async def endpoints(engine: AsyncEngine) -> Endpoints:
    return Endpoints(engine, MASTER_KEY)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def test_a_message_arrives_at_a_host_that_is_allowed(
    engine: AsyncEngine, endpoints: Endpoints, receiver: Receiver
) -> None:
    chat = Chat(engine)
    address = f"json://user:secret@127.0.0.1:{receiver.port}/room"
    with pytest.raises(ChannelRefused, match="chat_not_https"):
        await chat.send(address, "Subject", "Body")
    assert receiver.connections == 0
    await endpoints.allow("127.0.0.1", "usr_root")
    await chat.send(address, "7K2M-9QF3-XA5C is overdue", "Open it: http://redress.test/desk")
    (came,) = receiver.got
    assert came.path == "/room"
    said = json.loads(came.body)
    assert said["title"] == "7K2M-9QF3-XA5C is overdue"
    assert "http://redress.test/desk" in said["message"]
    assert said["attachments"] == []


@pytest.mark.parametrize("scheme", ["jsons", "gotifys", "mmosts", "rockets", "ntfys"])
async def test_a_private_host_is_refused_for_every_service_that_takes_one(
    engine: AsyncEngine, receiver: Receiver, scheme: str
) -> None:
    where = {
        "jsons": f"127.0.0.1:{receiver.port}", "gotifys": f"127.0.0.1:{receiver.port}/AbCdEfGhIjKlMnO",
        "mmosts": f"127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4",
        "rockets": f"web/hook@127.0.0.1:{receiver.port}/#room", "ntfys": f"127.0.0.1:{receiver.port}/topic",
    }[scheme]  # fmt: skip
    with pytest.raises(ChannelRefused) as refused:
        await Chat(engine).send(f"{scheme}://{where}", "Subject", "Body")
    assert refused.value.status in ("private_address", "chat_address_not_valid")
    assert scheme == "rockets" or refused.value.status == "private_address"
    assert receiver.connections == 0


async def test_a_name_that_answers_otherwise_the_second_time_gains_nothing(
    engine: AsyncEngine, receiver: Receiver
) -> None:
    asked: list[str] = []

    def turning(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with pytest.raises(ChannelRefused, match="private_address"):
        await Chat(engine, resolver=turning).send(
            f"jsons://rebind.example:{receiver.port}/", "Subject", "Body"
        )
    assert asked
    assert receiver.connections == 0


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_what_a_service_does_not_take_is_tried_again_and_no_redirect_is_followed(
    engine: AsyncEngine, endpoints: Endpoints, receiver: Receiver, status: int
) -> None:
    await endpoints.allow("127.0.0.1", "usr_root")
    async with receiving() as elsewhere:
        receiver.status = status
        receiver.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        with pytest.raises(ChannelDeferred, match="chat_not_taken"):
            await Chat(engine).send(f"json://127.0.0.1:{receiver.port}/?redirect=yes", "Subject", "Body")
        assert elsewhere.got == []
    with pytest.raises(ChannelDeferred, match="chat_not_taken"):
        await Chat(engine).send(f"json://127.0.0.1:{free_port()}/", "Subject", "Body")


@pytest.mark.parametrize(
    "address",
    ["", "hello", "http://example.org/", "mailto://me@example.org", "syslog://", "macosx://", "file:///etc/passwd",
     "dbus://", "slack://", "slack://a/b/c?template=/etc/passwd", "slack://[", "mqtt://10.0.0.1/topic"],
)  # fmt: skip
async def test_what_is_no_address_of_a_chat_service_is_refused(engine: AsyncEngine, address: str) -> None:
    assert not is_chat_address(address)
    with pytest.raises(ChannelRefused, match="chat_address_not_valid"):
        await Chat(engine).send(address, "Subject", "Body")


async def test_an_address_that_its_service_can_not_read_is_refused(engine: AsyncEngine) -> None:
    assert is_chat_address("slack://nonsense")
    with pytest.raises(ChannelRefused, match="chat_address_not_valid"):
        await Chat(engine).send("slack://nonsense", "Subject", "Body")


async def test_no_log_line_holds_an_address(
    engine: AsyncEngine, endpoints: Endpoints, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    await endpoints.allow("127.0.0.1", "usr_root")
    receiver.status = 500
    with caplog.at_level(logging.DEBUG):
        for address in (f"json://user:hushhush@127.0.0.1:{receiver.port}/hushhush", "slack://hushhush"):
            with pytest.raises(ChannelRefused):
                await Chat(engine).send(address, "Subject hushhush", "Body hushhush")
    assert receiver.got
    assert "hushhush" not in caplog.text


def test_every_service_that_is_taken_goes_by_the_guarded_way() -> None:
    apprise_loaded()
    manager: Any = sys.modules["apprise.manager_plugins"]
    services = manager.NotificationManager()
    for scheme in sorted(SERVICES):
        module = sys.modules[services[scheme].__module__]
        assert hasattr(module, "requests"), scheme
        assert not hasattr(module, "socket"), scheme
