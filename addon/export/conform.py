"""A copy of a character as another program wants it: units, axes and a root bone in the data itself, keys on every frame.

FBX says its unit and its axes in the header, and Blender's exporter meets them by scaling and turning the topmost object. Game
engines hand that scale and turn down to whatever hangs on the character, so for them the data itself is measured in the
file's unit and stands on the file's axes, and the topmost object does nothing.

The copy has no parent and no scale of its own. Exporters leave an armature out whose parent is not on their stage (glTF, USD), and put
what hangs on a bone of a scaled armature elsewhere.

The copy's pose is what the character's bones really do, whoever moves them (keys, constraints, drivers, the object itself).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix

from .. import keyframes
from .. import quaternions as q
from ..scene import units_per_metre
from .helper_bones import follow, helpers_of, is_helper
from .options import DEFAULT_FBX_ROOT
from .root_motion import root_motion

Array = npt.NDArray[np.float64]

# names that a bone above all others has in rigs that come from an engine; such a rig needs no other root bone
ROOT_NAMES = ("root", "rootbone", "root_bone", "root.x", "master", "reference")
ROOT_LENGTH = 0.1  # metres: of the root bone that is added, only for the eye
SAME_PLACE = 1e-3  # of its length: as near two bones' heads and tails are where one stands for the other
STILL = 1e-6  # a location (in the file's unit) or a scale that nowhere differs by more from rest gets no keys


@dataclass(frozen=True)
class Conformity:
    """What the copy is to be.

    unit: of the data, per metre: 100 for centimetres.
    y_up: the data has Y up and faces +Z, and the object is turned back by as much.
    object_name: of the copy, "" for the armature's own.
    root_bone: of a bone at the origin above all others; where a topmost bone has such a name already, that one carries the others; "" where
        none is wanted.
    deform_only: bones that neither deform nor carry one that does are left out; where one that carries lies exactly on one that deforms
        (Rigify's ORG- and DEF- bones), the latter carries.
    helpers: the helper bones of Unreal's mannequin are kept, and go with the bones that they belong to; see `helper_bones`.
    root_motion: what an added root bone does: "still", "path" (it goes along the ground under the topmost bone), "heading" (turns, too).
    """

    unit: float = 1.0
    y_up: bool = False
    object_name: str = ""
    root_bone: str = ""
    deform_only: bool = False
    root_motion: str = DEFAULT_FBX_ROOT
    helpers: bool = False


@contextlib.contextmanager
def conformed(
    scene: bpy.types.Scene, armature: bpy.types.Object, actions: Sequence[bpy.types.Action | None], wanted: Conformity
) -> Iterator[tuple[bpy.types.Object, list[bpy.types.Action]]]:
    """The copy in place of everything else on the stage, and its actions: one for each given, each from frame 0.

    It plays the first. Meshes on the stage are copied with the armature. While the block runs the copies have the originals'
    names; afterwards all is as it was.
    """
    meshes = [thing for thing in scene.objects if thing.type == "MESH"]
    made: list[bpy.types.ID] = []
    names: list[tuple[bpy.types.ID, str]] = []
    try:
        parents = _kept_bones(armature, wanted, {bone for mesh in meshes if (bone := carrier(mesh, armature))})
        helpers = helpers_of(parents) if wanted.helpers else {}
        kept = list(parents)
        with keyframes.playing(armature, actions[0]):
            scene.frame_set(math.floor(keyframes.frame_range(armature)[0]))
            rest_world, mesh_worlds = _at_rest(scene, armature, meshes)
        turn = Matrix.Rotation(-math.pi / 2, 4, "X") if wanted.y_up else Matrix.Identity(4)
        scale = wanted.unit / units_per_metre(scene)  # of the data that it is, to that which the file wants
        scene.unit_settings.scale_length = 1.0  # the copy is in the file's unit
        into = Matrix.Scale(scale, 4) @ turn
        rest = np.array([rest_world @ armature.data.bones[bone].matrix_local for bone in kept])
        rest_scale = float(np.cbrt(abs(rest_world.to_3x3().determinant())))
        name = wanted.object_name or armature.name
        copy = bpy.data.objects.new(name, armature.data.copy())
        made += [copy, copy.data]
        copy.data.animation_data_clear()
        scene.collection.objects.link(copy)
        copy.data.transform(into @ rest_world)
        added = _edit(scene, copy, parents, wanted)
        copy.matrix_world = turn.inverted()
        baked: list[bpy.types.Action] = []
        for action in actions:
            with keyframes.playing(armature, action):
                poses = follow(parents, helpers, rest, _poses(scene, armature, kept, meshes))
            bones = kept
            if added and wanted.root_motion != "still":
                carried = root_motion(parents, rest, poses, wanted.root_motion == "heading")
                carried[:, :3, :3] = carried[:, :3, :3] @ np.array(turn.inverted())[:3, :3] * rest_scale
                poses, bones = np.concatenate([carried[:, None], poses], axis=1), [added, *kept]
            poses = np.array(into) @ poses
            poses[:, :, :3, :3] /= scale * rest_scale
            baked.append(_key(copy, bones, poses, action.name if action is not None else name))
            made.append(baked[-1])
        for mesh, world in zip(meshes, mesh_worlds, strict=True):
            mine = _copy_mesh(mesh, armature, copy, into @ world)
            made += [mine, mine.data]
            scene.collection.objects.unlink(mesh)
            scene.collection.objects.link(mine)
            names += _take_name(mesh, mine, mesh.name)
        scene.collection.objects.unlink(armature)
        names += _take_name(bpy.data.objects.get(name), copy, name)
        for action, mine in zip(actions, baked, strict=True):
            if action is not None:
                names += _take_name(action, mine, action.name)
        keyframes.play(copy, baked[0])
        scene.frame_start, scene.frame_end = 0, max(int(action.frame_range[1]) for action in baked)
        scene.frame_set(0)
        yield copy, baked
    finally:
        bpy.data.batch_remove([thing for thing in made if thing is not None])
        for thing, its_name in names:
            thing.name = its_name


def _kept_bones(armature: bpy.types.Object, wanted: Conformity, hung: set[str]) -> dict[str, str]:
    """Bone -> the one that carries it in the copy, "" for none; parents before children. `hung`: bones on which a mesh hangs."""
    bones = armature.data.bones
    parents = {bone.name: bone.parent.name if bone.parent else "" for bone in bones}
    if wanted.deform_only and any(bone.use_deform for bone in bones):
        moving = [bone for bone in bones if bone.use_deform or bone.name in hung or (wanted.helpers and is_helper(bone.name))]
        for name, twin in _twins_above(moving).items():
            if name not in _line(twin, parents):
                parents[name] = twin
        kept = {name for bone in moving for name in _line(bone.name, parents)}
        if wanted.root_bone:
            kept |= {bone.name for bone in bones if bone.parent is None and _is_root(bone.name)}
        parents = {name: parent for name, parent in parents.items() if name in kept}
    return dict(sorted(parents.items(), key=lambda item: len(_line(item[0], parents))))


def _is_root(name: str) -> bool:
    return name.lower().rpartition(":")[2] in ROOT_NAMES


def _line(name: str, parents: dict[str, str]) -> list[str]:
    """The bone and all above it."""
    line = []
    while name:
        line.append(name)
        name = parents[name]
    return line


def _twins_above(moving: Sequence[bpy.types.Bone]) -> dict[str, str]:
    """Of bones that move a mesh: bone -> another of them that lies where a bone lies that carries the first, looked for up to the next one
    that moves a mesh itself."""
    places = np.array([(*bone.head_local, *bone.tail_local) for bone in moving], dtype=np.float64)
    names = {bone.name for bone in moving}
    twins: dict[str, str] = {}
    for bone in moving:
        for above in bone.parent_recursive:
            if above.name in names:
                break
            away = np.abs(places - np.array([*above.head_local, *above.tail_local])).max(axis=1)
            near = [moving[k].name for k in np.flatnonzero(away < SAME_PLACE * above.length) if moving[k] != bone]
            if near:
                twins[bone.name] = near[0]
                break
    return twins


def _at_rest(scene: bpy.types.Scene, armature: bpy.types.Object, meshes: Sequence[bpy.types.Object]) -> tuple[Matrix, list[Matrix]]:
    """The world matrices of armature and meshes with all bones at rest."""
    before = armature.data.pose_position
    armature.data.pose_position = "REST"
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            graph = bpy.context.evaluated_depsgraph_get()
            return armature.evaluated_get(graph).matrix_world.copy(), [mesh.evaluated_get(graph).matrix_world.copy() for mesh in meshes]
    finally:
        armature.data.pose_position = before


def _edit(scene: bpy.types.Scene, copy: bpy.types.Object, parents: dict[str, str], wanted: Conformity) -> str:
    """Takes out what is not kept, frees bones from their parents' tails, adds the root bone. Returns its name or ""."""
    layer = scene.view_layers[0]
    layer.objects.active = copy
    added = ""
    with bpy.context.temp_override(scene=scene, view_layer=layer, object=copy, active_object=copy, selected_objects=[copy]):
        bpy.ops.object.mode_set(mode="EDIT")
        bones = copy.data.edit_bones
        for bone in list(bones):
            bone.use_connect = False
            bone.use_inherit_rotation = bone.use_local_location = True
            bone.inherit_scale = "FULL"
            bone.use_relative_parent = False
            if bone.name not in parents:
                bones.remove(bone)
        for name, parent in parents.items():
            bones[name].parent = bones[parent] if parent else None
        tops = [bone for bone in bones if bone.parent is None]
        if wanted.root_bone:
            root = next((bone for bone in tops if _is_root(bone.name)), None)
            if root is None:
                root = bones.new(wanted.root_bone)  # Blender makes the name unique
                root.head, root.tail, root.roll = (0, 0, 0), (0, ROOT_LENGTH * wanted.unit, 0), 0
                added = root.name
            for bone in tops:
                if bone != root:
                    bone.parent = root
        bpy.ops.object.mode_set(mode="OBJECT")
    return added


def _poses(scene: bpy.types.Scene, armature: bpy.types.Object, kept: Sequence[str], meshes: Sequence[bpy.types.Object]) -> Array:
    """(T,B,4,4) the bones in the world over the whole frames of the action that the armature plays. The meshes, whose skin would take
    longer than all bones, are hidden meanwhile; where a bone's constraint needs one, Blender poses it all the same."""
    first, last = keyframes.frame_range(armature)
    frames = np.arange(math.floor(first + 1e-3), math.ceil(last - 1e-3) + 1)
    poses = np.empty((len(frames), len(kept), 4, 4))
    places = {bone.name: k for k, bone in enumerate(armature.pose.bones)}
    chosen = [places[name] for name in kept]
    columns = np.empty(16 * len(places), dtype=np.float32)  # Blender hands matrices out a column after the other
    hidden = [(mesh, mesh.hide_viewport) for mesh in meshes]
    try:
        for mesh in meshes:
            mesh.hide_viewport = True
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            for k, frame in enumerate(frames):
                scene.frame_set(int(frame))
                evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
                evaluated.pose.bones.foreach_get("matrix", columns)
                poses[k] = np.array(evaluated.matrix_world) @ columns.reshape(-1, 4, 4).swapaxes(1, 2)[chosen]
    finally:
        for mesh, was in hidden:
            mesh.hide_viewport = was
    return poses


def _key(copy: bpy.types.Object, kept: Sequence[str], poses: Array, name: str) -> bpy.types.Action:
    """A new action in which the copy's bones `kept` stand at `poses` (T,B,4,4), in the copy's own space; others stay at rest."""
    bones = copy.data.bones
    rest = {bone: np.array(bones[bone].matrix_local, dtype=np.float64) for bone in kept}
    index = {bone: k for k, bone in enumerate(kept)}
    curves = keyframes.new_action(copy, name)
    frames, held = np.arange(len(poses), dtype=np.float64), np.zeros(len(poses), bool)
    back = _inverse(poses)
    for bone in kept:
        parent = bones[bone].parent
        local = np.linalg.inv(rest[bone]) @ poses[:, index[bone]]
        if parent is not None and parent.name in index:
            between = np.linalg.inv(rest[bone]) @ rest[parent.name]
            local = between @ back[:, index[parent.name]] @ poses[:, index[bone]]
        location, rotation, scale = _parts(local)
        copy.pose.bones[bone].rotation_mode = "QUATERNION"
        path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'
        if parent is None or parent.name not in index or np.abs(location).max() > STILL:
            curves.write(f"{path}.location", bone, frames, location, held)
        curves.write(f"{path}.rotation_quaternion", bone, frames, rotation, held)
        if np.abs(scale - 1).max() > STILL * 100:
            curves.write(f"{path}.scale", bone, frames, scale, held)
    return copy.animation_data.action


def _inverse(poses: Array) -> Array:
    """Of affine matrices (...,4,4), many at once, for which numpy would ask its library one by one. None of them is flat."""
    rows = poses[..., :3, :3]
    across = np.stack([np.cross(rows[..., a, :], rows[..., b, :]) for a, b in ((1, 2), (2, 0), (0, 1))], axis=-1)
    turned = across / np.einsum("...k,...k->...", rows[..., 0, :], across[..., 0])[..., None, None]
    found = np.zeros_like(poses)
    found[..., :3, :3] = turned
    found[..., :3, 3] = -(turned @ poses[..., :3, 3:])[..., 0]
    found[..., 3, 3] = 1.0
    return found


def _parts(local: Array) -> tuple[Array, Array, Array]:
    """(T,4,4) -> locations (T,3), quaternions (T,4) wxyz without flips, scales (T,3)."""
    scale = np.linalg.norm(local[:, :3, :3], axis=1)
    scale[np.linalg.det(local[:, :3, :3]) < 0] *= -1.0
    turned = local[:, :3, :3] / scale[:, None]
    return local[:, :3, 3], q.continuous(q.of_matrices(turned)), scale


def _copy_mesh(mesh: bpy.types.Object, armature: bpy.types.Object, copy: bpy.types.Object, into: Matrix) -> bpy.types.Object:
    """The mesh in the copy's space, skinned to the copy; what hung on a bone is skinned to that bone alone."""
    mine = mesh.copy()
    mine.data = mesh.data.copy()
    mine.animation_data_clear()
    mine.constraints.clear()
    mine.data.transform(into, shape_keys=True)
    if into.determinant() < 0:
        mine.data.flip_normals()
    mine.parent, mine.parent_type = copy, "OBJECT"
    mine.matrix_parent_inverse = mine.matrix_basis = Matrix.Identity(4)
    mine.delta_location, mine.delta_scale = (0, 0, 0), (1, 1, 1)
    mine.delta_rotation_euler, mine.delta_rotation_quaternion = (0, 0, 0), (1, 0, 0, 0)
    skinned = [modifier for modifier in mine.modifiers if modifier.type == "ARMATURE" and modifier.object == armature]
    for modifier in skinned:
        modifier.object = copy
    if bone := carrier(mesh, armature):
        mine.vertex_groups.clear()
        mine.vertex_groups.new(name=bone).add(list(range(len(mine.data.vertices))), 1.0, "REPLACE")
        mine.modifiers.new("Armature", "ARMATURE").object = copy
    return mine


def carrier(mesh: bpy.types.Object, armature: bpy.types.Object) -> str:
    """The bone that carries a mesh which the armature does not deform, by itself or by what is between them; "" where there is none."""
    if any(modifier.type == "ARMATURE" and modifier.object == armature for modifier in mesh.modifiers):
        return ""
    thing = mesh
    while thing.parent is not None and thing.parent != armature:
        thing = thing.parent
    return thing.parent_bone if thing.parent == armature and thing.parent_type == "BONE" else ""


def _take_name(holder: bpy.types.ID | None, taker: bpy.types.ID, name: str) -> list[tuple[bpy.types.ID, str]]:
    """Gives the name to `taker`; returns who has to get it back. A holder that may not change (linked from a library) keeps it."""
    if holder is None or holder == taker or not holder.is_editable:
        return []
    holder.name = f"{name} (yours)"
    taker.name = name
    return [(holder, name)]
