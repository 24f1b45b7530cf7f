"""Temporal of our own: what it was given it still has after a violent end."""

import os
import stat
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from runtime import temporal_binary
from runtime.child import Running
from runtime.errors import SetupError
from runtime.temporal_server import TemporalServer, register_namespace


async def test_a_started_workflow_survives_kill_9(own_temporal: tuple[TemporalServer, Running]) -> None:
    server, running = own_temporal
    await register_namespace(server.address, "mine")
    client = await Client.connect(server.address, namespace="mine")
    await client.start_workflow("Complaint", id="RD-1", task_queue="nobody-listens")
    await running.kill()
    await running.start()
    again = await Client.connect(server.address, namespace="mine")
    assert (await again.get_workflow_handle("RD-1").describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_namespace_of_one_test_is_not_anothers(
    temporal_client: Client, temporal_address: str
) -> None:
    await temporal_client.start_workflow("Complaint", id="RD-1", task_queue="q")
    await register_namespace(temporal_address, temporal_client.namespace)  # once more does no harm
    elsewhere = await Client.connect(temporal_address, namespace="default")
    with pytest.raises(RPCError) as refused:
        await elsewhere.get_workflow_handle("RD-1").describe()
    assert refused.value.status is RPCStatusCode.NOT_FOUND


async def test_where_there_is_no_way_each_way_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "temporal"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(broken.parent))
    monkeypatch.setenv("REDRESS_CACHE_DIR", str(tmp_path / "cache"))
    # A proxy that is not there stands for a network that refuses.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    said: list[str] = []
    with pytest.raises(SetupError) as refused:
        await temporal_binary.get_temporal(said.append)
    sentence = str(refused.value)
    assert "no `temporal` is on PATH" in sentence
    assert "download failed" in sentence
    assert "no `go` on PATH" in sentence
    assert "TEMPORAL_ADDRESS" in sentence
    assert any("trying the official download" in line for line in said)
    assert not list((tmp_path / "cache").glob("temporal*"))


async def test_go_builds_it_where_nothing_else_is_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small program stands in for Go, which would take minutes: it notes its words and makes the file."""
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(
        "#!/bin/sh\n"
        'echo "$@" > "$GOBIN/../words"\n'
        "echo go: downloading something >&2\n"
        "printf '#!/bin/sh\\necho temporal version 1\\n' > \"$GOBIN/temporal\"\n"
        '/bin/chmod 755 "$GOBIN/temporal"\n'
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(go.parent))
    monkeypatch.setenv("REDRESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    said: list[str] = []
    program = await temporal_binary.get_temporal(said.append)
    assert os.access(program, os.X_OK)
    words = (tmp_path / "cache" / "words").read_text().split()
    assert words == ["install", "-v", "github.com/temporalio/cli/cmd/temporal@v1.5.1"]
    assert any("built in" in line for line in said)
    assert await temporal_binary.get_temporal(lambda line: pytest.fail("got again")) == program
