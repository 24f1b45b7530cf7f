"""A form with a file, read as it streams in: the fields before the file, then the file, never whole in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from api.problems import Problem

_FIELDS_AT_MOST = 20
_FIELD_BYTES = 64 * 1024
_LONGEST_NAME = 255


@dataclass
class Upload:
    """The fields that came before the file, the file's name and declared media type, and its bytes to come."""

    fields: dict[str, str]
    filename: str
    media_type: str
    chunks: AsyncIterator[bytes]


@dataclass
class _Part:
    name: str
    filename: str | None
    media_type: str
    content: bytearray = field(default_factory=bytearray)


class _Events:
    """What the parser says, in order: a _Part where one begins, bytes of it, None where it ends."""

    def __init__(self, boundary: bytes) -> None:
        self.told: list[_Part | bytes | None] = []
        self.over = False
        self._header = b""
        self._value = b""
        self._headers: dict[str, bytes] = {}
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._on_data,
                "on_part_end": lambda: self.told.append(None),
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._headers = {}

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        filename = options.get(b"filename")
        media_type, _ = parse_options_header(self._headers.get("content-type", b""))
        self.told.append(
            _Part(
                name=_text(options.get(b"name", b"")),
                filename=None if filename is None else _filename(_text(filename)),
                media_type=_text(media_type).lower(),
            )
        )

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self.told.append(data[start:end])

    def _end(self) -> None:
        self.over = True


async def upload(request: Request) -> Upload:
    """The upload that a request (multipart/form-data) carries in a part named `file`.

    Raises Problem: 415 for another type of content, 422 where there is no file or the form is broken.
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise Problem(415, detail="Send the file as multipart/form-data, in a part named file.")
    events = _events(request, boundary)
    fields: dict[str, str] = {}
    part: _Part | None = None
    async for told in events:
        if isinstance(told, _Part):
            part = told
            if part.filename is not None and part.name == "file":
                return Upload(fields, part.filename, part.media_type, _content(events))
            if len(fields) >= _FIELDS_AT_MOST:
                raise _broken()
        elif told is None:
            if part is not None and part.filename is None:
                fields[part.name] = _text(bytes(part.content))
        elif part is not None:
            part.content += told
            if len(part.content) > _FIELD_BYTES:
                raise _broken()
    raise Problem(422, "no_file", "There is no file in this form; send it in a part named file.")


async def _events(request: Request, boundary: bytes) -> AsyncIterator[_Part | bytes | None]:
    try:
        events = _Events(boundary)
        async for chunk in request.stream():
            events.parser.write(chunk)
            for told in events.told:
                yield told
            events.told.clear()
    except FormParserError:
        raise _broken() from None
    if not events.over:
        raise _broken()


async def _content(events: AsyncIterator[_Part | bytes | None]) -> AsyncIterator[bytes]:
    """The file's bytes; what comes after the file is read to its end, lest a form cut short passes for whole."""
    inside = True
    async for told in events:
        if told is None:
            inside = False
        elif inside and isinstance(told, bytes):
            yield told


def _broken() -> Problem:
    return Problem(422, "form_broken", "This form is cut short or broken; send it again.")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _filename(given: str) -> str:
    """The last part of a path, without what could not be stored or would lead a shell or a reader astray."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if c.isprintable()).strip()
    return name[-_LONGEST_NAME:] or "file"
