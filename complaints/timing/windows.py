"""Windows: how long after something happened a door stands open, as the pack says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from complaints.base import Context, Refused


def within(
    ctx: Context, since: datetime, window: Literal["dispute", "reopen"], *, not_before: str, over: str
) -> None:
    """Refuse what is said to have happened before `since`, or after the window that opened then.

    Exactly at its end the window is still open. `not_before` and `over` are the sentences, in which `{until}`
    becomes the window's end. Raises Refused.
    """
    if ctx.occurred_at < since:
        raise Refused("before_start", not_before)
    windows = ctx.rules.windows
    until = ctx.rules.after(since, windows.dispute if window == "dispute" else windows.reopen)
    if ctx.occurred_at > until:
        raise Refused(
            "window_over",
            over.format(until=f"{until:%Y-%m-%d %H:%M} UTC"),
            rule=f"windows.{window} ({windows.source.document}, {windows.source.section})",
        )
