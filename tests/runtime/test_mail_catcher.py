"""The mail catcher: speaks real SMTP, keeps what it took, refuses and puts off as told."""

from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest

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
