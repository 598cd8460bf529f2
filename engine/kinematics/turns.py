"""Directions and the rotations between them: the geometry under the inverse kinematics, all frames at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.kinematics.smoothing import penalty, whittaker

Array = npt.NDArray[np.float64]

X, Y, Z = np.eye(3)

# A reading beyond this many degrees is believed less and less, until one that points backwards counts for nothing: so a wrong one never
# throws a joint to the other side.
DOUBTFUL = 110.0


def unit(vectors: Array, otherwise: Array) -> Array:
    """Unit vectors; `otherwise` where there is no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), otherwise)


def direction(vectors: Array) -> Array:
    """Unit vectors; one without length stays so."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def frame(first: Array, second: Array) -> Array:
    """(...,3,3) right-handed frames, in columns: `first`, then `second` made square to it, then their cross product."""
    a = unit(first, X)
    b = second - (second * a).sum(-1, keepdims=True) * a
    helper = np.where(np.abs(a[..., :1]) < 0.9, X, Y)
    b = unit(b, unit(helper - (helper * a).sum(-1, keepdims=True) * a, X))
    return np.stack([a, b, np.cross(a, b)], -1)


def swing(start: Array, end: Array) -> Array:
    """(T,3,3) smallest rotations that turn the directions `start` (T,3) or (3,) into `end` (T,3)."""
    a, b = np.broadcast_arrays(unit(start, X), unit(end, X))
    cosine = (a * b).sum(-1)
    v = np.cross(a, b)
    skew = np.zeros((*v.shape[:-1], 3, 3))
    skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    skew -= np.swapaxes(skew, -1, -2)
    out = np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, 1e-9)[..., None, None]
    opposite = cosine < -1 + 1e-7
    if opposite.any():
        # half a turn about any axis at right angles
        helper = np.where(np.abs(a[..., :1]) < 0.9, X, Y)
        axis = unit(np.cross(a, helper), Z)
        half = 2 * axis[..., :, None] * axis[..., None, :] - np.eye(3)
        out[opposite] = half[opposite]
    return out


def within(middle: Array, direction: Array, limit: float) -> Array:
    """(T,3) unit vectors: `direction` where it is at most `limit` degrees from `middle`, both (T,3) unit; else moved towards `middle`.

    Continuous everywhere: from DOUBTFUL degrees on the result goes back to `middle`, which it reaches where they are opposite.
    """
    axis = np.cross(middle, direction)
    angle = np.arctan2(np.linalg.norm(axis, axis=-1), (middle * direction).sum(-1))
    allowed = np.minimum(angle, np.radians(limit)) * _belief(angle)
    side = np.cross(unit(axis, X), middle)
    return np.where((angle > allowed)[:, None], np.cos(allowed)[:, None] * middle + np.sin(allowed)[:, None] * side, direction)


def steadily_within(
    middle: Array, direction: Array, limit: float, axes: Array, hertz: float, runs: list[slice], fps: float, sureness: Array | float = 1.0
) -> Array:
    """`within`, and calm: readings that swing from one side to the other are followed no faster than `hertz`.

    axes (T,3,3): the axes in which a joint that does not move is at rest, its parent's; sureness (T,), 0 to 1, of the readings. One that
    is in doubt counts for little beside those before and after it, and since all are within the limit of the same direction, no mean of
    them is without one.
    """
    angle = np.arctan2(np.linalg.norm(np.cross(middle, direction), axis=-1), (middle * direction).sum(-1))
    sureness = np.maximum(sureness * _belief(angle) ** 2, 0.01)
    local = np.einsum("tji,tj->ti", axes, within(middle, direction, limit))
    strength = penalty(hertz, fps)
    for run in runs:
        local[run] = whittaker(local[run], sureness[run], strength)
    return unit(np.einsum("tij,tj->ti", axes, local), middle)


def _belief(angle: Array) -> Array:
    """(T,) 1 for readings (T,) radians off that are not in doubt, down to 0 for those that point backwards."""
    return np.clip((np.pi - angle) / (np.pi - np.radians(DOUBTFUL)), 0.0, 1.0)
