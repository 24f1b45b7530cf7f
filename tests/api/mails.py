"""Mail that came in, for tests of what people do with it: kept and judged by the service's own parts."""

from __future__ import annotations

from activities.cases import Cases
from activities.inbound.composing import inbound_mail
from activities.inbound.gateway import Keeper
from api.deps import Deps
from ledger import inbound
from ledger.inbound import Kept, Mails


async def came_in(deps: Deps, raw: bytes) -> Kept:
    """A mail that the gateway has taken, after it was judged."""
    cases = Cases(deps.sql, deps.record)
    parts = inbound_mail(
        deps.settings, deps.sql, cases=cases, texts=deps.texts, directory=deps.directory, workflows=deps.engine,
        clock=deps.clock,
    )  # fmt: skip
    mails = Mails(deps.settings.master_key_bytes, deps.texts)
    assert await Keeper(deps.sql, mails, deps.clock).keep(raw, "wei@example.org", [])
    await parts.placer.place()
    async with deps.reading.connect() as conn:
        return (await inbound.listed(conn, limit=1))[0]


async def told(deps: Deps) -> int:
    """Have complaints told what was placed, as the scheduler does every second; how many mails that were."""
    cases = Cases(deps.sql, deps.record)
    parts = inbound_mail(
        deps.settings, deps.sql, cases=cases, texts=deps.texts, directory=deps.directory, workflows=deps.engine,
        clock=deps.clock,
    )  # fmt: skip
    return await parts.teller.tell()
