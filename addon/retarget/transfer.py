"""A motion's turns and path on a rig's bones, all frames at once, in plain numpy.

For every mapped bone: world turn from rest = the motion's joint's world turn from its T pose, after the match of the rest poses
(`rest_pose`). From there back into the bone's own axes through whatever parents it has; bones that are not mapped keep their pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...contract.motion_file import Motion
from .. import quaternions as q
from .heading import about_vertical, heading, vertical_part
from .pose import Pose as Pose
from .rest_pose import Match, match, source_rest
from .rig import Rig, turn_quaternion
from .roles import LIMB_ROLES, Mapping

Array = npt.NDArray[np.float64]

# A character's ground is where its armature stands, unless its soles are farther from there than this share of a leg.
GROUND_NEAR = 0.15
# A planted foot's toe is lowest while it is flat or its heel rises, and higher while it comes down heel first; this percentile of its
# heights is within 9 mm of a flat foot's in 18 clips of motion capture, where the median is up to 56 mm off (benchmarks/own_rig.py).
FLAT = 20


@dataclass(frozen=True)
class Source:
    """What of the motion the transfer needs: world turns (T,J,4), world places (T,J,3), T pose (joint -> (3,))."""

    names: tuple[str, ...]
    turns: Array
    places: Array
    rest: dict[str, Array]
    sole: float  # metres: how far the sole is under the toe joint

    def turn(self, joint: str) -> Array:
        return self.turns[:, self.names.index(joint)]

    def place(self, joint: str) -> Array:
        return self.places[:, self.names.index(joint)]


def read_source(motion: Motion) -> Source:
    """World turns and places of the motion's joints, from its rotations and root path."""
    names = tuple(str(name) for name in motion.joint_names)
    local = q.unit(motion.rotations.astype(np.float64))
    turns, places = local.copy(), np.empty((*local.shape[:2], 3))
    places[:, 0] = motion.root_translation
    for joint in range(1, len(names)):
        parent = int(motion.parents[joint])
        turns[:, joint] = q.multiply(turns[:, parent], local[:, joint])
        places[:, joint] = places[:, parent] + q.rotate(turns[:, parent], motion.rest_offsets[joint].astype(np.float64))
    toes = np.stack([places[:, names.index(f"toe.{side}"), 2] for side in "LR"], 1)
    standing = toes[motion.contacts]
    sole = float(np.clip(np.percentile(standing, FLAT), 0.0, 0.1)) if len(standing) else 0.0
    return Source(names, turns, places, source_rest(names, motion.parents, motion.rest_offsets.astype(np.float64)), sole)


@dataclass(frozen=True)
class Fit:
    """How places of the motion become places of the rig: sizes by leg length, heights by the ankles' at rest."""

    ratio: float
    origin: Array  # (3,) world
    ankle: float  # world height of the rig's ankles at rest over its ground
    source_ankle: float

    def place(self, points: Array) -> Array:
        """(...,3) world places of the motion's joints on the rig's stage."""
        result = self.ratio * points + self.origin
        result[..., 2] = self.origin[2] + self.ankle + self.ratio * (points[..., 2] - self.source_ankle)
        return result


def fit(rig: Rig, mapping: Mapping, source: Source) -> Fit:
    """Leg lengths and the heights of ankles and soles, each the mean of left and right."""
    ours, theirs, ankles, soles, source_ankle = 0.0, 0.0, [], [], []
    for side in "LR":
        hip, knee, ankle = (rig.heads[rig.index(mapping.bones[f"{part}.{side}"][0])] for part in ("thigh", "shin", "foot"))
        theirs += rig.scale * float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
        joints = [source.rest[f"{joint}.{side}"] for joint in ("hip", "knee", "ankle", "toe")]
        ours += float(np.linalg.norm(joints[1] - joints[0]) + np.linalg.norm(joints[2] - joints[1]))
        ankles.append(rig.world(ankle)[2])
        toe = mapping.bone(f"toe.{side}")
        foot = rig.index(mapping.bones[f"foot.{side}"][0])
        soles.append(rig.world(rig.heads[rig.index(toe)] if toe else rig.tails[foot])[2])
        source_ankle.append(joints[2][2] - joints[3][2] + source.sole)
    ratio = float(theirs / ours)
    sole = rig.lowest if rig.lowest is not None else min(soles) - ratio * source.sole
    origin = rig.location.copy()
    if abs(sole - origin[2]) > GROUND_NEAR * theirs / 2:
        origin[2] = sole
    return Fit(ratio, origin, float(np.mean(ankles)) - sole, float(np.mean(source_ankle)))


@dataclass(frozen=True)
class Transfer:
    """A pose in every frame, and what it came from."""

    pose: Pose
    fit: Fit
    match: Match
    source: Source
    shift: Array  # (T,3) world: how far the character is from where the motion goes, in place
    traveller: int  # the bone that moves the hips: they themselves, or one above where they are connected


def transfer(
    motion: Motion, rig: Rig, mapping: Mapping, root: str = "motion", root_bone: str = "hips", root_heading: bool = False
) -> Transfer:
    """The motion on the rig, before the feet are corrected.

    Args:
        root: "motion", or "in-place": the hips stay over the spot where the armature stands.
        root_bone: "hips" carry all travel, or "root": the rig's root bone carries what is along the ground and the hips the rest.
        root_heading: a root bone that carries the travel also turns with the person about the vertical.
    """
    source = read_source(motion)
    matched = match(rig, mapping, source.rest)
    scaled = fit(rig, mapping, source)
    pose = Pose(rig, len(motion))
    turn = turn_quaternion(rig)

    def give(name: str, world: Array, alignment: Array) -> None:
        whole = q.multiply(world, alignment)
        pose.turns[rig.index(name)] = q.multiply(q.multiply(q.conjugate(turn), whole), turn)

    hips_name = mapping.bones["hips"][0]
    give(hips_name, source.turn("pelvis"), matched.turns["hips"])
    for role, stops in (("spine", ("pelvis", "spine", "chest")), ("neck", ("chest", "neck"))):
        chain = mapping.bones.get(role, ())
        for number, name in enumerate(chain):
            give(name, _spread(source, stops, number, len(chain)), matched.turns[role])
    for role, joint in (("head", "head"), *((role, joints[0]) for role, joints in LIMB_ROLES.items())):
        bone_name = mapping.bone(role)
        if bone_name is not None and joint in source.names:
            give(bone_name, source.turn(joint), matched.turns[role])
    for toe, foot in ((f"toe.{side}", f"foot.{side}") for side in "LR"):
        own = mapping.bone(toe)
        if own is not None and rig.index(own) in rig.held:  # else it turns with the foot that it hangs on
            pose.turns[rig.index(own)] = pose.turns[rig.index(mapping.bones[foot][0])]

    # the middle of the hip joints, because where a hips bone starts differs from rig to rig
    between = (source.place("hip.L") + source.place("hip.R")) / 2
    goal = scaled.place(between)
    shift = np.zeros((len(motion), 3))
    if root == "in-place":
        shift[:, :2] = scaled.origin[:2] - goal[:, :2]
        goal += shift
    traveller = rig.traveller(rig.index(hips_name))
    goal = (goal - rig.location) @ rig.turn / rig.scale
    root_name = mapping.bone("root")
    if root_bone == "root" and root_name is not None and root_name != hips_name:
        bone = rig.index(root_name)
        # a root that has to travel for connected hips goes where they go
        along = np.zeros((len(motion), 3))
        along[:, :2] = (scaled.place(between) - scaled.origin)[:, :2] if root == "motion" else 0.0
        pose.path[bone] = pose.home(bone) + along @ rig.turn / rig.scale
        if root_heading:
            facing = about_vertical(heading(source.turn("pelvis"), source.turn("chest")))
            give(root_name, facing, vertical_part(matched.turns["root"]))
    home = np.array(np.broadcast_to(pose.home(traveller), (len(motion), 3)))
    pose.path[traveller] = home
    thighs = [pose.head(rig.index(mapping.bones[f"thigh.{side}"][0])) for side in "LR"]
    pose.path[traveller] = home + goal - (thighs[0] + thighs[1]) / 2
    return Transfer(pose, scaled, matched, source, shift, traveller)


def _spread(source: Source, stops: tuple[str, ...], number: int, count: int) -> Array:
    """(T,4) the world turn of bone `number` of `count` in a chain: the bend between the stops in equal shares, the last as the last stop.

    A single bone for a spine of two turns as much as their middle.
    """
    steps = len(stops) - 1
    at = steps * (number + 1) / count if count > 1 or steps == 1 else steps - 0.5
    first = min(int(np.ceil(at)) - 1, steps - 1)
    return q.between(source.turn(stops[first]), source.turn(stops[first + 1]), at - first)
