"""FBX, by Blender's own exporter, with settings that lose nothing, for the program that reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy

from .. import keyframes
from .conform import Conformity, conformed
from .options import DEFAULT_FBX_ROOT
from .read_back import Contents, check_written
from .stage import call_exporter


@dataclass(frozen=True)
class Preset:
    """What a program wants."""

    conformity: Conformity
    scale_length: float = 1.0  # metres in a unit of the data
    scale_options: str = "FBX_SCALE_ALL"  # the unit goes into the header; the default scales the armature by 100


PRESETS = {
    "blender": Preset(Conformity()),
    # Unreal reads centimetres and does not look at the header's unit; a node named Armature above the bones is one that
    # its importer knows to be Blender's and leaves out, so that `root` is the skeleton's root. Its own conversion of the axes
    # (Y up to Z up) takes the topmost node's turn back; the character then faces Unreal's +Y, as the mannequin does.
    "unreal": Preset(Conformity(100.0, False, "Armature", "root", True, helpers=True), 0.01, "FBX_SCALE_NONE"),
    # Unity has Y up as FBX, heeds the header's unit, and shows a turn of the topmost node as -89.98 degrees: there is none.
    "unity": Preset(Conformity(1.0, True, "", "", True)),
}


def write(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    path: Path,
    preset: str = "blender",
    root: str = DEFAULT_FBX_ROOT,
    actions: Sequence[bpy.types.Action] = (),
) -> None:
    """Writes the staged armature with a key on every frame: the action that it plays, or each of `actions` as a clip.

    `root`: what a root bone that is added does, see ExportOptions.

    Where no mesh tells how the bones lie at rest, readers take the pose that they have outside the animation. So the copy plays
    its clips from tracks, and is written on a frame before them, where no track moves it: at rest.
    """
    chosen = PRESETS[preset]
    played = list(actions) or [armature.animation_data.action if armature.animation_data else None]
    with conformed(scene, armature, played, replace(chosen.conformity, root_motion=root)) as (copy, baked):
        scene.unit_settings.system = "METRIC"
        scene.unit_settings.scale_length = chosen.scale_length
        keyframes.play(copy, None)
        for bone in copy.pose.bones:
            bone.matrix_basis.identity()
        for action in baked:
            keyframes.add_clip(copy, action, action.name)
        scene.frame_set(-1)
        with _skins_still(scene):
            call_exporter(
                bpy.ops.export_scene.fbx,
                scene,
                copy,
                path,
                use_selection=True,
                object_types={"ARMATURE", "MESH"},
                axis_forward="-Z",
                axis_up="Y",
                add_leaf_bones=False,  # the default adds a bone at the end of every limb that the user's rig does not have
                bake_anim=True,
                bake_anim_use_all_bones=True,
                bake_anim_use_nla_strips=True,
                bake_anim_use_all_actions=False,  # the default exports every action in the file as a take of its own
                bake_anim_force_startend_keying=True,
                bake_anim_step=1.0,
                bake_anim_simplify_factor=0.0,  # the default drops keys that it finds dull
                bake_space_transform=False,
                apply_unit_scale=True,
                apply_scale_options=chosen.scale_options,
                primary_bone_axis="Y",
                secondary_bone_axis="X",
                use_armature_deform_only=False,
                path_mode="COPY",  # with the next: pictures inside the file, which is all that arrives elsewhere
                embed_textures=True,
            )
        check_written(path, Contents.of(scene, copy, baked))


@contextlib.contextmanager
def _skins_still(scene: bpy.types.Scene) -> Iterator[None]:
    """From the first frame that is set on, no mesh of the scene follows its bones. Blender's exporter has written down the meshes by then
    and reads the bones alone, but every frame would wait for all skins."""
    skins = [modifier for thing in scene.objects if thing.type == "MESH" for modifier in thing.modifiers if modifier.type == "ARMATURE"]
    seen = [modifier.show_viewport for modifier in skins]

    def still(*_: Any) -> None:
        for modifier in skins:
            modifier.show_viewport = False

    bpy.app.handlers.frame_change_pre.append(still)
    try:
        yield
    finally:
        bpy.app.handlers.frame_change_pre.remove(still)
        for modifier, was in zip(skins, seen, strict=True):
            modifier.show_viewport = was
