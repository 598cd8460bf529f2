"""Poses, and runs in the networks' space, as a mirror shows them: what a network makes of those, mirrored back, is a second opinion.

A network that has learnt from pictures and their mirror images alike still answers the two a little differently; the mean of both answers
errs less (test-time flipping, as Pavllo et al. do in VideoPose3D, CVPR 2019, and Jiang & Chen in every step of their refiner).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contract.skeleton import BODY_22, Skeleton
from engine.arrays import Array, constant
from engine.detection.landmarks import LANDMARK_MIRROR, LANDMARKS
from engine.lifter.codec import FEATURES, Encoded

# What a mirrored picture does to (u, v), to (x, y, z), and to a state (u, v, x, y, z).
POINT_SIGNS = (-1.0, 1.0)
POSE_SIGNS = (-1.0, 1.0, 1.0)
STATE_SIGNS = (*POINT_SIGNS, *POSE_SIGNS)
_L, _MARKS = len(LANDMARKS), np.array(LANDMARK_MIRROR)


def _features() -> tuple[list[int], list[float]]:
    """Of every feature of `codec.encode` the one that stands there in the mirror, and its sign."""
    marks, signs = np.arange(FEATURES), np.ones(FEATURES)
    points, world = (start + width * np.arange(_L)[:, None] + np.arange(width) for start, width in ((0, 2), (3 * _L, 3)))
    seen = 2 * _L + np.arange(_L)
    for columns in (points, seen, world):
        marks[columns] = columns[_MARKS]
    aside = 6 * _L + 1  # where in the picture the person is: the size before it, the height behind it
    signs[[*points[:, 0], *world[:, 0], aside]] = -1.0
    return marks.tolist(), signs.tolist()


_FROM, _SIGNS = _features()


def mirrored(encoded: Encoded) -> Encoded:
    """The encoding of the mirrored picture."""
    like = encoded.features
    across = constant(POSE_SIGNS, like)
    return Encoded(
        features=like[..., _FROM] * constant(_SIGNS, like),
        base=mirrored_joints(encoded.base, BODY_22, POSE_SIGNS),
        points=mirrored_joints(encoded.points, BODY_22, POINT_SIGNS),
        rotation=across[:, None] * encoded.rotation * across,
    )


def mirrored_joints(values: Array, skeleton: Skeleton, signs: Sequence[float] = STATE_SIGNS) -> Array:
    """The pose as in a mirrored picture: left and right joints change places, `signs` multiply the channels.

    values: (.., J, C) with C the number of signs.
    """
    return values[..., list(skeleton.mirror), :] * constant(signs, values)


def mirrored_marks(visibility: Array) -> Array:
    """(...,33) of each landmark what its twin has."""
    return visibility[..., _MARKS.tolist()]


def mirrored_directions(directions: Array) -> Array:
    """(...,3) in view or camera axes."""
    return directions * constant(POSE_SIGNS, directions)
