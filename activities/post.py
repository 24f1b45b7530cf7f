"""The post: writes what was taken out of the outbox, finds where it goes, sends it, and says how it fared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases, Held
from activities.figures_post import FiguresPost, is_about_figures
from activities.mail import MailAway, MailBounced, MailDeferred, Mailer, compose, mail_address, message_id
from activities.render import (
    AlertLine,
    Sender,
    texts_of_letter,
    write_alert,
    write_digest,
    write_letter,
)
from activities.systemic_post import SystemicPost, is_about_systemic
from complaints.base import SYSTEM
from complaints.intake import Party
from complaints.letters import Letter
from ledger import access
from ledger.database import autocommit
from ledger.directory import Directory, Mailbox
from ledger.outbox import Leased, State
from ledger.texts import Erased, Texts
from policies.letters import Written
from policies.vocabulary import DeliveryState, Role
from runtime.clock import SYSTEM as SYSTEM_CLOCK
from runtime.clock import Clock

UNREACHABLE = "alert_unreachable"
"""The kind of an alert that tells administrators that another alert reached nobody."""

# Enhanced status codes (RFC 3463) for what stopped a letter before any mail server saw it.
NO_ADDRESS = "5.1.3"
NOT_AUTHORISED = "5.7.1"
EXPIRED = "4.4.7"


@dataclass(frozen=True)
class Fate:
    """What becomes of a message. QUEUED: it is tried again, and `counts` says whether that was an attempt.

    `recipients` take it over where it reached nobody by itself. `status` holds codes or words of ours only.
    """

    state: State
    status: str | None = None
    message_id: str | None = None
    counts: bool = True
    recipients: tuple[str, ...] = ()
    keep_fallback: bool = False
    kind: str | None = None


class Post:
    """Delivers messages. Addresses are looked up at the last moment, and stand nowhere but in the mail."""

    def __init__(  # noqa: PLR0917 - the parts it is composed of, each once
        self,
        engine: AsyncEngine,
        cases: Cases,
        texts: Texts,
        directory: Directory,
        mailer: Mailer,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._engine = autocommit(engine)
        self._cases = cases
        self._texts = texts
        self._directory = directory
        self._mailer = mailer
        self._sender = sender
        self._clock = clock
        self._figures = FiguresPost(engine, cases, sender)
        self._systemic = SystemicPost(engine, cases, texts, sender, clock)
        self._real = Clock(SYSTEM_CLOCK)  # a mail's Date is for the world outside

    async def deliver(self, rows: Sequence[Leased]) -> Fate:
        """Deliver one message, or the messages of one digest; raises nothing that a mail server answers.

        What goes wrong in between (the database, a template) is raised, and is for the caller to retry.
        """
        try:
            if rows[0].kind == "letter":
                return await self._letter(rows[0])
            return await self._alert(rows)
        except MailAway as away:
            return Fate(State.QUEUED, away.status, counts=False)
        except MailDeferred as deferred:
            return Fate(State.QUEUED, deferred.status)

    async def give_up(self, rows: Sequence[Leased], status: str) -> Fate:
        """The fate of what was put off too often: a letter comes back, an alert goes to somebody else."""
        if rows[0].kind == "letter":
            return Fate(State.BOUNCED, EXPIRED)
        return await self._to_somebody_else(rows, State.DEAD, status)

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
        link = self._sender.progress_page(await self._directory.issue_portal_link(row.stream, party.id))
        text = write_letter(self._sender, held, letter, language=party.language, texts=texts, link=link)
        box = Mailbox(
            staff="", name=name if isinstance(name, str) else "", address=to, language=party.language
        )
        try:
            return await self._sent(row.dedupe, row.stream, box, text)
        except MailDeferred:
            raise
        except MailBounced as bounced:
            return Fate(State.BOUNCED, bounced.status)

    # Alerts and digests -------------------------------------------------------------------------------

    async def _alert(self, rows: Sequence[Leased]) -> Fate:
        recipient = rows[0].recipient
        boxes = await self._directory.email_of(recipient)
        if not boxes:
            return await self._to_somebody_else(rows, State.EXPANDED, "nobody")
        if not recipient.startswith("staff:"):
            return _becomes(boxes, keep_fallback=True)
        try:
            if rows[0].digest is not None:
                return await self._digest(rows, boxes[0])
            return await self._single(rows[0], boxes[0])
        except MailDeferred:
            raise
        except MailBounced as bounced:
            return await self._to_somebody_else(rows, State.BOUNCED, bounced.status)

    async def _to_somebody_else(self, rows: Sequence[Leased], state: State, status: str) -> Fate:
        """Whoever stands in; where that is nobody either, the administrators hear that nobody heard."""
        recipient, fallback = rows[0].recipient, rows[0].fallback
        if fallback is not None:
            stand_ins = await self._directory.email_of(fallback)
            others = tuple(box for box in stand_ins if f"staff:{box.staff}" != recipient)
            if others:
                return _becomes(others, state=state, status=status)
        if rows[0].kind != UNREACHABLE:
            administrators = await self._directory.email_of(f"role:{Role.ADMINISTRATOR}")
            others = tuple(box for box in administrators if f"staff:{box.staff}" != recipient)
            if others:
                return _becomes(others, state=state, status=status, kind=UNREACHABLE)
        return Fate(State.DEAD, status)

    async def _single(self, row: Leased, box: Mailbox) -> Fate:
        if is_about_figures(row.stream):
            told = await self._figures.written(row, box.language)
            if told is None:
                return Fate(State.DEAD, "no such warning")
            return await self._sent(row.dedupe, row.stream, box, told)
        if is_about_systemic(row.stream):
            written = await self._systemic.written(row, box.language)
            if written is None:  # joined, closed or resolved since
                return Fate(State.DROPPED, "nothing to tell")
            return await self._sent(row.dedupe, row.stream, box, written)
        held = await self._cases.read(row.stream)
        if held is None:
            return Fate(State.DEAD, "no such complaint")
        owner = held.case.ownership.owner
        text = write_alert(
            self._sender, held, row.kind, language=box.language, clock=row.clock, due_at=row.due_at,
            now=self._clock.now(), owner=(await self._directory.names([owner])).get(owner) if owner else None,
        )  # fmt: skip
        return await self._sent(row.dedupe, row.stream, box, text)

    async def _digest(self, rows: Sequence[Leased], box: Mailbox) -> Fate:
        held = await self._cases.read(rows[0].stream)
        if held is None:
            return Fate(State.DEAD, "no such complaint")
        text = write_digest(
            self._sender, held.pack, [AlertLine(row.stream, row.clock, row.due_at) for row in rows],
            language=box.language, now=self._clock.now(), unreachable=rows[0].kind == UNREACHABLE,
        )  # fmt: skip
        return await self._sent(
            "\n".join(sorted(row.dedupe for row in rows)), rows[0].digest or "", box, text
        )

    async def _sent(self, key: str, thread: str, box: Mailbox, text: Written) -> Fate:
        mail = compose(
            sender=self._sender.address, organisation=self._sender.organisation, to=box.address,
            name=box.name, subject=text.subject, body=text.body, key=key, thread=thread,
            language=box.language, now=self._real.now(),
        )  # fmt: skip
        await self._mailer.send(mail, box.address)
        return Fate(State.SENT, message_id=message_id(key, self._sender.address.rpartition("@")[2]))


def _becomes(
    boxes: Sequence[Mailbox],
    *,
    state: State = State.EXPANDED,
    status: str | None = None,
    keep_fallback: bool = False,
    kind: str | None = None,
) -> Fate:
    who = tuple(f"staff:{box.staff}" for box in boxes)
    return Fate(state, status, recipients=who, keep_fallback=keep_fallback, kind=kind)
