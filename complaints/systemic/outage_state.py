"""An outage as it stands: its grade, what was said of it and over which channels, and when the next word is due."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from complaints.base import Frozen, PackRef, TextRef
from policies.vocabulary import Channel

Grade = Annotated[int, Field(ge=1, le=3)]
"""1 emergency, 2 general, 3 routine (service-centre S3.2)."""


class OutagePhase(StrEnum):
    """How far an outage has come: discover, classify, handle, verify, summarise (crm-service S5.3).

    It is discovered when its systemic issue is opened, and its phase follows from events alone.
    """

    CLASSIFIED = "classified"  # graded, and nothing was said outside yet
    HANDLING = "handling"  # customers were told, and are told on while it lasts
    VERIFIED = "verified"  # the service is back, and somebody made sure
    SUMMARISED = "summarised"


class Way(StrEnum):
    """How a word reaches those on a channel."""

    STATUS_PAGE = "status_page"  # the public page, and the banner on every page that customers see
    STATUS_FEED = "status_feed"  # /status.json, which the app reads
    LETTERS = "letters"  # to the customer of every joined complaint
    STAFF_WORDS = "staff_words"  # whoever speaks with customers there has the words to say


_WAYS = {
    Channel.WEB: Way.STATUS_PAGE,
    Channel.APP: Way.STATUS_FEED,
    Channel.MAIL: Way.LETTERS,
    Channel.PHONE: Way.STAFF_WORDS,
    Channel.CHAT: Way.STAFF_WORDS,
    Channel.STORE: Way.STAFF_WORDS,
    Channel.IN_PERSON: Way.STAFF_WORDS,
    Channel.SOCIAL: Way.STAFF_WORDS,
    Channel.LETTER: Way.STAFF_WORDS,
}


class Broadcast(Frozen):
    """One channel that a word went over, and how."""

    channel: Channel
    how: Way


def way_of(channel: Channel) -> Way | None:
    """How a word reaches those on this channel; None where nobody listens on it (a regulator, an import)."""
    return _WAYS.get(channel)


class Announcement(Frozen):
    """One word said to everybody outside. `news_by` is when the next was promised, None where none was.

    `over`: it said that the service is back.
    """

    at: AwareDatetime
    text: TextRef
    channels: tuple[Broadcast, ...]
    news_by: AwareDatetime | None = None
    over: bool = False


class Outage(Frozen):
    """A systemic issue that is an outage. `pack` is the version whose rules it was graded by.

    `since` is when it was first graded, `graded_at` when last. `news_by` is the moment by which the next word
    is due, None where none is; `missed` counts the moments that went by in silence. `recorded_at` is when the
    latest grade or word came into the record; None in records from before it stood here.
    """

    grade: Grade
    pack: PackRef
    since: AwareDatetime
    graded_at: AwareDatetime
    announcements: tuple[Announcement, ...] = ()
    news_by: AwareDatetime | None = None
    missed: int = 0
    verified_at: AwareDatetime | None = None
    summarised_at: AwareDatetime | None = None
    recorded_at: AwareDatetime | None = None

    @property
    def phase(self) -> OutagePhase:
        if self.summarised_at is not None:
            return OutagePhase.SUMMARISED
        if self.verified_at is not None:
            return OutagePhase.VERIFIED
        latest = self.latest
        return OutagePhase.CLASSIFIED if latest is None or latest.over else OutagePhase.HANDLING

    @property
    def lasts(self) -> bool:
        """Whether the service is still out, as far as anybody has made sure."""
        return self.verified_at is None

    @property
    def latest(self) -> Announcement | None:
        """What was said last."""
        return self.announcements[-1] if self.announcements else None
