"""The supervisor: one start, one end, and what crashes comes back; nothing is left behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.child import Child, ChildFailedError
from runtime.ports import PortTakenError, free_port
from runtime.processes import identify
from runtime.readiness import listens
from runtime.supervisor import Supervisor
from tests.support.small_house import STUBBORN, listener, worker
from tests.support.waiting import PATIENCE, eventually


@dataclass
class House:
    """The small house as its own process, as `redress up` is one."""

    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None
    said: list[str] = field(default_factory=list)

    async def start(self) -> asyncio.subprocess.Process:
        self.said.clear()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.small_house", str(self.folder), str(self.port)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return self.process

    async def until_up(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            async for line in self.process.stdout:
                self.said.append(line.decode().strip())
                if self.said[-1] == "All is up.":
                    return
        pytest.fail(f"It ended before all was up: {self.said}")

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        out, _ = await self.process.communicate()
        self.said += out.decode().splitlines()
        assert self.process.returncode is not None
        return self.process.returncode

    def children(self) -> dict[str, int]:
        """The process ids by name, from the supervisor's own record."""
        record = json.loads((self.folder / "children.json").read_text())
        return {started["name"]: started["process"]["pid"] for started in record}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "data", free_port())
    yield house
    if house.process is not None and house.process.returncode is None:
        house.process.kill()
        await house.process.communicate()
    async with Supervisor(house.folder, lambda line: None):  # ends what a killed one left
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_everything_in_reverse(house: House, number: signal.Signals) -> None:
    await house.start()
    await house.until_up()
    children = house.children()
    assert await house.end(number) == 0
    assert house.said == [
        "Starting the listener …",
        "Starting the worker …",
        "All is up.",
        "Stopping the worker …",
        "Stopping the listener …",
    ]
    assert [identify(pid) for pid in children.values()] == [None, None]
    assert (house.folder / "logs" / "worker.log").read_text() == "asked to end\n"


async def test_what_a_killed_supervisor_left_is_ended_and_all_starts_again(house: House) -> None:
    await house.start()
    await house.until_up()
    before = house.children()
    assert await house.end(signal.SIGKILL) == -signal.SIGKILL
    assert identify(before["listener"]) is not None
    await house.start()
    await house.until_up()
    assert "Ending the listener that an earlier, killed run left behind …" in house.said
    assert identify(before["listener"]) is None
    assert house.children()["listener"] != before["listener"]


async def test_a_second_start_on_the_same_folder_is_refused(house: House) -> None:
    first = await house.start()
    await house.until_up()
    second = House(house.folder, free_port())
    process = await second.start()
    out, _ = await process.communicate()
    assert process.returncode == 1
    assert f"already runs on {house.folder} (process {first.pid})" in out.decode()
    assert first.returncode is None


async def test_a_port_in_use_is_named_and_nothing_is_started(house: House) -> None:
    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    other = await asyncio.start_server(nobody, "127.0.0.1", house.port)
    async with other:
        process = await house.start()
        out, _ = await process.communicate()
    assert process.returncode == 1
    sentence = out.decode()
    assert f"Port {house.port}" in sentence
    assert "REDRESS_LISTENER_PORT" in sentence
    assert "Starting" not in sentence


async def test_a_crashed_child_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    port = free_port()
    async with Supervisor(tmp_path, said.append) as supervisor:
        await supervisor.start([listener(port)])
        first = House(tmp_path, port).children()["listener"]
        for _ in range(2):
            pid = House(tmp_path, port).children()["listener"]
            os.kill(pid, signal.SIGKILL)
            said.clear()
            await eventually(lambda: "The listener is back." in said, what="the listener")
            assert await listens(port)()
        assert House(tmp_path, port).children()["listener"] != first
    assert not await listens(port)()


async def test_a_child_that_cannot_start_says_its_last_words(tmp_path: Path) -> None:
    broken = Child("worker", (sys.executable, "-c", "raise SystemExit('no such table')"), listens(1))
    port = free_port()
    with pytest.raises(ChildFailedError) as refused:
        async with Supervisor(tmp_path, lambda line: None) as supervisor:
            await supervisor.start([listener(port), broken])
    assert str(refused.value).startswith("The worker ended while starting (code 1).")
    assert "no such table" in str(refused.value)
    assert not await listens(port)(), "what was started before it is stopped again"


async def test_a_child_never_ready_is_given_up(tmp_path: Path) -> None:
    idle = Child(
        "worker", (sys.executable, "-c", "import signal; signal.pause()"), listens(1), ready_within=0.3
    )
    with pytest.raises(ChildFailedError, match=r"worker was not ready within 0\.3 s"):
        async with Supervisor(tmp_path, lambda line: None) as supervisor:
            await supervisor.start([idle])


async def test_a_child_deaf_to_the_signal_is_killed(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, lambda line: None) as supervisor:
        await supervisor.start([worker(tmp_path, program=STUBBORN, stop_within=0.3)])
        pid = House(tmp_path, 0).children()["worker"]
        assert identify(pid) is not None
    assert identify(pid) is None


async def test_a_taken_port_is_an_error_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    async with Supervisor(tmp_path, lambda line: None) as supervisor:
        await supervisor.start([listener(port)])
        with pytest.raises(PortTakenError, match=f"Port {port}, wanted by the listener"):
            await supervisor.start([listener(port)])
