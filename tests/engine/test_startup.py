from __future__ import annotations

import gc
import os
import platform
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


HEAPS = """
import ctypes, sys, tempfile, threading
from engine import startup
libc = ctypes.CDLL(None)
if "few" in sys.argv:
    startup.few_arenas()
libc.malloc.restype = ctypes.c_void_p
meet = threading.Barrier(8)
def work():
    meet.wait()
    for _ in range(100):
        libc.malloc(ctypes.c_size_t(50000))
    meet.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    file = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    print(told.read().count(b"<heap "))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks the GNU C library")
def test_threads_share_two_heaps() -> None:
    def heaps(*words: str) -> int:
        return int(subprocess.run([sys.executable, "-c", HEAPS, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    assert heaps("few") <= 2 < heaps()


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
