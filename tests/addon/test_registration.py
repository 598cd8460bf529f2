"""Enabling and disabling leaves Blender as it was."""

from __future__ import annotations

import time

import bpy
from kinolift_extension import addon, register, unregister
from kinolift_extension.addon import panel, worker


def ours():
    names = {kind.__name__ for module in addon._modules() for kind in module.CLASSES}
    there = {name for name in names if getattr(bpy.types, name, None) is not None}
    there |= {name for name in ("Scene", "WindowManager") if hasattr(getattr(bpy.types, name), "kinolift")}
    there |= {name for name in dir(bpy.ops.kinolift)}
    return there


def test_twice_on_and_off_leaves_nothing():
    handlers = {
        name: list(getattr(bpy.app.handlers, name)) for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)
    }
    assert ours() == set()
    for _ in range(2):
        register()
        assert {"Scene", "WindowManager", "KINOLIFT_PT_main", "capture"} <= ours()
        unregister()
        assert ours() == set()
    for name, before in handlers.items():
        assert list(getattr(bpy.app.handlers, name)) == before, name


def test_the_command_is_taken_back():
    register()
    unregister()
    register()  # registering the same command twice would raise
    unregister()


def test_disabling_ends_the_workers(fake_python, tmp_path):
    from kinolift_extension.addon.capture import Capture
    from kinolift_extension.contract.options import CaptureOptions

    fake_python("killed")
    video = tmp_path / "clip.mp4"
    video.touch()
    register()
    capture = Capture(video, CaptureOptions())
    assert worker._alive
    unregister()
    assert not worker._alive
    until = time.monotonic() + 10
    while not capture.finished and time.monotonic() < until:
        capture.poll(0.05)  # what it said before it was ended
    assert capture.finished
    capture.close()


def test_the_panel_has_the_tab():
    register()
    try:
        assert panel.KINOLIFT_PT_main.bl_category == "Kinolift" and panel.KINOLIFT_PT_main.is_registered
    finally:
        unregister()
