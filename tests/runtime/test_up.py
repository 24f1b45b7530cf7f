"""`redress up` before anything is up: what keeps it from starting is said in a sentence, with a code."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from runtime.ports import free_port
from runtime.temporal_binary import get_temporal

PROGRAM = """
import sys
from runtime.up import up
async def when_up(what): raise SystemExit("it is up")
sys.exit(up("--demo" in sys.argv, prepare=lambda settings: None, when_up=when_up, speed=eval(sys.argv[1])))
"""
PORTS = (
    "API", "POSTGRES", "TEMPORAL", "TEMPORAL_UI", "CATCHER_SMTP", "CATCHER_PAGE", "PAYMENTS", "SCHEDULER", "LMTP",
)  # fmt: skip

Try = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def attempt(reachable_folder: Path) -> Try:
    """Runs `up` as its own process in a folder of its own, and returns its code and all that it said."""
    await get_temporal(lambda line: None)

    async def run(*words: str, speed: str = "None", **settings: str) -> tuple[int, str]:
        ports = {f"REDRESS_{name}_PORT": str(free_port()) for name in PORTS}
        env = {**os.environ, **ports, "REDRESS_DATA_DIR": str(reachable_folder / "data"), **settings}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, speed, *words),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()

    return run


@pytest.mark.parametrize("name", ["API", "POSTGRES", "CATCHER_SMTP", "SCHEDULER", "LMTP"])
async def test_a_port_in_use_is_named_with_its_setting(attempt: Try, name: str) -> None:
    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    port = free_port()
    async with await asyncio.start_server(nobody, "127.0.0.1", port):
        code, said = await attempt("--demo", **{f"REDRESS_{name}_PORT": str(port)})
    assert code == 1
    assert f"Port {port}, wanted by the" in said
    assert f"set REDRESS_{name}_PORT to another port" in said
    assert "Traceback" not in said
    assert "Starting" not in said


async def test_a_half_made_cache_is_named_with_its_remedy(attempt: Try, tmp_path: Path) -> None:
    half = tmp_path / "temporal-v1.5.1"
    half.mkdir()
    (half / "temporal").write_bytes(b"half")
    code, said = await attempt("--demo", REDRESS_CACHE_DIR=str(tmp_path), PATH="/nowhere")
    assert code == 1
    assert f"The cached copy in {half} is only half there. Remove it" in said
    assert "Traceback" not in said


async def test_a_port_that_is_no_port_is_refused(attempt: Try) -> None:
    code, said = await attempt("--demo", REDRESS_API_PORT="eighty")
    assert (code, said.startswith("REDRESS_API_PORT is not right")) == (1, True)


async def test_production_refuses_a_fast_clock(attempt: Try) -> None:
    code, said = await attempt(speed="60")
    assert (code, "Only the demo may run on a fast clock" in said) == (1, True)


async def test_a_key_lost_beside_its_database_is_refused(attempt: Try, reachable_folder: Path) -> None:
    (reachable_folder / "data" / "postgres" / "data").mkdir(parents=True)
    code, said = await attempt("--demo")
    assert code == 1
    assert "secrets.json is missing, but there is a database" in said
