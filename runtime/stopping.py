"""Hearing that the process is to stop, before the server in it acts on it."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_stop(act: Callable[[], None]) -> Iterator[None]:
    """`act` is called in the running loop when SIGTERM or SIGINT comes; then whoever was to hear of it does.

    A server waits for the answers that are under way, and tells nobody that it does. Outside the main thread,
    where there are no signals, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)

    heard = {number: earlier for number, earlier in before.items() if callable(earlier)}
    for number in heard:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, earlier in heard.items():
            signal.signal(number, earlier)
