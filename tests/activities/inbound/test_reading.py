"""Reading mails as they really come: who wrote what, what a machine wrote, and nothing that breaks it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.inbound.filing import message_of
from activities.inbound.quoting import own_words
from activities.inbound.reading import LONGEST_TEXT, Mail, content_of, message_id_of, read, references_in
from complaints.references import reference

MAILS = Path(__file__).parent / "mails"
DOMAIN = "redress.example"
REFERENCE = reference(123456789012345)
OURS = f"<{'a1' * 20}@{DOMAIN}>"


def mail(name: str) -> Mail:
    return read((MAILS / f"{name}.eml").read_bytes(), DOMAIN)


@pytest.mark.parametrize(
    ("name", "subject", "own", "language"),
    [
        ("plain", "My kettle leaks", "Hello,\n\nmy kettle leaks at the seam.\n\nWei", "en"),
        ("gb18030", "投诉：水壶漏水", "退款还没有收到，请尽快处理。订单号：20250611。谢谢！囍𠮷", "zh"),
        ("big5", "投訴：水壺漏水", "我的水壺漏水，到現在還沒有人回覆。\n請盡快處理。", "zh"),
        ("outlook_reply", f"RE: Complaint {REFERENCE}: a question", "It was the store at the station.", "en"),
        (
            "gmail_reply",
            f"Re: Complaint {REFERENCE}: a question",
            "It was the store at the station – platform 3.",
            "en",
        ),
        ("qq_reply", f"回复：投诉 {REFERENCE}", "是车站那家店。", "zh"),
        ("latin1_raw", "Größe falsch", "Die Größe ist falsch.", "en"),
        ("no_message_id", "An old program", "It has no Message-ID.", "en"),
    ],
)
def test_what_somebody_wrote_is_read_in_its_own_charset_and_apart_from_what_they_quote(
    name: str, subject: str, own: str, language: str
) -> None:
    found = mail(name)
    assert (found.subject, found.own, found.language) == (subject, own, language)
    assert (found.name, found.address) == ("Wei Example", "wei@example.org")
    assert (found.machine, found.report) == (None, None)


def test_nothing_that_was_quoted_is_lost() -> None:
    assert "Which store was it?" in mail("outlook_reply").text
    assert "> Which store was it?" in mail("gmail_reply").text
    assert "是哪家店？" in mail("qq_reply").text


def test_a_mail_that_is_all_quotation_is_shown_whole() -> None:
    assert (
        own_words("> Which store?\n> The one at the station.") == "> Which store?\n> The one at the station."
    )


def test_a_page_is_read_as_a_person_would_read_it() -> None:
    found = mail("html_only")
    assert found.subject == "Wo ist meine Rückzahlung?"
    assert found.text.splitlines()[0] == "The refund has not arrived."
    assert "- ordered in May\n" in found.text
    assert "my order <https://shop.example/order> & write back." in found.text
    for unseen in ("unseen", "alert", "color"):
        assert unseen not in found.text


@pytest.mark.parametrize("name", ["outlook_reply", "gmail_reply"])
def test_an_answer_names_the_mail_of_ours_that_it_answers_first(name: str) -> None:
    found = mail(name)
    assert found.answers[0] == OURS
    assert found.references == (REFERENCE,)


def test_files_keep_their_names_without_any_folder_and_a_picture_in_the_text_is_one() -> None:
    assert [(file.name, file.content) for file in mail("outlook_reply").files] == [
        ("receipt.pdf", b"%PDF-1.4 a receipt")
    ]
    found = mail("inline_picture")
    assert [file.name for file in found.files] == ["水壶.png", "evil.exe"]
    assert found.text == "Look:"


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("vacation", "auto_submitted"),
        ("vacation_by_subject", "vacation"),
        ("newsletter", "bulk"),
        ("list_loop", "auto_submitted"),
        ("plain", None),
    ],
)
def test_a_machine_is_told_from_a_person(name: str, machine: str | None) -> None:
    assert mail(name).machine == machine


@pytest.mark.parametrize(
    ("name", "action", "status"),
    [
        ("dsn_postfix", "failed", "5.1.1"),
        ("dsn_exchange", "failed", "5.1.10"),
        ("dsn_delayed", "delayed", "4.4.1"),
        ("bounce_qmail", "failed", None),
    ],
)
def test_a_mail_system_tells_which_mail_of_ours_it_means(name: str, action: str, status: str | None) -> None:
    report = mail(name).report
    assert report is not None
    assert (report.action, report.status) == (action, status)
    assert report.message_ids[0] == OURS


def test_hops_are_counted() -> None:
    assert mail("hops").hops == 31


def test_a_reference_with_a_mistake_in_it_and_words_are_no_references() -> None:
    assert mail("wrong_check").references == ()
    assert mail("forged_reference").references == (REFERENCE,)
    plain = REFERENCE.replace("-", "")
    assert references_in(f"about {plain.lower()}, or {REFERENCE.replace('-', ' ')}.") == (REFERENCE,)
    assert references_in(f"order {plain}77") == ()
    chance = random.Random(7)  # noqa: S311 - it makes words, not secrets
    words = " ".join("".join(chance.choices("abcdefghjkmnpqrs", k=12)) for _ in range(500))
    assert references_in(words) == ()


def test_nothing_and_broken_mails_are_read_all_the_same() -> None:
    empty = mail("empty")
    assert (empty.text, empty.address, empty.message_id) == ("", "", None)
    broken = mail("broken_mime")
    assert broken.message_id == "<broken-1@example.org>"
    assert "SGVsbG8gd29ybGQ" in broken.text or "Hello world" in broken.text
    assert "malformed" in broken.faults


def test_the_same_mail_over_another_way_is_the_same() -> None:
    raw = (MAILS / "plain.eml").read_bytes()
    other = b"Received: from elsewhere by here\r\nDelivered-To: x@example.org\r\n" + raw
    assert message_id_of(raw) == message_id_of(other) == "<plain-1@example.org>"
    assert content_of(raw) == content_of(other) != b""


def test_a_text_longer_than_a_message_says_where_the_rest_is() -> None:
    head = (MAILS / "plain.eml").read_bytes().partition(b"\r\n\r\n")[0]
    long = read(head + b"\r\n\r\n" + b"word " * 40_000, DOMAIN)
    assert len(long.text) > LONGEST_TEXT
    assert message_of(long, ["mail.txt"]).count("mail.txt") == 2


def test_a_nested_mail_is_a_file_and_endless_nesting_and_endless_headers_end() -> None:
    inner = (MAILS / "plain.eml").read_bytes()
    head = b"From: wei@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    nested = head + b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    found = read(nested, DOMAIN)
    assert [file.media_type for file in found.files] == ["message/rfc822"]
    assert b"leaks at the seam" in found.files[0].content
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)
    )
    assert read(b"From: wei@example.org\r\n" + deep + b"\r\nhello", DOMAIN).address == "wei@example.org"
    assert read(b"Subject: " + b"x " * 500_000 + b"\r\n\r\nhello", DOMAIN).text == "hello"
    recipients = b"To: " + b",".join(b"a%d@example.org" % n for n in range(50_000))
    assert read(recipients + b"\r\n\r\nhello", DOMAIN).text == "hello"


_REAL = sorted(path.read_bytes() for path in MAILS.glob("*.eml"))


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(_REAL), st.randoms(use_true_random=False), st.integers(1, 12))
def test_no_mail_however_mangled_makes_it_stumble(raw: bytes, chance: random.Random, changes: int) -> None:
    mangled = bytearray(raw)
    for _ in range(changes):
        at = chance.randrange(len(mangled) + 1)
        match chance.randrange(4):
            case 0:
                mangled[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del mangled[at : at + chance.randrange(40)]
            case 2:
                mangled[at:at] = raw[chance.randrange(len(raw) + 1) :][: chance.randrange(200)]
            case _:
                mangled[at:at] = chance.choice(
                    [b'"', b"=?", b"?=", b"<", b";", b"\r\n", b"\0", b"\xff", b"--"]
                )
    found = read(bytes(mangled), DOMAIN)
    for text in (found.text, found.subject, found.own, found.name, found.address):
        text.encode()  # what can not be written could not be kept either
        assert "\0" not in text


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_no_bytes_make_it_stumble(raw: bytes) -> None:
    read(raw, DOMAIN)
    message_id_of(raw)
    content_of(raw)
