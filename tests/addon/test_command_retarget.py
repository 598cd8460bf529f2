"""`retarget` as a command, in this process: pairs, folders, failures of one that leave the others, exit codes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.armature import build_armature
from kinolift_extension.addon.command_line import main
from kinolift_extension.contract.motion_file import save_motion


@pytest.fixture
def files(make_motion, tmp_path):
    """walk.npz, run.npz, and hero.blend with our own armature and a mesh on it, in an empty scene."""
    motion = make_motion(20)
    save_motion(motion, tmp_path / "walk.npz")
    save_motion(make_motion(12, seed=4), tmp_path / "run.npz")
    hero = build_armature(motion, "Hero", bpy.context.scene.collection)
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata([(0, 0, 0), (0.1, 0, 0), (0, 0.1, 1)], [], [(0, 1, 2)])
    body = bpy.data.objects.new("Body", mesh)
    body.parent = hero
    body.modifiers.new("Armature", "ARMATURE").object = hero
    body.vertex_groups.new(name="hips").add([0, 1, 2], 1.0, "REPLACE")
    bpy.context.scene.collection.objects.link(body)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "hero.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return tmp_path


def _read(path):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    return armature


def test_one_pair_with_the_mesh_and_nothing_left_behind(files, capsys):
    scenes = set(bpy.data.scenes)
    out = files / "out.fbx"
    assert main(["retarget", str(files / "walk.npz"), "--rig", str(files / "hero.blend"), "-o", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"Wrote {out}" and said[1].startswith("walk on Hero: 20 frames, ")
    assert set(bpy.data.scenes) == scenes and not bpy.data.armatures and not bpy.data.actions and not bpy.data.meshes
    armature = _read(out)
    assert any(thing.type == "MESH" for thing in bpy.data.objects)
    assert np.diff(armature.animation_data.action.frame_range) == pytest.approx(19)


def test_pairs_into_a_folder_and_a_failure_of_one(files, capsys):
    (files / "bad.npz").write_bytes(b"no motion")
    rigs = files / "rigs"
    rigs.mkdir()
    (files / "hero.blend").rename(rigs / "hero.blend")
    (rigs / "broken.glb").write_bytes(b"glTF nonsense")
    code = main(["retarget", str(files), "--rig", str(rigs), "-o", str(files / "out"), "--format", "bvh"])
    out, err = capsys.readouterr()
    assert code == 3
    assert sorted(path.name for path in (files / "out").iterdir()) == ["hero_run.bvh", "hero_walk.bvh"]
    assert "Error: bad.npz on hero.blend:" in err and "Error: broken.glb: Blender cannot read broken.glb" in err and "Traceback" not in err
    assert out.splitlines()[-1] == "2 of 6 written."


def test_which_armature(files, make_motion, capsys):
    motion = make_motion(5)
    for name in ("One", "Two"):
        build_armature(motion, name, bpy.context.scene.collection)
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "two.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "none.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    words = ["retarget", str(files / "run.npz"), "-o", str(files / "a.glb"), "--rig"]
    assert main([*words, str(files / "two.blend")]) == 3
    assert "two.blend holds 2 armatures (One, Two); choose one with --armature NAME." in capsys.readouterr().err
    assert main([*words, str(files / "two.blend"), "--armature", "Three"]) == 3
    assert "There is no armature 'Three' in two.blend, only One, Two" in capsys.readouterr().err
    assert main([*words, str(files / "none.blend")]) == 3
    assert "There is no armature in none.blend" in capsys.readouterr().err
    assert main([*words, str(files / "two.blend"), "--armature", "Two"]) == 0
    assert (files / "a.glb").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["walk.npz", "--rig", "no.fbx", "-o", "a.fbx"], 3, "Error: There is no rig file {tmp}/no.fbx; check the path."),
        (["no.npz", "--rig", "hero.blend", "-o", "a.fbx"], 3, "Error: There is no motion file {tmp}/no.npz; check the path."),
        (["walk.npz", "run.npz", "--rig", "hero.blend", "-o", "a.fbx"], 2,
         "Error: 2 motions on 1 rigs do not go into the one file a.fbx; name a folder for -o."),
        (["walk.npz", "--rig", "hero.blend", "-o", "a.obj"], 2,
         "Error: {tmp}/a.obj: '.obj' is not a kind of file that can be written; use one of .fbx, .bvh, .glb, .usd, .blend."),
    ],
)  # fmt: skip
def test_bad_arguments_before_any_work(words, code, sentence, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert main(["retarget", *words]) == code
    assert capsys.readouterr().err.strip() == sentence.format(tmp=files)
    assert sorted(entry.name for entry in files.iterdir()) == ["hero.blend", "run.npz", "walk.npz"]


@pytest.mark.parametrize("name", ["mixamo.fbx", "game_engine.fbx", "mixamo_unity.glb"])
def test_real_rigs(files, shared, name, capsys):
    out = files / "out.fbx"
    rig = shared / "data" / "rigs" / name
    assert main(["retarget", str(files / "run.npz"), "--rig", str(rig), "-o", str(out), "--simplify", "0.2"]) == 0
    armature = _read(out)
    assert np.diff(armature.animation_data.action.frame_range) == pytest.approx(11)
