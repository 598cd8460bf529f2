"""What people do with their arms while they stand and walk: gestures put together from poses of both arms.

The motion capture is of people who play ball, walk and fight: both arms held out, a T-pose, an A-pose, hands on the hips or over the head
are in less than 1 frame in 200 of what is mixed from it, and the two arms of a mixed motion know nothing of each other, where people mostly
do alike with both. Drawn like the poses of the floor (engine/datasets/floor_poses.py): a few angles an arm, from pose to pose.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.datasets.floor_motion import SIDES, arm_directions, eased, turned
from engine.datasets.motion_kind import FPS
from engine.kinematics.turns import direction

Array = npt.NDArray[np.float64]
Range = tuple[float, float]

# Degrees, evenly between two: the hand from the shoulder forwards (180: over the head) and outwards; elbow bent; where it points, 0 to the
# back and 90 aside. And how often of all gestures.
ARMS: Final[dict[str, tuple[float, tuple[Range, Range, Range, Range]]]] = {
    "hanging": (0.36, ((-8, 12), (2, 14), (2, 9), (0, 60))),  # 4 to 9 of a man who stands still
    "away": (0.09, ((-10, 15), (20, 60), (2, 12), (0, 60))),  # an A-pose
    "out": (0.13, ((-20, 30), (65, 105), (2, 25), (0, 60))),  # a T-pose
    "raised": (0.09, ((125, 180), (-5, 40), (2, 45), (30, 90))),
    "ahead": (0.10, ((60, 110), (-10, 30), (2, 40), (10, 80))),
    "talking": (0.12, ((15, 60), (-10, 25), (50, 110), (0, 50))),
    "on the hips": (0.06, ((-10, 15), (-4, 12), (75, 115), (60, 90))),
    "folded": (0.05, ((30, 60), (-25, -5), (80, 115), (20, 60))),
    "at the head": (0.05, ((110, 160), (-15, 25), (95, 140), (50, 90))),
    "behind": (0.05, ((-45, -15), (-5, 20), (2, 60), (20, 80))),
}
ALIKE: Final = 0.7  # of the gestures are those of both arms
WAVER: Final = 5.0  # degrees, standard deviation, of one arm from the other that does alike
HELD, SWAYS = 0.25, 1.5  # of the motions hold one gesture throughout, but for so many degrees
MOVES, STAYS = (0.35, 1.5), (0.0, 1.8)  # seconds from one to the next, and in it
SAME: Final = 0.5  # how often the next is of the same kind


def draw_gestures(frames: int, random: np.random.Generator) -> Array:
    """(frames,2,4) degrees of the left and the right arm, as `floor_poses.Arm` has them."""
    poses, at = [_draw(_kinds(random), random)], [0.0]
    chosen = _kinds(random)
    while at[-1] < frames:
        chosen = chosen if random.random() < SAME else _kinds(random)
        poses.append(_draw(chosen, random))
        at.append(at[-1] + FPS * (random.uniform(*MOVES) + random.uniform(*STAYS) * (random.random() < 0.5)))
    if random.random() < HELD:
        poses = [poses[0] + SWAYS * random.normal(size=(2, 4)) for _ in poses]
    low, share = eased(np.arange(frames, dtype=float), np.array(at))
    angles = np.stack(poses)
    return np.asarray((1 - share)[:, None, None] * angles[low] + share[:, None, None] * angles[low + 1])


def with_arms(motion: Array, angles: Array) -> Array:
    """(T,22,3) motion whose arms are held as angles (T,2,4) say, from its own trunk; bones as long as they were."""
    result = np.array(motion)
    at = {name: motion[:, j] for j, name in enumerate(BODY_22.joints)}
    left = direction(at["shoulder.L"] - at["shoulder.R"])
    back = direction(np.cross(at["neck"] - at["spine"], left))
    trunk = np.stack([left, back, np.cross(left, back)], axis=-1)  # of who faces -Y, the left +X
    for k, (side, out) in enumerate(SIDES):
        joint = at[f"shoulder.{side}"]
        upper, fore = arm_directions(np.radians(angles[:, k]), out)
        for start, end, way in (("shoulder", "elbow", upper), ("elbow", "wrist", fore), ("wrist", "hand", fore)):
            length = np.linalg.norm(at[f"{end}.{side}"] - at[f"{start}.{side}"], axis=-1, keepdims=True)
            joint = joint + length * turned(trunk, way)
            result[:, BODY_22.index(f"{end}.{side}")] = joint
    return result


def _kinds(random: np.random.Generator) -> tuple[str, str]:
    names, shares = list(ARMS), np.array([share for share, _ in ARMS.values()])
    left, right = (names[random.choice(len(names), p=shares / shares.sum())] for _ in range(2))
    return left, left if random.random() < ALIKE else right


def _draw(kinds: tuple[str, str], random: np.random.Generator) -> Array:
    """(2,4) degrees."""
    left, right = ([random.uniform(*limits) for limits in ARMS[kind][1]] for kind in kinds)
    if kinds[0] == kinds[1]:
        right = [value + random.normal(0, WAVER) for value in left]
    both = np.array([left, right])
    both[:, 2] = np.maximum(both[:, 2], 0.0)
    return both
