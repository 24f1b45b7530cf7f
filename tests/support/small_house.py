"""A house of small programs under the real supervisor, for the tests of start, crash and end.

`python -m tests.support.small_house FOLDER PORT`: a child that listens on PORT and one that only works.
"""

import asyncio
import sys
from pathlib import Path

from runtime.child import Child, Port
from runtime.errors import SetupError
from runtime.installation import held
from runtime.readiness import forget, listens, said_so
from runtime.ready import READY_FILE
from runtime.supervisor import Supervisor, until_told

LISTENER = """
import socket, sys, signal
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    print("listening", flush=True)
    while True:
        server.accept()[0].close()
"""
WORKER = """
import signal
from runtime.ready import say_ready
def end(*_):
    print("asked to end", flush=True)
    raise SystemExit
signal.signal(signal.SIGTERM, end)
say_ready()
while True:
    signal.pause()
"""
STUBBORN = """
import signal
from runtime.ready import say_ready
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say_ready()
while True:
    signal.pause()
"""


def listener(port: int) -> Child:
    """Listens on a port."""
    argv = (sys.executable, "-c", LISTENER, str(port))
    return Child("listener", argv, listens(port), ports=(Port(port, "REDRESS_LISTENER_PORT"),))


def worker(folder: Path, name: str = "worker", program: str = WORKER, stop_within: float = 15.0) -> Child:
    """Listens on nothing, and says itself that it is ready."""
    file = folder / f"{name}.ready"
    return Child(
        name,
        (sys.executable, "-c", program),
        said_so(file),
        {READY_FILE: str(file)},
        before=forget(file),
        stop_within=stop_within,
    )


async def house(folder: Path, port: int) -> None:
    """Runs both until told to end."""
    async with Supervisor(folder, say) as supervisor:
        await supervisor.start([listener(port), worker(folder)])
        say("All is up.")
        await asyncio.Event().wait()


def say(line: str) -> None:
    """To the terminal, at once."""
    print(line, flush=True)  # noqa: T201 - a program's own word


if __name__ == "__main__":
    try:
        with held(Path(sys.argv[1])) as where:
            asyncio.run(until_told(house(where, int(sys.argv[2]))))
    except SetupError as error:
        sys.exit(str(error))
