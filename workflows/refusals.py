"""Refusals on their way through Temporal: an ApplicationError with a stable type, and back again."""

from temporalio.exceptions import ApplicationError

from complaints.base import Refused

REFUSED = "Refused"
"""The order does not fit; details: code, sentence, rule, who."""

MOVING = "Moving"
"""The complaint is moving to a new run; the same order is to be sent again."""


def as_failure(refusal: Refused) -> ApplicationError:
    """The failure that carries a refusal. A plain exception would wedge the workflow instead."""
    return ApplicationError(
        refusal.sentence,
        refusal.code,
        refusal.sentence,
        refusal.rule,
        refusal.who,
        type=REFUSED,
        non_retryable=True,
    )


def as_refusal(failure: ApplicationError) -> Refused | None:
    """The refusal that a failure carries, or None where it is some other failure."""
    if failure.type != REFUSED:
        return None
    code, sentence, rule, who = failure.details
    return Refused(code, sentence, rule=rule, who=who)


def moving() -> ApplicationError:
    """The failure that asks a caller to send the same order again."""
    return ApplicationError(
        "The workflow is moving to a new run; send again.", type=MOVING, non_retryable=True
    )
