"""The post of samples: a preview of a pack's wording, to the very member of staff who asked for it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.fate import Fate
from activities.delivery.mail import MailBounced, MailDeferred
from activities.delivery.mailing import Mailing
from activities.delivery.previews import preview
from complaints.messages import Message
from ledger.database import autocommit
from ledger.directory import Directory
from ledger.outbox import Leased, State
from ledger.packs import load
from policies.letters import Written

STREAM: Final = "samples/"
"""What the stream of a sample begins with; the staff id follows. No events stand under it."""

_MARKED = {"en": "[Sample] ", "zh": "［示例］"}


def is_sample(stream: str) -> bool:
    """Whether a message of this stream is a sample."""
    return stream.startswith(STREAM)


def stream_of(staff: str) -> str:
    """The stream of samples to one member of staff."""
    return f"{STREAM}{staff}"


def message(staff: str, digest: str, kind: str, language: str, at: datetime) -> Message:
    """A sample of the pack of this digest. Asked for again within the minute, it is sent once."""
    which = f"{digest}/{kind}/{language}"
    return Message(
        dedupe=f"sample/{staff}/{which}/{at:%Y-%m-%dT%H:%M}",
        kind="template_sample",
        to=f"staff:{staff}",
        letter=which,
    )


class SamplesPost:
    """Writes samples from the published pack, marked as such in the subject."""

    def __init__(self, engine: AsyncEngine, directory: Directory, mailing: Mailing) -> None:
        self._engine = autocommit(engine)
        self._directory = directory
        self._mailing = mailing

    async def deliver(self, row: Leased) -> Fate:
        """Deliver one sample. Raises MailAway and MailDeferred."""
        boxes = await self._directory.email_of(row.recipient)
        if not boxes:
            return Fate(State.DROPPED, "nobody")
        digest, kind, language = (row.letter or "//").split("/", 2)
        async with self._engine.connect() as conn:
            pack = await load(conn, digest)
        if pack is None or language not in pack.letters.get(kind, {}):
            return Fate(State.DEAD, "no such wording")
        seen = preview(self._mailing.sender, pack, kind, language)
        text = Written(subject=f"{_MARKED.get(language, _MARKED['en'])}{seen.subject}", body=seen.text)
        box = boxes[0].model_copy(update={"language": language})
        try:
            return await self._mailing.send(row.dedupe, row.dedupe, box, text)
        except MailDeferred:
            raise
        except MailBounced as bounced:
            return Fate(State.BOUNCED, bounced.status)
