"""How far a joint usually lies from the truth: what is known of a take for which one hypothesis was drawn, which disagrees with nothing.

The table is of captures of rendered people and motions that nothing learnt from, 278 segments of both landmark networks, plain and dressed
people, who stand, walk, crouch and lie as in footage: `python benchmarks/expected_error.py --data PAIRS NEW_PAIRS` (2026-11-30; five files,
`--only validation --segments 30 --every 2 --composed 0.5`, seeds 9702 to 9710). A table of half of them foretold ten parts of the other
half's joints, from 28 to 185 thousandths of the stature, by 17 % in the first part and by 9 % or less in the others.
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
    "spine": (64, 64, 64, 64, 37, 36, 36),
    "chest": (87, 87, 87, 87, 50, 48, 48),
    "neck": (113, 113, 113, 113, 64, 61, 61),
    "head": (137, 137, 137, 137, 71, 66, 66),
    "head_top": (152, 152, 152, 152, 91, 85, 85),
    "shoulder": (131, 131, 131, 131, 131, 97, 66),
    "elbow": (105, 104, 104, 104, 104, 98, 76),
    "wrist": (173, 169, 169, 169, 169, 143, 105),
    "hand": (187, 179, 179, 179, 154, 118, 118),
    "hip": (36, 36, 36, 36, 35, 34, 25),
    "knee": (190, 145, 122, 102, 85, 70, 62),
    "ankle": (320, 196, 190, 146, 120, 89, 73),
    "toe": (318, 254, 201, 164, 133, 99, 79),
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
