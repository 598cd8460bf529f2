"""What a person sees when a take is there: it is selected and framed, seen through its camera, and nothing stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import bpy

from .scene import has_animation

if TYPE_CHECKING:
    from .capture import Take

_CUBE_CORNERS: Final = {(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)}


def show_take(context: bpy.types.Context, take: Take, cube: bpy.types.Object | None = None, play: bool = False) -> list[str]:
    """Shows the take in the window, if there is one; `cube` is hidden. Returns what a person should know."""
    notes = []
    if cube is not None:
        cube.hide_set(True)
        notes.append(f"{cube.name}, with which Blender starts, is hidden; the eye in the outliner shows it again.")
    activate(take.armature)
    context.scene.frame_set(round(take.first_frame))
    area = largest_view(context.window)
    if area is not None:
        _frame(context, area, take)
        if play and not context.screen.is_animation_playing:
            bpy.ops.screen.animation_play()
    return notes


def default_cube(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The cube that Blender starts with, as nobody has touched it; None where there is none, or where the scene is in use already.

    Look before the take is built: what it adds is animation.
    """
    layer = bpy.context.view_layer
    cube = layer.objects.get("Cube")
    if cube is None or cube.type != "MESH" or cube.hide_get() or has_animation(scene):
        return None
    untouched = (
        {tuple(vertex.co) for vertex in cube.data.vertices} == _CUBE_CORNERS
        and cube.matrix_world.is_identity
        and not (cube.modifiers or cube.children or cube.parent)
    )
    return cube if untouched else None


def activate(armature: bpy.types.Object) -> None:
    """Selects the armature alone, as Blender's importers do, where a view layer shows it."""
    layer = bpy.context.view_layer
    layer.update()  # it does not know a new object before
    if armature.name not in layer.objects:
        return
    if bpy.context.mode == "OBJECT":
        for thing in layer.objects.selected:
            thing.select_set(False)
        layer.objects.active = armature
    armature.select_set(True)


def largest_view(window: bpy.types.Window | None) -> bpy.types.Area | None:
    """The 3D view with the most room; None where there is no window or none in it."""
    if window is None or bpy.app.background:
        return None
    return max((area for area in window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height, default=None)


def _frame(context: bpy.types.Context, area: bpy.types.Area, take: Take) -> None:
    """The person fills the view, and then it looks through the take's camera: whoever leaves that is where he wants to be."""
    region = next(each for each in area.regions if each.type == "WINDOW")
    with context.temp_override(window=context.window, area=area, region=region):
        bpy.ops.view3d.view_selected()
        if take.camera is not None and context.scene.camera == take.camera:
            area.spaces.active.region_3d.view_perspective = "CAMERA"
            bpy.ops.view3d.view_center_camera()
