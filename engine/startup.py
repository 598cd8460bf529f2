"""What the worker sees to before its work: imports that stay, and ending with whoever started it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final

# the environment's word for: standard input is a pipe that ends when whoever started the worker does, however that comes
WATCH_VARIABLE: Final = "KINOLIFT_WATCH_INPUT"
# the environment's word for: after a capture the worker stays for so many seconds, for further orders on its standard input
STAY_VARIABLE: Final = "KINOLIFT_STAY"
_ARENAS_MOST: Final = -8  # M_ARENA_MAX of malloc.h
_PATIENCE: Final = 1.0  # seconds that the worker has to clean up after itself


@contextmanager
def importing() -> Iterator[None]:
    """While much is imported that will stay: Python does not look through it for what can be thrown away, now or later."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.freeze()
            gc.enable()


def few_arenas() -> None:
    """The C library (GNU) keeps what threads have freed in as many heaps as there were threads at once; two do for all of them, and a
    capture needs 10 MB less. To be called before there are many threads."""
    import ctypes  # takes longer than all that is imported here

    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_ARENAS_MOST, 2)


def end_with_parent() -> SimpleQueue[str] | None:
    """Ends this process within a second or two of its parent's end, SIGKILL included, where the parent asks for that by WATCH_VARIABLE.
    Returns the lines that the parent says until then; None where it does not ask."""
    if not os.environ.pop(WATCH_VARIABLE, "") or sys.stdin is None:
        return None
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_watch, args=(sys.stdin.fileno(), lines), name="parent", daemon=True).start()
    return lines


def stay_seconds() -> float:
    """How long the worker is asked to stay, by STAY_VARIABLE; 0 where it is not."""
    try:
        return max(0.0, float(os.environ.pop(STAY_VARIABLE, "") or 0.0))
    except ValueError:
        return 0.0


def _watch(pipe: int, lines: SimpleQueue[str]) -> None:
    said = b""
    while some := os.read(pipe, 65536):
        *whole, said = (said + some).split(b"\n")
        for line in whole:
            lines.put(line.decode("utf-8", "replace"))
    os.kill(os.getpid(), signal.SIGTERM)  # as if it was cancelled; on Windows that is the end at once
    time.sleep(_PATIENCE)
    os._exit(130)
