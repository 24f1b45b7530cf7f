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

from runtime.mail_catcher import Mails
from runtime.ports import free_port
from tests.support.waiting import PATIENCE, eventually

ROOT = Path(__file__).resolve().parents[2]
PORTS = (
    "API", "POSTGRES", "TEMPORAL", "TEMPORAL_UI", "CATCHER_SMTP", "CATCHER_PAGE", "PAYMENTS", "SCHEDULER", "LMTP",
)  # fmt: skip
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
            async with asyncio.timeout(2 * PATIENCE):
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
        async with asyncio.timeout(300):
            output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()[-3000:]
        return output.decode()

    @asynccontextmanager
    async def program(self, who: str) -> AsyncIterator[httpx.AsyncClient]:
        """A program of somebody's."""
        token = (await self.bash(f"{REDRESS} staff token {who}")).strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.url, timeout=60, headers=headers) as client:
            yield client


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

    async with demo.running() as process, httpx.AsyncClient(base_url=demo.url, timeout=60) as client:
        assert (await client.get("/ready")).json() == {"ready": True, "database": "up", "temporal": "up"}
        output = await demo.bash(f"{REDRESS} verify && {REDRESS} doctor")
        assert "Everything fits." in output
        # Every real record and every story of the demo is in, and the complaint of the walk.
        (streams,) = re.findall(r"Checked (\d+) streams", output)
        assert int(streams) >= 2981 + 762 + 8

        health = f"http://127.0.0.1:{env['REDRESS_SCHEDULER_PORT']}/health"

        async def the_scheduler_watches() -> bool:
            return (await client.get(health)).status_code == 200

        await eventually(the_scheduler_watches, what="the scheduler's health")
        await a_mail_becomes_a_complaint_and_its_answer_a_message(demo, client)
    assert process.returncode == 0


async def a_mail_becomes_a_complaint_and_its_answer_a_message(demo: Demo, client: httpx.AsyncClient) -> None:
    """As docs/inbound-mail.md says it can be tried: a mail in, the letter in the catcher, answered on its page."""
    text = (ROOT / "docs" / "inbound-mail.md").read_text()
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    mails = Mails(demo.folder / "mails")

    def letter() -> str:
        found = [
            name
            for name in mails.names()
            if (mail := mails.read(name)) is not None and mail["Delivered-To"] == "sun@customer.example"
        ]
        assert found, "the customer has had no mail yet"
        return found[0]

    async with demo.program("iris") as iris:

        async def written_by_mail() -> set[str]:
            listed = (await iris.get("/complaints", params={"channel": "mail", "phase": "received"})).json()
            return {one["reference"] for one in listed["complaints"]}

        before = await written_by_mail()
        await demo.bash(block.replace("2424", demo.env["REDRESS_LMTP_PORT"]))

        async def new() -> set[str]:
            return await written_by_mail() - before

        (reference,) = await eventually(new, what="a complaint of the mail")

        async def acknowledged() -> bool:
            answer = await iris.post(
                f"/complaints/{reference}/commands/acknowledge", json={}, headers={"Idempotency-Key": "demo"}
            )
            assert answer.status_code in {200, 202, 503}, answer.text  # the engine may just be starting
            return answer.status_code == 200

        await eventually(acknowledged, what="the acknowledgement")
        name = await eventually(letter, what="the letter to the customer")
        page = f"http://127.0.0.1:{demo.env['REDRESS_CATCHER_PAGE_PORT']}/mails/{name}"
        assert "Answer as sun@customer.example" in (await client.get(page)).text
        answered = await client.post(f"{page}/answer", data={"words": "It is the blue one."})
        assert "Redress has taken the answer" in answered.text

        async def on_record() -> bool:
            return "It is the blue one." in (await iris.get(f"/complaints/{reference}/timeline")).text

        await eventually(on_record, what="the answer on the complaint's timeline")
