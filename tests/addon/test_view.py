"""What is shown of a take: selected, at its first frame, with nothing in the way that nobody put there."""

from __future__ import annotations

import bpy
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.view import default_cube, largest_view, show_take


def startup():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    return bpy.data.objects["Cube"]


def test_blenders_own_cube_is_hidden_and_told(make_motion):
    cube = startup()
    scene = bpy.context.scene
    assert default_cube(scene) == cube
    take = place_motion(make_motion(numbers=[4, 5, 6]), scene, "Walk", Placement(scene_fps="auto"))
    assert default_cube(scene) is None  # somebody works here already
    (note,) = show_take(bpy.context, take, cube)
    assert cube.hide_get() and not cube.hide_render and note.startswith("Cube, with which Blender starts, is hidden")
    assert bpy.context.object == take.armature and scene.frame_current == 5
    assert [thing for thing in bpy.context.selected_objects] == [take.armature]


def test_a_cube_that_somebody_touched_is_not_blenders_any_more():
    for touch in (
        lambda cube: setattr(cube, "location", (1, 0, 0)),
        lambda cube: setattr(cube.data.vertices[0].co, "x", 3.0),
        lambda cube: cube.modifiers.new("Soft", "SUBSURF"),
        lambda cube: cube.keyframe_insert("location"),
        lambda cube: setattr(cube, "name", "Crate"),
    ):
        cube = startup()
        touch(cube)
        bpy.context.view_layer.update()
        assert default_cube(bpy.context.scene) is None


def test_without_a_window_there_is_no_view():
    assert largest_view(None) is None and largest_view(bpy.context.window) is None
