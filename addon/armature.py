"""A motion's armature: bones in the T pose, named, rolled and sorted into collections, with a record of where it came from."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
import numpy.typing as npt

from . import keyframes
from . import quaternions as q
from .bones import ROOT_BONE, Bone, bones_of

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

# Custom property of the armature object that holds the source record, a JSON text; it also marks an armature as ours.
RECORD = "kinolift"

COLLECTIONS = ("Torso", "Arm.L", "Arm.R", "Leg.L", "Leg.R")
# Blender's theme colour sets, so that left and right are told apart at a glance: green middle, red right, blue left.
_COLOURS = {"Torso": "THEME03", "Arm.L": "THEME04", "Leg.L": "THEME04", "Arm.R": "THEME01", "Leg.R": "THEME01"}


def build_armature(motion: Motion, name: str, collection: bpy.types.Collection, source: str = "") -> bpy.types.Object:
    """A new armature object in the motion's T pose, linked to `collection`; nothing else in the file is touched.

    Args:
        motion: gives joint names, parents and rest offsets (metres, Z up, facing -Y).
        name: of the object and of its data; Blender makes it unique.
        source: the motion file, for the record.

    The bones are made in edit mode in a scene of their own, so that the user's selection, active object and mode stay.
    """
    bones = bones_of(motion.joint_names, motion.parents, motion.rest_offsets)
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    workbench = bpy.data.scenes.new("Kinolift workbench")
    try:
        workbench.collection.objects.link(armature)
        _edit_bones(workbench, armature, bones)
    finally:
        bpy.data.scenes.remove(workbench)
    collection.objects.link(armature)
    _dress(armature, bones)
    armature[RECORD] = json.dumps(record(motion, source))
    return armature


def record(motion: Motion, source: str) -> dict[str, Any]:
    """What is kept on the armature about its origin."""
    from ..contract.motion_file import SCHEMA

    return {"schema": SCHEMA, "motion": source, "fps": float(motion.fps), "frames": len(motion), "provenance": motion.provenance}


def is_kinolift(candidate: bpy.types.Object | None) -> bool:
    """Whether the object is an armature that came from a motion."""
    return candidate is not None and candidate.type == "ARMATURE" and RECORD in candidate


def change_armature(armature: bpy.types.Object, motion: Motion, source: str = "") -> None:
    """Gives an armature of ours the bones of another motion; the object stays, with its name, place, constraints and whoever points at it.

    The armature's data and its action are made anew, and those before are removed where nobody else uses them.
    """
    fresh = build_armature(motion, "Kinolift replaced", bpy.context.scene.collection, source)
    former, action = armature.data, armature.animation_data.action if armature.animation_data else None
    name = former.name
    armature.data = fresh.data
    armature[RECORD] = fresh[RECORD]
    bpy.data.objects.remove(fresh)
    if armature.animation_data is not None:
        armature.animation_data.action = None
    bpy.data.batch_remove([thing for thing in (former, action) if thing is not None and thing.users == 0])
    armature.data.name = name
    _dress_pose(armature)


def key_motion(armature: bpy.types.Object, motion: Motion, frames: npt.NDArray[np.float64]) -> int:
    """Gives the armature a new action with the motion's keys and returns how many there are.

    Args:
        frames: (T,) the scene frame of each of the motion's frames, rising; fractions are allowed.

    Rotations go on every bone, locations on the root only; a stretch that was left out holds its last pose.
    """
    keys = keying(armature, motion, frames)
    while True:
        try:
            next(keys)
        except StopIteration as end:
            return int(end.value)


def keying(armature: bpy.types.Object, motion: Motion, frames: npt.NDArray[np.float64]) -> Generator[None, None, int]:
    """The steps of `key_motion`, a curve each."""
    bones = bones_of(motion.joint_names, motion.parents, motion.rest_offsets)
    held = np.append(np.diff(motion.frame_numbers) > 1, False)
    curves = keyframes.new_action(armature, armature.name)
    keys = 0
    for bone in bones:
        pose_bone = armature.pose.bones[bone.name]
        pose_bone.rotation_mode = "QUATERNION"
        rest = np.array(pose_bone.bone.matrix_local.to_3x3(), dtype=np.float64)
        path = f'pose.bones["{bone.name}"]'
        if bone.parent < 0:
            location = (motion.root_translation.astype(np.float64) - np.array(pose_bone.bone.head_local)) @ rest
            yield from curves.writing(f"{path}.location", bone.name, frames, location, held)
            keys += location.size
        rotation = in_bone_axes(motion.rotations[:, bone.joint], rest)
        yield
        yield from curves.writing(f"{path}.rotation_quaternion", bone.name, frames, rotation, held)
        keys += rotation.size
    return keys


def in_bone_axes(rotations: npt.NDArray[np.float32], rest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T,4) wxyz rotations given in world axes, as a bone's own: unit length, and no sign flips from frame to frame.

    A bone whose rest axes are the columns of `rest` (3,3) turns by rest^-1 R rest, and that only turns R's axis.
    """
    quaternions = rotations.astype(np.float64)
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    quaternions[:, 1:] = quaternions[:, 1:] @ rest
    return q.continuous(quaternions)


def _edit_bones(scene: bpy.types.Scene, armature: bpy.types.Object, bones: list[Bone]) -> None:
    layer = scene.view_layers[0]
    layer.objects.active = armature
    armature.select_set(True, view_layer=layer)
    with bpy.context.temp_override(scene=scene, view_layer=layer, object=armature, active_object=armature, selected_objects=[armature]):
        bpy.ops.object.mode_set(mode="EDIT")
        made: list[bpy.types.EditBone] = []
        for bone in bones:
            edit = armature.data.edit_bones.new(bone.name)
            edit.head, edit.tail = bone.head, bone.tail
            edit.align_roll(bone.z_axis)
            if bone.parent >= 0:
                edit.parent = made[bone.parent]
                edit.use_connect = bone.connected
            made.append(edit)
        bpy.ops.object.mode_set(mode="OBJECT")


def _dress(armature: bpy.types.Object, bones: list[Bone]) -> None:
    data = armature.data
    collections = {name: data.collections.new(name) for name in COLLECTIONS}
    for bone in bones:
        collections[bone.collection].assign(data.bones[bone.name])
        data.bones[bone.name].color.palette = _COLOURS[bone.collection]
    data.display_type = "OCTAHEDRAL"
    armature.show_in_front = True
    _dress_pose(armature)


def _dress_pose(armature: bpy.types.Object) -> None:
    # the hips alone may move; their lengths are constant, so a stray location on any other bone would only tear limbs off
    for pose_bone in armature.pose.bones:
        pose_bone.rotation_mode = "QUATERNION"
        if pose_bone.name != ROOT_BONE and pose_bone.parent is not None:
            pose_bone.lock_location = (True, True, True)
