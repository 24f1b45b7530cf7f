"""Nothing a caller sends yields a 5xx, and every answer is one that the OpenAPI document announces."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from policies.vocabulary import Role
from tests.api.conftest import Office
from tests.api.server import serving

_HERE = Path(__file__).parent
_EVERYTHING = tuple(role for role in Role if role is not Role.COMPLAINANT)


# Commands are all put together by one piece of code: every one of them is covered, some of every shape are fuzzed.
_SHAPES = "|".join((
    "add-note", "take-ownership", "assign", "triage", "record-contact", "propose-remedy", "record-whys", "add-action",
    "merge-into", "add-party", "pause-clocks", "correct-receipt", "join-complaint",
    "grade-outage",
))  # fmt: skip
_FUZZED = f"^(?!.*/commands/)|/commands/({_SHAPES})$"


@pytest.mark.parametrize(
    "asked",
    [
        ("--phases", "coverage"),
        ("--phases", "examples,fuzzing", "--max-examples", "8", "--include-path-regex", _FUZZED),
    ],
    ids=["covered", "fuzzed"],
)
async def test_no_request_breaks_it(office: Office, tmp_path: Path, asked: tuple[str, ...]) -> None:
    await office.deps.directory.add(
        id="usr_all", login="all", name="All", email="all@example.org", roles=_EVERYTHING
    )
    token = await office.deps.directory.issue_token("usr_all")
    references = [await office.receive() for _ in range(6)]
    async with office.client("usr_dora") as dora:
        opened = await dora.post("/systemic-issues", json={"name": "A", "description": "B"})
        references.append(opened.json()["reference"])
    async with serving(office.settings, tmp_path) as url:
        run = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(_HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"),
            # One worker: in several threads Python 3.11's parser, which hypothesis calls, trips over itself.
            *("--header", f"Authorization: Bearer {token}", *asked, "--workers", "1", "--seed", "20261122"),
            *("--checks", "all", "--max-failures", "10", "--warnings", "off"),
            *("--generation-database", "none", "--suppress-health-check", "all"),
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.api.schemathesis_hooks",
                "PYTHONPATH": str(_HERE.parent.parent),
                "REDRESS_TEST_REFERENCES": " ".join(references),
                "NO_COLOR": "1",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await run.communicate()
    (tmp_path / "told.txt").write_bytes(told)
    assert run.returncode == 0, told.decode()[-12_000:]
