"""The root's path in the camera: where the person stands, by perspective from all joints at once.

A joint at X (metres, relative to the pelvis) seen at the slope u satisfies X + t = u (Z + t_z): two linear equations in the
translation t. All joints of a frame give a small least-squares problem; its information matrix says how well each
direction is known (depth far worse than the rest), and one banded system over time then weighs the frames against an
even motion, and against feet that stand still where contacts are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.cameras.pinhole import project, rays
from engine.long_takes import each, joined, mapped, scan
from engine.long_takes.banded import solved

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

# Depths of the pelvis that are believed, metres.
NEAREST, FARTHEST = 0.4, 80.0
# Standard errors of what is compared: the detector's points as a share of the person's size in the picture, and the pose.
POINT_ERROR = 0.01
POSE_ERROR = 0.03
# Errors of pose and points last for many frames: this many seconds give one independent look.
ERROR_SECONDS = 0.3
# How hard a person's middle accelerates, m/s^2; motion capture: 2.6 in the median, 8 (walks) to 17 (jumps) in the hardest hundredth.
ACCELERATION = 3.0
# ... and that of somebody who lies, crawls or leans on the hands.
LYING_ACCELERATION = 1.0
# Speed at which a foot in contact may still be found to move, m/s.
CONTACT_SPEED = 0.3
# ... and this many seconds give one independent look at that.
CONTACT_SECONDS = 0.1
# How far a standing foot may be found above or under the ground, metres, and how long such an error lasts, seconds.
GROUND_ERROR = 0.03
GROUND_SECONDS = 0.5
# Nobody is faster than this, m/s.
TOP_SPEED = 12.0
_IRLS_ROUNDS = 8


@dataclass(frozen=True)
class Stand:
    """What standing feet say about the path; all in camera axes.

    `steps` (T,2,3) metres: how the end of each foot that stands moves against the pelvis until the next frame (the last is not
    used); `contacts` (T,2); `up` (3,) unit; `heights` (T,2) metres: how far up `up` the pelvis lies if that foot is on the ground;
    `grounded` (T,2) 0..1: how surely it is.
    """

    steps: Floats
    contacts: npt.NDArray[np.bool_]
    up: Array
    heights: Floats
    grounded: Floats

    def part(self, run: slice) -> Stand:
        return Stand(self.steps[run], self.contacts[run], self.up, self.heights[run], self.grounded[run])


@dataclass(frozen=True)
class FramePath:
    """What single frames say: `translation` (T,3) metres; `information` (T,3,3), the inverse of its covariance in 1/m^2."""

    translation: Array
    information: Array


def frame_path(joints: Array, image_points: Array, confidence: Array, matrix: Array) -> FramePath:
    """The translation of each frame that minimises the weighted reprojection error, robust against single wrong points.

    joints (T,J,3) metres relative to the pelvis in camera axes, image_points (T,J,2) px, confidence (T,J) 0..1, matrix (3,3).
    """
    slope = rays(image_points, matrix)
    trust: Array = np.square(np.maximum(confidence, 1e-4))
    depth = _first_depth(joints, slope, trust)
    weight = trust.copy()
    translation: Array = np.zeros((len(joints), 3))
    normal: Array = np.zeros((len(joints), 3, 3))
    for _ in range(_IRLS_ROUNDS):
        at = np.maximum(joints[..., 2] + depth[:, None], 0.3)
        w = weight / at**2  # in units of slope: one over the depth squared turns metres into slopes
        normal, right = _normal_equations(joints, slope, w)
        translation = np.linalg.solve(normal, right[..., None])[..., 0].astype(np.float64)
        translation = _bounded(translation, joints, slope, w)
        depth = translation[:, 2]
        seen = joints + translation[:, None]
        at = np.maximum(seen[..., 2], 0.3)
        residual = np.linalg.norm(seen[..., :2] / at[..., None] - slope, axis=-1)
        # what a good joint may be off: the detector and the pose
        size = 1.0 / np.maximum(depth, NEAREST)
        sigma = size * np.hypot(POSE_ERROR, 1.7 * POINT_ERROR)
        weight = trust / (1 + (residual / (2 * sigma[:, None])) ** 2) ** 2
    sigma = np.hypot(POSE_ERROR, 1.7 * POINT_ERROR) / np.maximum(depth, NEAREST)
    return FramePath(translation, normal / sigma[:, None, None] ** 2)


def turned_path(path: FramePath, camera_to_world: Array) -> FramePath:
    """The same in world axes, by each frame's camera (T,4,4)."""
    turn = camera_to_world[:, :3, :3]
    translation = np.einsum("tij,tj->ti", turn, path.translation) + camera_to_world[:, :3, 3]
    return FramePath(translation, turn @ path.information @ turn.swapaxes(1, 2))


def smooth_path(path: FramePath, runs: list[slice], fps: float, stand: Stand | None = None, acceleration: float = ACCELERATION) -> Array:
    """(T,3) the path that explains the frames and moves evenly, run by run.

    Where a foot stands in two frames that follow one another, the pelvis has to move against it, and at its height.
    """
    return joined([
        _smooth_run(FramePath(path.translation[run], path.information[run]), fps, acceleration, None if stand is None else stand.part(run))
        for run in runs
    ])  # fmt: skip


def reprojection_errors(positions: Array, image_points: Array, matrix: Array) -> Array:
    """(T,J) pixels between the projected positions (camera axes) and the points."""
    return np.linalg.norm(project(positions, matrix) - image_points, axis=-1)


def _normal_equations(joints: Array, slope: Array, w: Array) -> tuple[Array, Array]:
    u, v = slope[..., 0], slope[..., 1]
    a, b = u * joints[..., 2] - joints[..., 0], v * joints[..., 2] - joints[..., 1]
    normal = np.zeros((len(joints), 3, 3))
    normal[:, 0, 0] = normal[:, 1, 1] = w.sum(1)
    normal[:, 0, 2] = normal[:, 2, 0] = -(w * u).sum(1)
    normal[:, 1, 2] = normal[:, 2, 1] = -(w * v).sum(1)
    normal[:, 2, 2] = (w * (u**2 + v**2)).sum(1)
    # a whisper of a prior keeps frames without any confident point solvable
    normal += np.eye(3) * (1e-9 * w.sum(1)[:, None, None] + 1e-15)
    right = np.stack([(w * a).sum(1), (w * b).sum(1), -(w * (u * a + v * b)).sum(1)], 1)
    return normal, right


def _bounded(translation: Array, joints: Array, slope: Array, w: Array) -> Array:
    """Depths out of bounds are set to the bound and the rest solved again: with the depth given, x and y are weighted means."""
    depth = np.clip(np.nan_to_num(translation[:, 2], nan=NEAREST), NEAREST, FARTHEST)
    moved = depth != translation[:, 2]
    if not moved.any():
        return translation
    total = w.sum(1)
    along = slope * (joints[..., 2] + depth[:, None])[..., None] - joints[..., :2]
    xy = (w[..., None] * along).sum(1) / total[:, None]
    out = translation.copy()
    out[moved, :2], out[moved, 2] = xy[moved], depth[moved]
    return out


def _first_depth(joints: Array, slope: Array, trust: Array) -> Array:
    """Size in metres over size in slope, weighted: a start for the real solution."""
    total = trust.sum(1)[:, None]

    def spread(values: Array) -> Array:
        centre = (trust[..., None] * values).sum(1) / total
        return np.sqrt((trust * ((values - centre[:, None]) ** 2).sum(-1)).sum(1))

    return np.clip(spread(joints[..., :2]) / np.maximum(spread(slope), 1e-9), NEAREST, FARTHEST)


def _smooth_run(path: FramePath, fps: float, acceleration: float, stand: Stand | None) -> Array:
    """(T,3) the smooth path of one run."""
    count = len(path.translation)
    if count < 3:
        return path.translation
    # one look per frame, but looks within ERROR_SECONDS share their error
    shared = max(ERROR_SECONDS * fps, 1.0)
    steady = np.ones(count)

    def system(frames: slice) -> tuple[Array, Array]:
        # with the two frames before and behind, as even motion speaks of three in a row
        near = slice(max(frames.start - 2, 0), min(frames.stop + 2, count))
        data = path.information[near] / shared * steady[near, None, None]
        bands, right = _equations(path.translation[near], data, fps, acceleration, None if stand is None else stand.part(near))
        inner = slice(frames.start - near.start, frames.stop - near.start)
        return bands[:, 3 * inner.start : 3 * inner.stop], right[inner].ravel()

    def believed(out: Array, translation: Array, information: Array) -> Array:
        off = out - translation
        return np.asarray(1 / (1 + np.einsum("ti,tij,tj->t", off, information, off) / 9.0))

    beside = (path.translation, path.information, *(() if stand is None else (stand.steps, stand.heights, stand.grounded)))
    out = solved(system, count, 3, *beside)
    # the next rounds trust frames less that lie far from the path before (a wrong detection, a bound reached)
    for _ in range(2):
        steady = mapped(believed, out, path.translation, path.information, dtype=float)
        out = solved(system, count, 3, *beside)
    return _within_speed(out, fps)


def _equations(translation: Array, data: Array, fps: float, acceleration: float, stand: Stand | None) -> tuple[Array, Array]:
    """Least squares over frames that follow one another, unknowns x, y, z a frame: lower bands (7,3T) for scipy, right side (T,3)."""
    count = len(translation)
    bands = np.zeros((7, 3 * count))
    right = np.einsum("tij,tj->ti", data, translation)

    def add(block: Array, first: int, second: int, frames: slice) -> None:
        """Adds (n,3,3) blocks at rows frame+first, columns frame+second (first >= second) for every frame of the slice."""
        for i in range(3):
            for j in range(3):
                band = 3 * (first - second) + i - j
                if 0 <= band < len(bands):  # between frames blocks are diagonal
                    bands[band, 3 * (frames.start + second) + j : 3 * (frames.stop + second) : 3] += block[..., i, j]

    eye = np.eye(3)
    add(data, 0, 0, slice(0, count))
    # (t[k] - 2 t[k+1] + t[k+2]) fps^2 ~ acceleration, as an even power over the band: per frame it counts 1/fps
    even = fps**3 / acceleration**2
    coefficients = (1.0, -2.0, 1.0)
    for a in range(3):
        for b in range(a + 1):
            add(even * coefficients[a] * coefficients[b] * eye, a, b, slice(0, count - 2))
    if stand is not None:
        firm = fps / (CONTACT_SPEED**2 * CONTACT_SECONDS)
        flat = 1 / (GROUND_ERROR**2 * max(GROUND_SECONDS * fps, 1.0))
        for foot in range(2):
            on_ground = stand.grounded[:, foot].astype(float) * flat
            add(on_ground[:, None, None] * np.outer(stand.up, stand.up), 0, 0, slice(0, count))
            right += (on_ground * stand.heights[:, foot])[:, None] * stand.up
            both = (stand.contacts[1:, foot] & stand.contacts[:-1, foot]).astype(float) * firm
            step = stand.steps[:-1, foot]
            block = both[:, None, None] * eye
            add(block, 0, 0, slice(0, count - 1))
            add(block, 1, 1, slice(0, count - 1))
            add(-block, 1, 0, slice(0, count - 1))
            # t[k+1] - t[k] = -step
            right[1:] -= both[:, None] * step
            right[:-1] += both[:, None] * step
    return bands, right


def _within_speed(path: Array, fps: float) -> Array:
    """The path (T,3), steps beyond TOP_SPEED cut to it; what was cut is spread evenly so that the ends stay about where they were."""
    if not any(each(lambda some: (np.linalg.norm(np.diff(some, axis=0), axis=-1) * fps > TOP_SPEED).any(), path, ahead=1)):
        return path

    def slowed(carried: tuple[Array, Array, Array], some: Array) -> tuple[tuple[Array, Array, Array], Array]:
        before, at, moved = carried
        steps = np.diff(some, axis=0, prepend=before[None])
        speed = np.linalg.norm(steps, axis=-1) * fps
        out = at + np.cumsum(steps * np.minimum(1.0, TOP_SPEED / np.maximum(speed, 1e-9))[:, None], axis=0)
        return (some[-1].copy(), out[-1].copy(), moved + (out - some).sum(0)), out

    first = path[0].copy()
    (_, _, moved), out = scan(slowed, (first, first, np.zeros(3)), path, dtype=float)
    return mapped(lambda some: some - moved / len(path), out, dtype=float)
