"""The demo as a new user meets it: it comes up, the README can be followed, it is killed, stopped and started again."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from runtime.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("API", "POSTGRES", "TEMPORAL", "TEMPORAL_UI", "CATCHER_SMTP", "CATCHER_PAGE", "PAYMENTS")
REDRESS = f"{sys.executable} -m cli"


@dataclass
class Demo:
    """A demo of its own ports and folder."""

    folder: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['REDRESS_API_PORT']}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """`redress up --demo`, from its being ready until it was stopped as Ctrl-C stops it."""
        process = await asyncio.create_subprocess_exec(
            *REDRESS.split(), "up", "--demo", cwd=ROOT, env=self.env, stdout=PIPE, stderr=STDOUT
        )
        said: list[str] = []
        assert process.stdout is not None
        async with asyncio.timeout(300):
            async for line in process.stdout:
                said.append(line.decode())
                if "Ctrl-C stops it" in said[-1]:
                    break
            else:
                raise AssertionError("the demo did not come up:\n" + "".join(said))
        assert not [line for line in said if line.startswith("Not told")], (
            "a demo story does not work any more"
        )
        drain = asyncio.create_task(process.stdout.read())
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            async with asyncio.timeout(60):
                await process.wait()
                await drain

    def pid(self, name: str) -> int:
        """The process id of one of its parts."""
        children = json.loads((self.folder / "children.json").read_text())
        return next(int(child["process"]["pid"]) for child in children if child["name"] == name)

    async def bash(self, script: str) -> str:
        """What a script prints, given line by line as in the README; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script, cwd=ROOT, env=self.env, stdout=PIPE, stderr=STDOUT
        )
        async with asyncio.timeout(120):
            output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()[-3000:]
        return output.decode()


def readme_blocks(demo: Demo) -> list[str]:
    """The README's shell blocks, told where this demo is."""
    text = (ROOT / "README.md").read_text()
    text = text.replace("http://127.0.0.1:8080", demo.url).replace(".venv/bin/redress", REDRESS)
    return re.findall(r"```bash\n(.*?)```", text, re.DOTALL)


async def test_the_readme_can_be_followed_while_parts_are_killed(reachable_folder: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("REDRESS_", "TEMPORAL_", "DATABASE_"))}
    if cache := os.environ.get("REDRESS_CACHE_DIR"):
        env["REDRESS_CACHE_DIR"] = cache
    env |= {f"REDRESS_{port}_PORT": str(free_port()) for port in PORTS}
    demo = Demo(reachable_folder / "data", {**env, "REDRESS_DATA_DIR": str(reachable_folder / "data")})

    async with demo.running() as process:
        *walk, look = readme_blocks(demo)
        killed = f"kill -9 {demo.pid('worker')}\n"
        half = len(walk) // 2
        output = await demo.bash("".join((*walk[:half], killed, *walk[half:], look)))
        assert "PostMortemFinished" in output
        assert "Everything fits." in output
    assert process.returncode == 0

    async with demo.running() as process, httpx.AsyncClient(base_url=demo.url) as client:
        assert (await client.get("/ready")).json() == {"ready": True, "database": "up", "temporal": "up"}
        output = await demo.bash(f"{REDRESS} verify && {REDRESS} doctor")
        assert "Everything fits." in output
        # Every real record and every story of the demo is in, and the complaint of the walk.
        (streams,) = re.findall(r"Checked (\d+) streams", output)
        assert int(streams) >= 2981 + 762 + 8
    assert process.returncode == 0
