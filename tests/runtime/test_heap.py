"""Freezing the heap: what a process is made of is not walked again, and garbage made later still goes."""

import gc
import weakref

from runtime.heap import freeze_heap


class Ring:
    """Refers to itself, so that only the collector can take it away."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_is_out_of_sight_and_later_garbage_is_still_collected() -> None:
    try:
        freeze_heap()
        assert gc.get_freeze_count() > 10_000
        later = weakref.ref(Ring())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
