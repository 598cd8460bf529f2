"""Work that is done in steps, so that a window can draw in between. No bpy here."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, TypeVar

T = TypeVar("T")

PAUSE: Final = 0.004  # seconds that a step waits for another thread


def drained(steps: Generator[None, None, T]) -> T:
    """What the steps return in the end, all of them done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def elsewhere(work: Callable[[], T]) -> Generator[None, None, T]:
    """The steps of waiting for work that needs no Blender and is done on another thread; what it returns, or raises. Whoever gives it up
    waits for its end."""
    with ThreadPoolExecutor(1, "kinolift-work") as thread:
        doing = thread.submit(work)
        while not wait([doing], PAUSE).done:
            yield
        return doing.result()
