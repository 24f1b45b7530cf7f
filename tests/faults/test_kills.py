"""SIGKILL of each part, in the middle of a hundred live complaints under load: nothing is lost, doubled or missed."""

from pathlib import Path

from tests.support.house import house
from tests.support.load import Load, loaded
from tests.support.promises import kept
from tests.support.waiting import eventually

LIVE = 100

# The scheduler first: what it had leased when it died is free again only when the leases have run out.
KILLED = ("scheduler", "worker", "temporal", "api", "postgres")
NOTICED = ("temporal", "postgres", "api")
"""Without these, callers are turned away at once, and it is waited for that they were."""


async def enough(load: Load) -> bool:
    """Whether so many are live; what was taken a moment ago (202) may still be on its way into the record."""
    return await load.house.live() >= LIVE


async def killed_and_started(load: Load, part: str) -> None:
    """Kills a part while commands are under way, and starts it again once its absence was felt."""
    await load.progress(40)
    await eventually(lambda: enough(load), within=60, what=f"{LIVE} live complaints")
    await load.house.kill(part)
    if part in NOTICED:
        await load.turned_away(6)
    await load.house.start(part)
    await load.progress(40)


async def test_whatever_is_killed_under_load_nothing_is_lost_or_doubled_and_no_deadline_missed(
    reachable_folder: Path,
) -> None:
    async with house(reachable_folder, speed=60) as whole:
        async with loaded(whole, complaints=LIVE) as load:
            for part in KILLED:
                await killed_and_started(load, part)
        await kept(whole, load)
