"""Headers of mails as they really are: decoded whatever charset they claim, cut where they are endless. No I/O.

The structured header parser of the standard library takes quadratic time for a long header and raises on some
broken ones; these functions look at raw values, decode word by word, and never raise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr

LONGEST = 20_000
"""Characters of one header that are looked at."""
_LONGEST_OF_PARTS = 2_000
"""Of a Content-Type and its like, whose parameters the standard library finds in quadratic time."""
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
# What a charset's name stands for in practice: the smaller sets are sent with characters of the larger ones.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "big-5": "big5hkscs",
    "x-big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "unknown-8bit": "utf-8",
}
_GUESSES = ("utf-8", "gb18030", "cp1252")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class _Cut(Compat32):
    """How mails are taken apart: with no header longer than what is looked at, in any of their parts."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        name, written = super().header_source_parse(list(sourcelines))
        of_parts = name.lower().startswith("content-")
        return name, written[: _LONGEST_OF_PARTS if of_parts else LONGEST]


CUT = _Cut()
"""The policy (of the standard library's parser) that cuts endless headers before they are taken apart."""


def as_text(content: bytes, charset: str | None) -> str:
    """Bytes as text: in the charset they claim, else in one that they fit, else with marks where they fit none."""
    claimed = (charset or "utf-8").strip().strip("\"'").lower()
    wider = _WIDER.get(claimed, claimed)
    for guess in dict.fromkeys((wider, *_GUESSES)):
        try:
            text = content.decode(guess)
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
        if guess == wider or guess != "gb18030" or _reads_as_chinese(text):
            return text
    try:
        return content.decode(wider, errors="replace")
    except (LookupError, ValueError, UnicodeError):
        return content.decode("utf-8", errors="replace")


def _reads_as_chinese(text: str) -> bool:
    """Whether what was guessed to be GB18030 is mostly common characters; a few umlauts decode to rare ones."""
    foreign = [character for character in text[:4000] if not character.isascii()]
    common = [character for character in foreign if b"\xa1" <= character.encode("gb18030")[:1] <= b"\xd7"]
    return len(common) * 2 > len(foreign)


def plain(text: str) -> str:
    """The text with one kind of line end and without characters that no text has."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def raw_values(message: Message, name: str) -> list[str]:
    """The values of a header as they came, none longer than LONGEST."""
    wanted = name.lower()
    return [str(value)[:LONGEST] for key, value in message.raw_items() if key.lower() == wanted]


def value(message: Message, name: str) -> str:
    """The first value of a header, decoded to one line; empty where there is none."""
    found = raw_values(message, name)
    return decoded(found[0]) if found else ""


def decoded(raw: str) -> str:
    """A raw header value with its encoded words (RFC 2047) decoded, on one line."""
    eight_bit = raw.encode("utf-8", "surrogateescape")
    ascii_only = eight_bit.isascii()
    try:
        words = decode_header(raw) if ascii_only else [(eight_bit, None)]
    except Exception:  # malformed base64 and the like: it is shown as it came
        words = [(raw, None)]
    parts = [word if isinstance(word, str) else as_text(word, charset) for word, charset in words]
    return " ".join(plain("".join(parts)).split())


def message_ids(message: Message, name: str) -> tuple[str, ...]:
    """The Message-IDs in a header (`<…@…>`), in their order, each once."""
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(" ".join(raw_values(message, name)))))


def sender(message: Message) -> tuple[str, str]:
    """Who a mail says it is from: name and address, either empty where it does not say."""
    for name in ("From", "Sender", "Reply-To"):
        for raw in raw_values(message, name):
            try:
                _, address = parseaddr(raw[:2000])
                shown, _ = parseaddr(decoded(raw[:2000]))
            except Exception:  # noqa: S112 - a header that can not be taken apart names nobody
                continue
            # Two addresses in one are an attempt to be taken for somebody else.
            if address.count("@") == 1 and not any(character.isspace() for character in address):
                return shown[:200], plain(address)[:320]
    return "", ""
