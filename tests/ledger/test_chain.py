"""The chain: each field of each event is in its hash, and the seal needs the key."""

import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import canonical, canonical_text, instant_text
from ledger.chain import GENESIS, derive_seal_key, event_hash, seal, seal_holds

FORMAT_DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger-format.md"

EVENT: dict[str, Any] = {
    "stream": "X",
    "sequence": 1,
    "type": "Noted",
    "occurred_at": datetime(2025, 3, 1, 9, tzinfo=UTC),
    "recorded_at": datetime(2025, 3, 1, 11, 0, 0, 500_000, tzinfo=UTC),
    "actor": "usr_1",
    "command": "c-1",
    "body": '{"text":"客服"}',
}


def test_the_document_s_example_is_right_to_the_byte() -> None:
    document = FORMAT_DOCUMENT.read_text()
    envelope = next(line for line in document.splitlines() if line.startswith('{"actor":"usr_1"'))
    said = re.search(r"the hash is `([0-9a-f]{64})`", document)
    assert said is not None
    assert sha256(envelope.encode()).hexdigest() == said[1] == event_hash(GENESIS, **EVENT).hex()
    assert f"the {len(envelope.encode())} bytes" in document


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "Y"},
        {"sequence": 2},
        {"type": "Told"},
        {"occurred_at": EVENT["occurred_at"] + timedelta(microseconds=1)},
        {"recorded_at": EVENT["recorded_at"] - timedelta(microseconds=1)},
        {"actor": "usr_2"},
        {"command": None},
        {"body": "{}"},
        {"v": 2},
    ],
)
def test_every_field_is_in_the_hash(change: dict[str, Any]) -> None:
    assert event_hash(GENESIS, **{**EVENT, **change}) != event_hash(GENESIS, **EVENT)
    assert event_hash(bytes(31) + b"\1", **EVENT) != event_hash(GENESIS, **EVENT)


@given(
    stream=st.text(), sequence=st.integers(1), kind=st.text(), actor=st.text(),
    command=st.none() | st.text(), body=st.dictionaries(st.text(), st.text()),
    occurred_at=st.datetimes(timezones=st.just(UTC)), recorded_at=st.datetimes(timezones=st.just(UTC)),
    previous=st.binary(min_size=32, max_size=32),
)  # fmt: skip
def test_the_hash_is_that_of_the_canonical_envelope(
    *, stream: str, sequence: int, kind: str, actor: str, command: str | None, body: dict[str, str],
    occurred_at: datetime, recorded_at: datetime, previous: bytes,
) -> None:  # fmt: skip
    envelope = {
        "v": 1, "stream": stream, "sequence": sequence, "type": kind, "actor": actor, "command": command,
        "body": body, "occurred_at": instant_text(occurred_at), "recorded_at": instant_text(recorded_at),
        "previous": previous.hex(),
    }  # fmt: skip
    digest = event_hash(
        previous, stream=stream, sequence=sequence, type=kind, actor=actor, command=command,
        occurred_at=occurred_at, recorded_at=recorded_at, body=canonical_text(body),
    )  # fmt: skip
    assert digest == sha256(canonical(envelope)).digest()
    assert json.loads(canonical(envelope)) == envelope


def test_the_seal_is_made_as_the_document_says_and_needs_the_key() -> None:
    master = bytes(range(32))
    key = hmac.digest(hmac.digest(bytes(32), master, "sha256"), b"redress/seal/1\x01", "sha256")
    assert derive_seal_key(master) == key
    head = event_hash(GENESIS, **EVENT)
    made = seal(key, "X", 1, head)
    assert made == hmac.digest(key, b"X|1|" + head.hex().encode(), "sha256")
    assert seal_holds(key, "X", 1, head, made)
    assert not seal_holds(key, "X", 2, head, made)
    assert not seal_holds(key, "Y", 1, head, made)
    assert not seal_holds(key, "X", 1, GENESIS, made)
    assert not seal_holds(derive_seal_key(bytes(32)), "X", 1, head, made)
