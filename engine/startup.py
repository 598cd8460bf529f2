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
from typing import Final

# the environment's word for: standard input is a pipe that ends when whoever started the worker does, however that comes
WATCH_VARIABLE: Final = "KINOLIFT_WATCH_INPUT"
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


def end_with_parent() -> None:
    """Ends this process within a second or two of its parent's end, SIGKILL included, where the parent asks for that by WATCH_VARIABLE."""
    if os.environ.pop(WATCH_VARIABLE, "") and sys.stdin is not None:
        threading.Thread(target=_watch, args=(sys.stdin.fileno(),), name="parent", daemon=True).start()


def _watch(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # as if it was cancelled; on Windows that is the end at once
    time.sleep(_PATIENCE)
    os._exit(130)
