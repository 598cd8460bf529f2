from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import startup


def test_nothing_is_thrown_away_while_importing() -> None:
    assert gc.isenabled()
    try:
        with startup.importing():
            assert not gc.isenabled()
            frozen = gc.get_freeze_count()
        assert gc.isenabled() and gc.get_freeze_count() > frozen
        gc.disable()
        with startup.importing():
            pass
        assert not gc.isenabled(), "who had it off has it off"
    finally:
        gc.enable()
        gc.unfreeze()


ROOT = Path(__file__).resolve().parents[2]
WORK = "import time; from engine import startup; startup.end_with_parent(); print('at work', flush=True); time.sleep(120)"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_the_worker_ends_when_its_parent_is_killed() -> None:
    starter = (
        "import subprocess, sys, os, time\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {WORK!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "worker.stdout.readline(); print(worker.pid, flush=True); time.sleep(120)"
    )
    environment = os.environ | {startup.WATCH_VARIABLE: "1"}
    parent = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert parent.stdout.read() == ""
    for _ in range(600):
        state = Path(f"/proc/{worker}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker works on")


def test_a_worker_that_nobody_asked_to_watch_works_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import time; from engine import startup; startup.end_with_parent(); time.sleep(0.5); print('done')"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "done\n"
