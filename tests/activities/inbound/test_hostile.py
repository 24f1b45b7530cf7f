"""Mails that somebody made to keep the service busy: each is read in about the time that it takes to read it."""

from __future__ import annotations

import time

import pytest

from activities.inbound.html_text import text_of
from activities.inbound.reading import read

DOMAIN = "redress.example"
MANY = 40_000
SECONDS = 4.0
"""Of the processor, whatever else the machine does: the standard library's parsers took most of a minute, or hours for
a mail of the size that is taken."""

_HTML = b"From: wei@example.org\r\nContent-Type: text/html\r\n\r\nIt leaks."
_HOSTILE = {
    "comments that never end": _HTML + b"<!--" * MANY,
    "instructions that never end": _HTML + b"<?x" * MANY + b"<!",
    "tags that never end": _HTML + b"<a b='" * MANY,
    "a parameter of semicolons": b'From: wei@example.org\r\nContent-Type: text/plain; a="'
    + b";" * 4 * MANY
    + b"\r\n\r\nIt leaks.",
    "parts of parts of parts": b"From: wei@example.org\r\n"
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(400))
    + b"\r\nIt leaks.\r\n" * MANY,
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_mail_made_to_be_slow_is_read_in_no_time(name: str) -> None:
    began = time.process_time()
    found = read(_HOSTILE[name], DOMAIN)
    assert time.process_time() - began < SECONDS
    assert found.address == "wei@example.org"
    assert "It leaks." in found.text, "and says what it says"


def test_a_page_without_comments_and_with_loose_brackets_says_what_it_said() -> None:
    page = "<p>Hi <!-- not me --> you</p><!DOCTYPE x><p>1 < 2 &amp; 3 > 2</p><![if x]>tail &eacute; < 3"
    assert text_of(page) == "Hi you\n\n1 < 2 & 3 > 2\ntail é < 3"
    assert text_of("before<!-- for ever <p>after</p>") == "before"
