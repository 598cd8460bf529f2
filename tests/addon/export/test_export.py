"""Outputs: checked before any work, written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import bpy
import pytest
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.export import check_files, copy_motion, export_armature, export_takes
from kinolift_extension.contract.failure import Failure


def test_paths_are_absolute_and_case_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_files([Path("A.FBX"), Path("b.npz")]) == [tmp_path / "A.FBX", tmp_path / "b.npz"]
    assert list(tmp_path.iterdir()) == []


def test_what_blender_has_open_is_no_output(make_motion, tmp_path):
    """The open .blend, and the libraries that it reads: an operator or a script may not replace them any more than a command."""
    library = tmp_path / "library.blend"
    bpy.data.libraries.write(str(library), {bpy.data.objects.new("Prop", None)})
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.objects = list(there.objects)
    bpy.context.scene.collection.objects.link(bpy.data.objects["Prop", str(library)])
    place = tmp_path / "mine.blend"
    armature = place_motion(make_motion(frames=3), bpy.context.scene, "Take", Placement()).armature
    bpy.ops.wm.save_as_mainfile(filepath=str(place))
    (tmp_path / "link.blend").symlink_to(place)
    before = {path: path.read_bytes() for path in (place, library)}
    for path in (place, library, tmp_path / "link.blend"):
        with pytest.raises(Failure, match="is an input") as raised:
            export_armature(armature, path)
        assert raised.value.code == "bad_arguments"
        with pytest.raises(Failure, match="is an input"):
            export_takes(armature, [armature.animation_data.action], path, one_file=True)
    assert {path: path.read_bytes() for path in before} == before


def test_a_path_that_is_too_long_for_blender(tmp_path):
    folder = tmp_path
    while len(str(folder)) < 1000:
        folder = folder / ("d" * 100)
    folder.mkdir(parents=True)
    with pytest.raises(Failure, match="too long for Blender"):
        check_files([folder / "take.fbx"])
    assert check_files([folder / "take.npz"]) == [folder / "take.npz"]


@pytest.mark.parametrize("kind", [".fbx", ".bvh", ".glb", ".usd", ".blend"])
def test_the_longest_name_of_every_kind(make_motion, tmp_path, kind):
    armature = place_motion(make_motion(frames=3), bpy.context.scene, "Take", Placement()).armature
    path = tmp_path / ("n" * (255 - len(kind)) + kind)
    export_armature(armature, path)
    assert list(tmp_path.iterdir()) == [path] and path.stat().st_size > 1000


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
