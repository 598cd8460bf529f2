"""Work that is done in steps, so that a window can draw in between. No bpy here."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def drained(steps: Generator[None, None, T]) -> T:
    """What the steps return in the end, all of them done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
