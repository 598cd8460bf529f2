"""No sentence outlives what it tells of."""

from __future__ import annotations

import bpy
import pytest
from kinolift_extension import addon


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


def test_undo_and_another_file_take_back_what_was_told():
    bpy.context.preferences.edit.use_global_undo = True
    status = bpy.context.window_manager.kinolift
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.ed.undo_push(message="after")
    status.tell("12 frames.", "Good.", ["A note."])
    bpy.ops.ed.undo()
    status = bpy.context.window_manager.kinolift
    assert (status.summary, status.quality, len(status.notes)) == ("", "", 0)
    status.error = "Nobody was found."
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert bpy.context.window_manager.kinolift.error == ""
