"""What is done while a take is looked through, as scripts call it (execute)."""

from __future__ import annotations

import bpy
import pytest
from kinolift_extension import addon
from kinolift_extension.addon import worker
from kinolift_extension.addon.camera import camera_of
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import DETECTION, motion_of
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.refining import options_of


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


def unsure(first, last, reason):
    return {"first_frame": first, "last_frame": last, "start": first / 30, "end": (last + 1) / 30, "reason": reason}


def test_next_unsure_goes_from_one_to_the_next_and_round(make_motion):
    report = {"quality": {"unsure": [unsure(20, 25, "hidden"), unsure(5, 9, "fast")]}}
    scene = bpy.context.scene
    bpy.context.view_layer.objects.active = place_motion(make_motion(40, provenance=report), scene, "Walk", Placement("match")).armature
    scene.frame_set(1)
    seen = []
    for _ in range(3):
        assert bpy.ops.kinolift.next_unsure() == {"FINISHED"}
        seen.append(scene.frame_current)
    assert seen == [6, 21, 6]
    bpy.context.view_layer.objects.active = place_motion(make_motion(4), scene, "Sure", Placement()).armature
    assert bpy.ops.kinolift.next_unsure() == {"CANCELLED"}


def test_refine_again_keeps_the_take_and_what_was_not_named(fake_python, tmp_path):
    fake_python("fine", frames=20)
    (tmp_path / "clip.mp4").write_bytes(b"not looked at by the stand-in")
    bpy.ops.kinolift.capture(filepath=str(tmp_path / "clip.mp4"), height=1.8, feet="always")
    take = bpy.context.object
    assert take.data[DETECTION] == b"detected" and camera_of(take) is not None
    (tmp_path / "clip.mp4").unlink()  # nobody looks at it
    before = len(bpy.data.objects), len(bpy.data.actions), len(bpy.data.armatures)
    fake_python("fine", frames=12)
    assert bpy.ops.kinolift.refine(smooth=0.9) == {"FINISHED"}
    assert bpy.context.object == take and take.name == "clip"
    assert (len(bpy.data.objects), len(bpy.data.actions), len(bpy.data.armatures)) == before
    words = motion_of(take).provenance["words"]
    assert words[3].endswith("detection.npz") and words[words.index("--smooth") + 1] == "0.9"
    assert curves_of(take)[0].keyframe_points[-1].co[0] == 12 and take.data[DETECTION] == b"detected"
    assert not worker._alive and bpy.context.window_manager.kinolift.summary.startswith("12 frames")


@pytest.mark.parametrize(
    ("changed", "kept", "height"),
    [({"smooth": 0.9}, True, "1.62"), ({"height": 1.8}, True, "1.62"), ({"height": 1.7}, True, "1.7"), ({"fov": 40.0}, False, "1.62")],
)  # fmt: skip
def test_one_of_several_people_stays_in_their_world(fake_python, make_motion, changed, kept, height):
    """Asked for with 1.8 m for all of them, and found to be 1.62 m tall by the ground; the panel names all its settings every time."""
    fake_python("fine", frames=12)
    told = {"summary": {"world_of": 1, "person": 2, "stature": 1.62, "height_asked": 1.8}, "options": {"height": 1.62, "person": "2"}}
    take = place_motion(make_motion(12, provenance=told), bpy.context.scene, "Walk.person2", Placement()).armature
    take.data[DETECTION] = b"detected"
    bpy.context.view_layer.objects.active = take
    assert bpy.ops.kinolift.refine(**changed) == {"FINISHED"}
    words = motion_of(take).provenance["words"]
    assert ("--world" in words) == kept and words[words.index("--height") + 1] == height
    notes = [note.text for note in bpy.context.window_manager.kinolift.notes]
    assert any("a world of its own now" in note for note in notes) != kept


def test_the_options_of_a_take(make_motion):
    told = {"height": 1.8, "feet": "always", "smooth": "nonsense", "of_tomorrow": 3}
    take = place_motion(make_motion(3, provenance={"options": told}), bpy.context.scene, "Walk", Placement()).armature
    options = options_of(take)
    assert (options.height, options.feet, options.smooth) == (1.8, "always", 0.5)


def test_matching_the_rate_afterwards(make_motion):
    scene = bpy.context.scene
    scene.render.fps = 24
    take = place_motion(make_motion(31, fps=30.0), scene, "Walk", Placement("keep", start=10)).armature
    bpy.context.view_layer.objects.active = take
    assert bpy.ops.kinolift.match_rate() == {"FINISHED"}
    assert scene.render.fps == 30 and (scene.frame_start, scene.frame_end) == (10, 40)
    assert [point.co[0] for point in curves_of(take)[0].keyframe_points] == list(range(10, 41))


def test_take_and_action_become_assets(make_motion):
    bpy.context.view_layer.objects.active = take = place_motion(make_motion(3), bpy.context.scene, "Walk", Placement()).armature
    assert bpy.ops.kinolift.mark_asset() == {"FINISHED"}
    assert take.asset_data.tags[0].name == "Kinolift" and take.animation_data.action.asset_data is not None


def test_without_a_take_there_is_nothing_to_review():
    bpy.ops.object.armature_add()
    for name in ("next_unsure", "mark_unsure", "match_rate", "mark_asset", "refine", "refine_with_settings"):
        assert not getattr(bpy.ops.kinolift, name).poll()


def test_a_linked_take_is_looked_at_and_not_changed(make_motion, tmp_path):
    take = place_motion(make_motion(6), bpy.context.scene, "Walk", Placement()).armature
    take.data[DETECTION] = b"seen"
    bpy.data.libraries.write(str(tmp_path / "takes.blend"), {take})
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "takes.blend"), link=True) as (_, here):
        here.objects = ["Walk"]
    bpy.context.scene.collection.objects.link(here.objects[0])
    bpy.context.view_layer.objects.active = here.objects[0]
    able = {name: getattr(bpy.ops.kinolift, name).poll() for name in ("next_unsure", "refine", "match_rate", "mark_asset", "simplify")}
    assert able == {"next_unsure": True, "refine": False, "match_rate": False, "mark_asset": False, "simplify": False}
