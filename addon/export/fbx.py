"""FBX, by Blender's own exporter, with settings that lose nothing."""

from __future__ import annotations

from pathlib import Path

import bpy

from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path, preset: str = "blender") -> None:
    """Writes the staged armature and its action, a key on every frame of the scene's range."""
    call_exporter(
        bpy.ops.export_scene.fbx,
        scene,
        armature,
        path,
        use_selection=True,
        object_types={"ARMATURE", "MESH"},
        add_leaf_bones=False,  # the default adds a bone at the end of every limb that the user's rig does not have
        bake_anim=True,
        bake_anim_use_all_bones=True,
        bake_anim_use_nla_strips=False,  # the default exports every action in the file as a take of its own
        bake_anim_use_all_actions=False,
        bake_anim_force_startend_keying=True,
        bake_anim_step=1.0,
        bake_anim_simplify_factor=0.0,  # the default drops keys that it finds dull
        bake_space_transform=False,
        apply_scale_options="FBX_SCALE_ALL",  # the unit goes into the header; the default scales the armature by 100
        primary_bone_axis="Y",
        secondary_bone_axis="X",
        use_armature_deform_only=False,
        path_mode="COPY",  # with the next: pictures inside the file, which is all that arrives elsewhere
        embed_textures=True,
    )
