"""Temporal on this machine: the CLI's single-process server with a database file, and its web page."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from runtime.child import Child, Port
from runtime.waiting import until

_LOOK_WITHIN = 5.0

# More commands may be under way for one complaint than the server's ten (DESIGN, Updates).
_DYNAMIC = ("history.maxInFlightUpdates=100", 'system.namespaceCacheRefreshInterval="1s"')


class TemporalServer:
    """One server keeping its state in `folder`, listening on 127.0.0.1.

    `ui_port` None leaves the web page out. `dynamic` are further ``KEY=VALUE`` of its dynamic configuration.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        binary: Path,
        ui_port: int | None = None,
        namespaces: Sequence[str] = (),
        dynamic: Sequence[str] = (),
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.ui_port = ui_port
        self.binary = binary
        self.namespaces = ("default", *(n for n in namespaces if n != "default"))
        self.dynamic = (*_DYNAMIC, *dynamic)

    @property
    def address(self) -> str:
        """``host:port`` of its front end."""
        return f"127.0.0.1:{self.port}"

    def child(self) -> Child:
        """How to run it."""
        page = ("--headless",) if self.ui_port is None else ("--ui-port", str(self.ui_port))
        ports = [Port(self.port, "REDRESS_TEMPORAL_PORT")]
        if self.ui_port is not None:
            ports.append(Port(self.ui_port, "REDRESS_TEMPORAL_UI_PORT"))
        return Child(
            name="Temporal server",
            argv=(
                *(str(self.binary), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)),
                *page,
                *("--db-filename", str(self.folder / "temporal.db")),
                *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"),
                *("--log-level", "warn", "--log-format", "json"),
                *(word for name in self.namespaces for word in ("--namespace", name)),
                *(word for pair in self.dynamic for word in ("--dynamic-config-value", pair)),
            ),
            ready=self._is_ready,
            ports=tuple(ports),
            before=self._prepare,
        )

    async def _prepare(self) -> None:
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)

    async def _is_ready(self) -> bool:
        try:
            client = await Client.connect(self.address)
            for namespace in self.namespaces:
                await client.workflow_service.describe_namespace(
                    DescribeNamespaceRequest(namespace=namespace), timeout=timedelta(seconds=_LOOK_WITHIN)
                )
        except (RPCError, RuntimeError):  # RuntimeError is how the SDK says that it could not connect
            return False
        return True


async def register_namespace(address: str, namespace: str, *, keep_days: int = 1) -> None:
    """Makes a namespace and returns when workflows can be started in it; one already there is left as it is.

    `keep_days` is how long closed workflows stay. Raises `TooLateError` if it is not usable within 20 s.
    """
    client = await Client.connect(address, namespace=namespace)
    keep = Duration(seconds=keep_days * 86_400)
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=keep)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise

    async def usable() -> bool:
        try:
            # Asks the history service for a workflow that is not there: "no such workflow" means that
            # the namespace is known behind the front end too.
            await client.get_workflow_handle("no-such-workflow").describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND and "amespace" not in str(error)
        return True

    await until(usable, within=20.0, what=f"the Temporal namespace {namespace}")
