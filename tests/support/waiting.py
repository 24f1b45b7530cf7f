"""`eventually`: what a test awaits instead of sleeping, and for how long at most."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from runtime.waiting import TooLateError, until

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for what goes through processes, mail, Temporal or a page: a busy machine of two cores has them to spare, and
only a test that fails waits so long."""


@overload
async def eventually(look: Callable[[], Awaitable[T]], *, within: float = ..., what: str = ...) -> T: ...


@overload
async def eventually(look: Callable[[], T], *, within: float = ..., what: str = ...) -> T: ...


async def eventually(
    look: Callable[[], Any], *, within: float = PATIENCE, what: str = "the condition"
) -> Any:
    """The first truthy result of `look`, which is asked again until the deadline (`within` seconds).

    `look` may assert: an `AssertionError` means "not yet", and is the failure shown at the deadline.
    """
    results: list[Any] = []
    failures: list[AssertionError] = []

    async def holds() -> bool:
        try:
            found = look()
            result = await found if inspect.isawaitable(found) else found
        except AssertionError as error:
            failures.append(error)
            return False
        failures.clear()
        results[:] = [result]
        return bool(result)

    try:
        await until(holds, within=within, what=what)
    except TooLateError:
        if failures:
            raise failures[-1] from None
        raise AssertionError(f"Waited {within:g} s in vain for {what}.") from None
    return results[0]
