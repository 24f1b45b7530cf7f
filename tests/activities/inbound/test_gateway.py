"""The gateway: what is answered for is on disk, once, sealed; what is not can be sent again."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from ledger import inbound
from ledger.inbound import State
from runtime.ports import free_port
from runtime.settings import Settings
from scheduler import compose
from tests.activities.inbound.conftest import MailRoom
from tests.activities.inbound.lmtp import announced, hand_on, real, written
from tests.support.waiting import PATIENCE


async def test_every_recipient_is_answered_for_and_the_mail_is_kept_once_and_sealed(room: MailRoom) -> None:
    raw = written("The kettle leaks.", message_id="<once@example.org>")
    two = ("complaints@redress.example", "help@redress.example")
    assert await hand_on(room.port, raw, recipients=two) == [250, 250]
    again = b"Received: from another way\r\n" + raw
    assert await hand_on(room.port, again) == [250]
    (kept,) = await room.all()
    assert kept.state is State.RECEIVED
    async with room.office.sql.connect() as conn:
        whole = (await conn.execute(text("SELECT inbound::text FROM inbound"))).scalar_one()
        opened = await room.mail.placer._mails.open(conn, kept.id)
    assert "kettle" not in bytes.fromhex(whole.split("\\x")[2].split('"')[0]).decode("latin-1")
    assert "wei@" not in whole
    assert opened.startswith(
        b"Return-Path: <wei@example.org>\r\nDelivered-To: complaints@redress.example\r\n"
    )
    assert opened.endswith(raw)


async def test_another_mail_under_the_same_message_id_is_not_lost(room: MailRoom) -> None:
    await hand_on(room.port, written("First.", message_id="<same@example.org>"))
    await hand_on(room.port, written("Second.", message_id="<same@example.org>"))
    assert len(await room.all()) == 2


async def test_what_is_too_large_is_refused_for_each_recipient_and_noted(mail_settings: Settings) -> None:
    from tests.activities.inbound.conftest import open_mail_room

    async with open_mail_room(mail_settings) as room:
        thirty = written("x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * (30 * 1024 * 1024 // 72))
        two = ("complaints@redress.example", "help@redress.example")
        assert await hand_on(room.port, thirty, recipients=two) == [552, 552]
        assert await announced(room.port, 30 * 1024 * 1024) == 552
        assert await room.states() == [(State.OVERSIZED, None)] * 2
        assert await hand_on(room.port, written("A short one.")) == [250]


async def test_without_a_database_nothing_is_answered_for(mail_settings: Settings) -> None:
    port = free_port()
    nowhere = f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/nothing"
    parts = compose(mail_settings.model_copy(update={"lmtp_port": port, "database_url": nowhere}))
    stop = asyncio.Event()
    serving = asyncio.create_task(parts.inbound.gateway.run(stop))
    await asyncio.wait_for(parts.inbound.gateway.listening.wait(), PATIENCE)
    two = ("complaints@redress.example", "help@redress.example")
    assert await hand_on(port, written("Hello"), recipients=two) == [451, 451]
    stop.set()
    await serving
    await parts.sql.dispose()


async def test_a_second_process_takes_the_port_over(mail_settings: Settings, room: MailRoom) -> None:
    second = compose(mail_settings.model_copy(update={"lmtp_port": room.port}))
    stop = asyncio.Event()
    serving = asyncio.create_task(second.inbound.gateway.run(stop))
    assert await hand_on(room.port, real("empty")) == [250]
    assert not second.inbound.gateway.listening.is_set()
    stop.set()
    await asyncio.wait_for(serving, PATIENCE)
    await second.sql.dispose()


async def test_what_nobody_has_to_act_on_is_erased_in_time_and_what_waits_is_not(room: MailRoom) -> None:
    vacation, waiting = await room.takes(real("vacation")), await room.takes(written("Anything new?"))
    async with room.office.sql.begin() as conn:
        await conn.execute(text("UPDATE inbound SET received_at = now() - interval '31 days'"))
        assert await inbound.sweep(conn) == 1
    async with room.office.sql.connect() as conn:
        keys = (
            await conn.execute(text("SELECT count(*) FROM stream_keys WHERE stream LIKE 'inbound/%'"))
        ).scalar()
        assert keys == 1
        gone = (await conn.execute(text("SELECT id FROM inbound WHERE sealed IS NULL"))).scalars().all()
    assert gone == [vacation.id]
    assert waiting.state is State.UNPLACED
