"""When a run's history has grown long enough to be carried on in a new one."""

from temporalio import workflow

HISTORY_LIMIT = 2_000
"""Events after which a run moves on, where the server has not asked for it earlier."""


def history_is_long() -> bool:
    """Whether this run should continue as new."""
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.get_current_history_length() > HISTORY_LIMIT
