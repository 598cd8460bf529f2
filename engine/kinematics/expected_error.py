"""How far a joint usually lies from the truth: what is known of a take for which one hypothesis was drawn, which disagrees with nothing.

The table is of captures of rendered people and motions that nothing learnt from, 103 segments of both landmark networks, plain and dressed
people: `python benchmarks/expected_error.py --data PAIRS NEW_PAIRS` (2026-11-29). A table of half of them foretold ten parts of the
other half's joints, from 19 to 111 thousandths of the stature, by 27 % in the worst part and by 16 % in most.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from contract.motion_file import EXPECTED, Motion
from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.assemble import with_clavicles
from engine.long_takes import mapped

Floats = npt.NDArray[np.floating]

CONFIDENCES = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
# Thousandths of the stature at these confidences, joint and truth both seen from the pelvis; a root mean square distance, in space.
_TABLE: dict[str, tuple[float, ...]] = {
    "pelvis": (0, 0, 0, 0, 0, 0, 0),
    "spine": (39, 39, 39, 39, 30, 29, 29),
    "chest": (57, 57, 57, 57, 45, 42, 42),
    "neck": (74, 74, 74, 74, 57, 51, 51),
    "head": (76, 76, 76, 76, 61, 59, 59),
    "head_top": (105, 105, 105, 105, 77, 71, 71),
    "shoulder": (101, 101, 101, 101, 101, 66, 53),
    "elbow": (80, 75, 75, 75, 75, 74, 59),
    "wrist": (127, 126, 118, 112, 112, 104, 87),
    "hand": (135, 135, 123, 117, 112, 97, 97),
    "hip": (28, 28, 28, 28, 17, 16, 16),
    "knee": (101, 101, 101, 95, 74, 70, 63),
    "ankle": (145, 145, 145, 134, 95, 74, 67),
    "toe": (174, 174, 174, 143, 95, 95, 82),
}
KINDS = tuple(_TABLE)


def kind_of(joint: str) -> int:
    """The row of a joint, whichever its side."""
    return KINDS.index(joint.partition(".")[0])


def expected_error(confidence: Floats, height: float) -> npt.NDArray[np.float32]:
    """(T,22) metres for a person of that height: how far joints of BODY_22 are from the truth, by their confidence; root mean square."""
    kinds = np.broadcast_to([kind_of(name) for name in BODY_22.joints], confidence.shape)
    return (height / 1000 * look_up(np.array(list(_TABLE.values())), kinds, confidence)).astype(np.float32)


def look_up(table: Floats, kinds: npt.NDArray[np.int64], confidence: Floats) -> npt.NDArray[np.float64]:
    """The table (kinds, CONFIDENCES) at kinds and confidences of one shape, straight between the confidences."""
    place = np.interp(confidence, CONFIDENCES, np.arange(len(CONFIDENCES)))
    below = np.minimum(place.astype(np.int64), len(CONFIDENCES) - 2)
    part = place - below
    return np.asarray((1 - part) * table[kinds, below] + part * table[kinds, below + 1], np.float64)


def with_expected_error(motion: Motion, height: float) -> Motion:
    """The motion whose `spread` is the expected error, and whose provenance says so."""
    joints = [ARMATURE_24.index(name) for name in BODY_22.joints]
    errors = mapped(lambda sure: expected_error(sure[:, joints], height), motion.confidence)
    return replace(motion, spread=with_clavicles(errors), provenance=motion.provenance | {"spread": EXPECTED})
