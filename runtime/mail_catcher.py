"""A real SMTP server that delivers nothing: keeps each mail as a file and shows it on a page, to be answered there.

For the demo and the tests. `python -m runtime.mail_catcher --smtp-port 2525 --http-port 8025 --dir mails`;
with `--lmtp-port 2424` answers are handed in there.
"""

import argparse
import asyncio
import secrets
from email import message_from_bytes, policy
from email.message import EmailMessage
from fnmatch import fnmatchcase
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from runtime.clock import Clock
from runtime.mail_answers import NotTaken, answer_to, hand_in

REFUSED = "bounce@*"
"""Recipients refused for good (550), unless told otherwise."""
DEFERRED = "greylist@*"
"""Recipients put off (451) at the first attempt from each sender, unless told otherwise."""

_LARGEST_MAIL = 32 * 1024 * 1024
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #ccc}pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}"
    "textarea{display:block;box-sizing:border-box;width:100%;margin:.3rem 0;font:inherit}"
    "button{font:inherit;padding:.3rem 1rem}"
)


class Mails:
    """The mails kept in a folder, one `.eml` each, numbered in the order in which they came."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._next = 1 + max((int(name.partition("-")[0]) for name in self.names()), default=0)

    def names(self) -> list[str]:
        """The names of the mails, oldest first."""
        return sorted(path.stem for path in self.folder.glob("*.eml"))

    def read(self, name: str) -> EmailMessage | None:
        """One mail by its name, or None where there is no such one."""
        if name not in self.names():  # also keeps a name from leading out of the folder
            return None
        return message_from_bytes((self.folder / f"{name}.eml").read_bytes(), policy=policy.default)

    def keep(self, envelope: Envelope) -> str:
        """Writes a mail and returns its name. Whoever looks sees it whole or not at all.

        The envelope goes into the headers that a mail server writes at delivery (RFC 5321, 4.4).
        """
        name = f"{self._next:06d}-{secrets.token_hex(4)}"
        self._next += 1
        head = [
            f"Return-Path: <{envelope.mail_from or ''}>",
            *(f"Delivered-To: {r}" for r in envelope.rcpt_tos),
        ]
        content = envelope.content or b""
        body = content if isinstance(content, bytes) else content.encode()
        making = self.folder / f"{name}.making"
        making.write_bytes("\r\n".join([*head, ""]).encode() + body)
        making.rename(self.folder / f"{name}.eml")
        return name


class Catcher:
    """What the SMTP server does with each step (the names are aiosmtpd's)."""

    def __init__(self, mails: Mails, *, refused: tuple[str, ...], deferred: tuple[str, ...]) -> None:
        self.mails = mails
        self._refused = refused
        self._deferred = deferred
        self._seen: set[tuple[str, str]] = set()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes, refuses or puts off a recipient."""
        plain = address.lower()
        if any(fnmatchcase(plain, pattern) for pattern in self._refused):
            return "550 5.1.1 There is no such mailbox here"
        attempt = (envelope.mail_from or "", plain)
        if attempt not in self._seen and any(fnmatchcase(plain, pattern) for pattern in self._deferred):
            self._seen.add(attempt)
            return "451 4.7.1 Not now, try again in a moment"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps the mail before saying that it has it."""
        return f"250 Kept as {await asyncio.to_thread(self.mails.keep, envelope)}"


def pages(mails: Mails, lmtp_port: int | None = None) -> Starlette:
    """The list of mails (`/`, as JSON `/mails`), one mail (`/mails/NAME`), and it as it came (`…/raw`).

    With `lmtp_port` a mail can be answered (`POST …/answer`): the answer is handed in at that port of 127.0.0.1.
    """

    def found(request: Request) -> EmailMessage:
        message = mails.read(request.path_params["name"])
        if message is None:
            raise HTTPException(404, "There is no such mail.")
        return message

    async def as_json(request: Request) -> Response:
        return JSONResponse([_summary(name, mails.read(name)) for name in mails.names()])

    async def listing(request: Request) -> Response:
        rows = [_row(_summary(name, mails.read(name))) for name in reversed(mails.names())]
        table = f"<table><tr><th>To<th>From<th>Subject<th>Date</tr>{''.join(rows)}</table>"
        return _page("Mails", f"<h1>Mails caught</h1>{table if rows else '<p>None yet.</p>'}")

    async def one(request: Request) -> Response:
        message = found(request)
        text = message.get_body(("plain", "html"))
        body = "" if text is None else text.get_content()
        heads = "".join(
            f"<tr><th>{escape(k)}<td>{escape(v)}</tr>"
            for k in ("From", "To", "Subject", "Date")
            for v in message.get_all(k, [])
        )
        name = request.path_params["name"]
        links = f'<p><a href="/">All mails</a> · <a href="/mails/{escape(name)}/raw">As it came</a></p>'
        answer = "" if lmtp_port is None else _answer_form(name, message)
        return _page(
            str(message["Subject"]), f"<table>{heads}</table><pre>{escape(body)}</pre>{answer}{links}"
        )

    async def answered(request: Request) -> Response:
        """Hands the recipient's answer in, as their mail server would."""
        message = found(request)
        if lmtp_port is None or not _sent_from_here(request):
            raise HTTPException(403, "Answers are written on the page of their mail.")
        typed = str((await request.form()).get("words", "")).strip()
        answer = answer_to(message, typed, Clock().now()) if typed else None
        if answer is None:
            return _told("There is nothing to hand in: write something first.", request, 422)
        try:
            await asyncio.to_thread(hand_in, answer, lmtp_port)
        except NotTaken as refused:
            return _told(str(refused), request, 502)
        return _told(f"Redress has taken the answer from {answer['From']}.", request)

    async def raw(request: Request) -> Response:
        return Response(found(request).as_bytes(), media_type="text/plain; charset=utf-8")

    return Starlette(
        routes=[
            Route("/", listing),
            Route("/mails", as_json),
            Route("/mails/{name}", one),
            Route("/mails/{name}/raw", raw),
            Route("/mails/{name}/answer", answered, methods=["POST"]),
        ]
    )


def _summary(name: str, message: EmailMessage | None) -> dict[str, Any]:
    if message is None:
        return {"name": name}
    return {
        "name": name,
        "from": str(message["From"] or ""),
        "to": [str(v) for v in message.get_all("Delivered-To", [])],
        "subject": str(message["Subject"] or ""),
        "date": str(message["Date"] or ""),
    }


def _row(mail: dict[str, Any]) -> str:
    subject = escape(mail.get("subject") or "(no subject)")
    return (
        f"<tr><td>{escape(', '.join(mail.get('to', [])))}<td>{escape(mail.get('from', ''))}"
        f'<td><a href="/mails/{escape(mail["name"])}">{subject}</a><td>{escape(mail.get("date", ""))}</tr>'
    )


def _answer_form(name: str, message: EmailMessage) -> str:
    if answer_to(message, "", Clock().now()) is None:
        return ""
    recipient = escape(str(message["Delivered-To"]))
    return (
        f'<h2>Answer as {recipient}</h2><form method="post" action="/mails/{escape(name)}/answer">'
        '<label for="words">The answer</label><textarea id="words" name="words" rows="5" required maxlength="20000">'
        "</textarea><p><button>Send the answer</button></p></form>"
    )


def _sent_from_here(request: Request) -> bool:
    """Whether one of these pages sent the form: another site's may not write mails (OWASP, CSRF Prevention)."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


def _told(sentence: str, request: Request, status: int = 200) -> HTMLResponse:
    back = f'<p><a href="/mails/{escape(request.path_params["name"])}">The mail</a> · <a href="/">All mails</a></p>'
    return _page("Answer", f'<p role="status">{escape(sentence)}</p>{back}', status)


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body>{body}</body></html>",
        status,
        # A caught mail is somebody's text: nothing in it may run.
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


async def serve(
    folder: Path,
    *,
    smtp_port: int,
    http_port: int,
    refused: tuple[str, ...],
    deferred: tuple[str, ...],
    lmtp_port: int | None = None,
) -> None:
    """Catches mails on 127.0.0.1 until told to end. Raises `OSError` where a port is taken."""
    site = pages(mails := Mails(folder), lmtp_port)
    catcher = Catcher(mails, refused=refused, deferred=deferred)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: SMTP(catcher, data_size_limit=_LARGEST_MAIL, enable_SMTPUTF8=True, ident="redress catcher"),
        "127.0.0.1",
        smtp_port,
    )
    http = uvicorn.Server(
        uvicorn.Config(site, host="127.0.0.1", port=http_port, log_level="warning", access_log=False)
    )
    async with smtp:
        await http.serve()  # ends on SIGINT and SIGTERM


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(prog="mail_catcher", description="Catches mails and shows them.")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="the folder that keeps the mails")
    parser.add_argument(
        "--refuse", action="append", help=f"recipients refused for good, a pattern (default {REFUSED})"
    )
    parser.add_argument(
        "--defer", action="append", help=f"recipients put off once, a pattern (default {DEFERRED})"
    )
    parser.add_argument("--lmtp-port", type=int, help="where answers are handed in; none, and there are none")
    given = parser.parse_args()
    asyncio.run(
        serve(
            given.dir,
            smtp_port=given.smtp_port,
            http_port=given.http_port,
            refused=tuple(given.refuse or (REFUSED,)),
            deferred=tuple(given.defer or (DEFERRED,)),
            lmtp_port=given.lmtp_port,
        )
    )


if __name__ == "__main__":
    main()
