"""Verifies streams by docs/ledger-format.md alone: nothing of Redress, only psql and the standard library.

independent_verifier.py PSQL CONNECTION_STRING [MASTER_KEY_HEX]
"""

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

INSTANT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
EVENTS = """SELECT json_build_object('stream', stream, 'sequence', sequence, 'v', v, 'type', type,
 'actor', actor, 'occurred_at', to_char(occurred_at AT TIME ZONE 'UTC', INSTANT),
 'recorded_at', to_char(recorded_at AT TIME ZONE 'UTC', INSTANT), 'command', command_id,
 'body', body, 'previous', encode(previous, 'hex'), 'hash', encode(hash, 'hex'))
 FROM events ORDER BY stream, sequence""".replace("INSTANT", INSTANT)
HEADS = """SELECT json_build_object('stream', stream, 'sequence', sequence, 'hash', encode(hash, 'hex'),
 'seal', encode(seal, 'hex')) FROM heads"""


def canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def rows(psql: str, database: str, query: str) -> list[dict[str, Any]]:
    said = subprocess.run([psql, database, "-XAtq", "-c", query], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in said.stdout.splitlines()]


def problems(psql: str, database: str, master_key: bytes | None = None) -> Iterator[str]:
    ends: dict[str, tuple[int, str]] = {}
    for row in rows(psql, database, EVENTS):
        stream, sequence = row["stream"], row["sequence"]
        before, previous = ends.get(stream, (0, "0" * 64))
        envelope = {name: value for name, value in row.items() if name != "hash"}
        envelope["body"] = json.loads(row["body"])
        if canonical(envelope["body"]) != row["body"]:
            yield f"{stream} {sequence}: body not canonical"
        if hashlib.sha256(canonical(envelope).encode()).hexdigest() != row["hash"]:
            yield f"{stream} {sequence}: hash"
        if sequence != before + 1:
            yield f"{stream} {sequence}: gap"
        elif row["previous"] != previous:
            yield f"{stream} {sequence}: previous"
        ends[stream] = (sequence, row["hash"])
    for head in rows(psql, database, HEADS):
        if ends.pop(head["stream"], None) != (head["sequence"], head["hash"]):
            yield f"{head['stream']}: head"
        if master_key is not None:
            key = hmac.digest(hmac.digest(bytes(32), master_key, "sha256"), b"redress/seal/1\x01", "sha256")
            message = f"{head['stream']}|{head['sequence']}|{head['hash']}".encode()
            if hmac.digest(key, message, "sha256").hex() != head["seal"]:
                yield f"{head['stream']}: seal"
    yield from (f"{stream}: no head" for stream in ends)


if __name__ == "__main__":
    found = list(
        problems(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]) if len(sys.argv) > 3 else None)
    )
    sys.exit("\n".join(found) or None)
