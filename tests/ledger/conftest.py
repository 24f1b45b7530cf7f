"""An engine and a record on the test's own migrated database."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.chain import derive_seal_key
from ledger.database import create_engine
from ledger.record import Record

MASTER_KEY = bytes(range(32))
SEAL_KEY = derive_seal_key(MASTER_KEY)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
def record(engine: AsyncEngine) -> Record:
    return Record(engine, SEAL_KEY)
