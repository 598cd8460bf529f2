"""Errors of poses, as the field defines them. All take (...,J,3) arrays in metres and give millimetres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.datasets.flexion import angle_between

Array = npt.NDArray[np.floating]

# The twelve joints that every data set has.
LIMBS = tuple(BODY_22.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in "LR")

# Rows of the twelve: hip, knee, ankle and shoulder, elbow, wrist of the left and the right.
_HINGES = ((0, 2, 4), (1, 3, 5), (6, 8, 10), (7, 9, 11))
_HIPS, _SHOULDERS = (0, 1), (6, 7)


def rooted_at_hips(joints: Array) -> Array:
    """(...,22,3) -> the twelve limb joints (...,12,3), rooted at the middle of the hips."""
    limbs = joints[..., list(LIMBS), :]
    return limbs - (limbs[..., :1, :] + limbs[..., 1:2, :]) / 2


def mpjpe(predicted: Array, truth: Array) -> Array:
    """Mean per-joint position error of every pose (...,) in millimetres; both rooted alike."""
    return np.linalg.norm(predicted - truth, axis=-1).mean(-1) * 1000.0


def procrustes(predicted: Array, truth: Array) -> Array:
    """Every pose (N,J,3) moved onto its truth by the best similarity (rotation without reflection, scale, shift)."""
    mean_p, mean_t = predicted.mean(-2, keepdims=True), truth.mean(-2, keepdims=True)
    p, t = predicted - mean_p, truth - mean_t
    u, s, vt = np.linalg.svd(np.swapaxes(p, -1, -2) @ t)
    sign = np.sign(np.linalg.det(u @ vt))
    s = s.copy()
    s[..., -1] *= sign
    u = u.copy()
    u[..., :, -1] *= sign[..., None]
    scale = s.sum(-1) / np.maximum((p**2).sum((-1, -2)), 1e-12)
    return scale[..., None, None] * (p @ (u @ vt)) + mean_t


def pa_mpjpe(predicted: Array, truth: Array) -> Array:
    """MPJPE after `procrustes` of every single pose (Human3.6M's protocol 2)."""
    return mpjpe(procrustes(predicted, truth), truth)


def flexion(limbs: Array) -> Array:
    """Limb joints (...,12,3) in the order of LIMBS -> (...,4) degrees by which knees (left, right) and elbows are bent; 0 is straight."""
    first, middle, last = (limbs[..., list(rows), :] for rows in zip(*_HINGES, strict=True))
    return np.degrees(angle_between(middle - first, last - middle))


def trunk_lean(predicted: Array, truth: Array) -> Array:
    """Degrees (...,) between the trunks, from the middle of the hips to that of the shoulders, of limb joints (...,12,3)."""
    ours, exact = (a[..., list(_SHOULDERS), :].sum(-2) - a[..., list(_HIPS), :].sum(-2) for a in (predicted, truth))
    return np.degrees(angle_between(ours, exact))


def acceleration_error(predicted: Array, truth: Array, fps: float) -> Array:
    """(T,J,3) -> (T-2,) m/s^2: mean error of the joints' second differences."""
    return np.linalg.norm(np.diff(predicted, 2, axis=0) - np.diff(truth, 2, axis=0), axis=-1).mean(-1) * fps**2
