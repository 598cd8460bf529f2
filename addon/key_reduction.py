"""Which keys of a curve can go without moving it further than stated. Arithmetic only, no bpy.

Curves of several channels that mean one thing (a rotation's quaternion, a location) are reduced together: they keep keys on the
same frames, and the error that is bounded is the thing's own, an angle or a distance, at every frame.

Keys are first chosen from few to many (Douglas and Peucker 1973: where a stretch is off by more than the tolerance it is parted
at its worst frame), for all stretches of all bones at once; then each key is taken out again that its neighbours can spare.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..contract.failure import Failure
from .steps import drained

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
# (interpolated (N,C), wanted (N,C)) -> (N,) errors
Error = Callable[[Array, Array], Array]

DEFAULT_DEGREES = 0.5  # what the panel starts with
DEFAULT_MILLIMETRES = 2.0  # of the hips' path, where only degrees are given: about what the eye sees on a planted foot
HIGHEST_DEGREES, HIGHEST_MILLIMETRES = 45.0, 1000.0
TINY = 1e-12  # between two opposite quaternions, which are the same rotation, the interpolated one has no length
SPARING_ROUNDS = 6  # after so many hardly any key is found that can still be spared


@dataclass(frozen=True)
class Tolerance:
    """How far a simplified bone may be from where it was, seen from its parent, at any frame."""

    degrees: float
    millimetres: float = DEFAULT_MILLIMETRES

    def check(self) -> Tolerance:
        """Itself, or Failure `bad_arguments`."""
        for value, highest, unit in (
            (self.degrees, HIGHEST_DEGREES, "degrees"),
            (self.millimetres, HIGHEST_MILLIMETRES, "millimetres"),
        ):
            if not 0 < value <= highest:
                raise Failure("bad_arguments", f"--simplify is {value:g} {unit}; it goes from more than 0 to {highest:g} {unit}.")
        return self


def parse_tolerance(text: str) -> Tolerance | None:
    """ "0.5" -> half a degree and 2 mm, "0.5,1" -> half a degree and 1 mm, "" -> None. Raises Failure `bad_arguments`."""
    if not text.strip():
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(?:,(\d+(?:\.\d*)?|\.\d+))?", text.strip())
    if match is None:
        raise Failure("bad_arguments", f"--simplify is {text!r}; give degrees as in 0.5, or degrees and millimetres as in 0.5,2.")
    return Tolerance(float(match[1]), float(match[2]) if match[2] else DEFAULT_MILLIMETRES).check()


def add_simplify_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--simplify", default="", metavar="DEG[,MM]",
        help="fewer keys: no bone turns off by more than DEG degrees, none moves off by more than MM millimetres "
        f"({DEFAULT_MILLIMETRES:g} if not given), seen from its parent, at any frame (default: a key on every frame)")  # fmt: skip


def rotation_error(one: Array, other: Array) -> Array:
    """Degrees between rotations given as quaternions (N,4) of any length and sign."""
    # twice the arcsine of the chord is exact for small angles, where the arccosine of the dot product is not
    a = one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), TINY)
    b = other / np.maximum(np.linalg.norm(other, axis=1, keepdims=True), TINY)
    chord = np.minimum(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
    return np.degrees(4 * np.arcsin(np.minimum(chord / 2, 1.0)))


def distance(one: Array, other: Array) -> Array:
    """(N,) in the unit of the values (N,C)."""
    return np.linalg.norm(one - other, axis=1)


def closed_after(frames: Array, held: Mask) -> Mask:
    """(N,) True where no curve runs from a sample to the next: it is held, or the next one belongs to another curve."""
    closed = held.copy()
    closed[:-1] |= np.diff(frames) <= 0
    closed[-1] = True
    return closed


def slopes(frames: Array, values: Array, closed: Mask) -> Array:
    """(N,C) per frame: how fast the values change at each sample, by the parabola through it and its two neighbours.

    Where nothing runs on (`closed`, see `closed_after`) the one neighbour counts alone, and without any the slope is 0.
    """
    steps = np.where(closed[:-1], 1.0, np.diff(frames))
    secants = np.where(closed[:-1, None], 0.0, np.diff(values, axis=0) / steps[:, None])
    width = np.where(closed[:-1], np.inf, steps)
    before, after = np.concatenate([[np.inf], width]), np.concatenate([width, [np.inf]])
    nothing = np.zeros_like(values[:1])
    # the nearer neighbour weighs more, one that is not there nothing
    near, far = 1 / before, 1 / after
    weight = np.where(near + far > 0, near + far, 1.0)
    return (np.concatenate([nothing, secants]) * near[:, None] + np.concatenate([secants, nothing]) * far[:, None]) / weight[:, None]


def interpolate(frames: Array, values: Array, tangents: Array | None, first: npt.NDArray, last: npt.NDArray, at: npt.NDArray) -> Array:
    """(n,C) the curve at samples `at` between the keys at samples `first` and `last`; without `tangents` a straight line.

    With them the cubic of Hermite, which is what Blender's Bézier curve is when its handles lie at a third of the stretch.
    """
    length = (frames[last] - frames[first])[:, None]
    u = (frames[at] - frames[first])[:, None] / length
    start, end = values[first], values[last]
    if tangents is None:
        return start + (end - start) * u
    rest = 1 - u
    return start * rest**2 * (1 + 2 * u) + end * u**2 * (3 - 2 * u) + (tangents[first] * rest - tangents[last] * u) * (u * rest * length)


def reduce_keys(
    frames: Array,
    values: Array,
    forced: Mask,
    held: Mask,
    error: Error,
    tolerance: float,
    tangents: Array | None = None,
    closed: Mask | None = None,
) -> Mask:
    """(N,) bool: the samples that stay keys. The whole of `reducing`."""
    return drained(reducing(frames, values, forced, held, error, tolerance, tangents, closed))


def reducing(
    frames: Array,
    values: Array,
    forced: Mask,
    held: Mask,
    error: Error,
    tolerance: float,
    tangents: Array | None = None,
    closed: Mask | None = None,
) -> Generator[None, None, Mask]:
    """The steps of finding which samples stay keys, each a look at every sample at most: (N,) bool in the end.

    Args:
        frames: (N,) scene frames, rising within each curve; several curves stand one after another.
        values: (N,C).
        forced: (N,) samples that have to stay: each curve's first and last, and both ends of a stretch that is held.
        held: (N,) True where the value stays until the next key.
        error: of interpolated values, in the unit of `tolerance`.
        tangents: (N,C) slopes at the keys, for Bézier curves; None for straight lines.
        closed: (N,) where nothing runs on to the next sample; found from frames and held where it is not given.
    """
    keep = forced.copy()
    keep[held] = True
    samples = np.arange(len(frames))
    if closed is None:
        closed = closed_after(frames, held)

    def misses(first: npt.NDArray, last: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
        """For stretches: the largest error inside, and the sample where it is; -1 where there is none inside."""
        inside = last - first - 1
        owner = np.repeat(np.arange(len(first)), inside)
        at = samples[first[owner] + 1] + (np.arange(len(owner)) - np.repeat(np.cumsum(inside) - inside, inside))
        found = error(interpolate(frames, values, tangents, first[owner], last[owner], at), values[at])
        worst = np.zeros(len(first))
        np.maximum.at(worst, owner, found)
        where = np.full(len(first), -1)
        hit = found >= worst[owner]
        where[owner[hit]] = at[hit]
        return worst, where

    keys = np.flatnonzero(keep)
    first, last = keys[:-1], keys[1:]
    going = ~closed[first] & (last - first > 1)
    first, last = first[going], last[going]
    while len(first):
        yield
        worst, where = misses(first, last)
        bad = worst > tolerance
        first, last, where = first[bad], last[bad], where[bad]
        keep[where] = True
        first, last = np.concatenate([first, where]), np.concatenate([where, last])
        going = last - first > 1
        first, last = first[going], last[going]

    fixed = forced | closed
    fixed[1:] |= closed[:-1]
    for turn in range(SPARING_ROUNDS):
        keys = np.flatnonzero(keep)
        before, key, after = keys[:-2], keys[1:-1], keys[2:]
        # of neighbours only one may go at a time
        chosen = ~fixed[key] & (np.arange(len(key)) % 2 == turn % 2)
        if not chosen.any():
            continue
        yield
        worst, _ = misses(before[chosen], after[chosen])
        keep[key[chosen][worst <= tolerance]] = False
    return keep
