"""What the worker sees to before it imports torch, which shares the cores with the detector."""

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


def rest_while_waiting() -> None:
    """torch's threads sleep while they wait for work, instead of turning on the spot, where the environment says nothing else.

    The refiner works in threads of its own and hardly feels it; beside the detector, making the networks took four times the processors'
    time without it. Read when torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
