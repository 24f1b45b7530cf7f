"""The mail catcher: speaks real SMTP, keeps what it took, refuses and puts off as told, hands answers in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from runtime.mail_catcher import Mails, pages
from runtime.ports import free_port
from tests.support.mail import CaughtMail


async def send(mail: CaughtMail, to: str, subject: str = "Your complaint", text: str = "Dear 王女士") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "desk@redress.example", to, subject
    message.set_content(text)
    await aiosmtplib.send(message, hostname=mail.smtp_host, port=mail.smtp_port)


async def test_a_mail_sent_is_a_mail_caught(mail: CaughtMail) -> None:
    await send(mail, "ann@example.org")
    (caught,) = await mail.wait_for("ann@example.org")
    assert caught["Subject"] == "Your complaint"
    assert caught["Return-Path"] == "<desk@redress.example>"
    assert caught.get_content().strip() == "Dear 王女士"
    assert mail.to("someone@example.org") == []


async def test_a_refused_recipient_bounces_for_good(mail: CaughtMail) -> None:
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await send(mail, "bounce@example.org")
        assert refused.value.recipients[0].code == 550
    assert mail.all() == []


async def test_a_greylisted_recipient_takes_the_second_attempt(mail: CaughtMail) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await send(mail, "greylist@example.org")
    assert refused.value.recipients[0].code == 451
    await send(mail, "greylist@example.org")
    assert len(await mail.wait_for("greylist@example.org")) == 1


async def test_the_page_shows_the_mails_and_runs_nothing_in_them(mail: CaughtMail) -> None:
    await send(mail, "ann@example.org", subject="<script>alert(1)</script>", text="<b>bold</b>")
    await send(mail, "bob@example.org", subject="Second")
    async with httpx.AsyncClient(base_url=mail.http_url) as client:
        listed = (await client.get("/mails")).json()
        assert [m["to"] for m in listed] == [["ann@example.org"], ["bob@example.org"]]
        front = (await client.get("/")).text
        assert front.index("Second") < front.index("&lt;script&gt;")
        assert "<script>" not in front
        one = await client.get(f"/mails/{listed[0]['name']}")
        assert "&lt;b&gt;bold&lt;/b&gt;" in one.text
        assert "default-src 'none'" in one.headers["Content-Security-Policy"]
        assert "Subject: <script>" in (await client.get(f"/mails/{listed[0]['name']}/raw")).text
        assert (await client.get("/mails/no-such-mail")).status_code == 404
        assert (await client.get("/mails/..%2f..%2fsecrets")).status_code == 404


class Gateway:
    """What an LMTP server was handed."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 Kept"


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Gateway]:
    gateway = Gateway()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: LMTP(gateway, enable_SMTPUTF8=True), "127.0.0.1", port):
        yield gateway


def kept(folder: Path, subject: str = "Your complaint 7K2M-9QF3-XA5C") -> str:
    """A mail of ours to Ann, by its name."""
    mail = (
        f"From: Redress <desk@redress.example>\r\nSubject: {subject}\r\n"
        "Message-ID: <own@redress.example>\r\nReferences: <root@redress.example>\r\n\r\nDear Ann\r\n"
    )
    envelope = Envelope()
    envelope.mail_from, envelope.rcpt_tos, envelope.content = (
        "b@redress.example",
        ["ann@example.org"],
        mail.encode(),
    )
    return Mails(folder).keep(envelope)


def browser(folder: Path, port: int | None) -> httpx.AsyncClient:
    site = httpx.ASGITransport(pages(Mails(folder), port))
    return httpx.AsyncClient(transport=site, base_url="http://127.0.0.1")


async def test_an_answer_is_handed_in_and_names_the_mail_it_answers(tmp_path: Path) -> None:
    path = f"/mails/{kept(tmp_path)}"
    async with listening(port := free_port()) as gateway, browser(tmp_path, port) as client:
        assert "Answer as ann@example.org" in (await client.get(path)).text
        answered = await client.post(f"{path}/answer", data={"words": "是蓝色的那个。"})
        assert (answered.status_code, "taken the answer from ann@example.org" in answered.text) == (200, True)
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (
            await client.post(f"{path}/answer", data={"words": "x"}, headers=elsewhere)
        ).status_code == 403
        assert (await client.post(f"{path}/answer", data={"words": "  "})).status_code == 422
    (envelope,) = gateway.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("ann@example.org", ["desk@redress.example"])
    assert isinstance(envelope.content, bytes)
    answer = message_from_bytes(envelope.content, policy=policy.default)
    assert answer["Subject"] == "Re: Your complaint 7K2M-9QF3-XA5C"
    assert answer["In-Reply-To"] == "<own@redress.example>"
    assert answer["References"] == "<root@redress.example> <own@redress.example>"
    assert answer.get_content().strip() == "是蓝色的那个。"


async def test_a_mail_whose_subject_hides_a_line_break_is_shown_and_answered(tmp_path: Path) -> None:
    path = f"/mails/{kept(tmp_path, '=?utf-8?q?Your=0Acomplaint?=')}"
    async with listening(port := free_port()) as gateway, browser(tmp_path, port) as client:
        assert "Answer as ann@example.org" in (await client.get(path)).text
        assert (await client.post(f"{path}/answer", data={"words": "Yes."})).status_code == 200
    (envelope,) = gateway.taken
    assert isinstance(envelope.content, bytes)
    assert message_from_bytes(envelope.content, policy=policy.default)["Subject"] == "Re: Your complaint"


async def test_an_answer_that_nobody_takes_is_said_not_to_be(tmp_path: Path) -> None:
    path = f"/mails/{kept(tmp_path)}"
    async with browser(tmp_path, free_port()) as client:
        answered = await client.post(f"{path}/answer", data={"words": "The blue one."})
    assert (answered.status_code, "Redress did not take the answer" in answered.text) == (502, True)
    async with browser(tmp_path, None) as client:
        assert "Answer as" not in (await client.get(path)).text
        assert (await client.post(f"{path}/answer", data={"words": "x"})).status_code == 403
