"""The commit as workflows call it: a quick local activity, taken over by a patient one where that fails."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from complaints.base import Happening
    from complaints.transition import Commit, CommitResult

COMMIT = "commit"
"""The activity's name; activities/commit.py implements it."""

_QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=4)
_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)


async def committed(commit: Commit) -> CommitResult:
    """What the record says after the commit was written, or was found to be overtaken.

    Returns only when the database has answered, however long it was away: a local activity first (no
    round trip through the server), then an ordinary one that retries without limit (DESIGN, One commit
    per transition). Raises only what is cancelled or can never succeed.
    """
    result: CommitResult
    try:
        result = await workflow.execute_local_activity(
            COMMIT,
            commit,
            result_type=CommitResult,
            schedule_to_close_timeout=timedelta(seconds=3),
            start_to_close_timeout=timedelta(seconds=1.5),
            retry_policy=_QUICK,
        )
        return result
    except FailureError as failure:
        if is_cancelled_exception(failure) or _final(failure):
            raise
    result = await workflow.execute_activity(
        COMMIT,
        commit,
        result_type=CommitResult,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_PATIENT,
    )
    return result


def taken(result: CommitResult, happenings: tuple[Happening, ...]) -> tuple[Happening, ...]:
    """The happenings to evolve after a commit: what the record holds, never what was only decided."""
    if result.duplicate:
        return ()  # recorded long ago, and part of the state already
    return happenings if result.stored is None else result.stored


def _final(failure: FailureError) -> bool:
    """Whether trying again can not help; a local activity raises its ApplicationError bare or as a cause."""
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    return isinstance(cause, ApplicationError) and cause.non_retryable
