"""A target as numbers: its bones at rest, how they hang together, and where the armature stands in the world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import bpy
import numpy as np
import numpy.typing as npt

from ...contract.failure import Failure
from .. import quaternions as q
from .follow import Follow, read_follows
from .roles import Mapping

Array = npt.NDArray[np.float64]

# Scales along the axes that differ by more than this share are not uniform; rotations would shear.
UNIFORM = 1e-3


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
    lowest: float | None  # world height of the character's lowest vertex at rest, None without a mesh
    local: npt.NDArray[np.bool_]  # the bone's location is measured in its own axes, else in its parent's
    follows: dict[int, tuple[Follow, ...]] = field(default_factory=dict)  # bone -> the constraints that move it

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
    return Rig(
        names=tuple(number),
        parents=np.array([number[bone.parent.name] if bone.parent else -1 for bone in bones]),
        heads=np.array([bone.head_local for bone in bones], dtype=np.float64),
        tails=np.array([bone.tail_local for bone in bones], dtype=np.float64),
        rest=np.array([bone.matrix_local.to_3x3() for bone in bones], dtype=np.float64),
        inherits=np.array([bone.use_inherit_rotation for bone in bones]),
        basis=np.array([pose[name].matrix_basis.to_quaternion() for name in number], dtype=np.float64),
        shift=np.array([pose[name].matrix_basis.translation for name in number], dtype=np.float64),
        turn=u @ v,
        scale=scale,
        location=matrix[:3, 3],
        lowest=_lowest(armature),
        local=np.array([bone.use_local_location for bone in bones]),
        follows=read_follows(armature),
    )


def check_rig(armature: bpy.types.Object) -> None:
    """Raises Failure `bad_input` where the armature cannot be given keys."""
    if armature.type != "ARMATURE":
        raise Failure("bad_input", f"{armature.name} is no armature; choose the character's armature.")
    if armature.mode == "EDIT":
        raise Failure("bad_input", f"{armature.name} is in edit mode; leave it first.")
    if armature.library is not None or armature.override_library is not None:
        kind = "a library override" if armature.override_library is not None else "linked from another file"
        raise Failure("bad_input", f"{armature.name} is {kind}; make it local first.")
    parent = armature.parent
    while parent is not None:
        animation = parent.animation_data
        if animation is not None and (animation.action is not None or len(animation.drivers) or len(animation.nla_tracks)):
            raise Failure(
                "bad_input", f"{parent.name}, which carries {armature.name}, is animated; clear its animation or the parenting first."
            )
        parent = parent.parent


def _lowest(armature: bpy.types.Object) -> float | None:
    """The lowest vertex of the meshes that the armature bends."""
    lowest: list[float] = []
    for thing in bpy.data.objects:
        bent = thing.type == "MESH" and any(m.type == "ARMATURE" and m.object == armature for m in thing.modifiers)
        if bent and len(thing.data.vertices):
            points = np.empty(3 * len(thing.data.vertices), dtype=np.float32)
            thing.data.vertices.foreach_get("co", points)
            matrix = np.array(thing.matrix_world)
            lowest.append(float((points.reshape(-1, 3) @ matrix[2, :3]).min() + matrix[2, 3]))
    return min(lowest) if lowest else None


def turn_quaternion(rig: Rig) -> Array:
    """(4,) the armature's turn in the world."""
    return q.of_matrices(rig.turn)
