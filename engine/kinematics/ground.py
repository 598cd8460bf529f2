"""The upright world: which way is up in the camera, and where the ground lies.

Nothing in the picture tells gravity, so the person does: over a clip the body's axis, its legs and feet are upright on
average. The camera may be rolled by any angle and may look up or down.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import percentile_filter
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.kinematics.smoothing import penalty, whittaker

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Up as a sum of mean directions of the body: trunk (pelvis to neck), thighs, shins (upwards), feet (forwards) and the
# body's front. Fitted to motion capture, where up is known (1331 stretches of 3 s). With each source left out of the fit in turn:
# median error 2.3 degrees, 6 at the 90th percentile; the line from the ankles to the neck alone has 3.5 and 8.7. Joints from a
# video lean with the errors of their depth: there the error is about twice that.
UP_WEIGHTS = {"trunk": 0.326, "thigh": 0.306, "shin": 0.408, "foot": -0.053, "front": -0.051}
# Frames whose axis from ankles to neck leans away from the common one by this many degrees count half.
LEAN_DEGREES = 15.0

# Error of `world_up`, radians (one standard deviation); of the height of a standing foot, metres.
UP_ERROR = 0.07
STEP_ERROR = 0.04
# Feet nearer to each other than this stand on one place, metres.
PLACE_SIZE = 0.2
# The local ground is sought over this time, about that of two steps, seconds.
LOCAL_SECONDS = 1.2
# Where the feet stand higher than this over the lowest they get (m), they stand on steps, and the ground is at the lowest.
STEPS = 0.15
# More frames than this are thinned out.
_MOST_FRAMES = 400

# Assumed: most cameras stand level or are turned by a quarter, off by the first (degrees), a minority is held askew by the
# second; then how well `world_up` knows the roll, degrees, and the share of the askew.
LEVEL_ROLL, ASKEW_ROLL, ROLL_ERROR, ASKEW_SHARE = 1.5, 20.0, 4.0, 0.3


def world_up(joints: Array, confidence: Array) -> Array:
    """(3,) unit vector: up, in the axes of `joints` (T,22,3). confidence (T,22) 0..1."""
    at = {name: joints[:, i] for i, name in enumerate(BODY_22.joints)}
    sure = {name: np.maximum(confidence[:, i], 1e-3) for i, name in enumerate(BODY_22.joints)}
    trunk = _unit(at["neck"] - at["pelvis"])
    front = _unit(np.cross(at["hip.L"] - at["hip.R"], trunk))
    legs = np.minimum(sure["ankle.L"], sure["ankle.R"])
    axis = _unit(at["neck"] - legs[:, None] * (at["ankle.L"] + at["ankle.R"]) / 2 - (1 - legs[:, None]) * at["pelvis"])
    weight = _upright_weights(axis, np.sqrt(sure["neck"] * sure["pelvis"]))
    total = UP_WEIGHTS["trunk"] * _mean(trunk, weight) + UP_WEIGHTS["front"] * _mean(front, weight)
    for part, (upper, lower, sign) in {"thigh": ("hip", "knee", -1), "shin": ("knee", "ankle", -1), "foot": ("ankle", "toe", 1)}.items():
        for side in "LR":
            bone = sign * _unit(at[f"{lower}.{side}"] - at[f"{upper}.{side}"])
            seen = weight * np.minimum(sure[f"{upper}.{side}"], sure[f"{lower}.{side}"])
            # what was not seen well counts less, and the trunk takes its place
            share = float(seen.sum() / weight.sum())
            total += 0.5 * UP_WEIGHTS[part] * share * _mean(bone, seen)
    return total / max(float(np.linalg.norm(total)), 1e-9)


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


def believed_roll(up: Array) -> Array:
    """(3,) up in camera axes, after weighing its roll against the habit of cameras to stand level (or turned by a quarter).

    The mean of the roll given the reading, under a mixture of the two kinds of camera.
    """
    roll = math.degrees(math.atan2(float(up[0]), -float(up[1])))
    lying = math.hypot(float(up[0]), float(up[1]))
    if lying < 0.3:
        return up  # it looks straight down or up: there is no roll to speak of
    quarter = 90.0 * round(roll / 90.0)
    off, chances, means = roll - quarter, [], []
    for share, spread in ((1 - ASKEW_SHARE, LEVEL_ROLL), (ASKEW_SHARE, ASKEW_ROLL)):
        variance = spread**2 + ROLL_ERROR**2
        chances.append(share / math.sqrt(variance) * math.exp(-0.5 * off**2 / variance))
        means.append(off * spread**2 / variance)
    total = sum(chances)
    believed = math.radians(quarter + (sum(c * m for c, m in zip(chances, means, strict=True)) / total if total > 0 else off))
    return np.array([lying * math.sin(believed), -lying * math.cos(believed), up[2]])


def tilt_and_roll(camera_to_world: Array) -> tuple[float, float]:
    """Degrees: how far the camera looks up (below 0: down), and how far upright things stand turned clockwise in its picture, -180..180."""
    rotation = camera_to_world[:3, :3]
    forward_up, right_up, down_up = rotation[2, 2], rotation[2, 0], rotation[2, 1]
    return math.degrees(math.asin(float(np.clip(forward_up, -1, 1)))), math.degrees(math.atan2(float(right_up), -float(down_up)))


def ground_height(soles: Array, contacts: Flags | None, confidence: Array) -> float:
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


def local_ground(soles: Array, confidence: Array, runs: list[slice], fps: float) -> Array:
    """(T,) height of what is under the feet there and then: the lower of the soles (T,2) at its lowest over a step, smooth."""
    sure = confidence > 0.3
    lower = np.where(sure.any(1), np.where(sure, soles, np.inf).min(1), soles.min(1))
    out = lower.copy()
    for run in runs:
        window = min(max(round(LOCAL_SECONDS * fps), 1), run.stop - run.start)
        lowest = percentile_filter(lower[run], 20, size=window, mode="nearest")
        out[run] = whittaker(lowest[:, None], np.ones(len(lowest)), penalty(1 / LOCAL_SECONDS, fps))[:, 0]
    return out


def level_by_feet(soles: Array, trust: Array) -> Array:
    """(3,3) small rotation, to be applied to the world axes, that lays the ground under the standing feet level.

    soles (T,2,3): the lowest point of each foot, metres, Z up as far as known; trust (T,2) 0..1, how likely the foot stands.
    Feet that stand far apart say a lot about the slope; a person who stays on the spot says nothing, and then Z stays up.
    """
    used = slice(None, None, max(1, math.ceil(len(soles) / _MOST_FRAMES)))
    points, trust = soles[used].reshape(-1, 3), trust[used].reshape(-1)
    points, trust = points[trust > 0], trust[trust > 0]
    if not len(points):
        return np.eye(3)
    # errors last as long as a foot stays where it is: every place counts once, however long the person stands there
    apart = ((points[:, None, :2] - points[None, :, :2]) ** 2).sum(-1)
    weight = trust / (np.exp(-0.5 * apart / PLACE_SIZE**2) @ trust)
    centre = (weight[:, None] * points).sum(0) / weight.sum()
    rows = np.column_stack([points[:, :2] - centre[:2], np.ones(len(points))])
    heights = points[:, 2] - centre[2]
    plane = np.array([0.0, 0.0, float(np.median(heights[weight > 0.5 * weight.max()]))])
    prior = np.diag([1 / UP_ERROR**2, 1 / UP_ERROR**2, 0.0])
    # a wide look first, so that a long walk on a slope is seen as one
    for reach in (0.4, 0.3, 0.2, 0.15, *([2.5 * STEP_ERROR] * 8)):
        off = (heights - rows @ plane) / reach
        # steps up and down stairs, jumps and raised feet drop out: they are no ground
        firm = weight * np.maximum(1 - off**2, 0.0) ** 2 / STEP_ERROR**2
        if firm.sum() <= 0:
            return np.eye(3)
        plane = np.linalg.solve(rows.T @ (firm[:, None] * rows) + prior, rows.T @ (firm * heights))
    normal = np.array([-plane[0], -plane[1], 1.0])
    normal /= np.linalg.norm(normal)
    axis = np.cross(normal, [0.0, 0.0, 1.0])
    return Rotation.from_rotvec(axis / max(np.linalg.norm(axis), 1e-12) * math.asin(min(float(np.linalg.norm(axis)), 1.0))).as_matrix()


def _upright_weights(axis: Array, sure: Array) -> Array:
    weight = sure.copy()
    for _ in range(8):
        common = _mean(axis, weight)
        common = common / max(float(np.linalg.norm(common)), 1e-9)
        lean = np.degrees(np.arccos(np.clip(axis @ common, -1, 1)))
        weight = sure / (1 + (lean / LEAN_DEGREES) ** 2)
    return weight


def _mean(vectors: Array, weight: Array) -> Array:
    return (weight[:, None] * vectors).sum(0) / max(weight.sum(), 1e-9)


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
