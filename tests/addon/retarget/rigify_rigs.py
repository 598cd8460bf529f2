"""A Rigify rig generated as a user generates one, for tests; and what its deform bones really do."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import bpy
import made_rigs
import numpy as np
from kinolift_extension.addon.retarget.presets import load_presets
from kinolift_extension.addon.retarget.roles import Mapping


@cache
def _file() -> Path:
    """A .blend with the generated rig of Rigify's basic human alone, made once."""
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_basic_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(metarig)
    path = Path(mkdtemp(prefix="kinolift-rigify-")) / "rigify.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def open_rig() -> bpy.types.Object:
    """The rig, in a file of its own that is now open; the settings are the user's defaults."""
    bpy.ops.wm.open_mainfile(filepath=str(_file()))
    return bpy.data.objects["rig"]


def save_rig(path: Path) -> Path:
    """A copy of the rig's file; an empty file is open afterwards."""
    shutil.copyfile(_file(), path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return path


def deform(rig: bpy.types.Object) -> Mapping:
    """The bones that carry the skin."""
    return load_presets()["rigify_deform"].fit([bone.name for bone in rig.data.bones])[0]


def set_property(rig: bpy.types.Object, bone: str, name: str, value: float) -> None:
    """As a slider in the sidebar does: with everything that hangs on it evaluated anew."""
    rig.pose.bones[bone][name] = value
    rig.update_tag()
    bpy.context.view_layer.update()


def evaluated(rig: bpy.types.Object, frame: int) -> bpy.types.Object:
    bpy.context.scene.frame_set(frame)
    return rig.evaluated_get(bpy.context.evaluated_depsgraph_get())


def turns(rig: bpy.types.Object, mapping: Mapping, frames: int) -> np.ndarray:
    """(T,B,4): how every mapped bone is turned in armature space."""
    names = [name for names in mapping.bones.values() for name in names]
    shown = []
    for frame in range(frames):
        bones = evaluated(rig, frame).pose.bones
        shown.append([bones[name].matrix.to_quaternion() for name in names])
    return np.array(shown)


def largest_turn(quaternions: np.ndarray) -> float:
    """Degrees between two frames."""
    cosine = np.abs((quaternions[1:] * quaternions[:-1]).sum(-1))
    return float(np.degrees(2 * np.arccos(np.clip(cosine, 0, 1))).max())


def limb_error(rig: bpy.types.Object, motion: Any, every: int = 7) -> float:
    """Degrees: the worst angle between a limb of the skin's bones and the motion's, as Blender shows it."""
    return made_rigs.measure(rig, deform(rig), motion, every)[0]
