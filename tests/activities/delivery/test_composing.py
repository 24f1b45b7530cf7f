"""Mails as programs read them: text first, the same as HTML, threads, and no header that tells what it should not."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from activities.delivery.composing import compose

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def composed(**given: Any) -> EmailMessage:
    usual = {
        "sender": "complaints@redress.example", "organisation": "Kettles & Co", "to": "wei@example.org",
        "name": "Wei", "subject": "We have your message: CF-1", "body": "Dear Wei,\n\nthank you.\n", "key": "k1",
        "thread": "CF-1", "language": "en", "now": NOW,
    }  # fmt: skip
    return message_from_bytes(compose(**{**usual, **given}), policy=policy.default)


def parts(mail: EmailMessage) -> dict[str, str]:
    return {part.get_content_type(): str(part.get_content()) for part in mail.iter_parts()}


def test_the_plain_text_stands_first_and_the_html_says_the_same() -> None:
    body = "Dear <b>Wei</b>,\n\nlook at http://redress.example/progress/a?b=1&c=2.\nYours\n"
    mail = composed(body=body)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    plain, html = parts(mail).values()
    assert plain.replace("\r\n", "\n").strip("\n") == body.strip("\n")
    assert "Dear &lt;b&gt;Wei&lt;/b&gt;," in html
    address = "http://redress.example/progress/a?b=1&amp;c=2"
    assert f'<a href="{address}">{address}</a>.<br>Yours' in html
    assert '<html lang="en">' in html
    assert not re.search(r"<(img|link|script|style|iframe)|src=|url\(", html), (
        "nothing is fetched from anywhere"
    )


@pytest.mark.parametrize(
    "name",
    ["Wei", "王小明", 'Ada "Countess" Lovelace', "Lovelace, Ada", "O'Neill & Söhne <x>", "W. " * 60, ""],
)
def test_names_arrive_as_they_are(name: str) -> None:
    to = composed(name=name)["To"].addresses
    assert [(one.display_name, one.addr_spec) for one in to] == [(name.strip(), "wei@example.org")]


def test_long_subjects_beyond_ascii_arrive_whole() -> None:
    subject = "我們已收到您的訊息，" * 12 + "CF-1"
    assert composed(subject=subject)["Subject"] == subject
    raw = composed(subject=subject).as_bytes()
    assert max(map(len, raw.splitlines())) <= 998


def test_a_line_break_in_a_name_or_subject_makes_no_header() -> None:
    mail = composed(name="Wei\r\nBcc: eve@example.org", subject="Hello\nX-Evil: yes")
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert mail["Subject"] == "Hello X-Evil: yes"


@pytest.mark.parametrize("address", ["wei", "wei@a\nBcc: x@y", "a b@c", "<a@b>", "a@b, c@d", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="can not be written into a header"):
        composed(to=address)


def test_text_in_any_script_and_lines_of_any_length_arrive() -> None:
    for body in ("零件已訂購。{braces}", "x" * 5000, ".\n..\n.dots\n", "Grüße\r\nzurück"):
        plain = parts(composed(body=body))["text/plain"]
        assert plain.replace("\r\n", "\n").strip("\n") == body.replace("\r\n", "\n").strip("\n")
        assert max(map(len, composed(body=body).as_bytes().splitlines())) <= 998


def test_the_same_message_has_the_same_name_and_threads_have_one_root() -> None:
    first, again, other = composed(), composed(subject="x"), composed(key="k2")
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first["References"] == other["References"] == first["In-Reply-To"]
    assert composed(thread="CF-2")["References"] != first["References"]


def test_no_header_tells_what_the_mail_says_or_about_whom() -> None:
    mail = composed(body="Your diagnosis and the name Mallory.", key="CF-1/letter/L1", thread="CF-1")
    heads = "\n".join(f"{name}: {value}" for name, value in mail.items() if name != "Subject")
    for secret in ("diagnosis", "Mallory", "CF-1", "L1"):
        assert secret not in heads


def test_what_comes_again_and_again_can_be_ended_with_one_click() -> None:
    mail = composed(list_unsubscribe="https://redress.example/reports/unsubscribe/t0ken")
    assert mail["List-Unsubscribe"] == "<https://redress.example/reports/unsubscribe/t0ken>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert composed()["List-Unsubscribe"] is None
