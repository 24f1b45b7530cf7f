"""The scheduler on a machine whose time is set: `python -m tests.support.jumping_scheduler`.

The file that `JUMP_FILE` names holds by how many seconds the time of day is off; the clock that only goes forward is
the system's. Whatever in the scheduler asks for the time of day sees it: our own clock, and APScheduler.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.schedulers.base
import uvloop

import runtime.clock
import scheduler

JUMP_FILE = "JUMP_FILE"


class Jumping(datetime):
    """`datetime`, whose present is off."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        said = Path(os.environ[JUMP_FILE]).read_text()
        return super().now(tz) + timedelta(seconds=float(said))


if __name__ == "__main__":
    for module in (runtime.clock, apscheduler.schedulers.base):
        vars(module)["datetime"] = Jumping
    uvloop.run(scheduler.main())
