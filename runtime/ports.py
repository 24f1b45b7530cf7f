"""Ports on 127.0.0.1: whether one is free, and one that is."""

import socket

from runtime.child import Child, Port
from runtime.errors import SetupError


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
    """A port that nobody listens on at this moment."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        number: int = trial.getsockname()[1]
        return number
