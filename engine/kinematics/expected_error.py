"""How far a joint usually lies from the truth: what is known of a take for which one hypothesis was drawn, which disagrees with nothing.

The table is of captures of rendered people and motions that nothing learnt from, 84 segments of both landmark networks, usual motions and
bent ones: `python benchmarks/expected_error.py --data PAIRS BENT_PAIRS` (2026-11-28). A table of half of them foretold ten parts of the
other half's joints, from 12 to 116 thousandths of the stature, by 33 % in the worst part and by 10 % in most.
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
    "spine": (34, 34, 34, 34, 27, 25, 25),
    "chest": (61, 61, 61, 61, 47, 42, 42),
    "neck": (77, 77, 77, 77, 58, 50, 50),
    "head": (80, 80, 80, 80, 63, 61, 61),
    "head_top": (111, 111, 111, 111, 80, 70, 70),
    "shoulder": (106, 106, 106, 106, 106, 65, 49),
    "elbow": (74, 71, 71, 71, 71, 66, 57),
    "wrist": (117, 117, 103, 103, 103, 100, 86),
    "hand": (124, 124, 107, 107, 107, 94, 94),
    "hip": (27, 27, 27, 27, 16, 14, 14),
    "knee": (120, 120, 105, 86, 68, 68, 67),
    "ankle": (190, 190, 132, 104, 81, 74, 72),
    "toe": (222, 222, 127, 108, 91, 91, 88),
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
