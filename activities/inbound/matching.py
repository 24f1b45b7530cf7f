"""Matching: which complaint a mail belongs to, and who of those who may write about it has written it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.inbound.reading import Mail
from complaints.base import Actor, Refused
from complaints.chapters.intake import Party, PartyDetails, ReceiveComplaint
from complaints.references import is_systemic, parse
from ledger import bounces, intake
from ledger.customers import normalised
from ledger.database import autocommit
from ledger.directory import Directory
from ledger.texts import Texts
from policies.vocabulary import Role

_MOST_ANSWERED = 50


class Unplaceable(Exception):  # noqa: N818 - an answer: a person has to look
    """A mail can not be placed by a machine. `why` is a code of `api.desk.inbound.WHY`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Match:
    """The complaint that a mail belongs to, and who wrote it: a party to it, or a member of staff."""

    reference: str
    actor: Actor
    not_before: datetime
    """What the mail says took effect then at the earliest: nothing happened before the receipt."""


@dataclass(frozen=True)
class Known:
    """A complaint as far as matching needs it, also one that is accepted and not on record yet."""

    reference: str
    received_at: datetime
    erased: bool
    parties: tuple[Party, ...]


class Matcher:
    """Finds the complaint by the thread, else by the references that are named; trusts only known addresses."""

    def __init__(
        self, engine: AsyncEngine, cases: Cases, texts: Texts, directory: Directory, domain: str
    ) -> None:
        self._engine = autocommit(engine)
        self._cases = cases
        self._texts = texts
        self._directory = directory
        self._domain = domain

    async def match(self, mail: Mail) -> Match | None:
        """The one complaint that the mail belongs to; None where it is about something new.

        Raises Unplaceable, and what the database raises.
        """
        candidates = await self._threads(mail)
        staff = await self._staff(mail.address)
        if not candidates:
            candidates = [known for ref in mail.references if (known := await self.known(ref)) is not None]
            if not candidates and mail.references:
                raise Unplaceable("unknown_reference")
        if not candidates:
            if any(id_.rstrip(">").endswith(f"@{self._domain}") for id_ in mail.answers):
                raise Unplaceable("unknown_thread")
            if staff is not None:
                raise Unplaceable("from_staff")
            return None
        found = [match for known in candidates if (match := await self._by(known, mail, staff)) is not None]
        if not found:
            revoked = [known for known in candidates if await self._party(known, mail.address, revoked=True)]
            raise Unplaceable("authority_revoked" if revoked else "unknown_sender")
        if len(found) > 1:
            raise Unplaceable("several_complaints")
        if next(known.erased for known in candidates if known.reference == found[0].reference):
            raise Unplaceable("erased")
        return found[0]

    async def known(self, reference: str) -> Known | None:
        """The complaint of this reference, or None where there is none."""
        held = await self._cases.read(reference)
        if held is not None:
            case = held.case
            return Known(reference, case.received_at, case.erased is not None, case.parties)
        async with self._engine.connect() as conn:
            waiting = await intake.waits(conn, reference)
        if waiting is None or not isinstance(waiting.order.body, ReceiveComplaint):
            return None
        order = waiting.order
        details: Sequence[PartyDetails] = waiting.order.body.parties
        parties = tuple(party.numbered(number) for number, party in enumerate(details, start=1))
        return Known(reference, order.occurred_at or order.at, erased=False, parties=parties)

    async def _threads(self, mail: Mail) -> list[Known]:
        """The complaints that our mails were about which this one answers; of several those that it names."""
        direct, forebears = mail.answers[:1], mail.answers[1:_MOST_ANSWERED]
        for ids in (direct, forebears):
            async with self._engine.connect() as conn:
                ours = await bounces.sent(conn, ids)
            streams = tuple(dict.fromkeys(one.stream for one in ours if _is_complaint(one.stream)))
            if len(streams) > 1 and set(streams) & set(mail.references):
                streams = tuple(stream for stream in streams if stream in mail.references)
            known = [found for stream in streams if (found := await self.known(stream)) is not None]
            if known:
                return known
        return []

    async def _by(self, known: Known, mail: Mail, staff: Actor | None) -> Match | None:
        party = await self._party(known, mail.address)
        if party is not None:
            actor = Actor(id=f"party:{party.id}", roles=(Role.COMPLAINANT,))
            return Match(known.reference, actor, known.received_at)
        return None if staff is None else Match(known.reference, staff, known.received_at)

    async def _party(self, known: Known, address: str, *, revoked: bool = False) -> Party | None:
        """The party whose address this is; with `revoked`, one whose authority has ended."""
        wanted = normalised(address) if "@" in address else None
        if wanted is None:
            return None
        parties = [
            p for p in known.parties if p.address is not None and (p.revoked_at is not None) == revoked
        ]
        async with self._engine.connect() as conn:
            texts = await self._texts.get(conn, _addresses(parties))
        for party in parties:
            written = texts.get(party.address.id) if party.address is not None else None
            if isinstance(written, str) and normalised(written) == wanted:
                return party
        return None

    async def _staff(self, address: str) -> Actor | None:
        wanted = normalised(address) if "@" in address else None
        if wanted is None:
            return None
        for member in await self._directory.everyone():
            if member.active and normalised(member.email) == wanted:
                return Actor(id=member.id, roles=member.roles, supervisor=member.supervisor)
        return None


def _addresses(parties: Iterable[Party]) -> list[str]:
    return [party.address.id for party in parties if party.address is not None]


def _is_complaint(stream: str) -> bool:
    try:
        return not is_systemic(parse(stream))
    except Refused:
        return False
