"""What may come of handing an alert to a webhook or a chat service, other than that it was taken."""

from __future__ import annotations


class ChannelRefused(Exception):  # noqa: N818 - an outcome, met as an exception
    """Refused for good: trying again is of no use. `status` is a code, or a name of ours; never another's words."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class ChannelDeferred(ChannelRefused):
    """Not now: it is to be tried again later, and counts as an attempt."""
