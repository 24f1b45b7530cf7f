"""The recorded histories as files: each with its workflow's id, and the packs that its complaints are pinned to."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from temporalio.client import WorkflowHistory

from policies.pack import Pack

FOLDER = Path(__file__).parent / "histories"
PACKS = FOLDER / "packs"


def keep(name: str, workflow_id: str, history: WorkflowHistory) -> int:
    """Writes one run's history, the same bytes for the same history; how many they are."""
    content = {"workflow_id": workflow_id, "history": json.loads(history.to_json())}
    packed = gzip.compress(json.dumps(content, sort_keys=True).encode(), mtime=0)
    return (FOLDER / f"{name}.json.gz").write_bytes(packed)


def names() -> list[str]:
    """The names of all recorded histories."""
    return sorted(file.name.removesuffix(".json.gz") for file in FOLDER.glob("*.json.gz"))


def read(name: str) -> WorkflowHistory:
    """One recorded history."""
    content = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    return WorkflowHistory.from_json(content["workflow_id"], content["history"])


def keep_pack(pack: Pack) -> None:
    """Writes a pack word for word under its digest: edits of the pack's file do not touch it."""
    PACKS.mkdir(parents=True, exist_ok=True)
    (PACKS / f"{pack.digest}.json").write_text(pack.canonical())


def packs() -> dict[str, Pack]:
    """The packs of the recorded complaints, by the digest they were recorded under."""
    return {file.stem: Pack.from_canonical(file.read_text()) for file in PACKS.glob("*.json")}
