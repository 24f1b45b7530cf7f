"""The API as a process of its own, under uvicorn, as it runs in production."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from runtime.child import Child, Running
from runtime.ports import free_port
from runtime.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """The environment that makes another process read these settings."""
    told = settings.model_dump(exclude_none=True, exclude={"pack_dirs", "master_key"}, mode="json")
    given = {name: value for name, value in told.items() if value != []}  # an empty list is the default
    named = {f"REDRESS_{name.upper()}": str(value) for name, value in given.items()}
    named["REDRESS_MASTER_KEY"] = settings.master_key.get_secret_value()
    return named


@asynccontextmanager
async def serving(settings: Settings, folder: Path) -> AsyncIterator[str]:
    """The address of an API process, which is stopped at the end. Its log is `folder`/api.log."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"{url}/ready")).is_success
            except httpx.TransportError:
                return False

    argv = (sys.executable, "-m", "uvicorn", "api.app:create_app", "--factory", "--host", "127.0.0.1",
            "--port", str(port), "--no-access-log")  # fmt: skip
    child = Child(name="api", argv=argv, env={**os.environ, **environment(settings)}, ready=answers)
    running = Running(child, folder / "api.log")
    await running.start()
    try:
        yield url
    finally:
        await running.stop()
