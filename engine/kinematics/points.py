"""Where the detector's points lie on a body: not quite at the centres of the joints, but always alike.

Its ankle lies over the joint, its toe short of it, its wrist beyond; its hips and head lie to the front. Whoever pulls joints onto those
points as they are makes every shin shorter and every foot longer than it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.kinematics.turns import direction

Array = npt.NDArray[np.float64]

# From each joint to the detector's point for it, thousandths of the stature: along the bone that ends in the joint, up the trunk (pelvis to
# neck), and to the body's front. Least squares (`python benchmarks/points.py --data PAIRS`) over 160 rendered segments of bodies or motions
# that no network learnt from, six bodies; from body to body they differ by 2 to 4, hips, chest and knees by up to 12.
OFFSETS = {
    "pelvis": (0, 3, 15), "spine": (0, 15, 12), "chest": (0, 24, 19), "neck": (0, -2, -2), "head": (15, 0, 15), "head_top": (-17, 0, 24),
    "shoulder": (-7, 6, 2), "elbow": (-3, 0, 4), "wrist": (5, 0, 0), "hand": (31, 0, 0),
    "hip": (-9, 3, 15), "knee": (-7, 0, -3), "ankle": (-18, 0, 0), "toe": (-27, -2, 8),
}  # fmt: skip
_OFFSETS = np.array([OFFSETS[name.split(".")[0]] for name in BODY_22.joints], float) / 1000
_PARENTS = np.maximum(np.array(BODY_22.parents), 0)
_PELVIS, _NECK, _LEFT, _RIGHT = (BODY_22.index(name) for name in ("pelvis", "neck", "hip.L", "hip.R"))


def point_offsets(joints: Array, stature: float) -> Array:
    """(T,22,3) metres: from each joint of `joints` (T,22,3), metres in any right-handed axes, to where the detector sees it."""
    return np.asarray(stature * np.einsum("jk,tjki->tji", _OFFSETS, directions(joints)))


def directions(joints: Array) -> Array:
    """(T,22,3,3) unit vectors, the second-last axis: along the bone that ends in each joint, up the trunk, to the body's front."""
    bone = direction(joints - joints[:, _PARENTS])
    up = direction(joints[:, _NECK] - joints[:, _PELVIS])
    front = direction(np.cross(joints[:, _LEFT] - joints[:, _RIGHT], up))
    return np.stack([bone, *(np.broadcast_to(way[:, None], bone.shape) for way in (up, front))], 2)
