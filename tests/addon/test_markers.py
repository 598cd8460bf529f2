from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
import pytest
from kinolift_extension import addon
from kinolift_extension.addon.capture import Placement, place_motion, quality_sentence
from kinolift_extension.addon.markers import clear_marks, mark_unsure, unsure_of


@pytest.fixture
def registered(blender: None) -> Iterator[None]:
    addon.register()
    yield
    addon.unregister()


def unsure(first: int, last: int, reason: str = "hidden") -> dict[str, object]:
    return {"first_frame": first, "last_frame": last, "start": first / 30, "end": (last + 1) / 30, "reason": reason}


def test_unsure_stretches_become_markers_at_the_scene_s_frames(make_motion):
    motion = make_motion(frames=60)
    numbers = motion.frame_numbers
    stretches = [unsure(int(numbers[10]), int(numbers[19])), unsure(int(numbers[40]), int(numbers[40]), "filled")]
    motion.provenance = {"quality": {"unsure": stretches}}
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = round(motion.fps * 2), 1.0
    other = scene.timeline_markers.new("mine", frame=3)
    take = place_motion(motion, scene, "Take", Placement(start=101))
    rate = scene.render.fps / motion.fps
    assert rate == 2
    expected = [(101 + rate * int(numbers[k]), 101 + rate * int(numbers[j])) for k, j in ((10, 19), (40, 40))]
    assert np.allclose([s[:2] for s in unsure_of(take.armature)], expected)
    for _ in range(2):  # again is not twice
        assert mark_unsure(scene, take.armature) == 2
        mine = [m for m in scene.timeline_markers if m != other]
        assert [m.frame for m in mine] == [round(v) for v in (*expected[0], expected[1][0])]
    assert "filled" in mine[2].name
    assert clear_marks(scene, take.armature) == 3
    assert [m.name for m in scene.timeline_markers] == ["mine"]


def test_the_operator_marks_and_undoes_in_one_step(make_motion, registered):
    motion = make_motion(frames=30)
    numbers = motion.frame_numbers
    motion.provenance = {"quality": {"unsure": [unsure(int(numbers[5]), int(numbers[9]))]}}
    take = place_motion(motion, bpy.context.scene, "Take", Placement())
    bpy.context.view_layer.objects.active = take.armature
    assert "UNDO" in bpy.types.KINOLIFT_OT_mark_unsure.bl_options
    assert bpy.ops.kinolift.mark_unsure() == {"FINISHED"}
    assert len(bpy.context.scene.timeline_markers) == 2


def test_where_to_look_in_the_sentence(make_motion):
    motion = make_motion(3)
    figures = {"reprojection_px": 4.25, "reprojection_percent": 1.5, "foot_slide_cm_s": 0.04, "under_ground_mm": 0, "acceleration": 3.21}
    motion.provenance = {"quality": figures | {"unsure": [unsure(30, 59, "filled")], "unsure_percent": 12.3}}
    assert quality_sentence(motion).endswith("Unsure of 12 % of the frames: 1.0-2.0 s (filled).")
    motion.provenance["quality"]["unsure"] = []
    assert quality_sentence(motion).endswith("Sure of every frame.")
