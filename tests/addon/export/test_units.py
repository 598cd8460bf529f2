"""A person of 1.7 m is one in every file, whatever the scene's unit is."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.export import export_armature
from kinolift_extension.addon.export.options import ExportOptions


@pytest.mark.parametrize("kind", [".fbx", ".glb", ".bvh"])
def test_a_scene_in_centimetres_writes_metres(make_motion, tmp_path, kind):
    scene = bpy.context.scene
    motion = make_motion(frames=6)
    thigh = float(np.linalg.norm(motion.rest_offsets[motion.joint("knee.L")]))
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 0.01
    take = place_motion(motion, scene, "Walk", Placement("match"))
    assert take.armature.data.bones["thigh.L"].length == pytest.approx(100 * thigh, rel=1e-4)
    path = tmp_path / f"walk{kind}"
    export_armature(take.armature, path, options=ExportOptions())
    assert scene.unit_settings.scale_length == pytest.approx(0.01)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    if kind == ".fbx":
        bpy.ops.wm.fbx_import(filepath=str(path))
    elif kind == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
    else:
        bpy.ops.import_anim.bvh(filepath=str(path))
    (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    scale = float(np.mean(rig.matrix_world.to_scale()))
    apart = (rig.data.bones["thigh.L"].head_local - rig.data.bones["shin.L"].head_local).length
    assert apart * scale == pytest.approx(thigh, rel=2e-3)
