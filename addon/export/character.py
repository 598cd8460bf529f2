"""The meshes that belong to an armature: a character is exported with its body."""

from __future__ import annotations

import bpy


def meshes_of(armature: bpy.types.Object) -> list[bpy.types.Object]:
    """The meshes that the armature deforms or carries: an armature modifier names it, or it is a parent, however far up.

    Shapes that stand for bones on the screen (widgets) are not part of a body, nor is what is disabled in the viewport.
    Sorted by name, so that the same character gives the same file.
    """
    widgets = {pose_bone.custom_shape for pose_bone in armature.pose.bones}
    found = [
        thing
        for thing in bpy.data.objects
        if thing.type == "MESH" and thing not in widgets and not thing.hide_viewport
        if _deformed(thing, armature) or _carried(thing, armature)
    ]
    return sorted(found, key=lambda thing: thing.name)


def _deformed(thing: bpy.types.Object, armature: bpy.types.Object) -> bool:
    return any(modifier.type == "ARMATURE" and modifier.object == armature and modifier.show_viewport for modifier in thing.modifiers)


def _carried(thing: bpy.types.Object, armature: bpy.types.Object) -> bool:
    parent = thing.parent
    while parent is not None:
        if parent == armature:
            return True
        parent = parent.parent
    return False
