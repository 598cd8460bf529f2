"""Which way is up by the straight lines of the scene: the edges of what was built or stands upright meet in one point of the picture.

A line in the picture and the camera span a plane; up lies in the planes of all upright lines. Which lines are upright nobody says, so every
up is tried, and that one is taken which most of the lines agree with beside what is known without them: what the body says, and how cameras
are held. How sure that is follows from the same sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.cameras.pinhole import rays
from engine.cameras.turning import outside
from engine.detection.background_rows import Background

Array = npt.NDArray[np.float64]

# An upright line is found this far off (degrees): the detector, and a lens that is not quite straight; a short one errs by so many pixels
# of its ends beyond that, at a width of 640.
LINE_ERROR, END_ERROR = 0.7, 0.7
# Of the lines of a room this share is upright; the others lie anywhere. Lines of one wall err and mislead together: so many are one.
UPRIGHT, ALIKE = 0.15, 3.0
# Assumed of cameras: share, middle, spread in degrees of the tilt and the roll.
TILTS = ((0.8, -8.0, 12.0), (0.2, -15.0, 30.0))
ROLLS = ((0.75, 0.0, 2.0), (0.25, 0.0, 15.0))
# Tilts and rolls that are tried, degrees: cameras that hang above a room, or are held askew, to either side.
_TILTED, _ROLLED = 60, 42
# What lies so near to the best (degrees) is the same; with this share of all that is possible, the lines are sure of it.
SAME, SURE = 4.0, 0.85
_AT_ONCE = 512  # ups that are compared with all lines


@dataclass(frozen=True)
class SceneLines:
    """`normals` (N,3): unit normals of the planes through the lines, in the axes of the take's camera; `errors` (N,) radians; `weights`
    (N,): for how many independent lines each counts."""

    normals: Array
    errors: Array
    weights: Array


@dataclass(frozen=True)
class Level:
    """`up` (3,), unit, its `error` in degrees, and whether the lines are `sure` of it."""

    up: Array
    error: float
    sure: bool


def scene_lines(
    background: Background, person: npt.NDArray[np.float32], matrix: Array, size: tuple[int, int], turns: Array | None = None
) -> SceneLines | None:
    """The lines outside the `person` (K,33,2), see `turning.outlines`; `matrix` (3,3) of the lens, or (K,3,3) of each frame's, picture
    `size` (width, height); `turns` (K,3,3) of the background's frames where the camera turned. None where there are none."""
    place = np.searchsorted(background.index, background.line_frame)
    ends = background.lines.reshape(-1, 2, 2).astype(float)
    away = outside(np.concatenate([ends, ends.mean(1, keepdims=True)], 1), person[place]).all(1)
    ends, place = ends[away], place[away]
    if not len(ends):
        return None
    slopes = rays(ends, matrix if matrix.ndim == 2 else matrix[place][:, None])
    sights = np.concatenate([slopes, np.ones((*slopes.shape[:-1], 1))], -1)
    normals = np.cross(sights[:, 0], sights[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    if turns is not None:
        normals = np.einsum("nij,nj->ni", turns[place], normals)
    length = np.maximum(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1), 1e-9)
    errors = np.hypot(math.radians(LINE_ERROR), END_ERROR * max(size) / 640 / length)
    # the pictures show the same room again, and ten short lines tell what a long one does
    weights = np.minimum(length / (0.1 * max(size)), 2.0) / (ALIKE * len(np.unique(place)))
    return SceneLines(normals, errors, weights)


def level(lines: SceneLines | None, body: Array | None, body_error: float) -> Level:
    """Up by the lines, by what the body says, `body` (3,), give or take `body_error` degrees, and by how cameras are held.

    A phone held sideways is turned by the quarter that is nearest to the body.
    """
    quarter = 0.0 if body is None or math.hypot(body[0], body[1]) < 0.5 else 90.0 * round(math.degrees(math.atan2(body[0], -body[1])) / 90)
    coarse = np.meshgrid(np.arange(-_TILTED, _TILTED + 1.0), np.arange(-_ROLLED, _ROLLED + 1.0), indexing="ij")
    ups, chance = _chances(lines, body, body_error, coarse[0].ravel(), coarse[1].ravel(), quarter)
    best = ups[int(np.argmax(chance))]
    near = ups @ best >= math.cos(math.radians(SAME))
    share = float(chance[near].sum() / chance.sum())
    tilt, roll = coarse[0].ravel()[np.argmax(chance)], coarse[1].ravel()[np.argmax(chance)]
    step = np.arange(-SAME, SAME + 0.1, 0.25)
    fine = np.meshgrid(tilt + step, roll + step, indexing="ij")
    ups, chance = _chances(lines, body, body_error, fine[0].ravel(), fine[1].ravel(), quarter)
    up = chance @ ups
    up /= np.linalg.norm(up)
    error = math.degrees(math.sqrt(float(chance @ (1 - np.clip(ups @ up, -1, 1)) / chance.sum())))  # an axis's: 1 - cos is half the square
    within = abs(tilt) < _TILTED and abs(roll) < _ROLLED  # what lies at the edge of all that is tried is none
    return Level(up, error, lines is not None and within and share >= SURE and _told(lines, up))


def _told(lines: SceneLines, up: Array) -> bool:
    """Whether the lines speak for it themselves, far more than they would by chance for any direction."""
    fits = np.exp(-0.5 * (np.arcsin(np.clip(lines.normals @ up, -1, 1)) / lines.errors) ** 2)
    by_chance = math.sqrt(math.pi / 2) * float((lines.weights * lines.errors).sum()) / (math.pi / 2)
    return float((lines.weights * fits).sum()) >= 2.0 * by_chance and float(lines.weights[fits > 0.3].sum()) >= 1.5


def _chances(
    lines: SceneLines | None, body: Array | None, body_error: float, tilts: Array, rolls: Array, quarter: float
) -> tuple[Array, Array]:
    """(N,3) the ups of cameras with these tilts and rolls (N,), degrees, and (N,) how likely each is, beside the likeliest."""
    t, r = np.radians(tilts), np.radians(rolls + quarter)
    ups = np.stack([np.cos(t) * np.sin(r), -np.cos(t) * np.cos(r), np.sin(t)], -1)
    log = np.log(_mixture(tilts, TILTS)) + np.log(_mixture(rolls, ROLLS)) + np.log(np.maximum(np.cos(t), 1e-6))
    if body is not None:
        off = np.degrees(np.arccos(np.clip(ups @ body, -1, 1))) / body_error
        log -= 2.0 * np.log1p(off**2 / 4)  # broad: a body may say anything
    if lines is not None:
        peak = UPRIGHT * math.sqrt(math.pi / 2) / lines.errors  # density beside that of a line that lies anywhere within a right angle
        for some in (slice(k, k + _AT_ONCE) for k in range(0, len(ups), _AT_ONCE)):  # all ups beside all lines would be 80 MB
            off = np.arcsin(np.clip(ups[some] @ lines.normals.T, -1, 1)) / lines.errors
            log[some] += np.log(1 - UPRIGHT + peak * np.exp(-0.5 * off**2)) @ lines.weights
    return ups, np.exp(log - log.max())


def _mixture(values: Array, parts: tuple[tuple[float, float, float], ...]) -> Array:
    return np.asarray(sum(share / spread * np.exp(-0.5 * ((values - middle) / spread) ** 2) for share, middle, spread in parts))
