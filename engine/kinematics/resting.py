"""Where the ground is under a body that lies, crawls or leans on its hands: by all of the body.

Feet tell the ground while somebody stands on them. Of who lies they are read worst of all, tenths of a metre too low or too high, and the
body that rests on the ground says more. Each joint lies in its flesh: so high over the ground at least, and many of them no higher. So
every height is tried, and that one is taken which all joints agree with best, each by how far it usually is off.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from contract.skeleton import BODY_22
from engine.kinematics import ground
from engine.long_takes import thinned

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

# How high each joint lies over the ground where that part of the body rests on it, and by how much its height beside the pelvis is
# misread; both as shares of the stature. Hands, wrists and elbows: what is most frequent of held-out rendered people on the floor, whose
# joints and ground are known; a wrist over a flat palm is higher than one that lies.
_PARTS: Final = {
    "pelvis": (0.06, 0.011), "spine": (0.06, 0.014), "chest": (0.065, 0.014), "neck": (0.06, 0.018), "head": (0.06, 0.025),
    "head_top": (0.035, 0.032), "shoulder": (0.06, 0.018), "elbow": (0.042, 0.032), "wrist": (0.045, 0.042), "hand": (0.042, 0.046),
    "hip": (0.06, 0.011), "knee": (0.04, 0.028), "ankle": (0.035, 0.042), "toe": (0.018, 0.064),
}  # fmt: skip
FLESH, _ERROR = (np.array([_PARTS[name.split(".")[0]][k] for name in BODY_22.joints]) for k in (0, 1))
# How well the ground under who lies is known, metres: joints that seem less far below it than this may be on it. With half of it the clips
# gain nothing, for then wrong ground moves right joints.
GROUND_DOUBT: Final = 0.1
# What the detector did not see errs by so many times that.
_UNSEEN: Final = 2.5
# Of the joints this share rests on the ground, so near to it (of the stature); the others are farther up.
RESTING, NEAR, FAR = 0.3, 0.035, 0.3
_STEP: Final = 0.005  # of the stature, between the heights that are tried


def ground_under(heights: Floats, confidence: Floats, stature: float) -> float:
    """Height of the ground under joints at `heights` (T,22), metres, with their confidence (T,22) 0..1, of a body of that stature."""
    few, sure = (some.astype(float) for some in thinned(ground.every(len(heights)), heights, confidence))
    places = few / stature - FLESH
    error = _ERROR * (1 + (_UNSEEN - 1) * (1 - np.clip(sure, 0.0, 1.0)))
    tried = np.arange(np.percentile(places, 1) - 0.15, np.percentile(places, 60), _STEP)
    agrees = np.zeros(len(tried))
    for k, height in enumerate(tried):
        over = places - height
        agrees[k] = np.logaddexp(np.log(RESTING) + _above(over, error, NEAR), np.log(1 - RESTING) + _above(over, error, FAR)).sum()
    return float(tried[int(np.argmax(agrees))]) * stature


def _above(over: Array, error: Array, usual: float) -> Array:
    """Logarithm of the density of heights `over` the ground that have an exponential distribution of that mean, misread by `error`."""
    return np.asarray(0.5 * (error / usual) ** 2 - over / usual - np.log(usual) + log_ndtr(over / error - error / usual))
