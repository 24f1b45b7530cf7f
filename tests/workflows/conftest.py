"""The living service that workflow tests drive."""

from collections.abc import AsyncIterator

import pytest

from runtime.settings import Settings
from tests.support.living import Living, living


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Living]:
    """Worker, engine and record on the run's own servers."""
    async with living(settings) as running:
        yield running
