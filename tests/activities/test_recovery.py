"""Recovery where something is broken: one stream, or the way to Temporal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import cast
from unittest.mock import AsyncMock

import pytest

from activities.recovery import recover
from complaints.base import Happening
from complaints.case import Case
from ledger import reads
from ledger.chain import derive_seal_key
from ledger.database import create_engine
from ledger.record import Record, RecordDamagedError
from runtime.settings import Settings
from workflows.client import Engine, EngineAway

BROKEN, UNFOLDABLE = "broken", "unfoldable"
REFERENCES = tuple(f"ref-{n}" for n in range(5))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Streams(Record):
    """A record with one stream that can not be read and one that can not be folded."""

    async def read(self, stream: str, after: int = 0) -> tuple[Happening, ...]:
        await asyncio.sleep(0)
        if stream == BROKEN:
            raise RecordDamagedError(stream)
        return (cast(Happening, object()),)


class Reviving(Engine):
    """Notes who is revived, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.revived: list[str] = []
        self._away = away

    async def revive(self, reference: str, case: Case) -> bool:
        await asyncio.sleep(0)
        if self._away:
            raise EngineAway("nobody there")
        self.revived.append(reference)
        return True


@pytest.fixture
async def streams(mail_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Streams]:
    """A record whose read model names five sound streams between the two others."""
    pages = [[(name, NOW) for name in (BROKEN, *REFERENCES, UNFOLDABLE)], []]
    monkeypatch.setattr(reads, "live_references", AsyncMock(side_effect=pages))
    folded: list[str] = []

    def fold(happenings: tuple[Happening, ...]) -> str:
        folded.append("one")
        if len(folded) == len(REFERENCES) + 1:
            raise KeyError("event")
        return "a case"

    monkeypatch.setattr("activities.recovery.fold", fold)
    sql = create_engine(mail_settings.database_url)
    yield Streams(sql, derive_seal_key(mail_settings.master_key_bytes))
    await sql.dispose()


async def test_a_broken_stream_is_named_and_the_others_come_back(
    streams: Streams, mail_settings: Settings
) -> None:
    sql = create_engine(mail_settings.database_url)
    engine = Reviving()
    looked_at: list[None] = []
    found = await recover(sql, streams, engine, lambda: looked_at.append(None))
    await sql.dispose()
    assert engine.revived == list(REFERENCES)
    assert (found.revived, len(looked_at)) == (5, 7)
    assert [sentence.partition(":")[0] for sentence in found.failed] == [BROKEN, UNFOLDABLE]
    assert "could not be brought back (RecordDamagedError)" in found.failed[0]


async def test_temporal_being_away_is_said_as_such(streams: Streams, mail_settings: Settings) -> None:
    sql = create_engine(mail_settings.database_url)
    with pytest.raises(EngineAway):
        await recover(sql, streams, Reviving(away=True))
    await sql.dispose()
