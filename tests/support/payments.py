"""The real payment service as tests see it: started for one test, told how to behave, and looked into."""

import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from runtime.child import Child, Running
from runtime.ports import free_port
from tests.support.waiting import PATIENCE

TOKEN = "the payment service's token"


class PaymentDesk:
    """A running payment service. Its file outlives its process."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        argv = (sys.executable, "-m", "runtime.payment_service", "--port", str(port))
        self._file = folder / "payments.sqlite"
        child = Child(
            name="payment service",
            argv=(*argv, "--file", str(self._file)),
            ready=self._ready,
            env={"REDRESS_PAYMENTS_TOKEN": TOKEN},
        )
        self.process = Running(child, folder / "payments.log")

    async def clear(self) -> None:
        """Forgets all payments, and behaves well again."""
        await self.behave("settle")
        with sqlite3.connect(self._file) as file:
            file.execute("DELETE FROM payments")
            file.execute("DELETE FROM failed_once")
        file.close()

    async def behave(self, do: str, **more: Any) -> None:
        """How payments are treated from now on; see `runtime.payment_service.Behaviour`."""
        (await self.request("POST", "/behaviour", json={"do": do, **more})).raise_for_status()

    async def payments(self) -> list[dict[str, Any]]:
        """Every payment and reversal, oldest first."""
        found: list[dict[str, Any]] = (await self.request("GET", "/payments")).json()
        return found

    async def settle(self, key: str) -> None:
        """Settle a pending payment now."""
        (payment,) = [made for made in await self.payments() if made["key"] == key]
        (await self.request("POST", f"/payments/{payment['id']}/settle")).raise_for_status()

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request with the right token (unless `headers` says otherwise)."""
        headers = more.pop("headers", {"Authorization": f"Bearer {TOKEN}"})
        async with httpx.AsyncClient(base_url=self.url, timeout=more.pop("timeout", PATIENCE)) as client:
            return await client.request(method, path, headers=headers, **more)

    async def _ready(self) -> bool:
        try:
            return (await self.request("GET", "/health")).is_success
        except httpx.TransportError:
            return False


@asynccontextmanager
async def payment_desk(folder: Path) -> AsyncIterator[PaymentDesk]:
    """A payment service that runs until the block ends."""
    desk = PaymentDesk(folder)
    await desk.process.start()
    try:
        yield desk
    finally:
        await desk.process.stop()
