"""Which way a person faces, over time, as one angle about the vertical: the turn that a root bone can carry. No bpy here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import quaternions as q

Array = npt.NDArray[np.float64]

# A body tipped further than this from upright (cosine of half of 140 degrees) faces nowhere: its heading is taken from before and after.
TIPPED = 0.34


def heading(pelvis: Array, chest: Array) -> Array:
    """(T,) radians about the vertical from the T pose's facing, anticlockwise from above, without jumps; the first within half a turn.

    Args:
        pelvis, chest: (T,4) world turns from the T pose. A walk turns them against each other; half-way between them it is nearly still.

    It is the turn about the vertical that is left when the rest is a tilt about a level axis (swing and twist). So a person who bows, lies
    down or falls keeps their heading.
    """
    middle = q.between(pelvis, chest, 0.5)
    upright = np.hypot(middle[:, 0], middle[:, 3])
    known = np.flatnonzero(upright > TIPPED)
    if not len(known):
        return np.zeros(len(middle))
    angle = np.unwrap(2.0 * np.arctan2(middle[known, 3], middle[known, 0]))
    angle -= 2.0 * np.pi * np.round(angle[0] / (2.0 * np.pi))
    return np.interp(np.arange(len(middle)), known, angle)


def about_vertical(angles: Array) -> Array:
    """(...,4) the turns by `angles` (...,) radians about +Z."""
    zero = np.zeros_like(angles)
    return np.stack([np.cos(angles / 2), zero, zero, np.sin(angles / 2)], -1)


def vertical_part(turn: Array) -> Array:
    """(4,) the turn about the vertical in a turn (4,)."""
    return q.unit(turn * np.array([1.0, 0.0, 0.0, 1.0])) if np.hypot(turn[0], turn[3]) > TIPPED else np.array([1.0, 0.0, 0.0, 0.0])
