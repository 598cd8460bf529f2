"""Which way is up in the camera, and how surely: from the person's own motion and from how cameras stand.

Nothing in the picture tells gravity, so the person does: over a clip the body's axis, its legs and feet are upright on
average, and the weight stands over the feet. The camera may be rolled by any angle and may look up or down.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.kinematics.turns import direction

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Where a camera looks, in its own axes.
SIGHT = np.array([0.0, 0.0, 1.0])

# Up as a sum of mean directions of the body: trunk (pelvis to neck), thighs, shins (upwards), feet (forwards) and the
# body's front. Fitted to motion capture, where up is known (1331 stretches of 3 s). With each source left out of the fit in turn:
# median error 2.3 degrees, 6 at the 90th percentile; the line from the ankles to the neck alone has 3.5 and 8.7. Joints from a
# video lean with the errors of their depth: there the error is about twice that.
UP_WEIGHTS = {"trunk": 0.326, "thigh": 0.306, "shin": 0.408, "foot": -0.053, "front": -0.051}
# Frames whose axis from ankles to neck leans away from the common one by this many degrees count half.
LEAN_DEGREES = 15.0
# Masses of the body's parts as shares of the whole, and how far down from the first to the second joint each has its centre; rounded
# from the tables that biomechanics uses. The trunk's is half way from pelvis to neck, the head's half way up.
PARTS = (
    (0.497, 0.5, "pelvis", "neck"), (0.081, 0.5, "head", "head_top"), (0.056, 0.44, "shoulder", "elbow"),
    (0.044, 0.43, "elbow", "wrist"), (0.200, 0.43, "hip", "knee"), (0.093, 0.43, "knee", "ankle"), (0.029, 0.5, "ankle", "toe"),
)  # fmt: skip

# Error of the reading, degrees (one standard deviation), towards the person's front or back and to the sides: the first where the body is
# straight, growing by the second for each degree by which trunk and legs are bent against each other. Motion capture, 2233 stretches
# of 3 s: 2.0 and 1.4 for less than 3 degrees of bend, 5.4 and 4.8 for 20 to 30, 6.9 and 3.0 for 30 to 45.
FRONT_ERROR, SIDE_ERROR = (2.0, 0.17), (2.0, 0.10)
# ... and what lifted joints lean along the line of sight beyond that, degrees: 3.2 on rendered pairs, more on real videos.
DEPTH_ERROR = 4.0

# What a body leans along the line of sight is an error of the depth by the share that DEPTH_ERROR has in the variance. Whoever leans by as
# many degrees as this does lean: half of that is left.
LEAN_DOUBT = 15.0

# Assumed of cameras: share, middle and spread of the tilt in degrees, below 0 looking down. Most are held or stand about level, at the
# height of a chest or a face; a minority hangs or lies anywhere. And of the roll: level or turned by a quarter, or held askew.
TILTS = ((0.7, -5.0, 10.0), (0.3, -12.0, 25.0))
ROLLS = ((0.7, 0.0, 1.5), (0.3, 0.0, 20.0))


def body_up(joints: Array, confidence: Array, stands: Array, sight: Array = SIGHT) -> tuple[Array, Array]:
    """Up, a unit vector (3,), and the covariance (3,3) of its errors in radians squared, in the axes of `joints` (T,22,3).

    The camera looks along `sight` (3,). confidence (T,22) 0..1; stands (T,2) 0..1: how surely the left and right foot stands.
    """
    axes, weight = mean_axes(joints, confidence)
    up = axes
    balance = balance_up(joints, stands)
    if balance is not None:
        up = _one(axes + balance)
    trunk, legs, across = (direction(v) for v in _lines(joints))
    bend = math.degrees(math.acos(float(np.clip(_one(_mean(trunk, weight)) @ _one(_mean(legs, weight)), -1, 1))))
    front_error, side_error = (math.radians(math.hypot(still, growth * bend)) for still, growth in (FRONT_ERROR, SIDE_ERROR))
    # a person who turns round errs in all directions alike
    sides = direction(across - (across @ up)[:, None] * up)
    fronts = np.cross(sides, up)
    covariance = sum(
        error**2 * np.einsum("t,ti,tj->ij", weight, way, way) / max(weight.sum(), 1e-9)
        for error, way in ((front_error, fronts), (side_error, sides))
    )
    return up, covariance + math.radians(DEPTH_ERROR) ** 2 * np.outer(sight, sight) + 1e-6 * np.eye(3)


def mean_axes(joints: Array, confidence: Array) -> tuple[Array, Array]:
    """(3,) unit vector: up by the mean directions of the body's parts; and the weight (T,) of each frame, upright ones counting most."""
    at = {name: joints[:, i] for i, name in enumerate(BODY_22.joints)}
    sure = {name: np.maximum(confidence[:, i], 1e-3) for i, name in enumerate(BODY_22.joints)}
    trunk = direction(at["neck"] - at["pelvis"])
    front = direction(np.cross(at["hip.L"] - at["hip.R"], trunk))
    legs = np.minimum(sure["ankle.L"], sure["ankle.R"])
    axis = direction(at["neck"] - legs[:, None] * (at["ankle.L"] + at["ankle.R"]) / 2 - (1 - legs[:, None]) * at["pelvis"])
    weight = _upright_weights(axis, np.sqrt(sure["neck"] * sure["pelvis"]))
    total = UP_WEIGHTS["trunk"] * _mean(trunk, weight) + UP_WEIGHTS["front"] * _mean(front, weight)
    for part, (upper, lower, sign) in {"thigh": ("hip", "knee", -1), "shin": ("knee", "ankle", -1), "foot": ("ankle", "toe", 1)}.items():
        for side in "LR":
            bone = sign * direction(at[f"{lower}.{side}"] - at[f"{upper}.{side}"])
            seen = weight * np.minimum(sure[f"{upper}.{side}"], sure[f"{lower}.{side}"])
            # what was not seen well counts less, and the trunk takes its place
            share = float(seen.sum() / weight.sum())
            total += 0.5 * UP_WEIGHTS[part] * share * _mean(bone, seen)
    return _one(total), weight


def balance_up(joints: Array, stands: Array) -> Array | None:
    """(3,) unit vector from the standing feet (T,2), 0..1, to the body's centre of mass, on average; None where no foot stands.

    Who leans forward with the trunk leans back with the hips: the weight stays over the feet where the axes of trunk and legs do not.
    """
    share = stands.sum(1)
    if share.sum() <= 0:
        return None
    feet = np.stack([(joints[:, BODY_22.index(f"ankle.{s}")] + joints[:, BODY_22.index(f"toe.{s}")]) / 2 for s in "LR"], 1)
    middle = (stands[..., None] * feet).sum(1) / np.maximum(share, 1e-9)[:, None]
    return _one(_mean(centre_of_mass(joints) - middle, np.minimum(share, 1.0)))


def centre_of_mass(joints: Array) -> Array:
    """(T,3) of joints (T,22,3)."""
    out = np.zeros((len(joints), 3))
    for mass, down, first, second in PARTS:
        for side in ("",) if first in BODY_22.joints else (".L", ".R"):
            a, b = joints[:, BODY_22.index(first + side)], joints[:, BODY_22.index(second + side)]
            out += mass * (0.5 if side else 1.0) * ((1 - down) * a + down * b)
    return out


def believed_up(up: Array, covariance: Array) -> Array:
    """(3,) unit: `up` in camera axes with the covariance (3,3) of its errors, weighed against the habits of cameras.

    The mean of tilt and roll given the reading, under the mixtures TILTS and ROLLS. A sure reading stays; an unsure one goes to the
    nearest usual camera.
    """
    tilt, roll = angles(up)
    if math.hypot(float(up[0]), float(up[1])) < 0.3:
        return up  # it looks straight down or up: there is no roll to speak of
    quarter = 90.0 * round(roll / 90.0)
    read = np.array([tilt, roll - quarter])
    slope = np.stack([(np.subtract(angles(_one(up + 1e-4 * e)), (tilt, roll)) + 180) % 360 - 180 for e in np.eye(3)], 1) / 1e-4
    error = slope @ covariance @ slope.T
    chances, means = [], []
    for share_t, middle_t, spread_t in TILTS:
        for share_r, middle_r, spread_r in ROLLS:
            middle, spread = np.array([middle_t, middle_r]), np.diag([spread_t**2, spread_r**2])
            gain = np.linalg.solve(error + spread, read - middle)
            chances.append(share_t * share_r * math.exp(-0.5 * float((read - middle) @ gain)) / math.sqrt(np.linalg.det(error + spread)))
            means.append(middle + spread @ gain)
    total = sum(chances)
    believed = np.average(means, axis=0, weights=chances) if total > 0 else read
    return up_of(float(believed[0]), quarter + float(believed[1]))


def depth_lean(read: Array, believed: Array, covariance: Array, sight: Array = SIGHT) -> Array:
    """(3,) radians: how far the body's up `read` (3,) lies off the `believed` one (3,) because its depths are wrong, and not because the
    person leans. covariance (3,3): of the errors of `read`, radians squared; the camera looks along `sight` (3,)."""
    angle = math.degrees(math.acos(float(np.clip(read @ believed, -1, 1))))
    share = math.radians(DEPTH_ERROR) ** 2 / float(sight @ covariance @ sight)
    return share / (1 + (angle / LEAN_DOUBT) ** 2) * (read - believed)


def straighten(joints: Array, read: Array, lean: Array, sight: Array) -> Array:
    """(T,22,3): joints (T,22,3), relative to the pelvis, without the `lean` (3,) that wrong depths have given to their up `read` (3,).

    They are sheared along the lines of sight (T,3), unit, all in the joints' axes: across them nothing moves.
    """
    return joints - ((joints @ read) * (sight @ lean)[:, None])[..., None] * sight[:, None]


def angles(up: Array) -> tuple[float, float]:
    """Degrees: how far a camera with this `up` (3,) looks up (below 0: down), and how far upright things stand turned clockwise in its
    picture, -180..180."""
    return math.degrees(math.asin(float(np.clip(up[2], -1, 1)))), math.degrees(math.atan2(float(up[0]), -float(up[1])))


def up_of(tilt: float, roll: float) -> Array:
    """(3,) up in camera axes, the way back of `angles`; degrees."""
    t, r = math.radians(tilt), math.radians(roll)
    return np.array([math.cos(t) * math.sin(r), -math.cos(t) * math.cos(r), math.sin(t)])


def _lines(joints: Array) -> tuple[Array, Array, Array]:
    """(T,3) each: pelvis to neck, ankles to hips, right hip to left hip."""
    at = {name: joints[:, i] for i, name in enumerate(BODY_22.joints)}
    legs = at["hip.L"] + at["hip.R"] - at["ankle.L"] - at["ankle.R"]
    return at["neck"] - at["pelvis"], legs, at["hip.L"] - at["hip.R"]


def _upright_weights(axis: Array, sure: Array) -> Array:
    weight = sure.copy()
    for _ in range(8):
        common = _one(_mean(axis, weight))
        lean = np.degrees(np.arccos(np.clip(axis @ common, -1, 1)))
        weight = sure / (1 + (lean / LEAN_DEGREES) ** 2)
    return weight


def _mean(vectors: Array, weight: Array) -> Array:
    return (weight[:, None] * vectors).sum(0) / max(weight.sum(), 1e-9)


def _one(vector: Array) -> Array:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
