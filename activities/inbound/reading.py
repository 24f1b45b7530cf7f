"""Reading a mail: who wrote what, in answer to what, with which files, and whether a machine did. Never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import collapse_rfc2231_value
from itertools import islice

from activities.inbound import headers
from activities.inbound.html_text import text_of
from activities.inbound.quoting import own_words
from activities.inbound.reports import Report, report_in
from complaints.base import Refused
from complaints.references import is_systemic, parse

LONGEST_TEXT = 100_000
"""Characters of a mail that become the message; a longer one is kept as a file beside it."""
MOST_PARTS = 200
MOST_LEVELS = 50
"""Parts of a mail that have parts themselves, at most; of a mail with more the head alone is taken apart."""
MOST_HOPS = 25
"""Mail systems that a mail passes through at most; more, and it runs in a circle."""

_REFERENCE = re.compile(
    r"(?<![0-9A-Za-z-])[0-9A-TV-Z]{4}[- ‐‑–]?[0-9A-TV-Z]{4}[- ‐‑–]?[0-9A-TV-Z]{4}(?![0-9A-Za-z-])",
    re.IGNORECASE,
)
_LEVEL = re.compile(rb"content-type:\s*multipart", re.IGNORECASE)
_DASHES = re.compile(r"[‐‑–]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_VACATIONS = re.compile(
    r"^(auto(matic)?[ -]?(reply|response|antwort)|out of (the )?office|abwesenheit|自动回复|自動回覆|自动答复)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class File:
    """A part of a mail that is a file. `name` is as the sender called it, without any folder."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Mail:
    """What a mail says. `machine` is a code where no person wrote it, `report` where a mail system tells of a mail.

    `text` is everything that was written, quoted history included; `own` only what is new. `references` are the
    complaints that it names: in its subject, in its own words, in what it quotes, in this order.
    """

    message_id: str | None
    answers: tuple[str, ...]
    name: str
    address: str
    subject: str
    text: str
    own: str
    files: tuple[File, ...]
    references: tuple[str, ...]
    language: str
    hops: int
    machine: str | None = None
    report: Report | None = None
    faults: tuple[str, ...] = ()


def read(raw: bytes, domain: str) -> Mail:
    """What a mail says, however broken it is. `domain` is the one that our own Message-IDs end in."""
    faults: list[str] = []
    shallow = _is_shallow(raw)
    try:
        message = message_from_bytes(raw if shallow else _head_of(raw), policy=headers.CUT)
    except (Exception, RecursionError):  # nested deeper than anybody nests mails
        faults.append("malformed")
        message = message_from_bytes(_head_of(raw)[: headers.LONGEST], policy=headers.CUT)
    text, report = "", None
    files: tuple[File, ...] = ()
    try:
        text, files = _content(message, faults)
        report = report_in(message, domain)
    except (Exception, RecursionError):
        faults.append("malformed")
        text = text or headers.plain(headers.as_text(_body_of(raw), None))
    if not shallow:
        faults.append("malformed")
        text = headers.plain(headers.as_text(_body_of(raw), None))
    text = text.strip()
    subject = headers.value(message, "Subject")[:500]
    own = own_words(text[:LONGEST_TEXT])
    name, address = headers.sender(message)
    ids = headers.message_ids(message, "Message-ID")
    return Mail(
        message_id=ids[0] if ids else None,
        answers=_answers(message),
        name=name,
        address=address,
        subject=subject,
        text=text,
        own=own,
        files=files,
        references=references_in(subject, own, text[:LONGEST_TEXT]),
        language=_language(message, own or subject),
        hops=len(headers.raw_values(message, "Received")),
        machine=None if report is not None else _machine(message, subject),
        report=report,
        faults=tuple(dict.fromkeys(faults)),
    )


def message_id_of(raw: bytes) -> str:
    """The Message-ID in the head of a mail, empty where there is none; quick, whatever the size of the mail."""
    found = re.search(rb"^message-id:\s*(<[^<>\r\n]{1,250}>)", _head_of(raw), re.IGNORECASE | re.MULTILINE)
    return found[1].decode("latin-1") if found else ""


def content_of(raw: bytes) -> bytes:
    """What is below the head: the same each time that a mail is delivered, which the head is not."""
    return _body_of(raw)


def references_in(*texts: str) -> tuple[str, ...]:
    """The complaints' references in these texts, as they are kept, each once; one with a wrong check is none."""
    found: dict[str, None] = {}
    for text in texts:
        for written in _REFERENCE.findall(text):
            # A word of twelve letters fits the check one time in 32; a reference has a digit or its dashes.
            if not (re.search(r"[0-9]", written) or "-" in written):
                continue
            try:
                reference = parse(_DASHES.sub("-", written))
            except Refused:
                continue
            if not is_systemic(reference):
                found[reference] = None
    return tuple(found)


def _is_shallow(raw: bytes) -> bool:
    """Whether the mail is nested no deeper than mails are: each line is held against each level's boundary."""
    return sum(1 for _ in islice(_LEVEL.finditer(raw), MOST_LEVELS + 1)) <= MOST_LEVELS


def _head_of(raw: bytes) -> bytes:
    ends = [at for at in (raw.find(b"\r\n\r\n"), raw.find(b"\n\n")) if at >= 0]
    return raw[: min(ends)] if ends else raw


def _body_of(raw: bytes) -> bytes:
    return raw[len(_head_of(raw)) :].strip()


def _answers(message: Message) -> tuple[str, ...]:
    """The mails that this one answers: the direct one first, then its forebears, the nearest first."""
    direct = headers.message_ids(message, "In-Reply-To")
    forebears = headers.message_ids(message, "References")[-100:]
    return tuple(dict.fromkeys((*direct, *reversed(forebears))))


def _machine(message: Message, subject: str) -> str | None:
    """A code where a machine wrote this (RFC 3834, and what is used beside it); None where it was a person."""
    automatic = headers.value(message, "Auto-Submitted").lower()
    if automatic and not automatic.startswith("no"):
        return "auto_submitted"
    if headers.value(message, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return "bulk"
    for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-Autogenerated", "X-Vacation"):
        if headers.value(message, name).lower() not in ("", "no", "false"):
            return "auto_reply"
    if headers.raw_values(message, "List-Id") or headers.raw_values(message, "List-Unsubscribe"):
        return "list"
    if headers.raw_values(message, "Return-Path")[:1] == ["<>"]:
        return "no_return_path"  # a person's program always names where an answer goes
    return "vacation" if _VACATIONS.match(subject) else None


def _language(message: Message, text: str) -> str:
    claimed = re.match(r"[A-Za-z]{2}", headers.value(message, "Content-Language"))
    if claimed is not None and claimed[0].lower() in ("en", "zh"):
        return claimed[0].lower()
    letters = sum(character.isalpha() for character in text[:2000])
    return "zh" if letters and len(_HAN.findall(text[:2000])) * 5 >= letters else "en"


def _content(message: Message, faults: list[str]) -> tuple[str, tuple[File, ...]]:
    """The text of a mail, and its files. A text that has a file's name, or is not the first, is a file."""
    plain, html = "", ""
    files: list[File] = []
    for part in _leaves(message, faults):
        kind = part.get_content_type()
        if kind.startswith("multipart/"):  # it said that it has parts, and has none: that is its text
            kind = "text/plain"
        name = _filename(part)
        attached = (part.get_content_disposition() or "") == "attachment" or bool(name)
        if kind == "text/plain" and not attached and not plain:
            plain = _text(part)
        elif kind == "text/html" and not attached and not html:
            html = text_of(_text(part))
        elif kind == "text/plain" and not attached:
            plain = f"{plain}\n\n{_text(part)}".strip()  # what mailing programs put round an attachment
        elif kind == "text/html" and not attached:
            html = f"{html}\n\n{text_of(_text(part))}".strip()
        elif kind != "message/delivery-status":
            files.append(File(name or _unnamed(kind, len(files)), kind, _bytes(part)))
    return plain.strip() or html, tuple(files)


def _leaves(message: Message, faults: list[str]) -> Iterator[Message]:
    """The parts that hold something, a mail within a mail as one of them."""
    seen = 0
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.defects:
            faults.append("malformed")
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting += [inner for inner in reversed(payload) if isinstance(inner, Message)]
            continue
        seen += 1
        if seen > MOST_PARTS:
            faults.append("too_many_parts")
            return
        yield part


def _text(part: Message) -> str:
    return headers.plain(headers.as_text(_bytes(part), _charset(part)))


def _charset(part: Message) -> str | None:
    charset = part.get_param("charset")
    return None if charset is None else str(collapse_rfc2231_value(charset))[:40]


def _bytes(part: Message) -> bytes:
    """The content of a part, decoded from what carried it; as it came where that is broken."""
    payload = part.get_payload()
    if isinstance(payload, list):  # a mail within a mail, or fields of a report
        return b"\r\n".join(bytes(inner) for inner in payload if isinstance(inner, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _filename(part: Message) -> str:
    name = part.get_filename() or ""
    base = re.split(r"[/\\]", headers.decoded(name))[-1].strip()
    return base[:200]


def _unnamed(kind: str, number: int) -> str:
    endings = {"message/rfc822": "eml", "text/plain": "txt", "text/html": "html", "text/calendar": "ics"}
    subtype = re.sub(r"[^a-z0-9]", "", kind.partition("/")[2])[:10]
    return f"part-{number + 1}.{endings.get(kind, subtype or 'bin')}"
