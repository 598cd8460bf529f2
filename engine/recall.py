"""What a worker that stays remembers of its captures: the same take with another option begins at the first stage that the option changes.

A stage's result is taken again where everything that it depends on is the same; the last few are remembered, and none of a long take, whose
arrays are not worth the memory while nobody asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from engine.progress import Progress

T = TypeVar("T")

RESULTS: Final = 12  # of stages that are remembered: of a few takes
LONGEST: Final = 20_000  # frames: at a kilobyte each 20 MB, and eleven minutes at 30 frames a second


class Recall:
    """The results of stages, with the warnings that were told on the way: they are told again."""

    def __init__(self) -> None:
        self._results: OrderedDict[Hashable, tuple[Any, list[tuple[str, str]]]] = OrderedDict()
        self._held: dict[str, tuple[Hashable, Any]] = {}

    def stage(self, depends: Hashable, make: Callable[[Progress], T], progress: Progress) -> T:
        """What `make` gives, or gave for the same `depends`, which says all that the result depends on, the stage's name first."""
        if depends in self._results:
            self._results.move_to_end(depends)
        else:
            told = Warned(progress)
            made = make(told)
            self._results[depends] = made, told.warnings
            while len(self._results) > RESULTS:
                self._results.popitem(last=False)
            return made
        result, warnings = self._results[depends]
        for code, message in warnings:
            progress.warning(code, message)
        again: T = result
        return again

    def held(self, name: str, depends: Hashable, make: Callable[[], T]) -> T:
        """One thing of that name, made anew where `depends` differs."""
        if name not in self._held or self._held[name][0] != depends:
            self._held.pop(name, None)  # the old one goes before the new one comes
            self._held[name] = depends, make()
        thing: T = self._held[name][1]
        return thing


@dataclass(frozen=True)
class OfTake:
    """The stages of one take, which `take` tells from every other one; without a `recall` nothing is remembered."""

    recall: Recall | None
    take: Hashable

    def __call__(self, stage: str, depends: tuple[Hashable, ...], make: Callable[[Progress], T], progress: Progress) -> T:
        """`Recall.stage` of that take."""
        return make(progress) if self.recall is None else self.recall.stage((stage, self.take, depends), make, progress)


FORGOTTEN: Final = OfTake(None, None)


class Warned(Progress):
    """The progress of one stage of another one's, whose warnings it keeps apart."""

    def __init__(self, whole: Progress) -> None:
        super().__init__()
        self._whole = whole

    def stage(self, name: str, total: int = 0) -> None:
        self._whole.stage(name, total)

    def advance(self, done: int) -> None:
        self._whole.advance(done)

    def finish(self) -> None:
        self._whole.finish()

    def warning(self, code: str, message: str) -> None:
        super().warning(code, message)
        self._whole.warning(code, message)
