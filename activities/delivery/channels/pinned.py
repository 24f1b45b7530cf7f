"""Connections that a library opens through urllib3, held to addresses that the guard let pass.

Apprise's services know nothing of the guard, and each resolves the names of its hosts itself. All of them connect
through one function of urllib3, which is wrapped here: within `guarded()`, and only there, a name is resolved by
the guard, and the connection goes to an address that it looked at. Host and TLS keep the name.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from activities.delivery.channels import guard
from activities.delivery.channels.errors import ChannelRefused


@dataclass
class Watch:
    """What holds for connections now, and what the guard said of the first that it did not let pass."""

    allowed: Collection[str]
    resolver: guard.Resolver
    refused: ChannelRefused | None = None


_watch: ContextVar[Watch | None] = ContextVar("redress_guarded_connections", default=None)


@contextmanager
def guarded(allowed: Collection[str], resolver: guard.Resolver = guard.resolve) -> Iterator[Watch]:
    """In this thread, for as long as the context lasts, urllib3 connects to addresses that may be reached only.

    Libraries turn errors into answers of their own: whether it was the guard stands in the `refused` of the Watch.
    """
    _wrap()
    watch = Watch(allowed, resolver)
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


@cache
def _wrap() -> None:
    """Once for the process."""
    from urllib3.util import connection

    plain = connection.create_connection

    def create_connection(address: tuple[str, int], *given: Any, **named: Any) -> socket.socket:
        watch = _watch.get()
        if watch is None:
            return plain(address, *given, **named)
        host, port = address
        try:
            addresses = guard.checked(host, port, allowed=watch.allowed, resolver=watch.resolver)
        except ChannelRefused as refused:
            watch.refused = watch.refused or refused
            raise OSError(refused.status) from None
        return plain((addresses[0], port), *given, **named)

    connection.create_connection = create_connection
