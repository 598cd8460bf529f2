"""How people hold their hips when they stand: the pelvis before the feet, the trunk leaning back by as much.

At ease the line of gravity passes behind the hip joints, so hips are open beyond a straight line. Motion capture's skeletons have them
straight at the median, the rendered bodies close them by 5 degrees more, and a man who was filmed has them open by 13. What nobody in the
pairs does the networks never answer.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from contract.skeleton import BODY_22
from engine.datasets.flexion import limb_flexion, raise_legs
from engine.datasets.motion_kind import WALKING, classify, trunk_lean
from engine.kinematics.stance import faded
from engine.kinematics.turns import direction

Array = npt.NDArray[np.float64]

# Degrees by which the hips are opened beside what was recorded, drawn evenly. Rendered people who stand straight have them open by 3 in
# the median then, 5 to 95 percent between -19 and 16.
OPENED: Final = (0.0, 26.0)
ON_THE_WAY: Final = 0.5  # of it for who walks: the leg behind opens its hip by itself
# Degrees of the straighter knee up to which somebody stands at ease, and from which on not at all.
AT_EASE: Final = (15.0, 35.0)
# The same of the trunk's lean: who bends over does not stand at ease.
UPRIGHT: Final = (20.0, 40.0)
SHORTEST: Final = 0.2  # metres of trunk and legs from below upwards: no less is counted with
# What shoulders go back of what the pelvis goes forwards: legs have a third of the body's mass and follow the pelvis by half, trunk,
# arms and head have the rest about two thirds of the way up to the shoulders. So the centre of mass stays where it was.
BACK: Final = 1.0
HOLDS: Final = 150  # frames from one angle to the next in a long motion
SMOOTH: Final = 5.0  # frames over which it begins and ends
_TRUNK: Final = tuple(BODY_22.index(name) for name in ("spine", "chest", "neck"))
_SHOULDERS: Final = tuple(BODY_22.index(f"shoulder.{side}") for side in "LR")
_CARRIED: Final = {  # what keeps its direction goes along with what carries it: arms hang, and eyes look ahead
    **{BODY_22.index(name): BODY_22.index("neck") for name in ("head", "head_top")},
    **{BODY_22.index(f"{name}.{side}"): BODY_22.index(f"shoulder.{side}") for name in ("elbow", "wrist", "hand") for side in "LR"},
}
_HIPS: Final = tuple(BODY_22.index(name) for name in ("pelvis", "hip.L", "hip.R"))


def draw_opening(kind: int, random: np.random.Generator) -> float:
    """Degrees by which the hips of somebody upright are opened, of that kind (engine/datasets/motion_kind.py)."""
    return float(random.uniform(*OPENED)) * (ON_THE_WAY if kind == WALKING else 1.0)


def held_as_people_do(motion: npt.NDArray[np.floating], random: np.random.Generator) -> Array:
    """`motion` (T,22,3) metres, Z up, of any length, with hips opened as those of rendered people: another angle every few seconds."""
    count = len(motion)
    knots = np.arange(0, count + HOLDS, HOLDS)
    degrees = np.interp(np.arange(count), knots, random.uniform(*OPENED, len(knots)))
    walks = gaussian_filter1d((classify(motion) == WALKING).astype(float), SMOOTH, mode="nearest")
    return open_hips(np.asarray(motion, np.float64), degrees * (1.0 - (1.0 - ON_THE_WAY) * walks))


def open_hips(motion: Array, degrees: Array | float) -> Array:
    """`motion` (T,22,3) metres, Z up, with the hips opened by so many degrees, (T,) or one number, where somebody stands or walks on nearly
    straight knees.

    The pelvis goes forwards and the trunk leans back, so that the body stays over its feet; arms and head keep their directions, feet
    their places, knees their bends and bones their lengths.
    """
    at = {name: motion[:, BODY_22.index(name)] for name in ("pelvis", "hip.L", "hip.R", "ankle.L", "ankle.R", "shoulder.L", "shoulder.R")}
    left = direction((at["hip.L"] - at["hip.R"]) * [1.0, 1.0, 0.0])
    forwards = np.cross(left, [0.0, 0.0, 1.0])
    trunk = np.maximum(((at["shoulder.L"] + at["shoulder.R"]) / 2 - at["pelvis"])[:, 2], SHORTEST)
    legs = np.maximum((at["pelvis"] - (at["ankle.L"] + at["ankle.R"]) / 2)[:, 2], SHORTEST)
    straighter = np.degrees(np.minimum(limb_flexion(motion, "knee", "L"), limb_flexion(motion, "knee", "R")))
    share = gaussian_filter1d(faded(straighter, AT_EASE) * faded(trunk_lean(motion), UPRIGHT), SMOOTH, mode="nearest")
    # a pelvis that goes forwards by d and shoulders that go back by BACK d open by (1 + BACK) d / trunk + d / legs
    ahead = share * np.radians(degrees) / ((1 + BACK) / trunk + 1 / legs)
    result = np.array(motion, dtype=np.float64)
    _lean_back(result, motion, left, (1 + BACK) * ahead / trunk)
    moved = ahead[:, None] * forwards
    result[:, [*_HIPS, *_TRUNK, *_SHOULDERS, *_CARRIED]] += moved[:, None]
    return raise_legs(result, motion)


def _lean_back(result: Array, motion: Array, left: Array, angle: Array) -> None:
    """Turns the trunk about the line through both hips."""
    pelvis = motion[:, BODY_22.index("pelvis")]
    sine, cosine = np.sin(-angle)[:, None], np.cos(angle)[:, None]
    for joint in (*_TRUNK, *_SHOULDERS):  # Rodrigues' formula; forwards is a turn about `left`, by the right hand
        way = motion[:, joint] - pelvis
        along = (way * left).sum(-1, keepdims=True) * left
        result[:, joint] = pelvis + along + cosine * (way - along) + sine * np.cross(left, way)
    for joint, carrier in _CARRIED.items():
        result[:, joint] = motion[:, joint] + result[:, carrier] - motion[:, carrier]
