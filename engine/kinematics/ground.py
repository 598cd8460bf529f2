"""The ground in the upright world: where it lies, and what it says about which way is up."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import percentile_filter
from scipy.spatial.transform import Rotation

from engine.kinematics.smoothing import penalty, whittaker

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

# Error of the height of a standing foot, metres (one standard deviation).
STEP_ERROR = 0.04
# Feet nearer to each other than this stand on one place, metres.
PLACE_SIZE = 0.2
# The local ground is sought over this time, about that of two steps, seconds.
LOCAL_SECONDS = 1.2
# Where the feet stand higher than this over the lowest they get (m), they stand on steps, and the ground is at the lowest.
STEPS = 0.15
# More frames than this are thinned out.
_MOST_FRAMES = 400


def camera_rotation(up: Array) -> Array:
    """(3,3) camera axes to world axes: `up` becomes Z and the camera looks along +Y.

    A camera that looks straight up or down keeps the top of its picture along +Y (or -Y).
    """
    up = up / np.linalg.norm(up)
    forward = np.array([0.0, 0.0, 1.0])
    level = forward - (forward @ up) * up
    if np.linalg.norm(level) < 1e-3:
        level = np.array([0.0, -1.0, 0.0]) * (1.0 if forward @ up < 0 else -1.0)
        level -= (level @ up) * up
    y = level / np.linalg.norm(level)
    return np.stack([np.cross(y, up), y, up])


def tilt_and_roll(camera_to_world: Array) -> tuple[float, float]:
    """Degrees: how far the camera looks up (below 0: down), and how far upright things stand turned clockwise in its picture, -180..180."""
    rotation = camera_to_world[:3, :3]
    forward_up, right_up, down_up = rotation[2, 2], rotation[2, 0], rotation[2, 1]
    return math.degrees(math.asin(float(np.clip(forward_up, -1, 1)))), math.degrees(math.atan2(float(right_up), -float(down_up)))


def ground_height(soles: Floats, contacts: Flags | None, confidence: Floats) -> float:
    """Height of the ground from the soles' heights (T,2), in the same upward axis; contacts (T,2), confidence (T,2).

    The median of the standing feet, or on steps the lower of them; without any, the lower foot's height at its tenth percentile.
    """
    sure = confidence > 0.3 if (confidence > 0.3).any() else np.ones_like(soles, bool)
    lower = np.where(sure, soles, np.inf).min(1)
    lowest = float(np.percentile(lower[np.isfinite(lower)], 10))
    if contacts is not None and (contacts & sure).any():
        middle = float(np.median(soles[contacts & sure]))
        return lowest if middle - lowest > STEPS else middle
    return lowest


def local_ground(soles: Array, confidence: Floats, runs: list[slice], fps: float) -> Array:
    """(T,) height of what is under the feet there and then: the lower of the soles (T,2) at its lowest over a step, smooth."""
    sure = confidence > 0.3
    lower = np.where(sure.any(1), np.where(sure, soles, np.inf).min(1), soles.min(1))
    out = lower.copy()
    for run in runs:
        window = min(max(round(LOCAL_SECONDS * fps), 1), run.stop - run.start)
        lowest = percentile_filter(lower[run], 20, size=window, mode="nearest")
        out[run] = whittaker(lowest[:, None], np.ones(len(lowest)), penalty(1 / LOCAL_SECONDS, fps))[:, 0]
    return out


def every(frames: int) -> int:
    """Each how manieth of so many frames `level_by_feet` looks at."""
    return max(1, math.ceil(frames / _MOST_FRAMES))


def level_by_feet(soles: Array, trust: Array, covariance: Array) -> tuple[Array, Array]:
    """(3,3) small rotation, to be applied to the world axes, that lays the ground under the standing feet level; and the covariance (2,2)
    of up's X and Y after it, radians squared.

    soles (T,2,3): the lowest point of each foot, metres, Z up as far as known; trust (T,2) 0..1, how likely the foot stands; covariance
    (2,2) of up's X and Y before. Feet that stand far apart say a lot about the slope; a person who stays on the spot says nothing, and
    then Z stays up.
    """
    used = slice(None, None, every(len(soles)))
    points, trust = soles[used].reshape(-1, 3), trust[used].reshape(-1)
    points, trust = points[trust > 0], trust[trust > 0]
    if not len(points):
        return np.eye(3), covariance
    # errors last as long as a foot stays where it is: every place counts once, however long the person stands there
    apart = ((points[:, None, :2] - points[None, :, :2]) ** 2).sum(-1)
    weight = trust / (np.exp(-0.5 * apart / PLACE_SIZE**2) @ trust)
    centre = (weight[:, None] * points).sum(0) / weight.sum()
    rows = np.column_stack([points[:, :2] - centre[:2], np.ones(len(points))])
    heights = points[:, 2] - centre[2]
    plane = np.array([0.0, 0.0, float(np.median(heights[weight > 0.5 * weight.max()]))])
    prior = np.zeros((3, 3))
    prior[:2, :2] = np.linalg.inv(covariance)
    known = prior
    # a wide look first, so that a long walk on a slope is seen as one
    for reach in (0.4, 0.3, 0.2, 0.15, *([2.5 * STEP_ERROR] * 8)):
        off = (heights - rows @ plane) / reach
        # steps up and down stairs, jumps and raised feet drop out: they are no ground
        firm = weight * np.maximum(1 - off**2, 0.0) ** 2 / STEP_ERROR**2
        if firm.sum() <= 0:
            return np.eye(3), covariance
        known = rows.T @ (firm[:, None] * rows) + prior
        plane = np.linalg.solve(known, rows.T @ (firm * heights))
    normal = np.array([-plane[0], -plane[1], 1.0])
    normal /= np.linalg.norm(normal)
    axis = np.cross(normal, [0.0, 0.0, 1.0])
    turn = Rotation.from_rotvec(axis / max(np.linalg.norm(axis), 1e-12) * math.asin(min(float(np.linalg.norm(axis)), 1.0)))
    return turn.as_matrix(), np.linalg.inv(known)[:2, :2]
