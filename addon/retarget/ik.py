"""From bones that are turned to IK controls: a pose on FK bones becomes targets for hands and feet, poles for elbows and knees, and one
control for the whole spine, as animators work with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...contract.failure import Failure
from .. import quaternions as q
from .pose import Pose
from .roles import Mapping

Array = npt.NDArray[np.float64]

# role of the target -> the limb's two bones before it; the second one's role has the pole
LIMBS = {f"{end}.{side}": (f"{upper}.{side}", f"{lower}.{side}")
         for side in "LR" for upper, lower, end in (("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot"))}  # fmt: skip
SPINE = "spine"
# How far the knee or elbow is off the line from hip to ankle, as a share of the upper bone: from here on the bend alone says where the pole
# is (an angle of 5 degrees). Straighter than that the bend says little, and the rest pose's own side counts more and more.
BENT = 0.04


def check_ik(mapping: Mapping, rig_name: str) -> None:
    """Raises Failure `bad_input` where the rig lacks the target of a hand or foot, or the bone that it stands for."""
    lacking = [role for role in LIMBS if role not in mapping.ik or not mapping.bone(role)]
    if lacking:
        what = f"{rig_name} has no known IK control for {', '.join(lacking)}"
        raise Failure("bad_input", f"{what}; leave out --ik, or name them in a preset.")


def to_controls(pose: Pose, mapping: Mapping) -> None:
    """Takes the limbs' (and, where the rig has a control for it, the spine's) FK bones out of the pose, and puts IK controls in.

    A target stays rigidly with the end of its limb as at rest. A pole lies in the plane of its limb, on the side of the bend, as far off as
    at rest.
    """
    rig = pose.rig
    spine = mapping.bones.get(SPINE, ())
    if SPINE in mapping.ik and spine:
        control, top = rig.index(mapping.ik[SPINE]), rig.index(spine[-1])
        turn = pose.turns[top]
        for name in spine:
            pose.turns.pop(rig.index(name))
        pose.turns[control] = turn
    # everything that the limbs need is worked out before the first of their FK bones goes: the spine has just moved their shoulders
    targets: dict[int, tuple[Array, Array]] = {}
    poles: dict[int, Array] = {}
    gone: list[int] = []
    for role, parts in LIMBS.items():
        upper, lower, end = (rig.index(mapping.bones[part][0]) for part in (*parts, role))
        control = rig.index(mapping.ik[role])
        targets[control] = pose.turns[end], pose.head(end) + q.rotate(pose.turns[end], rig.heads[control] - rig.heads[end])
        if parts[1] in mapping.ik:
            pole = rig.index(mapping.ik[parts[1]])
            poles[pole] = pole_path(pose, upper, lower, end, rig.heads[pole])
        gone += [upper, lower, end]
    for bone in gone:
        pose.turns.pop(bone)
    for control, (turn, place) in targets.items():
        pose.turns[control] = turn
        pose.path[control] = place
    for pole, place in poles.items():
        pose.path[pole] = place


def pole_path(pose: Pose, upper: int, lower: int, end: int, rest: Array) -> Array:
    """(T,3) where the pole of a limb is; `rest`: (3,) its place in the rest pose."""
    heads = pose.rig.heads
    first, middle, last = (np.broadcast_to(pose.head(bone), (pose.frames, 3)) for bone in (upper, lower, end))
    along = q.unit(last - first)
    out = _square(middle - first, along)
    own = q.unit(_square(q.rotate(pose.turns[upper], rest - heads[lower]), along))
    share = np.clip(np.linalg.norm(out, axis=-1) / (BENT * np.linalg.norm(heads[lower] - heads[upper])), 0.0, 1.0)
    share = (share * share * (3 - 2 * share))[:, None]
    side = q.unit(share * q.unit(out) + (1 - share) * own)
    return middle + side * np.linalg.norm(rest - heads[lower])


def _square(vectors: Array, along: Array) -> Array:
    """(T,3) the part of the vectors that is square to the unit vectors `along`."""
    return vectors - (vectors * along).sum(-1, keepdims=True) * along
