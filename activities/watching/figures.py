"""Early warning: once a day, each pack's targets over the last 30 days; who leads hears of one that is missed or falls.

It needs the database alone: the warning goes out while Temporal is away (retail-2025 S2.3, service-standards S1.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.delivery.figures_post import STREAM
from complaints.messages import Message
from ledger import outbox
from ledger.database import autocommit
from ledger.figures import counted
from ledger.figures_given import WarningRaised, raise_warning
from ledger.packs import digests, in_force, load_all
from policies.measures import Figure, latest, measured, warning
from policies.pack import Pack
from policies.vocabulary import Role
from runtime.clock import Clock

_log = structlog.get_logger(__name__)
DAYS = 30
"""How many whole days a target is looked at over, and how many before them it is compared with."""
AGAIN_AFTER = timedelta(days=7)
"""How long a target that stays missed is not spoken of again."""
_LEADERS = (Role.SUPERVISOR, Role.DEPARTMENT_HEAD)
_DIGITS = Decimal("0.000001")


class EarlyWarning:
    """Looks at every pack once on each of its own days, as soon as the day has begun there."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = autocommit(engine)
        self._transactions = engine
        self._clock = clock
        self._published: Mapping[str, Pack] = {}
        self._looked: dict[str, date] = {}

    async def look(self) -> int:
        """Warn where something has to be done; returns how many targets were newly warned of.

        A process that has looked today looks no more; a second one only finds it done. One pack that can not be
        measured does not keep the others from it. Raises what the database raises.
        """
        now = self._clock.now()
        async with self._engine.connect() as conn:
            if await digests(conn) != self._published.keys():
                self._published = await load_all(conn)
        warned = 0
        for pack in in_force(self._published.values(), now):
            today = now.astimezone(ZoneInfo(pack.timezone)).date()
            if not pack.targets or self._looked.get(pack.name) == today:
                continue
            try:
                warned += await self._look_at(pack, today, now)
            except Exception as error:  # the others' targets are looked at all the same; this one again soon
                _log.error("figures not looked at", pack=pack.name, exc_info=error)
                continue
            self._looked[pack.name] = today
        return warned

    async def _look_at(self, pack: Pack, today: date, now: datetime) -> int:
        async with self._engine.connect() as conn:
            told = tuple(await _warnings(conn, pack, today, now))
        warned = 0
        for found in told:
            async with self._transactions.begin() as conn:
                if not await raise_warning(conn, found, not_since=today - AGAIN_AFTER + timedelta(days=1)):
                    continue
                await outbox.queue(conn, f"{STREAM}{pack.name}", messages(found))
            warned += 1
            _log.warning("target needs attention", pack=pack.name, code=found.target, outcome=found.why)
        return warned


def messages(found: WarningRaised) -> Iterator[Message]:
    """One alert to each rank that leads; administrators hear of it where nobody has it."""
    which = f"{found.target}/{found.raised_on.isoformat()}"
    for role in _LEADERS:
        yield Message(
            dedupe=f"{STREAM}{found.pack}/{which}/role:{role}",
            kind="target_missed",
            to=f"role:{role}",
            fallback=f"role:{Role.ADMINISTRATOR}",
            letter=which,
        )


async def _warnings(conn: AsyncConnection, pack: Pack, today: date, now: datetime) -> list[WarningRaised]:
    """What has to be said of a pack's targets today."""
    period = latest(DAYS, today)
    told, before, earlier = [
        await counted(conn, pack, days, now) for days in (period, period.before, period.before.before)
    ]
    found = []
    for target in pack.targets:
        figure, former = measured(target, told, before), measured(target, before, earlier)
        why = warning(target, figure, former)
        if why is None or figure.value is None:
            continue
        found.append(
            WarningRaised(
                pack=pack.name, target=target.id, raised_on=today, pack_version=pack.version,
                pack_digest=pack.digest, why=why, value=_kept(figure.value), value_before=_before(former),
                n=figure.n, raised_at=now,
            )
        )  # fmt: skip
    return found


def _kept(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_DIGITS)


def _before(figure: Figure) -> Decimal | None:
    return None if figure.value is None else _kept(figure.value)
