"""The refiner's state and context, from what the codec and the lifter give.

A state is (u,v,x,y,z) a joint: the joint in the picture of the virtual camera and in space, relative to the pelvis, all in metres of a
person METRES tall, which is the scale that the noise schedule was made for (a metre of unit noise).
"""

from __future__ import annotations

from engine.arrays import Array, namespace
from engine.lifter.codec import Encoded, body_matrix

METRES = 1.7
# The context: the 2D pose, the detector's confidence, and the second initial guess (the world landmarks, which have seen the picture).
GUIDE_SIGNS = (-1.0, 1.0, 1.0, -1.0, 1.0, 1.0)
CONFIDENCE = 2  # its place in the context


def states(encoded: Encoded, pose: Array) -> Array:
    """(N,22,5) the initial guess p, d of every frame; `pose` (B,T,22,3) in statures."""
    return _frames(METRES * namespace(pose).concat([encoded.points, pose], axis=-1))


def guides(encoded: Encoded, visibility: Array) -> Array:
    """(N,22,6) the context of every frame. visibility: (B,T,33)."""
    xp = namespace(visibility)
    weight = xp.abs(body_matrix(visibility))
    confidence = visibility @ (weight / xp.sum(weight, axis=1, keepdims=True)).T
    return _frames(xp.concat([METRES * encoded.points, confidence[..., None] - 0.5, METRES * encoded.base], axis=-1))


def _frames(values: Array) -> Array:
    """(B,T,...) -> (B T,...)."""
    return namespace(values).reshape(values, (-1, *values.shape[2:]))


def confidence_of(guide: Array) -> Array:
    """(...,22,6) -> (...,22): the detector's confidence in each joint, 0 to 1, out of the context."""
    return guide[..., CONFIDENCE] + 0.5


def pose_of(state: Array) -> Array:
    """(...,22,5) -> (...,22,3) in statures, the pelvis at the origin."""
    pose = state[..., 2:] / METRES
    return pose - pose[..., :1, :]
