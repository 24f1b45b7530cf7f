"""How often one network address may call what needs no token: a small bucket that fills up again with time."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from api.problems import Problem

BURST = 20
"""Requests at once."""
PER_MINUTE = 20
"""Requests a minute, on the long run."""
_REMEMBERED = 20_000


class Throttle:
    """Counts in this process only: several processes together let through so many times as much."""

    def __init__(self, burst: int = BURST, per_minute: int = PER_MINUTE) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address: (tokens, when)

    def pass_or_refuse(self, address: str) -> None:
        """Let one request of this address through. Raises Problem (429) that says when to come back."""
        now = time.monotonic()
        tokens, when = self._buckets.pop(address, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - when) * self._per_second)
        if tokens < 1:
            self._buckets[address] = (tokens, now)
            wait = math.ceil((1 - tokens) / self._per_second)
            raise Problem(
                429, detail=f"Too many requests from your address; try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )  # fmt: skip
        self._buckets[address] = (tokens - 1, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
