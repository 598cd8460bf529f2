"""What the worker sees to before it imports torch, which shares the cores with the detector."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


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
