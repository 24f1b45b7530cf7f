"""The packs this process holds, by digest. A digest names one content for ever, so workflow code may read them.

Filled by the worker before it polls (and again as packs are published); never changed under a digest.
"""

from collections.abc import Iterable

from complaints.base import PackRef
from policies.pack import Pack

_held: dict[str, Pack] = {}


class PackNotHeldError(LookupError):
    """This worker does not hold the pack yet: the workflow task is retried until one does."""


def hold(pack: Pack) -> None:
    """Make a published pack known to this process."""
    _held.setdefault(pack.digest, pack)


def not_held(digests: Iterable[str]) -> tuple[str, ...]:
    """Those of these packs that this process does not hold yet."""
    return tuple(digest for digest in digests if digest not in _held)


def held(ref: PackRef) -> Pack:
    """The very pack a complaint is pinned to. Raises PackNotHeldError."""
    try:
        return _held[ref.digest]
    except KeyError:
        raise PackNotHeldError(f"pack {ref.name} version {ref.version} is not held by this process") from None
