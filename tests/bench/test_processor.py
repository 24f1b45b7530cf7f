"""The bench's split of processor time: a part whose time is another's would send people to the wrong place."""

from __future__ import annotations

import subprocess
import sys

from bench.processor import each, used

_BUSY = "import time\nwhile time.process_time() < 0.3: pass"
_PARENT_OF_A_BUSY_CHILD = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {_BUSY!r}], check=True)
print("done", flush=True)
sys.stdin.read()
"""


def test_a_part_answers_for_its_children_also_when_they_have_ended_and_for_nobody_else() -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", _PARENT_OF_A_BUSY_CHILD],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as parent,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as idle,
    ):  # fmt: skip
        assert parent.stdout is not None
        before = used({"idle": idle.pid})
        assert parent.stdout.readline() == "done\n"
        now = used({"busy": parent.pid, "idle": idle.pid, "gone": 2**30})
    assert now["busy"] >= 0.3
    assert now["idle"] - before["idle"] < 0.3
    assert now["gone"] == 0


def test_time_for_each_is_in_milliseconds() -> None:
    assert each({"worker": 1.0}, {"worker": 3.0}, 100) == {"worker": 20.0}
    assert each({"worker": 1.0}, {"worker": 3.0}, 0) == {"worker": 2000.0}, (
        "none was done, all of it was spent"
    )
