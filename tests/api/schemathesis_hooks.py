"""What schemathesis is told of this API: which complaints there are, and which instants a schema can not spell out."""

import os
from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st

_THERE = os.environ.get("REDRESS_TEST_REFERENCES", "").split()
_SECONDS = int(datetime(2199, 12, 31, tzinfo=UTC).timestamp())
_ISSUES = [reference for reference in _THERE if reference.startswith("SYS-")]
_COMPLAINTS = [reference for reference in _THERE if not reference.startswith("SYS-")]

schemathesis.openapi.format(
    "date-time",
    st.integers(min_value=0, max_value=_SECONDS).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    ),
)


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Three of four times a complaint that is there: a made-up reference never gets past the first look."""
    if path_parameters and isinstance(path_parameters.get("reference"), str):
        known = _ISSUES if context.operation.path.startswith("/systemic-issues") else _COMPLAINTS
        chosen = sum(path_parameters["reference"].encode("utf-8", "replace"))
        if known and chosen % 4:
            path_parameters["reference"] = known[chosen % len(known)]
    if path_parameters and context.operation.path.startswith("/figures/") and "pack" in path_parameters:
        path_parameters["pack"] = "retail-2025"  # the pack that every test service has published
    return path_parameters
