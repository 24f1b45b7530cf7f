"""Placing mail that came in: each is read, judged, and given to its complaint, to nobody, or to a person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.inbound.bouncing import Bouncing
from activities.inbound.filing import Filer, Overtaken
from activities.inbound.matching import Matcher, Unplaceable
from activities.inbound.reading import MOST_HOPS, Mail, read
from activities.inbound.reports import Report
from complaints.base import Refused
from ledger import bounces, inbound
from ledger.customers import normalised
from ledger.database import autocommit
from ledger.inbound import Kept, MailErased, Mails, State
from ledger.texts import TextDamaged
from runtime.clock import Clock

_log = structlog.get_logger(__name__)
_AT_ONCE = 20
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)


@dataclass(frozen=True)
class House:
    """What an installation is to mails: its own address, the pack of new complaints (None: a person decides),
    and how many mails an hour one sender may write.
    """

    address: str
    pack: str | None
    most_an_hour: int

    @property
    def domain(self) -> str:
        """What our Message-IDs end in."""
        return self.address.rpartition("@")[2]


class Placer:
    """Looks at what came in, in its order. Needs only the database; one of these at a time (see hold.py)."""

    def __init__(
        self,
        engine: AsyncEngine,
        mails: Mails,
        matcher: Matcher,
        filer: Filer,
        *,
        bouncing: Bouncing,
        clock: Clock,
        house: House,
    ) -> None:
        self._engine = autocommit(engine)
        self._mails = mails
        self._matcher = matcher
        self._filer = filer
        self._bouncing = bouncing
        self._clock = clock
        self._house = house

    async def place(self) -> int:
        """Judge all that nobody has looked at yet; returns how many. Raises what the database raises."""
        done = 0
        while True:
            async with self._engine.connect() as conn:
                waiting = await inbound.unread(conn, _AT_ONCE)
            for kept in waiting:
                await self._one(kept)
            done += len(waiting)
            if len(waiting) < _AT_ONCE:
                return done

    async def _one(self, kept: Kept) -> None:
        try:
            async with self._engine.connect() as conn:
                raw = await self._mails.open(conn, kept.id)
        except MailErased:
            await self._settle(kept, State.DROPPED, "erased")
            return
        except TextDamaged:
            await self._settle(kept, State.UNPLACED, "damaged")
            return
        # Large mails take a second to take apart; alerts must not wait for that.
        mail = await asyncio.to_thread(read, raw, self._house.domain)
        try:
            await self._judged(kept, mail)
        except Unplaceable as unplaceable:
            await self._settle(kept, State.UNPLACED, unplaceable.why)
        except Refused as refused:
            await self._settle(kept, State.UNPLACED, refused.code)
        except Overtaken:
            _log.info("mail placed by somebody else", mail=kept.id)
        except _DATABASE:
            raise
        except Exception as error:  # what one mail breaks must not keep the others waiting
            _log.error("mail not placed", mail=kept.id, exc_info=error)
            await self._settle(kept, State.UNPLACED, "unreadable")

    async def _judged(self, kept: Kept, mail: Mail) -> None:
        if mail.report is not None:
            await self._reported(kept, mail.report)
            return
        circle = self._circle(mail)
        if circle is not None:
            await self._settle(kept, State.LOOP, circle)
            return
        if mail.machine is not None:
            await self._settle(kept, State.AUTO_REPLY, mail.machine)
            return
        if not mail.address:
            raise Unplaceable("no_sender")
        if await self._too_many(kept, mail):
            await self._settle(kept, State.LOOP, "too_many")
            return
        match = await self._matcher.match(mail)
        if match is not None:
            await self._filer.onto(
                kept, mail, match.reference, match.actor, at=self._clock.now(), not_before=match.not_before,
                as_note=match.actor.is_staff,
            )  # fmt: skip
            _log.info("mail placed", mail=kept.id, reference=match.reference)
            return
        if self._house.pack is None:
            raise Unplaceable("new")
        if not (mail.text or mail.subject or mail.files):
            raise Unplaceable("empty")
        taken = await self._filer.receive(kept, mail, self._house.pack, at=self._clock.now())
        _log.info("mail became a complaint", mail=kept.id, reference=taken.reference)

    def _circle(self, mail: Mail) -> str | None:
        """A code where this is a mail of our own come back, or one that runs in a circle."""
        ours = normalised(self._house.address)
        if normalised(mail.address) == ours and ours is not None:
            return "our_own"
        local, _, domain = (mail.message_id or "").strip("<>").rpartition("@")
        if domain == self._house.domain and len(local) == 40 and set(local) <= set("0123456789abcdef"):
            return "our_own"
        return "too_many_hops" if mail.hops > MOST_HOPS else None

    async def _too_many(self, kept: Kept, mail: Mail) -> bool:
        sender = self._mails.mark(b"sender", (normalised(mail.address) or "").encode())
        async with self._engine.connect() as conn:
            return await inbound.mark_sender(conn, kept.id, sender) > self._house.most_an_hour

    async def _reported(self, kept: Kept, report: Report) -> None:
        """A mail system writes of a mail of ours: what failed for good is told on, the rest only noted."""
        streams: tuple[str, ...] = ()
        if report.action == "failed":
            for id_ in report.message_ids:
                streams = await self._bouncing.failed(id_, report.status, kept.received_at)
                if streams:
                    break
        else:
            async with self._engine.connect() as conn:
                streams = tuple({mail.stream for mail in await bounces.sent(conn, report.message_ids)})
        why = " ".join(filter(None, (report.action, report.status))) if streams else "not_ours"
        await self._settle(kept, State.BOUNCE, why, streams[0] if streams else None)

    async def _settle(self, kept: Kept, state: State, why: str, reference: str | None = None) -> None:
        async with self._engine.connect() as conn:
            await inbound.settle(conn, kept.id, state, why=why, at=self._clock.now(), reference=reference)
        _log.info("mail settled", mail=kept.id, outcome=state, code=why, reference=reference)
