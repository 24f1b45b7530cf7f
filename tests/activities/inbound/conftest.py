"""An office that takes mail in: the real gateway on a port of its own, and the jobs that place what came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from activities.inbound.composing import InboundMail
from complaints.base import Order
from complaints.chapters.intake import Acknowledge
from ledger import inbound
from ledger.database import autocommit
from ledger.inbound import Kept, State, Telling
from runtime.ports import free_port
from runtime.settings import Settings
from scheduler import compose
from tests.activities.inbound.lmtp import hand_on
from tests.activities.office import Office, open_office
from tests.complaints.support import ana
from tests.support.waiting import PATIENCE

OURS = f"<{'a1' * 20}@redress.example>"


@dataclass
class MailRoom:
    """The office with its gateway open. Temporal is not there: what is placed waits to be told."""

    office: Office
    mail: InboundMail
    port: int

    async def takes(self, raw: bytes) -> Kept:
        """Hand a mail on, have it judged, and see what became of it."""
        assert await hand_on(self.port, raw) == [250]
        await self.mail.placer.place()
        return (await self.all())[0]

    async def all(self) -> tuple[Kept, ...]:
        """What came in, newest first."""
        async with autocommit(self.office.sql).connect() as conn:
            return await inbound.listed(conn)

    async def telling(self) -> tuple[Telling, ...]:
        async with autocommit(self.office.sql).connect() as conn:
            return await inbound.to_tell(conn)

    async def orders(self) -> list[Order]:
        """What waits to be told, in its order."""
        return [order for telling in await self.telling() for order in telling.orders]

    async def read(self, *ids: str) -> list[str]:
        """The words of stored texts."""
        async with autocommit(self.office.sql).connect() as conn:
            found = await self.office.texts.get(conn, ids)
        return [str(found[id_]) for id_ in ids]

    async def letter_sent(self, reference: str, message_id: str = OURS) -> None:
        """The acknowledgement went out under this Message-ID."""
        await self.office.do(reference, ana, Acknowledge())
        async with self.office.sql.begin() as conn:
            done = await conn.execute(
                text(
                    "UPDATE outbox SET state = 'sent', message_id = :id WHERE stream = :ref AND kind = 'letter'"
                ),
                {"id": message_id, "ref": reference},
            )
        assert done.rowcount == 1

    async def states(self) -> list[tuple[State, str | None]]:
        """State and reason of every mail, oldest first."""
        return [(kept.state, kept.why) for kept in reversed(await self.all())]


@asynccontextmanager
async def open_mail_room(settings: Settings, **changes: object) -> AsyncIterator[MailRoom]:
    port = free_port()
    settings = settings.model_copy(update={"lmtp_port": port, **changes})
    parts = compose(settings)
    stop = asyncio.Event()
    async with open_office(settings) as office:
        serving = asyncio.create_task(parts.inbound.gateway.run(stop))
        await asyncio.wait_for(parts.inbound.gateway.listening.wait(), PATIENCE)
        try:
            yield MailRoom(office, parts.inbound, port)
        finally:
            stop.set()
            await serving
            await parts.sql.dispose()


@pytest.fixture
async def room(mail_settings: Settings) -> AsyncIterator[MailRoom]:
    """A mail room whose new complaints wait for a person."""
    async with open_mail_room(mail_settings) as room:
        yield room
