"""The orders a workflow has handled lately, so that one that is sent again is answered and not carried out again."""

from collections.abc import Iterable

from workflows.contract import Handled

KEPT = 200
"""Recent command ids that are carried across runs; older ones are still known to the ledger."""


class HandledOrders:
    """Command ids with the sequence they led to, oldest first, at most KEPT of them."""

    def __init__(self, kept: Iterable[Handled] = ()) -> None:
        self._sequences = {item.id: item.sequence for item in kept}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._sequences

    def remember(self, order_id: str, sequence: int) -> None:
        """Note that the order is in the record, up to this sequence."""
        self._sequences.pop(order_id, None)
        self._sequences[order_id] = sequence
        while len(self._sequences) > KEPT:
            del self._sequences[next(iter(self._sequences))]

    def sequence(self, order_id: str) -> int:
        """The sequence the order led to. Raises KeyError."""
        return self._sequences[order_id]

    def ids(self) -> tuple[str, ...]:
        return tuple(self._sequences)

    def kept(self) -> tuple[Handled, ...]:
        """What the next run starts with."""
        return tuple(Handled(id=key, sequence=value) for key, value in self._sequences.items())
