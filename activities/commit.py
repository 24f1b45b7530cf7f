"""The commit activity: one transition into the record, in one transaction."""

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from complaints.transition import Commit, CommitResult
from ledger.record import Record, SourceTakenError
from workflows.committing import COMMIT

_log = structlog.get_logger(__name__)


class CommitActivity:
    """Writes transitions to one record. The same definition serves as local and as ordinary activity."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @activity.defn(name=COMMIT)
    async def commit(self, commit: Commit) -> CommitResult:
        """Write the transition, or say what the stream holds instead.

        Raises ApplicationError of type `RecordAway`, retryable, where the database did not answer; its
        message names the complaint and no more.
        """
        try:
            return await self._record.commit(commit)
        except SourceTakenError as taken:  # no second try can change that
            raise ApplicationError(
                f"{commit.stream}: {taken}", type="SourceTaken", non_retryable=True
            ) from None
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("commit put off", reference=commit.stream, error=type(error).__name__)
            raise ApplicationError(
                f"{commit.stream}: the record could not be written ({type(error).__name__})",
                type="RecordAway",
            ) from None
