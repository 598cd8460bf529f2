"""The fitted skeleton: constant, symmetric bone lengths from the clip, scaled to the person's height, and its T pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24, BODY_22
from engine.long_takes import gathered

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

# The average body's bones as shares of the stature, by the name of the bone's end: about half way between what nine sources of motion
# capture and six modelled bodies have in the median, and what the networks read (benchmarks/proportions.py), arms and legs 1 % longer and
# the head shorter, as the bodies of 31 held-out people have them (legs 0.491, trunk 0.331, head to its top 0.087). A pose whose depth is
# unsure is shorter than the bone. The trunk is as long as theirs and 1 % longer, for people's shoulders stand over their hips by 0.288
# (Drillis and Contini 1966, as Winter prints it), with these bones by 0.281. Motion capture's bones alone suit real people and put rendered
# ones off in the world (116 mm), those of the bodies the other way round (static_cam03 50 -> 55 mm).
TYPICAL = {
    "spine": 0.1635, "chest": 0.0825, "neck": 0.087, "head": 0.0585, "head_top": 0.090,
    "shoulder.L": 0.115, "elbow.L": 0.149, "wrist.L": 0.145, "hand.L": 0.0315,
    "hip.L": 0.057, "knee.L": 0.2365, "ankle.L": 0.245, "toe.L": 0.116,
}  # fmt: skip

# hip-knee-ankle + pelvis-spine-chest-neck-head-head_top, as a share of the stature. The rest is the ankle above the sole
# (about 5 %), less the curve of the spine. Measured: 0.961 to 0.974 on modelled bodies, 0.93 to 0.97 on motion capture.
CHAIN_OF_STATURE = 0.965
CHAIN = ("knee.L", "ankle.L", "spine", "chest", "neck", "head", "head_top")

# Heights of the joints of a planted foot above the sole, shares of the stature (motion capture: 0.033 to 0.082 and 0.020 to 0.033).
ANKLE_HEIGHT = 0.050
TOE_HEIGHT = 0.020

# Of what the networks read of a body beyond the average one so much is the body's own, however long the clip: between rendered people
# their readings and the true lengths correlate by 0.1, and the rest goes with how the person stands and from where she is seen. Believed as
# they were, a part of a clip had other bones than the whole. Half of it after this many seconds of full confidence.
BELIEVED = 0.2
PRIOR_SECONDS = 0.3
# No bone is believed beyond these ratios to the average body's.
RATIO_LIMITS = (0.6, 1.5)
# The collar bones begin this far to either side of the neck's axis, share of the stature.
CLAVICLE_START = 0.012


@dataclass(frozen=True)
class Proportions:
    """`lengths`: metres, by the name of the bone's end in BODY_22, both sides equal; `scale` brings the clip's joints to these
    metres; `rest_offsets` (24,3) metres, ARMATURE_24 in T pose, Z up, facing -Y; sole heights in metres."""

    lengths: dict[str, float]
    scale: float
    rest_offsets: Array
    ankle_height: float
    toe_height: float
    observed: float  # share of the lengths that comes from the clip, the rest from the average body

    @property
    def stature(self) -> float:
        """Metres, standing."""
        return sum(self.lengths[name] for name in CHAIN) / CHAIN_OF_STATURE


def weighted_median(values: Array, weights: Array) -> float:
    """The value with half of the weight on either side; the plain median where all weights are zero."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    if total[-1] <= 0:
        return float(np.median(values))
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def fit_proportions(joints: Floats, confidence: Floats, height: float, fps: float) -> Proportions:
    """Bones from `joints` (T,22,3) with `confidence` (T,22) 0..1, for a person of `height` metres."""
    raw, shares = _clip_lengths(joints, confidence, fps)
    # the average body at the size of the clip's, so that the mix does not depend on the lifter's units
    size = weighted_median(
        np.array([raw[name] / TYPICAL[name] for name in TYPICAL]), np.array([TYPICAL[n] * (shares[n] + 1e-3) for n in TYPICAL])
    )
    mixed: dict[str, float] = {}
    for name, typical in TYPICAL.items():
        usual = typical * size
        value = usual + BELIEVED * shares[name] * (raw[name] - usual)
        mixed[name] = float(np.clip(value, RATIO_LIMITS[0] * usual, RATIO_LIMITS[1] * usual))
    scale = CHAIN_OF_STATURE * height / sum(mixed[name] for name in CHAIN)
    lengths = {name: mixed[_left(name)] * scale for name in BODY_22.joints[1:]}
    drop = _shoulder_drop(joints, confidence, mixed["shoulder.L"]) * scale
    return Proportions(
        lengths, scale, t_pose(lengths, drop, height), ANKLE_HEIGHT * height, TOE_HEIGHT * height, float(np.mean(list(shares.values())))
    )


def t_pose(lengths: dict[str, float], shoulder_drop: float, height: float) -> Array:
    """(24,3) rest offsets of ARMATURE_24: arms along +-X, legs down -Z, toes forward along -Y and down to their height over the sole."""
    half_width = np.sqrt(max(lengths["shoulder.L"] ** 2 - shoulder_drop**2, 1e-6))
    start = min(CLAVICLE_START * height, 0.5 * half_width)
    down = min((ANKLE_HEIGHT - TOE_HEIGHT) * height, 0.7 * lengths["toe.L"])
    forward = np.sqrt(lengths["toe.L"] ** 2 - down**2)
    offsets = np.zeros((len(ARMATURE_24), 3))
    for name in ("spine", "chest", "neck", "head", "head_top"):
        offsets[ARMATURE_24.index(name)] = (0, 0, lengths[name])
    for side, sign in (("L", 1.0), ("R", -1.0)):
        put = {
            "clavicle": (sign * start, 0, lengths["neck"] - shoulder_drop),
            "shoulder": (sign * (half_width - start), 0, 0),
            "elbow": (sign * lengths["elbow.L"], 0, 0),
            "wrist": (sign * lengths["wrist.L"], 0, 0),
            "hand": (sign * lengths["hand.L"], 0, 0),
            "hip": (sign * lengths["hip.L"], 0, 0),
            "knee": (0, 0, -lengths["knee.L"]),
            "ankle": (0, 0, -lengths["ankle.L"]),
            "toe": (0, -forward, -down),
        }
        for name, offset in put.items():
            offsets[ARMATURE_24.index(f"{name}.{side}")] = offset
    return offsets


def _left(name: str) -> str:
    return name[:-1] + "L" if name.endswith(".R") else name


def _clip_lengths(joints: Floats, confidence: Floats, fps: float) -> tuple[dict[str, float], dict[str, float]]:
    """Robust length of each bone (left and right together) and how far it is to be believed, 0..1."""
    raw: dict[str, float] = {}
    shares: dict[str, float] = {}
    above = np.maximum(BODY_22.parents, 0)
    for name in TYPICAL:
        child = BODY_22.index(name)
        both = sorted({child, BODY_22.mirror[child]})
        ends, starts = both, above[both]
        lengths = gathered(lambda at: np.linalg.norm(at[:, ends] - at[:, starts], axis=-1), joints)  # noqa: B023 - at once
        weight = gathered(lambda sure: np.minimum(sure[:, ends], sure[:, starts]) ** 2, confidence)  # noqa: B023
        raw[name] = weighted_median(lengths.T.ravel(), weight.T.ravel())
        seconds = weight.sum() / len(both) / fps
        shares[name] = float(seconds / (seconds + PRIOR_SECONDS))
    return raw, shares


def _shoulder_drop(joints: Floats, confidence: Floats, neck_to_shoulder: float) -> float:
    """How far the line of the shoulders lies below the neck joint, in the clip's metres."""
    left, right = BODY_22.index("shoulder.L"), BODY_22.index("shoulder.R")
    width = gathered(lambda at: np.linalg.norm(at[:, left] - at[:, right], axis=-1), joints)
    sure = gathered(lambda seen: np.minimum(seen[:, left], seen[:, right]), confidence)
    half = 0.5 * weighted_median(width, sure)
    drop = np.sqrt(max(neck_to_shoulder**2 - min(half, neck_to_shoulder) ** 2, 0.0))
    return float(min(drop, 0.5 * neck_to_shoulder))
