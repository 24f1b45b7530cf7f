"""The post: writes what was taken out of the outbox, finds where it goes, sends it, and says how it fared."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases, Held
from activities.delivery.alert_post import AlertPost, Reach
from activities.delivery.fate import Fate
from activities.delivery.mail import NO_ADDRESS, MailAway, MailBounced, MailDeferred, mail_address
from activities.delivery.mailing import Mailing
from activities.delivery.render import texts_of_letter, write_letter
from complaints.base import SYSTEM
from complaints.chapters.intake import Party
from complaints.chapters.letters import Letter
from ledger import access
from ledger.database import autocommit
from ledger.directory import Directory, Mailbox
from ledger.outbox import Leased, State
from ledger.texts import Erased, Texts
from policies.vocabulary import DeliveryState
from runtime.clock import Clock

# Enhanced status codes (RFC 3463) for what stopped a letter before any mail server saw it.
NOT_AUTHORISED = "5.7.1"
EXPIRED = "4.4.7"


class Post:
    """Delivers messages. Addresses are looked up at the last moment, and stand nowhere but in the mail."""

    def __init__(  # noqa: PLR0917 - the parts it is composed of, each once
        self,
        engine: AsyncEngine,
        cases: Cases,
        texts: Texts,
        directory: Directory,
        mailing: Mailing,
        clock: Clock,
        reach: Reach,
    ) -> None:
        self._engine = autocommit(engine)
        self._cases = cases
        self._texts = texts
        self._directory = directory
        self._mailing = mailing
        self._clock = clock
        self._alerts = AlertPost(engine, cases, texts, directory, mailing, clock, reach)

    async def deliver(self, rows: Sequence[Leased]) -> Fate:
        """Deliver one message, or the messages of one group; raises nothing that a mail server answers.

        What goes wrong in between (the database, a template) is raised, and is for the caller to retry.
        """
        try:
            return await (self._letter(rows[0]) if rows[0].kind == "letter" else self._alerts.deliver(rows))
        except MailAway as away:
            return Fate(State.QUEUED, away.status, counts=False)
        except MailDeferred as deferred:
            return Fate(State.QUEUED, deferred.status)

    async def give_up(self, rows: Sequence[Leased], status: str) -> Fate:
        """The fate of what was put off too often: a letter comes back, an alert goes to somebody else."""
        if rows[0].kind == "letter":
            return Fate(State.BOUNCED, EXPIRED)
        return await self._alerts.give_up(rows, status)

    # Letters ------------------------------------------------------------------------------------------

    async def _letter(self, row: Leased) -> Fate:
        held = await self._cases.read(row.stream)
        letter = held.case.letters.find(row.letter or "") if held else None
        if held is None or letter is None:
            return Fate(State.DEAD, "no such letter")
        if held.case.erased is not None:
            return Fate(State.DROPPED, "erased")
        if letter.state in (DeliveryState.SERVED_OTHERWISE, DeliveryState.DELIVERED):
            return Fate(State.DROPPED, str(letter.state))
        party = next((p for p in held.case.parties if f"party:{p.id}" == row.recipient), None)
        if party is None or party.address is None:
            return Fate(State.BOUNCED, NO_ADDRESS)
        if party.revoked_at is not None:  # no letter to a representative whose authority has ended
            return Fate(State.BOUNCED, NOT_AUTHORISED)
        return await self._written_and_sent(row, held, letter, party)

    async def _written_and_sent(self, row: Leased, held: Held, letter: Letter, party: Party) -> Fate:
        assert party.address is not None  # noqa: S101 - narrows for the type checker; the caller looked
        named = () if party.name is None else (party.name.id,)
        wanted = {*texts_of_letter(held, letter), party.address.id, *named}
        async with self._engine.connect() as conn:
            await access.record(
                conn, at=self._clock.now(), actor=SYSTEM, reference=row.stream,
                purpose=f"letter {letter.id}", what=["address", "letter"],
            )  # fmt: skip
            texts = await self._texts.get(conn, wanted)
        written = texts.get(party.address.id)
        if isinstance(written, Erased):
            return Fate(State.DROPPED, "erased")
        to = None if written is None else mail_address(written)
        if to is None:
            return Fate(State.BOUNCED, NO_ADDRESS)
        name = texts.get(party.name.id) if party.name else None
        sender = self._mailing.sender
        link = sender.progress_page(await self._directory.issue_portal_link(row.stream, party.id))
        text = write_letter(sender, held, letter, language=party.language, texts=texts, link=link)
        box = Mailbox(
            staff="", name=name if isinstance(name, str) else "", address=to, language=party.language
        )
        try:
            return await self._mailing.send(row.dedupe, row.stream, box, text)
        except MailDeferred:
            raise
        except MailBounced as bounced:
            return Fate(State.BOUNCED, bounced.status)
