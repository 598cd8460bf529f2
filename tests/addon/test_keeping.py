"""A take keeps its motion in the .blend: nothing but the saved file is needed after a restart."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.armature import RECORD
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import DETECTION, MOTION, detection_of, keep, keep_detection, motion_of, record_of
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.motion_file import save_motion


def test_after_saving_and_opening_it_is_still_there(make_motion, tmp_path):
    motion = make_motion(frames=20)
    take = place_motion(motion, bpy.context.scene, "Walk", Placement(scene_fps="auto", start=7), tmp_path / "walk.mp4").armature
    (tmp_path / "seen.npz").write_bytes(b"\x00what was seen\xff")
    keep_detection(take, tmp_path / "seen.npz")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "walk.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "walk.blend"))
    take = bpy.data.objects["Walk"]
    np.testing.assert_allclose(motion_of(take).positions_world, motion.positions_world, atol=3e-4)
    assert detection_of(take) == b"\x00what was seen\xff"
    assert record_of(take)["video"] == str(tmp_path / "walk.mp4") and record_of(take)["start"] == 7


def test_it_is_the_motion_at_its_own_rate_and_in_metres(make_motion):
    scene = bpy.context.scene
    scene.render.fps, scene.unit_settings.scale_length = 24, 0.01
    take = place_motion(make_motion(frames=30, fps=30.0), scene, "Walk", Placement())
    kept = motion_of(take.armature)
    assert len(kept) == 30 and kept.fps == 30 and 0.3 < kept.rest_offsets[kept.joint("knee.L"), 2] * -1 < 0.5


def test_what_is_appended_to_another_file_takes_it_along(make_motion, tmp_path):
    place_motion(make_motion(frames=5), bpy.context.scene, "Walk", Placement())
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "walk.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "walk.blend"), link=True) as (_, wanted):
        wanted.objects = ["Walk"]
    assert len(motion_of(wanted.objects[0])) == 5


def test_takes_of_early_versions_and_damaged_ones_are_told(make_motion, tmp_path):
    motion = make_motion(frames=6)
    take = place_motion(motion, bpy.context.scene, "Walk", Placement()).armature
    del take.data[MOTION]
    with pytest.raises(Failure, match="kept no motion in the file; capture its video again"):
        motion_of(take)
    save_motion(motion, tmp_path / "kept.npz")
    take[RECORD] = json.dumps({"motion": str(tmp_path / "kept.npz")})
    assert len(motion_of(take)) == 6
    with pytest.raises(Failure, match="without what was detected"):
        detection_of(take)
    keep_detection(take, tmp_path / "none.npz")
    assert DETECTION not in take.data
    take.data[MOTION] = b"rubbish"
    with pytest.raises(Failure, match="Walk is not a take with a motion that can be read"):
        motion_of(take)
    take[RECORD] = "[]"
    assert record_of(take) == {}


def test_what_is_kept_again_is_whole(make_motion, tmp_path):
    """Blender itself cuts bytes off at a 0 where they replace others."""
    take = place_motion(make_motion(frames=5), bpy.context.scene, "Walk", Placement()).armature
    for seen in (b"first", b"sec\x00ond, longer"):
        (tmp_path / "seen.npz").write_bytes(seen)
        keep_detection(take, tmp_path / "seen.npz")
        assert detection_of(take) == seen
    keep(take, make_motion(frames=9))
    assert len(motion_of(take)) == 9
