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
from engine.long_takes import each, gathered, mapped

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

# Where a camera looks, in its own axes.
SIGHT = np.array([0.0, 0.0, 1.0])

# Up as a sum of mean directions of the body: trunk (pelvis to neck), thighs, shins (upwards), feet (forwards) and the
# body's front. Fitted to motion capture, where up is known (1331 stretches of 3 s). With each source left out of the fit in turn:
# median error 2.3 degrees, 6 at the 90th percentile; the line from the ankles to the neck alone has 3.5 and 8.7. Joints from a
# video lean with the errors of their depth: there the error is about twice that.
UP_WEIGHTS = {"trunk": 0.326, "thigh": 0.306, "shin": 0.408, "foot": -0.053, "front": -0.051}
# Limbs and feet: from which joint to which, and whether that is the way (1) or against it (-1).
LIMBS = {"thigh": ("hip", "knee", -1), "shin": ("knee", "ankle", -1), "foot": ("ankle", "toe", 1)}
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
# ... and what lifted joints lean along the line of sight beyond that, degrees: of held-out rendered people who stand or walk the balance is
# off by 3.8 and 4.4 (robust; 6.6 and 4.6 root mean square), of the real clips' by 3.5.
DEPTH_ERROR = 5.0

# Error of the balance alone, degrees (one standard deviation an axis), however the trunk leans: 2.4 of who stands or walks in motion
# capture (5,580 stretches of two seconds, `python benchmarks/balance.py MOCAP`).
BALANCE_ERROR = 2.4
# From the hip to the ankle, as a share of thigh and shin: legs bent to the first (by 83 degrees) may be those of who sits, up to the second
# (by 52) they surely bear the body.
STRAIGHT_LEGS = (0.75, 0.9)
# What a body leans along the line of sight is an error of the depth by the share that DEPTH_ERROR has in the variance. Whoever leans by as
# many degrees as this does lean: half of that is left.
LEAN_DOUBT = 15.0

# Assumed of cameras: share, middle and spread of the tilt in degrees, below 0 looking down. Most are held or stand about level, at the
# height of a chest or a face; a minority hangs or lies anywhere. And of the roll: level or turned by a quarter, or held askew.
TILTS = ((0.7, -5.0, 10.0), (0.3, -12.0, 25.0))
ROLLS = ((0.7, 0.0, 1.5), (0.3, 0.0, 20.0))


def body_up(joints: Floats, confidence: Floats, stands: Floats, sight: Array = SIGHT) -> tuple[Array, Array]:
    """Up, a unit vector (3,), and the covariance (3,3) of its errors in radians squared, in the axes of `joints` (T,22,3).

    The camera looks along `sight` (3,). confidence (T,22) 0..1; stands (T,2) 0..1: how surely the left and right foot stands.
    """
    return _told(joints, confidence, balance_up(joints, stands), sight)


def _told(joints: Floats, confidence: Floats, balance: Array | None, sight: Array) -> tuple[Array, Array]:
    """`body_up` with the `balance` (3,) of who stands."""
    axes, weight = mean_axes(joints, confidence)
    up = axes if balance is None else _one(axes + balance)

    def spreads(some: Floats, counts: Array) -> tuple[Array, ...]:
        trunk, legs, across = (direction(v) for v in _lines(some.astype(float)))
        sides = direction(across - (across @ up)[:, None] * up)
        moments = [np.einsum("t,ti,tj->ij", counts, way, way) for way in (sides, np.cross(sides, up))]
        return np.stack([counts @ trunk, counts @ legs]), *moments

    ways, across_up, fronts_up = (np.sum(parts, axis=0) for parts in zip(*each(spreads, joints, weight), strict=True))
    total = float(weight.sum())
    bend = degrees_between(_one(ways[0]), _one(ways[1]))
    front_error, side_error = (math.radians(math.hypot(still, growth * bend)) for still, growth in (FRONT_ERROR, SIDE_ERROR))
    # a person who turns round errs in all directions alike
    covariance = (front_error**2 * fronts_up + side_error**2 * across_up) / max(total, 1e-9)
    return up, covariance + math.radians(DEPTH_ERROR) ** 2 * np.outer(sight, sight) + 1e-6 * np.eye(3)


def balanced_up(joints: Floats, confidence: Floats, stands: Floats, sight: Array = SIGHT) -> tuple[Array, Array]:
    """As `body_up`, by the balance alone as far as feet stand under straight legs: who leans with the trunk has the weight over the feet
    all the same, and who sits has it on a chair."""
    balance = balance_up(joints, stands)
    whole = _told(joints, confidence, balance, sight)
    if balance is None:
        return whole
    share = _borne(joints, stands)
    told = math.radians(BALANCE_ERROR) ** 2 * np.eye(3) + math.radians(DEPTH_ERROR) ** 2 * np.outer(sight, sight)
    return _one((1 - share) * whole[0] + share * balance), (1 - share) * whole[1] + share * told


def _borne(joints: Floats, stands: Floats) -> float:
    """0..1: how straight the legs are that stand, on average, by STRAIGHT_LEGS."""

    def legs(some: Floats, feet_stand: Floats) -> tuple[float, float]:
        at, total = _named(some), 0.0
        for foot, side in enumerate("LR"):
            hip, knee, ankle = (at[f"{joint}.{side}"] for joint in ("hip", "knee", "ankle"))
            bones = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
            reach = np.linalg.norm(ankle - hip, axis=-1) / np.maximum(bones, 1e-6)
            total += float(feet_stand[:, foot] @ np.interp(reach, STRAIGHT_LEGS, (0.0, 1.0)))
        return total, float(feet_stand.sum(dtype=np.float64))

    straight, standing = np.sum([*each(legs, joints, stands)], axis=0)
    return float(straight / max(standing, 1e-9))


def mean_axes(joints: Floats, confidence: Floats) -> tuple[Array, Array]:
    """(3,) unit vector: up by the mean directions of the body's parts; and the weight (T,) of each frame, upright ones counting most."""

    def axes(some: Floats, seen: Floats) -> Array:
        at, sure = _named(some), _named(np.maximum(seen, 1e-3))
        legs = np.minimum(sure["ankle.L"], sure["ankle.R"])
        feet = legs[:, None] * (at["ankle.L"] + at["ankle.R"]) / 2
        return direction(at["neck"] - feet - (1 - legs[:, None]) * at["pelvis"])

    ends = [BODY_22.index("neck"), BODY_22.index("pelvis")]
    sure = gathered(lambda seen: np.sqrt(np.maximum(seen[:, ends], 1e-3).astype(float).prod(1)), confidence)
    weight = _upright_weights(mapped(axes, joints, confidence), sure)
    mean, total = _part_means(joints, confidence, weight)
    up = UP_WEIGHTS["trunk"] * mean["trunk"] + UP_WEIGHTS["front"] * mean["front"]
    for name, vector in mean.items():
        if name in ("trunk", "front"):
            continue
        # what was not seen well counts less, and the trunk takes its place
        up += 0.5 * UP_WEIGHTS[name.split(".")[0]] * total[name] / total["trunk"] * vector
    return _one(up), weight


def _part_means(joints: Floats, confidence: Floats, weight: Array) -> tuple[dict[str, Array], dict[str, float]]:
    """Of the body's parts (those of UP_WEIGHTS, limbs by their side) the mean direction (3,), and the sum of the weights of its frames: the
    frame's `weight` (T,), and for a limb how surely it is seen."""

    def found(some: Floats, seen: Floats, counts: Array) -> dict[str, tuple[Array, float]]:
        at, sure = _named(some), _named(np.maximum(seen, 1e-3))
        trunk = direction(at["neck"] - at["pelvis"])
        ways = {"trunk": (trunk, counts), "front": (direction(np.cross(at["hip.L"] - at["hip.R"], trunk)), counts)}
        for name, (upper, lower, sign) in LIMBS.items():
            for side in (".L", ".R"):
                bone = sign * direction(at[lower + side] - at[upper + side])
                ways[name + side] = bone, counts * np.minimum(sure[upper + side], sure[lower + side])
        return {name: (trust @ way, float(trust.sum())) for name, (way, trust) in ways.items()}

    sums: dict[str, Array] = {}
    totals: dict[str, float] = {}
    for parts in each(found, joints, confidence, weight):
        for name, (way, share) in parts.items():
            sums[name] = sums.get(name, np.zeros(3)) + way
            totals[name] = totals.get(name, 0.0) + share
    return {name: value / max(totals[name], 1e-9) for name, value in sums.items()}, totals


def balance_up(joints: Floats, stands: Floats) -> Array | None:
    """(3,) unit vector from the standing feet (T,2), 0..1, to the body's centre of mass, on average; None where no foot stands.

    Who leans forward with the trunk leans back with the hips: the weight stays over the feet where the axes of trunk and legs do not.
    """

    def over_feet(some: Floats, feet_stand: Floats) -> tuple[Array, float]:
        at, stand = some.astype(float), feet_stand.astype(float)
        share = stand.sum(1)
        feet = np.stack([(at[:, BODY_22.index(f"ankle.{s}")] + at[:, BODY_22.index(f"toe.{s}")]) / 2 for s in "LR"], 1)
        middle = (stand[..., None] * feet).sum(1) / np.maximum(share, 1e-9)[:, None]
        counts = np.minimum(share, 1.0)
        return counts @ (centre_of_mass(at) - middle), float(counts.sum())

    total, weight = (sum(parts) for parts in zip(*each(over_feet, joints, stands), strict=True))
    return _one(total / max(weight, 1e-9)) if weight > 0 else None


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
    angle = degrees_between(read, believed)
    share = math.radians(DEPTH_ERROR) ** 2 / float(sight @ covariance @ sight)
    return share / (1 + (angle / LEAN_DOUBT) ** 2) * (read - believed)


def straighten(joints: Array, read: Array, lean: Array, sight: Array) -> Array:
    """(T,22,3): joints (T,22,3), relative to the pelvis, without the `lean` that wrong depths have given to their up `read`, (3,) or (T,3).

    They are sheared along the lines of sight (T,3), unit, all in the joints' axes: across them nothing moves.
    """
    along = (joints * np.atleast_2d(read)[:, None]).sum(-1)
    return joints - (along * (sight * lean).sum(-1)[:, None])[..., None] * sight[:, None]


def degrees_between(one: Array, other: Array) -> float:
    """The angle between two unit vectors (3,)."""
    return math.degrees(math.acos(float(np.clip(one @ other, -1.0, 1.0))))


def angles(up: Array) -> tuple[float, float]:
    """Degrees: how far a camera with this `up` (3,) looks up (below 0: down), and how far upright things stand turned clockwise in its
    picture, -180..180."""
    return math.degrees(math.asin(float(np.clip(up[2], -1, 1)))), math.degrees(math.atan2(float(up[0]), -float(up[1])))


def up_of(tilt: float, roll: float) -> Array:
    """(3,) up in camera axes, the way back of `angles`; degrees."""
    t, r = math.radians(tilt), math.radians(roll)
    return np.array([math.cos(t) * math.sin(r), -math.cos(t) * math.cos(r), math.sin(t)])


def _named(values: Floats) -> dict[str, Array]:
    """(T,...) by the joint's name, from values (T,22,...)."""
    return {name: values[:, i].astype(float) for i, name in enumerate(BODY_22.joints)}


def _lines(joints: Array) -> tuple[Array, Array, Array]:
    """(T,3) each: pelvis to neck, ankles to hips, right hip to left hip."""
    at = _named(joints)
    legs = at["hip.L"] + at["hip.R"] - at["ankle.L"] - at["ankle.R"]
    return at["neck"] - at["pelvis"], legs, at["hip.L"] - at["hip.R"]


def _upright_weights(axis: Floats, sure: Array) -> Array:
    """(T,) `sure` (T,) less by how far the axis (T,3) leans away from what most have in common."""
    weight = sure.copy()
    for _ in range(8):
        common = _one(sum(each(lambda some, counts: counts @ some, axis, weight), np.zeros(3)) / max(weight.sum(), 1e-9))

        def upright(some: Floats, seen: Array, common: Array = common) -> Array:
            return np.asarray(seen / (1 + (np.degrees(np.arccos(np.clip(some @ common, -1, 1))) / LEAN_DEGREES) ** 2))

        weight = gathered(upright, axis, sure)
    return weight


def _one(vector: Array) -> Array:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
