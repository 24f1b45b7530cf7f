"""Log lines from workflow code: said once, not again at every replay, and always with the workflow's id."""

from typing import Any

import structlog
from temporalio import workflow

_log = structlog.get_logger(__name__)


def note(event: str, **fields: Any) -> None:
    """A warning that names the workflow; `fields` as runtime/logging.py allows them."""
    if not workflow.unsafe.is_replaying():
        info = workflow.info()
        _log.warning(event, workflow_id=info.workflow_id, run_id=info.run_id, **fields)
