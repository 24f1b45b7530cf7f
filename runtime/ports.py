"""Ports on 127.0.0.1: whether one is free, and one that is."""

import secrets
import socket

from runtime.child import Child, Port
from runtime.errors import SetupError

_OURS = range(15_000, 32_000)
_given: set[int] = set()


class PortTakenError(SetupError):
    """Another program listens on a port that we need."""


def require_all_free(*children: Child) -> None:
    """Raises `PortTakenError` for the first port of any child that is taken."""
    for child in children:
        for port in child.ports:
            require_free(port, wanted_by=child.name)


def require_free(port: Port, *, wanted_by: str) -> None:
    """Raises `PortTakenError`, naming the port and the setting that changes it, where it is taken."""
    with socket.socket() as trial:
        # As servers do: a port still cooling down from its last use counts as free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port.number))
        except OSError:
            raise PortTakenError(
                f"Port {port.number}, wanted by the {wanted_by}, is in use by another program."
                f" End that program, or set {port.changed_by} to another port."
            ) from None


def free_port() -> int:
    """A port that nobody listens on at this moment, and that this process was not given before.

    It is below those that systems lend to outgoing connections (from 32768 on Linux, from 49152 elsewhere), so that
    it is lent to nobody before the server for which it is meant takes it. Raises SetupError where none is found.
    """
    for _ in range(1000):
        number = secrets.choice(_OURS)
        if number in _given:
            continue
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", number))
            except OSError:
                continue
        _given.add(number)
        return number
    raise SetupError("No free port was found on 127.0.0.1; end programs that listen there.")
