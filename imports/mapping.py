"""Mappings: what the columns of a file mean, as data, and each row as the complaint that it tells of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from complaints.base import Frozen
from imports.reading import Encoding, ImportImpossible, Row, RowError
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Severity, Tier

LONGEST_TEXT = 100_000
"""Characters of one text: more than people type into a form, as files carry whole letters."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# All control characters but line feed and tab; what a text column and a mail can both carry remains.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ufffe\uffff]")


class _WrongError(ValueError):
    """A field does not say what its column is for; the text is a clause without the field's content."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"{name} is no time zone") from None
    return name


class Moment(Frozen):
    """A column of local times. `format` is as for strptime; a date alone gets the time of day `at`.

    `ambiguous`: which of the two instants is meant where clocks were put back. `absent`: a local time
    that clocks skipped is `shifted` by as much as they were put forward, or `refused`.
    """

    column: str
    format: str
    zone: Annotated[str, AfterValidator(_zone)]
    at: time | None = None
    ambiguous: Literal["earlier", "later"] = "earlier"
    absent: Literal["shifted", "refused"] = "shifted"

    @model_validator(mode="after")
    def _has_a_time_of_day(self) -> Self:
        if "%H" not in self.format and "%I" not in self.format and self.at is None:
            raise ValueError("a format without hours needs a time of day, `at`")
        return self

    def read(self, text: str, not_before: datetime | None = None) -> datetime:
        """The instant (UTC) of a local time. Raises ValueError with a clause that says what is wrong.

        Of an ambiguous time, the later instant is meant where the earlier lies before `not_before`.
        """
        try:
            local = datetime.strptime(text, self.format)  # noqa: DTZ007 - the zone follows
        except ValueError:
            raise _WrongError(f"{self.column} is no time of the form {self.format}") from None
        if self.at is not None:
            local = datetime.combine(local.date(), self.at)
        zone = ZoneInfo(self.zone)
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(zone).replace(tzinfo=None) != local:
            if self.absent == "refused":
                raise _WrongError(f"{self.column} is a time that clocks in {self.zone} skipped")
            return first  # as if the clocks had not been put forward
        if self.ambiguous == "later" or (not_before is not None and first < not_before <= second):
            return second
        return first


class Words(Frozen):
    """A text put together from columns; blank ones are left out."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    joined_by: str = " · "

    def read(self, fields: dict[str, str]) -> str | None:
        """The text, or None where all columns are blank. Raises ValueError."""
        parts = [part for column in self.columns if (part := _clean(column, fields[column]))]
        text = self.joined_by.join(parts)
        if len(text) > LONGEST_TEXT:
            raise _WrongError(f"{self.columns[0]} is longer than {LONGEST_TEXT} characters")
        return text or None


class Choice(Frozen):
    """A class of the complaint: `default`, or what `values` says of the words in `column`.

    Without a default, a word that `values` does not have makes the row unreadable.
    """

    column: str | None = None
    values: dict[str, str] = Field(default_factory=dict)
    default: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.column is None and self.default is None:
            raise ValueError("needs a column or a default")
        return self

    def read(self, fields: dict[str, str]) -> str:
        """The class. Raises ValueError."""
        word = "" if self.column is None else fields[self.column].strip()
        found = self.values.get(word, self.default)
        if found is None:
            raise _WrongError(f"{self.column} has a word that the mapping does not know")
        return found


class State(Frozen):
    """Which words of a column say that a row is open, and which that it is closed. Others are unreadable."""

    column: str
    open: Annotated[frozenset[str], Field(min_length=1)]
    closed: Annotated[frozenset[str], Field(min_length=1)]


ClosingTells = Literal[
    Fact.ACKNOWLEDGED,
    Fact.CUSTOMER_CONTACTED,
    Fact.PROGRESS_REPORTED,
    Fact.ANSWERED,
    Fact.RESPONSE_SENT,
    Fact.RESPONSE_DELIVERED,
]
"""What a closing may stand for where it comes from, beside that it was resolved and its outcome told."""


class ImportedRow(Frozen):
    """A row as the complaint it tells of. `source` is unique for ever: the mapping's prefix and the row's id.

    A closed one has `closed_at` where the file says when; where it does not, `not_before` is the last
    moment of which the file speaks.
    """

    line: int
    source: str
    received_at: AwareDatetime
    closed: bool
    closed_at: AwareDatetime | None = None
    not_before: AwareDatetime
    closing_tells: tuple[Fact, ...] = ()
    kind: Kind
    severity: Severity
    tier: Tier
    channel: Channel
    feedback_class: FeedbackClass | None = None
    subject: str | None = None
    narrative: str | None = None
    outcome: str | None = None


class Mapping(Frozen):
    """What the columns of one kind of file mean. `source` is the prefix of its rows' sources."""

    source: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}$")]
    encoding: Encoding = "utf-8"
    id: str
    state: State
    received: Moment
    closed: Moment | None = None
    """When a closed row was closed; without it, or where it is blank, that is not known."""
    closing_tells: tuple[ClosingTells, ...] = ()
    """What else had come to be by the time of closing: the written response had arrived, say."""
    last_known: Moment | None = None
    """For closed rows without a time: the last moment of which the file speaks."""
    kind: Choice = Choice(default=Kind.COMPLAINT)
    severity: Choice = Choice(default=Severity.REGULAR)
    tier: Choice = Choice(default=Tier.STANDARD)
    channel: Choice = Choice(default=Channel.IMPORT)
    feedback_class: Choice | None = None
    subject: Words | None = None
    narrative: Words | None = None
    outcome: Words | None = None

    @model_validator(mode="after")
    def _choices_are_in_the_vocabulary(self) -> Self:
        classes = {
            "kind": Kind,
            "severity": Severity,
            "tier": Tier,
            "channel": Channel,
            "feedback_class": FeedbackClass,
        }
        for name, known in classes.items():
            choice: Choice | None = getattr(self, name)
            said = () if choice is None else (*choice.values.values(), choice.default)
            for word in said:
                if word is not None and word not in list(known):
                    raise ValueError(f"{name}: {word} is none of {', '.join(known)}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the file has to have."""
        moments = (self.received, self.closed, self.last_known)
        choices = (self.kind, self.severity, self.tier, self.channel, self.feedback_class)
        texts = (self.subject, self.narrative, self.outcome)
        names = [self.id, self.state.column]
        names += [moment.column for moment in moments if moment is not None]
        names += [choice.column for choice in choices if choice is not None and choice.column is not None]
        names += [column for words in texts if words is not None for column in words.columns]
        return tuple(dict.fromkeys(names))

    def complaint(self, row: Row, now: datetime) -> ImportedRow | RowError:
        """The complaint a row tells of, or why it can not be read. The reason quotes no content."""
        try:
            return self._complaint(row, now)
        except _WrongError as wrong:
            return RowError(line=row.line, reason=f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.")

    def _complaint(self, row: Row, now: datetime) -> ImportedRow:
        fields = row.fields
        identifier = fields[self.id].strip()
        if not _IDENTIFIER.fullmatch(identifier):
            raise _WrongError(f"{self.id} is not an identifier of letters, digits, dots and dashes")
        closed = self._closed(fields[self.state.column].strip())
        received_at = self.received.read(fields[self.received.column].strip())
        _in_order(self.received.column, received_at, _EARLIEST, now)
        closed_at = _moment(self.closed, fields, received_at, now) if closed else None
        last = _moment(self.last_known, fields, received_at, now) if closed else None
        return ImportedRow.model_validate(
            {
                "line": row.line,
                "source": f"{self.source}:{identifier}",
                "received_at": received_at,
                "closed": closed,
                "closed_at": closed_at,
                "not_before": closed_at or last or received_at,
                "closing_tells": self.closing_tells,
                "kind": self.kind.read(fields),
                "severity": self.severity.read(fields),
                "tier": self.tier.read(fields),
                "channel": self.channel.read(fields),
                "feedback_class": None if self.feedback_class is None else self.feedback_class.read(fields),
                "subject": _text(self.subject, fields),
                "narrative": _text(self.narrative, fields),
                "outcome": _text(self.outcome, fields) if closed else None,
            }
        )

    def _closed(self, word: str) -> bool:
        if word in self.state.closed:
            return True
        if word in self.state.open:
            return False
        raise _WrongError(f"{self.state.column} says neither that it is open nor that it is closed")


def load(file: Path) -> Mapping:
    """The mapping in a YAML file. Raises ImportImpossible with a sentence for each thing that is wrong."""
    try:
        said: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImportImpossible(f"{file.name} can not be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise ImportImpossible(f"{file.name}{where}: this is not YAML.") from None
    try:
        return Mapping.model_validate(said)
    except ValidationError as error:
        wrong = [
            f"{file.name}: {'.'.join(map(str, item['loc'])) or 'the mapping'}: {item['msg']}."
            for item in error.errors()
        ]
        raise ImportImpossible("\n".join(wrong)) from None


def _moment(
    moment: Moment | None, fields: dict[str, str], received_at: datetime, now: datetime
) -> datetime | None:
    """A moment of the case after its receipt; None where the column is blank."""
    if moment is None or not (text := fields[moment.column].strip()):
        return None
    found = moment.read(text, not_before=received_at)
    _in_order(moment.column, found, received_at, now)
    return found


def _in_order(column: str, found: datetime, not_before: datetime, now: datetime) -> None:
    if found > now:
        raise _WrongError(f"{column} lies in the future")
    if found < not_before:
        before = "1970" if not_before == _EARLIEST else "the receipt"
        raise _WrongError(f"{column} lies before {before}")


def _text(words: Words | None, fields: dict[str, str]) -> str | None:
    return None if words is None else words.read(fields)


def _clean(column: str, text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if _UNWANTED.search(text):
        raise _WrongError(f"{column} has control characters in it")
    return text
