"""Packs made for tests out of retail-2025: the same pack with other clocks, tiers or rules."""

from __future__ import annotations

from datetime import date
from typing import Any

from policies.pack import Basis, ClockRule, Extension, Pack, Source
from policies.vocabulary import Role
from tests.complaints.support import PACK

WHENCE: dict[str, Any] = {
    "basis": Basis.CHOICE,
    "chosen_by": "the test",
    "source": Source(document="the test", section="1"),
    "since": date(2025, 1, 1),
}
"""What every rule has to say of itself."""


def keeping(pack: Pack = PACK) -> Pack:
    """The pack under another name, with the same retention made somebody's own choice."""
    retained = pack.retained.model_copy(update={"chosen_by": "the test"})
    return pack.model_copy(update={"name": "retail-kept", "retained": retained})


def clock(name: str, **fields: Any) -> ClockRule:
    """A clock rule as a pack would write it."""
    title = {"en": name.replace("_", " ").capitalize()}
    return ClockRule.model_validate({"id": name, "title": title, **WHENCE, **fields})


def with_clocks(*clocks: ClockRule, **parts: Any) -> Pack:
    """retail-2025 with these clocks in place of its own."""
    return PACK.model_copy(update={"clocks": clocks, **parts})


def extension(**fields: Any) -> Extension:
    """An extension that supervisors grant, unless the test says otherwise."""
    return Extension.model_validate({"by": "24 h", "approved_by": [Role.SUPERVISOR], **WHENCE, **fields})
