"""Filing a mail: its words and files are stored under a complaint's key, and become the orders that tell it of them."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from uuid import UUID, uuid4, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.inbound.reading import LONGEST_TEXT, File, Mail
from complaints.base import Actor, AttachmentRef, Command, Order, PackRef, Refused, TextRef
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.intake import AddNote, AttachEvidence, PartyDetails, ReceiveComplaint
from complaints.lifecycle import receive
from complaints.references import SPACE
from complaints.references import reference as reference_of
from ledger import intake
from ledger.attachments import Attachments
from ledger.customers import CustomerFiles
from ledger.database import autocommit
from ledger.inbound import Kept, Mails, State
from ledger.packs import digests, in_force, load_all
from ledger.texts import StreamErased, Texts
from policies.pack import Pack
from policies.vocabulary import Channel, Role

_FILES = UUID("5c8b3f0e-6f2e-5d29-9a53-0f7c9f7a1d42")
"""The namespace of the ids of files (uuid5 of mail, complaint and place): filed again, they are found again."""
_CHUNK = 64 * 1024
_SENDER = Actor(id="party:P1", roles=(Role.COMPLAINANT,))
"""Who makes a complaint by a mail of theirs: the first party to it."""


class Overtaken(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody else has placed or dropped the mail meanwhile."""


class Filer:
    """Files mails. What it stores and what the mail's row says come about in one transaction, or not at all."""

    def __init__(
        self,
        engine: AsyncEngine,
        texts: Texts,
        attachments: Attachments,
        customers: CustomerFiles,
        mails: Mails,
    ) -> None:
        self._engine = engine
        self._each = autocommit(engine)
        self._texts = texts
        self._attachments = attachments
        self._customers = customers
        self._mails = mails
        self._packs: Mapping[str, Pack] = {}

    async def onto(
        self,
        kept: Kept,
        mail: Mail,
        reference: str,
        actor: Actor,
        *,
        at: datetime,
        not_before: datetime,
        as_note: bool,
        out_of: Iterable[State] = (State.RECEIVED,),
        by: str | None = None,
    ) -> None:
        """Give a mail to a complaint: as what the customer wrote, or as a note among colleagues.

        It took effect when the gateway took it. Raises Overtaken, Refused (`erased`).
        """
        occurred_at = min(at, max(kept.taken_at, not_before))
        try:
            files, lines = await self._files(kept, mail, reference)
            async with self._engine.begin() as conn:
                text = await self._text(conn, reference, message_of(mail, lines))
                said: Command = (
                    AddNote(text=text) if as_note else WriteMessage(text=text, channel=Channel.MAIL)
                )
                bodies = (said, *(AttachEvidence(attachment=ref) for ref in files))
                orders = [_order(actor, body, at, occurred_at) for body in bodies]
                if not await self._mails.place(conn, kept.id, reference, orders, out_of=out_of, at=at, by=by):
                    raise Overtaken
        except StreamErased:
            raise Refused(
                "erased", "The texts of this complaint were erased; nothing can be added."
            ) from None

    async def receive(
        self,
        kept: Kept,
        mail: Mail,
        pack_name: str,
        *,
        at: datetime,
        actor: Actor = _SENDER,
        out_of: Iterable[State] = (State.RECEIVED,),
        by: str | None = None,
    ) -> intake.Pending:
        """Make a mail a complaint of its sender; it was received when the gateway took the mail.

        It is accepted with this: the intake's row waits for its workflow like every other. Raises Overtaken,
        and Refused where no such pack is published or the pack refuses it.
        """
        occurred_at = min(at, kept.taken_at)
        pack = await self._pack(pack_name, occurred_at)
        reference = reference_of(secrets.randbelow(SPACE))
        ids = {name: str(uuid4()) for name in ("subject", "narrative", "name", "address")}
        placeholder = {name: TextRef(id=id_, digest="0" * 64) for name, id_ in ids.items()}
        # What the rules would refuse later could never be recorded, and its reference would lead nowhere.
        receive(pack, reference, _order(actor, _complaint(mail, placeholder), at, occurred_at))
        files, lines = await self._files(kept, mail, reference)
        said = {
            "subject": mail.subject, "narrative": message_of(mail, lines), "name": mail.name,
            "address": mail.address,
        }  # fmt: skip
        async with self._engine.begin() as conn:
            given = {ids[name]: words for name, words in said.items() if words}
            refs = await self._texts.put(conn, reference, given)
            named = {name: refs[id_] for name, id_ in ids.items() if id_ in refs}
            if "address" in named:
                await self._customers.file(conn, reference, ids["address"], mail.address)
            order = _order(actor, _complaint(mail, named), at, occurred_at)
            ref = PackRef(name=pack.name, version=pack.version, digest=pack.digest)
            await intake.accept(conn, reference, order, ref)
            orders = [_order(actor, AttachEvidence(attachment=file), at, occurred_at) for file in files]
            if not await self._mails.place(conn, kept.id, reference, orders, out_of=out_of, at=at, by=by):
                raise Overtaken
        return intake.Pending(reference=reference, order=order, pack=ref, received=at, attempts=0)

    async def _pack(self, name: str, at: datetime) -> Pack:
        """The version that a complaint received at this instant falls under, or the first one there was."""
        async with self._each.connect() as conn:
            if await digests(conn) != self._packs.keys():
                self._packs = await load_all(conn)
        versions = [pack for pack in self._packs.values() if pack.name == name]
        if not versions:
            raise Refused("pack_not_published", "No pack of this name is published.")
        held = in_force(versions, at)
        return held[0] if held else min(versions, key=lambda pack: pack.version)

    async def _text(self, conn: AsyncConnection, stream: str, words: str) -> TextRef:
        id_ = str(uuid4())
        return (await self._texts.put(conn, stream, {id_: words}))[id_]

    async def _files(
        self, kept: Kept, mail: Mail, reference: str
    ) -> tuple[tuple[AttachmentRef, ...], list[str]]:
        """The files that were stored, and a line for each that the mail has, stored or not."""
        stored: list[AttachmentRef] = []
        lines: list[str] = []
        for number, file in enumerate(_all_files(mail)):
            told = f"{file.name} ({file.media_type}, {_size(len(file.content))})"
            try:
                stored.append(await self._stored(f"{kept.id}/{reference}/{number}", reference, file))
                lines.append(told)
            except Refused as refused:
                lines.append(f"{told}: not attached. {refused.sentence}")
        return tuple(stored), lines

    async def _stored(self, key: str, reference: str, file: File) -> AttachmentRef:
        id_ = str(uuid5(_FILES, key))
        name_id = str(uuid5(_FILES, f"{key}/name"))
        async with self._each.connect() as conn:
            name = (await self._texts.put(conn, reference, {name_id: file.name}))[name_id]
        # Programs send what they do not know as octets; the name says more, and the first bytes decide.
        guessed = mimetypes.guess_type(file.name)[0]
        declared = file.media_type
        refusal: Refused | None = None
        for media_type in dict.fromkeys(filter(None, (declared, guessed))):
            try:
                return await self._attachments.store(reference, id_, name, media_type, _chunks(file.content))
            except Refused as refused:
                refusal = refusal or refused
        raise refusal or Refused("file_type_not_allowed", "Files of this type can not be attached.")


def message_of(mail: Mail, files: Iterable[str]) -> str:
    """The text that a complaint keeps of a mail: all that was written, then a line for each file."""
    text = mail.text
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}\n\n[The mail is longer; all of it is in the attached file mail.txt.]"
    lines = [f"– {line}" for line in files]
    parts = [text or ("" if lines else mail.subject or "[An empty mail.]")]
    if lines:
        parts.append("\n".join(("[Attached to the mail]", *lines)))
    return "\n\n".join(part for part in parts if part)


def _all_files(mail: Mail) -> tuple[File, ...]:
    if len(mail.text) <= LONGEST_TEXT:
        return mail.files
    return (*mail.files, File("mail.txt", "text/plain", mail.text.encode()))


def _complaint(mail: Mail, refs: dict[str, TextRef]) -> ReceiveComplaint:
    party = PartyDetails(
        name=refs.get("name") if mail.name else None,
        address=refs.get("address") if mail.address else None,
        channel=Channel.MAIL,
        language=mail.language,
    )
    return ReceiveComplaint(
        channel=Channel.MAIL,
        subject=refs.get("subject") if mail.subject else None,
        narrative=refs["narrative"],
        parties=(party,) if party.name is not None or party.address is not None else (),
    )


def _order(actor: Actor, body: Command, at: datetime, occurred_at: datetime) -> Order:
    return Order(id=str(uuid4()), actor=actor, body=body, at=at, occurred_at=occurred_at)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), _CHUNK):
        yield content[begin : begin + _CHUNK]


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1024 else f"{-(-count // 1024):,} KiB"
