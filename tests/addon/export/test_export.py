"""Outputs: checked before any work, written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import bpy
import pytest
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.export import check_outputs, copy_motion, export_armature, written_beside
from kinolift_extension.contract.failure import Failure


def test_paths_are_absolute_and_case_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_outputs([Path("A.FBX"), Path("b.npz")]) == [tmp_path / "A.FBX", tmp_path / "b.npz"]
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "take.fbx"
    path.write_text("old")
    with pytest.raises(Failure, match="The disk is full") as raised, written_beside(path) as beside:
        beside.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.code == "disk_full"
    assert path.read_text() == "old" and [entry.name for entry in tmp_path.iterdir()] == ["take.fbx"]


def test_copy_motion(tmp_path):
    source = tmp_path / "a.npz"
    source.write_bytes(b"motion")
    copy_motion(source, tmp_path / "b.npz")
    assert (tmp_path / "b.npz").read_bytes() == b"motion"
    with pytest.raises(Failure) as raised:
        copy_motion(source, tmp_path / "no" / "b.npz")
    assert raised.value.code == "not_writable"


def test_an_exporter_that_fails_leaves_nothing(make_motion, tmp_path, monkeypatch):
    armature = place_motion(make_motion(frames=3), bpy.context.scene, "Take", Placement()).armature
    from io_scene_fbx import export_fbx_bin

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export_fbx_bin, "save", full)
    with pytest.raises(Failure) as raised:
        export_armature(armature, tmp_path / "take.fbx")
    assert raised.value.code == "disk_full" and raised.value.message.startswith("The disk is full: take.fbx was not written")
    assert list(tmp_path.iterdir()) == [] and len(bpy.data.scenes) == 1


def test_ctrl_c_in_an_exporter_is_ctrl_c(make_motion, tmp_path, monkeypatch):
    armature = place_motion(make_motion(frames=3), bpy.context.scene, "Take", Placement()).armature
    from io_scene_fbx import export_fbx_bin

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(export_fbx_bin, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_armature(armature, tmp_path / "take.fbx")
    assert list(tmp_path.iterdir()) == [] and len(bpy.data.scenes) == 1


def test_an_exporter_that_is_switched_off(make_motion, tmp_path):
    import addon_utils

    armature = place_motion(make_motion(frames=3), bpy.context.scene, "Take", Placement()).armature
    addon_utils.disable("io_scene_fbx")
    try:
        with pytest.raises(Failure) as raised:
            export_armature(armature, tmp_path / "take.fbx")
    finally:
        addon_utils.enable("io_scene_fbx")
    assert raised.value.message == "Blender's own FBX exporter is switched off; enable it in Edit > Preferences > Add-ons."
    assert list(tmp_path.iterdir()) == []
