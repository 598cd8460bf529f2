"""glTF as one binary file (.glb), by Blender's own exporter."""

from __future__ import annotations

from pathlib import Path

import bpy

from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path) -> None:
    """Writes the staged armature as nodes and its action as one animation, sampled on every frame."""
    call_exporter(
        bpy.ops.export_scene.gltf,
        scene,
        armature,
        path,
        export_format="GLB",
        use_selection=True,
        use_active_scene=True,
        export_yup=True,
        export_animations=True,
        export_animation_mode="ACTIVE_ACTIONS",
        export_force_sampling=True,
        export_frame_step=1,
        export_optimize_animation_size=False,  # keeps keys that repeat the one before
        export_optimize_animation_keep_anim_armature=True,
        export_anim_single_armature=False,
        export_reset_pose_bones=True,
        export_rest_position_armature=True,
        export_cameras=False,
        export_lights=False,
        export_extras=False,
    )
