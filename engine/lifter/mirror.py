"""A run as a mirror shows it, in the networks' space: what a network makes of it, mirrored back, is a second opinion that errs otherwise.

A network that has learnt from pictures and their mirror images alike still answers the two a little differently; the mean of both answers
errs less (test-time flipping, as Pavllo et al. do in VideoPose3D, CVPR 2019, and Jiang & Chen in every step of their refiner).
"""

from __future__ import annotations

import numpy as np

from contract.skeleton import BODY_22
from engine.arrays import Array, constant
from engine.detection.landmarks import LANDMARK_MIRROR, LANDMARKS
from engine.lifter.codec import FEATURES, Encoded

ACROSS = (-1.0, 1.0, 1.0)  # to the other side of the view's upright plane
_L, _MARKS, _JOINTS = len(LANDMARKS), np.array(LANDMARK_MIRROR), list(BODY_22.mirror)


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
    across = constant(ACROSS, like)
    return Encoded(
        features=like[..., _FROM] * constant(_SIGNS, like),
        base=mirrored_joints(encoded.base),
        points=mirrored_joints(encoded.points),
        rotation=across[:, None] * encoded.rotation * across,
    )


def mirrored_joints(values: Array) -> Array:
    """(...,22,C) of each joint what its twin has on the other side; C: 2 in the picture, 3 in space, or 5, a state of both."""
    signs = {2: ACROSS[:2], 3: ACROSS, 5: (*ACROSS[:2], *ACROSS)}[values.shape[-1]]
    return values[..., _JOINTS, :] * constant(signs, values)


def mirrored_marks(visibility: Array) -> Array:
    """(...,33) of each landmark what its twin has."""
    return visibility[..., _MARKS.tolist()]


def mirrored_directions(directions: Array) -> Array:
    """(...,3) in view or camera axes."""
    return directions * constant(ACROSS, directions)
