"""Joints moved as little as possible until the distances between them are those of the fitted skeleton, and towards the lines of
sight on which the detector saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import BODY_22
from engine.cameras.pinhole import rays
from engine.kinematics.points import point_offsets
from engine.kinematics.proportions import Proportions

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

PELVIS, HIPS = BODY_22.index("pelvis"), (BODY_22.index("hip.L"), BODY_22.index("hip.R"))

# Rounds over all bones; after 12 the rest is about a millimetre for joints that are 3 cm off.
ROUNDS = 12
# How much of the difference is corrected in each round between joints that are not two ends of one bone.
BRACE_STIFFNESS = 0.5
# A joint gives way this many times further along the line of sight than across it: depth is what a picture says least about.
DEPTH_GIVE = 5.0

# By what trunk and legs show the size of a body: the bones along which it is long.
SIZE_BONES = ("spine", "chest", "neck", "knee.L", "knee.R", "ankle.L", "ankle.R")
# So much of the size that they show is believed of who stands: people's bones are not quite those of the fitted body. Of held-out people
# (90 takes) half of it is worth 0.1 mm and 0.2 degrees of crouch, all of it the same and 0.3 degrees.
SIZE_KNOWN = 0.7

# How far a joint follows the detector's point, by name. On rendered people these points were about 22 mm off the joints, the
# detector's own pose 40 mm across the line of sight. Points on the trunk, head and hands are not where the joints are.
SIGHT_GAIN = {
    "pelvis": 0.5, "spine": 0.5, "chest": 0.5, "neck": 0.4, "head": 0.95, "head_top": 0.85, "shoulder": 0.75, "elbow": 1.0, "wrist": 0.8,
    "hand": 0.85, "hip": 0.35, "knee": 0.9, "ankle": 0.95, "toe": 1.0,
}  # fmt: skip
# A point this far (m) from where the pose has the joint counts half; wrong points (a swapped side) count nothing.
SIGHT_REACH = 0.10
# The networks lag behind a strike: a moving joint may be that much further off, as many seconds of its speed.
SIGHT_LAG = 0.05


@dataclass(frozen=True)
class Floor:
    """What nothing of a body is below. up (T,3): unit, in the axes of the joints; height (T,): metres by which those axes' origin is over
    it; least (22,): so far over it each joint is at least, metres; share 0..1: of what is missing so much is raised."""

    up: Array
    height: Array
    least: Array
    share: float

    def missing(self, places: Array, joint: int) -> Array:
        """(T,) metres by which a joint at `places` (T,3) is too low."""
        over = np.einsum("ti,ti->t", places, self.up) + self.height
        return np.asarray(self.share * np.maximum(self.least[joint] - over, 0.0))


def settle(joints: Array, weights: Array, body: Proportions, path: Array | None = None, floor: Floor | None = None) -> Array:
    """(T,22,3) metres: `joints` with bones of the body's lengths. The joint with the lower weight (T,22) gives way further.

    With the root's path (T,3) in camera axes joints give way rather along their lines of sight, and stay over the `floor`.
    """
    out = np.ascontiguousarray(np.moveaxis(joints, 1, 0), dtype=float)
    give = 1.0 / np.maximum(np.moveaxis(weights, 1, 0), 1e-3)
    sight = None
    if path is not None:
        sight = out + path
        sight /= np.maximum(np.linalg.norm(sight, axis=-1, keepdims=True), 1e-6)
    constraints = _constraints(body)
    for _ in range(ROUNDS):
        if path is not None and sight is not None and floor is not None:
            _raise(out, path, sight, floor)
        for a, b, length, stiffness in constraints:
            line = out[b] - out[a]
            distance = np.sqrt(np.einsum("ti,ti->t", line, line))
            line /= np.maximum(distance, 1e-6)[:, None]
            move_a, move_b = give[a][:, None] * line, give[b][:, None] * line
            if sight is not None:
                for joint, move in ((a, move_a), (b, move_b)):
                    along = np.einsum("ti,ti->t", move, sight[joint])
                    move += ((DEPTH_GIVE - 1) * along)[:, None] * sight[joint]
            effect = np.einsum("ti,ti->t", line, move_a + move_b)
            pull = (stiffness * (distance - length) / np.maximum(effect, 1e-9))[:, None]
            out[a] += pull * move_a
            out[b] -= pull * move_b
        # lengths alone hardly hold the pelvis on the line between the hips: a millimetre of length is two centimetres across it
        aside = out[PELVIS] - (out[HIPS[0]] + out[HIPS[1]]) / 2
        out[PELVIS] -= aside * (2 / 3)
        for hip in HIPS:
            out[hip] += aside / 3
    return np.moveaxis(out, 0, 1)


def size_of(joints: Floats, confidence: Floats, body: Proportions) -> Array:
    """(T,) how many times as large joints (T,22,3) would have the trunk and legs of that body, by least squares over the bones, each as
    sure as its ends are: confidence (T,22) 0..1."""
    ends = [BODY_22.index(name) for name in SIZE_BONES]
    starts = [BODY_22.parents[end] for end in ends]
    found = np.linalg.norm(joints[:, ends].astype(float) - joints[:, starts], axis=-1)
    due = np.array([body.lengths[name] for name in SIZE_BONES])
    sure = 0.1 + np.minimum(confidence[:, ends], confidence[:, starts]).astype(float)
    return np.asarray((sure * found) @ due / np.maximum((sure * found**2).sum(1), 1e-9))


def _raise(joints: Array, path: Array, sight: Array, floor: Floor) -> None:
    """Joints (22,T,3) that are too low are brought up to where they are on the floor, rather along their lines of sight (22,T,3)."""
    for joint, places in enumerate(joints):
        missing = floor.missing(places + path, joint)
        if missing.any():
            along = np.einsum("ti,ti->t", floor.up, sight[joint])
            way = floor.up + ((DEPTH_GIVE**2 - 1) * along)[:, None] * sight[joint]
            places += (missing / np.einsum("ti,ti->t", way, floor.up))[:, None] * way


def towards_sight(
    joints: Array, path: Array, image_points: Array, confidence: Array, matrix: Array, height: float,
    speed: npt.NDArray[np.floating] | float = 0.0,
) -> Array:  # fmt: skip
    """(T,22,3) metres: how far each joint has to move across its line of sight, by gain and confidence.

    joints (T,22,3) relative to the pelvis and path (T,3), metres in camera axes; image_points (T,22,2) px; confidence (T,22);
    speed (T,22) m/s of the joints.
    """
    absolute = joints + point_offsets(joints, height) + path[:, None]
    slope = rays(image_points, matrix)
    line = np.concatenate([slope, np.ones_like(slope[..., :1])], -1)
    line /= np.linalg.norm(line, axis=-1, keepdims=True)
    across = (absolute * line).sum(-1, keepdims=True) * line - absolute
    distance = np.linalg.norm(across, axis=-1)
    gain = np.array([SIGHT_GAIN.get(name.split(".")[0], 0.0) for name in BODY_22.joints])
    trust = gain * confidence**2 / (1 + (distance / (SIGHT_REACH + SIGHT_LAG * speed)) ** 2) ** 2
    return trust[..., None] * across


def _constraints(body: Proportions) -> list[tuple[int, int, float, float]]:
    lengths = body.lengths
    found = [(p, c, lengths[BODY_22.joints[c]], 1.0) for p, c in BODY_22.edges]
    at = BODY_22.index
    # the hips lie straight to either side of the pelvis, the spine at right angles to them
    found.append((at("hip.L"), at("hip.R"), 2 * lengths["hip.L"], 1.0))
    for side in "LR":
        found.append((at("spine"), at(f"hip.{side}"), float(np.hypot(lengths["spine"], lengths["hip.L"])), BRACE_STIFFNESS))
    return found
