"""A target as numbers: its bones at rest, how they hang together, and where the armature stands in the world."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import bpy
import numpy as np
import numpy.typing as npt

from ...contract.failure import Failure
from .. import quaternions as q
from .follow import Follow, read_follows
from .linked import is_linked
from .roles import Mapping

Array = npt.NDArray[np.float64]

# Scales along the axes that differ by more than this share are not uniform; rotations would shear.
UNIFORM = 1e-3
# A vertex of which the feet's bones have a larger share of the weights belongs to the feet.
FOOT_SHARE = 0.5


@dataclass(frozen=True)
class Rig:
    """Bones, parents before children. Points in armature space; `world` maps them: x -> scale * turn @ x + location."""

    names: tuple[str, ...]
    parents: npt.NDArray[np.int64]
    heads: Array  # (B,3)
    tails: Array  # (B,3)
    rest: Array  # (B,3,3) columns: the bone's axes
    inherits: npt.NDArray[np.bool_]  # the bone turns with its parent
    basis: Array  # (B,4) the rotation that the bone has now, beyond rest
    shift: Array  # (B,3) the location that the bone has now, in its own axes
    turn: Array  # (3,3)
    scale: float
    location: Array  # (3,)
    lowest: float | None  # world height of the lowest vertex of the feet (else of the character) at rest, None without a mesh
    local: npt.NDArray[np.bool_]  # the bone's location is measured in its own axes, else in its parent's
    follows: dict[int, tuple[Follow, ...]] = field(default_factory=dict)  # bone -> the constraints that move it
    # bone -> the bone that carries it in a body, where it hangs on another: feet on the root; keys move it along
    held: dict[int, int] = field(default_factory=dict)
    connected: frozenset[int] = frozenset()  # bones that have no location of their own

    @cached_property
    def axes(self) -> Array:
        """(B,4) `rest` as quaternions."""
        return q.of_matrices(self.rest)

    @cached_property
    def plain(self) -> npt.NDArray[np.bool_]:
        """(B,) the bone does nothing but follow its parent."""
        followed = np.zeros(len(self.names), dtype=np.bool_)
        followed[list(self.follows)] = True
        turned = np.abs(self.basis[:, 1:]).max(axis=1, initial=0.0) > 0
        return self.inherits & ~followed & ~turned & ~self.shift.any(axis=1)

    def at_rest(self, names: Iterable[str]) -> Rig:
        """The same rig with those of the named bones that it has in their rest pose."""
        basis, shift = self.basis.copy(), self.shift.copy()
        for bone in (self.index(name) for name in names if name in self.names):
            basis[bone], shift[bone] = (1.0, 0.0, 0.0, 0.0), 0.0
        return replace(self, basis=basis, shift=shift)

    def index(self, name: str) -> int:
        return self.names.index(name)

    def world(self, points: Array) -> Array:
        """(...,3) armature space -> world."""
        return self.scale * points @ self.turn.T + self.location

    def directions(self, vectors: Array) -> Array:
        """(...,3) vectors of armature space in world units and axes."""
        return self.scale * vectors @ self.turn.T

    def traveller(self, bone: int) -> int:
        """The bone itself, or the nearest above it that can have a location."""
        while bone in self.connected:
            bone = int(self.parents[bone])
        return bone

    def children(self, bone: int) -> list[int]:
        return [int(child) for child in np.flatnonzero(self.parents == bone)]


def read_rig(armature: bpy.types.Object, mapping: Mapping) -> Rig:
    """Reads the target. Raises Failure `bad_input` for a rig that cannot be keyed: in edit mode, linked, overridden, scaled unevenly,
    carried by an animated parent, or without the bones of the mapping."""
    check_rig(armature)
    bones = list(armature.data.bones)  # Blender lists parents before children
    number = {bone.name: i for i, bone in enumerate(bones)}
    wanted = [name for names in mapping.bones.values() for name in names]
    unknown = sorted({name for name in wanted if name not in number})
    if unknown:
        raise Failure(
            "bad_input", f"{armature.name} has no bone {', '.join(unknown)}, which {mapping.preset!r} names; choose another preset."
        )
    if missing := mapping.missing():
        raise Failure("bad_input", f"In {armature.name} no bone was found for {', '.join(missing)}; set them in the list of bones.")
    matrix = np.array(armature.matrix_world, dtype=np.float64)
    scales = np.linalg.norm(matrix[:3, :3], axis=0)
    scale = float(scales.mean())
    turn = matrix[:3, :3] / scale
    skewed = scale < 1e-9 or np.abs(turn.T @ turn - np.eye(3)).max() > 2 * UNIFORM
    if skewed or np.linalg.det(turn) < 0:
        raise Failure(
            "bad_input",
            f"{armature.name} or a parent of it is scaled unevenly ({', '.join(f'{s:.4g}' for s in scales)}) or mirrored; "
            "apply the scale first.",
        )
    u, _, v = np.linalg.svd(turn)
    pose = armature.pose.bones
    parents = [number[bone.parent.name] if bone.parent else -1 for bone in bones]
    follows = read_follows(armature)
    return Rig(
        names=tuple(number),
        parents=np.array(parents),
        heads=np.array([bone.head_local for bone in bones], dtype=np.float64),
        tails=np.array([bone.tail_local for bone in bones], dtype=np.float64),
        rest=np.array([bone.matrix_local.to_3x3() for bone in bones], dtype=np.float64),
        inherits=np.array([bone.use_inherit_rotation for bone in bones]),
        basis=np.array([pose[name].matrix_basis.to_quaternion() for name in number], dtype=np.float64),
        shift=np.array([pose[name].matrix_basis.translation for name in number], dtype=np.float64),
        turn=u @ v,
        scale=scale,
        location=matrix[:3, 3],
        lowest=_lowest(armature, mapping),
        local=np.array([bone.use_local_location for bone in bones]),
        follows=follows,
        held=held_bones(mapping, number, parents, follows),
        connected=frozenset(number[bone.name] for bone in bones if bone.use_connect),
    )


def held_bones(mapping: Mapping, number: dict[str, int], parents: list[int], follows: Collection[int] = ()) -> dict[int, int]:
    """Mapped bones that hang on another bone than the part of the body before them: bone -> the bone that carries it in a body.

    Args:
        number: name -> bone; parents: of each bone, -1 for none; follows: bones that constraints move, which hold what hangs on them.
    """
    if mapping.ik:  # a control rig: its constraints hold it together
        return {}
    held: dict[int, int] = {}
    trunk = [number[name] for role in ("hips", "spine") for name in mapping.bones.get(role, ())]
    chains = [trunk, [trunk[-1], *(number[name] for role in ("neck", "head") for name in mapping.bones.get(role, ()))]]
    for side in "LR":
        for start, parts in ((trunk[-1], ("clavicle", "upper_arm", "forearm", "hand")), (trunk[0], ("thigh", "shin", "foot", "toe"))):
            names = [mapping.bone(f"{part}.{side}") for part in parts]
            chains.append([start, *(number[name] for name in names if name)])
    for carrier, bone in (pair for chain in chains for pair in pairwise(chain)):
        above, path = parents[bone], []
        while above >= 0:
            path.append(above)
            above = parents[above]
        if carrier not in path and not any(b in follows for b in (bone, *path)):
            held[bone] = carrier
    return held


def check_rig(armature: bpy.types.Object) -> None:
    """Raises Failure `bad_input` where the armature cannot be given keys."""
    if armature.type != "ARMATURE":
        raise Failure("bad_input", f"{armature.name} is no armature; choose the character's armature.")
    if armature.mode == "EDIT":
        raise Failure("bad_input", f"{armature.name} is in edit mode; leave it first.")
    if is_linked(armature):
        raise Failure("bad_input", f"{armature.name} is linked from another file; make a library override of it first.")
    parent = armature.parent
    while parent is not None:
        animation = parent.animation_data
        if animation is not None and (animation.action is not None or len(animation.drivers) or len(animation.nla_tracks)):
            raise Failure(
                "bad_input", f"{parent.name}, which carries {armature.name}, is animated; clear its animation or the parenting first."
            )
        parent = parent.parent


def _lowest(armature: bpy.types.Object, mapping: Mapping) -> float | None:
    """The lowest vertex of the feet, of the meshes that the armature bends or that hang on its bones: a cape or a sword may reach lower.
    Where no vertex is the feet's, the lowest of all."""
    feet = {name for side in "LR" for part in ("foot", "toe") for name in mapping.bones.get(f"{part}.{side}", ())}
    feet |= {child.name for name in feet if name in armature.data.bones for child in armature.data.bones[name].children_recursive}
    of_all: list[float] = []
    of_feet: list[float] = []
    for thing in bpy.data.objects:
        if thing.type != "MESH" or not len(thing.data.vertices):
            continue
        bent = any(m.type == "ARMATURE" and m.object == armature for m in thing.modifiers)
        carried = thing.parent == armature and thing.parent_type == "BONE" and thing.parent_bone in feet
        if not bent and not carried:
            continue
        matrix = np.array(thing.matrix_world)
        if carried:  # where it is at rest
            bone, world = armature.pose.bones[thing.parent_bone], armature.matrix_world
            matrix = np.array(world @ bone.bone.matrix_local @ bone.matrix.inverted() @ world.inverted() @ thing.matrix_world)
        points = np.empty(3 * len(thing.data.vertices), dtype=np.float32)
        thing.data.vertices.foreach_get("co", points)
        heights = points.reshape(-1, 3) @ matrix[2, :3] + matrix[2, 3]
        of_all.append(float(heights.min()))
        groups = {group.index for group in thing.vertex_groups if group.name in feet}
        for number in np.argsort(heights) if groups or carried else ():
            weights = {group.group: group.weight for group in thing.data.vertices[int(number)].groups}
            if carried or sum(weights.get(group, 0.0) for group in groups) > FOOT_SHARE * sum(weights.values()):
                of_feet.append(float(heights[number]))
                break
    return min(of_feet or of_all, default=None)


def turn_quaternion(rig: Rig) -> Array:
    """(4,) the armature's turn in the world."""
    return q.of_matrices(rig.turn)
