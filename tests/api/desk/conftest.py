"""The desk on a real port, people who can sign in, and pages in a real Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from api.app import create_app
from policies.vocabulary import Role
from runtime.ports import free_port
from tests.api.conftest import Office
from tests.support.living import PATIENT
from tests.support.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PASSWORD = "correct horse battery staple"
LOGIN = "sam"
"""A handler with a password; the office's own people come in by their tokens, which a new password would end."""


@dataclass
class Desk:
    """The desk as browsers reach it. `office` is the same service as programs see it."""

    url: str
    office: Office
    browser: Browser

    @asynccontextmanager
    async def opened(self, who: str | None = None, **context: Any) -> AsyncIterator[Page]:
        """A page in a browser of its own; signed in already where `who` is given.

        Its language and its zone are not the machine's.
        """
        given = {"base_url": self.url, "locale": "en-GB", "timezone_id": "UTC"} | context
        async with await self.browser.new_context(**given) as opened:
            opened.set_default_timeout(PATIENCE * 1000)
            if who is not None:
                session = await self.office.deps.directory.open_session(who)
                await opened.add_cookies([{"name": "redress", "value": session.id, "url": self.url}])
            yield await opened.new_page()

    def http(self, **given: Any) -> httpx.AsyncClient:
        """A caller that shows no page, as patient as the browsers; `given` goes to httpx."""
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, **given)

    async def command(self, reference: str, who: str, slug: str, **body: Any) -> None:
        """A command over the API, to bring a complaint to where a test begins."""
        async with self.office.client(who) as client:
            answer = await client.post(f"/complaints/{reference}/commands/{slug}", json=body)
            if answer.status_code == 202:  # a busy machine: it is told where to look
                place = answer.headers["Location"]

                async def done() -> bool:
                    told = await client.get(place)
                    assert told.json()["status"] != "running", told.text
                    return told.status_code == 200

                await eventually(done, within=60, what=f"{slug} on record")
                return
        assert answer.status_code == 200, answer.text

    async def link(self, reference: str) -> str:
        """The path of a customer's secret link."""
        return f"/progress/{await self.office.deps.directory.issue_portal_link(reference, 'P1')}"

    async def answered(self, **fields: Any) -> str:
        """A complaint whose final response was sent."""
        ref = await self.office.receive(**fields)
        for who, slug, body in (
            ("usr_ana", "take-ownership", {}),
            ("usr_ana", "acknowledge", {}),
            ("usr_ana", "triage", {"kind": "complaint", "severity": "regular", "tier": "standard"}),
            ("usr_ana", "add-issue", {"text": "The kettle leaks."}),
            ("usr_ana", "record-finding", {"issue": "I1", "text": "The seam was never welded."}),
            ("usr_ana", "decide-issue", {"issue": "I1", "outcome": "upheld", "reasons": "It does leak.",
                                         "cause": "process_defect"}),
            ("usr_ana", "draft-response", {"text": "You are right, and we are sorry.", "next_step": "Keep the new one.",
                                           "outstanding": "Nothing.", "remedy_dates": True, "outside_body_named": True,
                                           "outside_time_limit_named": True}),
            ("usr_cleo", "approve-response", {"draft": "D1"}),
            ("usr_ana", "send-response", {}),
        ):  # fmt: skip
            await self.command(ref, who, slug, **body)
        return ref


@pytest.fixture(scope="session")
async def desk(office: Office, browser: Browser) -> AsyncIterator[Desk]:
    """An application of its own on a loopback port, on the office's database and engine."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    app = create_app(office.settings.model_copy(update={"base_url": url}), wait=PATIENT)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await office.deps.directory.add(
        id="usr_sam", login=LOGIN, name="Sam", email="sam@example.org", roles=[Role.HANDLER], password=PASSWORD,
        supervisor="usr_dora",
    )  # fmt: skip

    async def answers() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"{url}/sign-in")).is_success
            except httpx.TransportError:
                return False

    await eventually(answers, what="the desk to answer")
    yield Desk(url, office, browser)
    server.should_exit = True
    await serving
