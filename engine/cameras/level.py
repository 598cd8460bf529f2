"""Which way is up by the straight lines of the scene: the edges of what was built or stands upright meet in one point of the picture.

A line in the picture and the camera span a plane; up lies in the planes of all upright lines. And what was built has its level edges along
two directions at a right angle to each other: where these lie is not known, so every one is tried as well. Which lines are upright, level
or neither nobody says, so every up is tried, and that one is taken which most of the lines agree with beside what is known without them:
what the body says, and how cameras are held. How sure that is follows from the same sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.cameras.pinhole import rays
from engine.cameras.turning import outside
from engine.detection.background_rows import Background

Array = npt.NDArray[np.float64]

# An upright line is found this far off (degrees): the detector, and a lens that is not quite straight; a short one errs by so many pixels
# of its ends beyond that, at a width of 640.
LINE_ERROR, END_ERROR = 0.7, 0.7
# Of the lines of a room this share is upright and this lies along the two level directions; the others lie anywhere. Lines of one wall err
# and mislead together: so many are one.
UPRIGHT, BESIDE, ALIKE = 0.15, 0.5, 3.0
# Assumed of cameras: share, middle, spread in degrees of the tilt and the roll.
TILTS = ((0.8, -8.0, 12.0), (0.2, -15.0, 30.0))
ROLLS = ((0.75, 0.0, 2.0), (0.25, 0.0, 15.0))
# Tilts and rolls that are tried, degrees: cameras that hang above a room, or are held askew, to either side.
_TILTED, _ROLLED = 60, 42
# First so far apart (degrees), where lines that miss by half of that still count, and then, about those that may be the best, one apart;
# the level directions likewise.
_APART, _ASIDE = 3, 4.0
_POOR, _MOST = 9.0, 24  # by how much less likely (its logarithm) those may be, and how many there are at most
_UPS = 16  # that are compared with all lines at once: more would take tens of megabytes
# What lies so near to the best (degrees) is the same; with this share of all that is possible, the lines are sure of it.
SAME, SURE = 4.0, 0.85


@dataclass(frozen=True)
class SceneLines:
    """`normals` (N,3): unit normals of the planes through the lines, in the axes of the take's camera; `errors` (N,) radians; `weights`
    (N,): for how many independent lines each counts. `agree`: how likely they are for an up that was tried, by what was tried: up is asked
    for several times of the same lines, and the lines take most of the work."""

    normals: Array
    errors: Array
    weights: Array
    agree: dict[tuple[float, ...], float] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Level:
    """`up` (3,), unit, its `error` in degrees, and whether the lines are `sure` of it. `share`: of all that is possible, what is as good as
    the same; 0 where the lines do not speak for it."""

    up: Array
    error: float
    sure: bool
    share: float = 0.0


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
    tilts, rolls = _around(0.0, 0.0, np.arange(-_TILTED, _TILTED + 1.0, _APART), np.arange(-_ROLLED, _ROLLED + 1.0, _APART))
    ups, log = _likely(lines, body, body_error, tilts, rolls, quarter, np.arange(0.0, 90.0, _ASIDE), _APART / 2)
    order = np.argsort(-log)[:_MOST]
    order = order[log[order] >= log[order[0]] - _POOR]
    step = np.arange(-1.0, 2.0)
    near = np.unique(np.concatenate([np.stack(_around(tilts[k], rolls[k], step, step), 1) for k in order]), axis=0)
    ups, log = _likely(lines, body, body_error, near[:, 0], near[:, 1], quarter, np.arange(90.0))
    best, chance = int(np.argmax(log)), np.exp(log - log.max())
    share = float(chance[ups @ ups[best] >= math.cos(math.radians(SAME))].sum() / chance.sum())
    tilt, roll = near[best]
    step = np.arange(-1.5, 1.6, 0.5)
    ups, log = _likely(lines, body, body_error, *_around(tilt, roll, step, step), quarter, np.arange(90.0))
    chance = np.exp(log - log.max())
    up = chance @ ups
    up /= np.linalg.norm(up)
    error = math.degrees(math.sqrt(float(chance @ (1 - np.clip(ups @ up, -1, 1)) / chance.sum())))  # an axis's: 1 - cos is half the square
    within = abs(tilt) < _TILTED and abs(roll) < _ROLLED  # what lies at the edge of all that is tried is none
    if lines is None or not within or not _told(lines, up):
        return Level(up, error, False)
    return Level(up, error, share >= SURE, share)


def _around(tilt: float, roll: float, tilts: Array, rolls: Array) -> tuple[Array, Array]:
    """(N,) and (N,): all pairs of these tilts and rolls beside a tilt and a roll, degrees."""
    first, second = np.meshgrid(tilt + tilts, roll + rolls, indexing="ij")
    return first.ravel(), second.ravel()


def _told(lines: SceneLines, up: Array) -> bool:
    """Whether the lines speak for it themselves, far more than they would by chance for any direction."""
    fits = np.exp(-0.5 * (np.arcsin(np.clip(lines.normals @ up, -1, 1)) / lines.errors) ** 2)
    by_chance = math.sqrt(math.pi / 2) * float((lines.weights * lines.errors).sum()) / (math.pi / 2)
    return float((lines.weights * fits).sum()) >= 2.0 * by_chance and float(lines.weights[fits > 0.3].sum()) >= 1.5


def _likely(
    lines: SceneLines | None, body: Array | None, body_error: float, tilts: Array, rolls: Array, quarter: float, asides: Array,
    blur: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """(N,3) the ups of cameras with these tilts and rolls (N,), degrees, and (N,) the logarithm of how likely each is; `asides`: the level
    directions that are tried, and `blur`: by how much more lines may miss, degrees."""
    t, r = np.radians(tilts), np.radians(rolls + quarter)
    ups = np.stack([np.cos(t) * np.sin(r), -np.cos(t) * np.cos(r), np.sin(t)], -1)
    log = np.log(_mixture(tilts, TILTS)) + np.log(_mixture(rolls, ROLLS)) + np.log(np.maximum(np.cos(t), 1e-6))
    if body is not None:
        off = np.degrees(np.arccos(np.clip(ups @ body, -1, 1))) / body_error
        log -= 2.0 * np.log1p(off**2 / 4)  # broad: a body may say anything
    if lines is not None:
        keys = [(*place, quarter, float(len(asides)), blur) for place in zip(tilts.tolist(), rolls.tolist(), strict=True)]
        new = [k for k, key in enumerate(keys) if key not in lines.agree]
        for some in (new[k : k + _UPS] for k in range(0, len(new), _UPS)):
            lines.agree.update(zip([keys[k] for k in some], _agreeing(lines, ups[some], asides, blur).tolist(), strict=True))
        log = log + np.array([lines.agree[key] for key in keys])
    return ups, log


def _agreeing(lines: SceneLines, ups: Array, asides: Array, blur: float) -> Array:
    """(N,) the logarithm of how likely the lines are if these `ups` (N,3) are up, in the mean over all level directions."""
    errors = np.hypot(lines.errors, math.radians(blur))
    # density beside that of a line that lies anywhere within a right angle
    peak = (math.sqrt(math.pi / 2) / errors).astype(np.float32)
    normals = (lines.normals / errors[:, None]).astype(np.float32)  # so that products count errors
    first = np.cross(ups, [0.0, 0.0, 1.0])
    first /= np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-9)
    across, along, upright = ((axes.astype(np.float32) @ normals.T)[:, None] for axes in (first, np.cross(ups, first), ups))
    angle = np.radians(asides).astype(np.float32)[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    level_ones = np.exp(-0.5 * (cos * across + sin * along) ** 2) + np.exp(-0.5 * (cos * along - sin * across) ** 2)
    fits = 1 - UPRIGHT - BESIDE + peak * (UPRIGHT * np.exp(-0.5 * upright**2) + BESIDE / 2 * level_ones)
    log = np.log(fits) @ lines.weights
    most = log.max(1)
    return np.asarray(most + np.log(np.exp(log - most[:, None]).mean(1)))


def _mixture(values: Array, parts: tuple[tuple[float, float, float], ...]) -> Array:
    return np.asarray(sum(share / spread * np.exp(-0.5 * ((values - middle) / spread) ** 2) for share, middle, spread in parts))
