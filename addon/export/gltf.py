"""glTF as one binary file (.glb), by Blender's own exporter."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np

from .. import keyframes
from .conform import Conformity, conformed
from .read_back import Contents, check_written
from .stage import call_exporter


def write(scene: bpy.types.Scene, armature: bpy.types.Object, path: Path, actions: Sequence[bpy.types.Action] = ()) -> None:
    """Writes the staged armature as nodes, sampled on every frame: the action that it plays, or each of `actions` as an animation."""
    played = list(actions) or [armature.animation_data.action if armature.animation_data else None]
    clips = len(played) > 1
    with conformed(scene, armature, played, Conformity()) as (copy, baked):
        if clips:
            keyframes.play(copy, None)
            for action in baked:
                keyframes.add_clip(copy, action, action.name)
        _export(scene, copy, path, "NLA_TRACKS" if clips else "ACTIVE_ACTIONS")
        wanted = Contents.of(scene, copy, baked)
    correct_times(path, scene.render.fps, scene.render.fps_base)
    check_written(path, wanted)


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


def correct_times(path: Path, fps: int, fps_base: float) -> None:
    """Gives an animation that was written at `fps` times `fps_base` the scene's rate, which is `fps` divided by it.

    Blender's exporter multiplies where it should divide (seen up to 4.5), so that 29.97 becomes 30.03. Which of the two was done
    shows in the times themselves: they are whole frames at one of the rates only.
    """
    rate, wrong = fps / fps_base, fps * fps_base
    content = bytearray(path.read_bytes())
    size = struct.unpack_from("<I", content, 12)[0]
    document, start = json.loads(content[20 : 20 + size]), 20 + size + 8
    inputs = sorted({sampler["input"] for animation in document.get("animations", ()) for sampler in animation["samplers"]})
    times = []
    for index in inputs:
        accessor = document["accessors"][index]
        offset = start + document["bufferViews"][accessor["bufferView"]].get("byteOffset", 0) + accessor.get("byteOffset", 0)
        times.append(np.frombuffer(content, "<f4", accessor["count"], offset))  # a view: what is written to it is in the content
    if not times or all(_unevenness(each, rate) <= _unevenness(each, wrong) for each in times):
        return
    for index, values in zip(inputs, times, strict=True):
        accessor = document["accessors"][index]
        values[:] = values.astype(np.float64) * (wrong / rate)
        accessor["min"], accessor["max"] = [float(values.min())], [float(values.max())]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    rest = bytes(content[20 + size :])
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest)) + struct.pack("<I4s", len(text), b"JSON") + text + rest)


def _unevenness(times: np.ndarray, rate: float) -> float:
    """How far, in frames, the times are from whole frames at this rate."""
    frames = times.astype(np.float64) * rate
    return float(np.abs(frames - np.round(frames)).max())
