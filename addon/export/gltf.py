"""glTF as one binary file (.glb), by Blender's own exporter."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import bpy

from .. import keyframes
from .conform import Conformity, conformed
from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path, actions: Sequence[bpy.types.Action] = ()) -> None:
    """Writes the staged armature as nodes, sampled on every frame: the action that it plays, or each of `actions` as an animation."""
    clips = len(actions) > 1
    with contextlib.ExitStack() as stack:
        if clips:
            armature, baked = stack.enter_context(conformed(scene, armature, actions, Conformity()))
            keyframes.play(armature, None)
            for action in baked:
                keyframes.add_clip(armature, action, action.name)
        _export(scene, armature, path, "NLA_TRACKS" if clips else "ACTIVE_ACTIONS")


def _export(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path, mode: str) -> None:
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
        export_animation_mode=mode,
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
