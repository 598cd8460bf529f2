"""`retarget` as a command, in this process: pairs, folders, failures of one that leave the others, exit codes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import keyframes
from kinolift_extension.addon import quaternions as q
from kinolift_extension.addon.armature import build_armature
from kinolift_extension.addon.bones import bones_of
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.command_retarget import plan
from kinolift_extension.addon.retarget.heading import heading
from kinolift_extension.contract.motion_file import save_motion
from kinolift_readers import blenders, compare, glb, motions_own

sys.path.insert(0, str(Path(__file__).parent / "retarget"))
import rigify_rigs
from rigs import DOG, PERSON, build, mirrored


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
         "Error: 2 motions on 1 rigs do not go into the one file a.fbx; name a folder for -o, or add --clips."),
        (["walk.npz", "run.npz", "--clips", "--rig", "hero.blend", "--rig", "hero.blend", "-o", "a.bvh"], 2,
         "Error: A .bvh file holds one take; write .fbx or .glb or .blend, or a file for each take."),
        (["walk.npz", "more/walk.npz", "--clips", "--rig", "hero.blend", "-o", "a.fbx"], 2,
         "Error: Several motions are named walk, and clips of one file need names of their own; rename one."),
        (["walk.npz", "--rig", "hero.blend", "-o", "a.obj"], 2,
         "Error: {tmp}/a.obj: '.obj' is not a kind of file that can be written; use one of .fbx, .bvh, .glb, .usd, .blend."),
    ],
)  # fmt: skip
def test_bad_arguments_before_any_work(words, code, sentence, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    (files / "more").mkdir()
    shutil.copy("walk.npz", "more")
    assert main(["retarget", *words]) == code
    assert capsys.readouterr().err.strip() == sentence.format(tmp=files)
    assert sorted(entry.name for entry in files.iterdir()) == ["hero.blend", "more", "run.npz", "walk.npz"]


@pytest.mark.parametrize("how", ["the same", "relative", "link", "folder"])
def test_a_rig_is_never_written_over(files, monkeypatch, capsys, how):
    """`--rig hero.blend -o hero.blend` left a file without all that is not armature, mesh or take."""
    monkeypatch.chdir(files)
    hero = files / "hero.blend"
    output = {"the same": str(hero), "relative": "hero.blend", "link": "other.blend", "folder": str(files)}[how]
    if how == "link":
        (files / "other.blend").symlink_to("hero.blend")
    if how == "folder":
        hero.rename(files / "hero_walk.blend")
        hero.symlink_to("hero_walk.blend")
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    assert main(["retarget", "walk.npz", "--rig", "hero.blend", "-o", output, "--format", "blend", "--overwrite"]) == 2
    out, err = capsys.readouterr()
    assert "is an input" in err and "Wrote" not in out
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


def test_a_file_of_somebody_else_stays(files, capsys):
    (files / "a.fbx").write_text("made by hand")
    words = ["retarget", str(files / "walk.npz"), "--rig", str(files / "hero.blend"), "-o", str(files / "a.fbx")]
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err and (files / "a.fbx").read_text() == "made by hand"
    assert main([*words, "--overwrite"]) == 0 and (files / "a.fbx").stat().st_size > 10_000


NTSC = 30000 / 1001


@pytest.fixture
def clips(files, make_motion):
    """Two motions of 29.97 frames a second and different length, and the truth of each: {name: Reading}."""
    truths = {}
    for name, frames, seed in (("stroll", 20, 1), ("dash", 33, 4)):
        motion = make_motion(frames, fps=NTSC, seed=seed)
        save_motion(motion, files / f"{name}.npz")
        truths[name] = motions_own(motion, bones_of(motion.joint_names, motion.parents, motion.rest_offsets))
    return truths


def write_clips(files, *words, more=()):
    motions = [str(files / f"{name}.npz") for name in ("stroll", "dash", *more)]
    return main(["retarget", *motions, "--clips", "--rig", str(files / "hero.blend"), *words])


def fbx_spans(path):
    """{clip: (first, last)} in seconds, straight from the file's nodes."""
    from io_scene_fbx import parse_fbx

    root, _ = parse_fbx.parse(str(path))
    (objects,) = (node for node in root.elems if node.id == b"Objects")
    spans = {}
    for stack in (node for node in objects.elems if node.id == b"AnimationStack"):
        (properties,) = (node for node in stack.elems if node.id == b"Properties70")
        values = {each.props[0]: each.props[4] for each in properties.elems}
        ends = values.get(b"LocalStart", 0), values[b"LocalStop"]  # 0 goes without saying
        spans[stack.props[1].split(b"\x00")[0].decode()] = tuple(ticks / 46186158000 for ticks in ends)
    return spans


def test_clips_in_one_fbx(files, clips, capsys):
    out = files / "hero.fbx"
    assert write_clips(files, "-o", str(out)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"Wrote {out}" and said[1].startswith("stroll on Hero: 20 frames") and said[-1] == "2 of 2 written."
    assert not bpy.data.actions and not bpy.data.armatures
    assert fbx_spans(out) == {
        name: pytest.approx((0, (len(truth.positions) - 1) / NTSC), abs=1e-6) for name, truth in clips.items()
    }  # fmt: skip
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.fbx_import(filepath=str(out))
    (read,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert sorted(action.name for action in bpy.data.actions) == ["dash", "stroll"]
    for track in read.animation_data.nla_tracks:
        track.mute = True
    for name, truth in clips.items():
        action = bpy.data.actions[name]
        keyframes.play(read, action)
        frames = sorted({point.co[0] for curve in keyframes.curves_of(read) for point in curve.keyframe_points})
        assert len(frames) == len(truth.positions)
        reading = blenders(read, frames)
        assert reading.fps == pytest.approx(NTSC, rel=1e-6)
        millimetres, degrees = compare(truth, reading)
        assert millimetres < 1 and degrees < 0.1, name


def test_clips_in_one_glb(files, clips):
    import pygltflib

    out = files / "hero.glb"
    assert write_clips(files, "-o", str(out), "--no-mesh") == 0
    names = [animation.name for animation in pygltflib.GLTF2().load(str(out)).animations]
    assert sorted(names) == ["dash", "stroll"]
    for name, truth in clips.items():
        reading = glb(out, names.index(name))
        assert reading.positions.shape[0] == len(truth.positions) and reading.fps == pytest.approx(NTSC, rel=1e-6)
        millimetres, degrees = compare(truth, reading)
        assert millimetres < 1 and degrees < 0.1, name


def test_clips_are_actions_of_a_blend(files, clips):
    out = files / "all.blend"
    assert write_clips(files, "-o", str(out)) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    hero = bpy.data.objects["Hero"]
    assert hero.animation_data.action.name == "stroll" and sorted(action.name for action in bpy.data.actions) == ["dash", "stroll"]
    assert bpy.context.scene.render.fps == 30 and bpy.context.scene.render.fps_base == pytest.approx(1.001)
    for name, truth in clips.items():
        keyframes.play(hero, bpy.data.actions[name])
        millimetres, degrees = compare(truth, blenders(hero, range(len(truth.positions))))
        assert millimetres < 1 and degrees < 0.1, name


def test_clips_of_several_rigs_are_a_file_each(files, clips):
    rigs = files / "rigs"
    rigs.mkdir()
    for name in ("hero.blend", "hero.glb", "twin.fbx"):
        (rigs / name).touch()
    motions = [files / "stroll.npz", files / "dash.npz"]
    jobs = plan(motions, [rigs], files / "out", ".glb", clips=True)
    assert [(job.rig.name, job.output.name) for job in jobs] == [
        ("hero.blend", "hero_blend.glb"), ("hero.glb", "hero_glb.glb"), ("twin.fbx", "twin_fbx.glb"),
    ]  # fmt: skip
    assert all(job.motions == tuple(motions) for job in jobs)


def test_clips_leave_out_what_cannot_be_put_on_the_rig(files, clips, capsys):
    """walk.npz has another rate and bad.npz is no motion: both are told, the others are in the file."""
    (files / "bad.npz").write_bytes(b"no motion")
    out = files / "hero.fbx"
    assert write_clips(files, "-o", str(out), more=("bad", "walk")) == 3
    said, err = capsys.readouterr()
    assert "Error: bad.npz on hero.blend: " in err
    assert "Error: walk.npz on hero.blend: It has 30 frames a second and the clip before it 29.97, which one file cannot hold" in err
    assert said.splitlines()[-1] == "2 of 4 written." and sorted(fbx_spans(out)) == ["dash", "stroll"]


def test_clips_keep_their_names_beside_the_rig_s_own_actions(files, clips):
    bpy.ops.wm.open_mainfile(filepath=str(files / "hero.blend"))
    hero = bpy.data.objects["Hero"]
    own = bpy.data.actions.new("stroll")
    hero.animation_data_create().action = own
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "open.blend"))
    out = files / "hero.fbx"
    assert write_clips(files, "-o", str(out), "--quiet") == 0
    assert sorted(fbx_spans(out)) == ["dash", "stroll"]
    assert [action.name for action in bpy.data.actions] == ["stroll"] and hero.animation_data.action == own


def _dog(rig):
    bpy.data.objects.remove(rig)
    build(mirrored(DOG), "Dog")


def _no_legs(rig):
    bpy.data.objects.remove(rig)
    build(mirrored([row for row in PERSON if row[0][:2] not in ("l1", "l2", "l3", "l4")]), "Ghost")


def _uneven(rig):
    rig.scale = (1.0, 1.0, 1.3)


def _animated_parent(rig):
    cart = bpy.data.objects.new("Cart", None)
    bpy.context.scene.collection.objects.link(cart)
    cart.keyframe_insert("location", frame=1)
    cart.location = (1.0, 0.0, 0.0)
    cart.keyframe_insert("location", frame=9)
    rig.parent = cart


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_dog, "Dog stands on all fours in its rest pose; Kinolift needs a body with two legs and two arms."),
        (_no_legs, "Ghost has no legs that could be found: no mirrored pair of chains with thigh, shin and foot; "),
        (_uneven, "Hero or a parent of it is scaled unevenly (1, 1, 1.3) or mirrored; apply the scale first."),
        (_animated_parent, "Cart, which carries Hero, is animated; clear its animation or the parenting first."),
    ],
)  # fmt: skip
def test_rigs_of_files_that_cannot_be_used(files, spoil, sentence, capsys):
    """Read from a real file, one sentence each, exit code 3, nothing written; the other rig of the call is done all the same."""
    bpy.ops.wm.open_mainfile(filepath=str(files / "hero.blend"))
    spoil(bpy.data.objects["Hero"])
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "bad.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    capsys.readouterr()
    rigs = ["--rig", str(files / "bad.blend"), "--rig", str(files / "hero.blend")]
    assert main(["retarget", str(files / "walk.npz"), *rigs, "-o", str(files / "out"), "--format", "bvh"]) == 3
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith(f"Error: walk.npz on bad.blend: {sentence}")
    assert [path.name for path in (files / "out").iterdir()] == ["hero_walk.bvh"] and out.splitlines()[-1] == "1 of 2 written."


def test_a_preset_of_ones_own_whose_bones_are_not_there(files, capsys):
    names = {"hips": "hips", "upper_arm.L": "Oberarm_L", "upper_arm.R": "upper_arm.R", "forearm.L": "forearm.L", "forearm.R": "forearm.R"}
    legs = {f"{part}.{side}": f"{part}.{side}" for part in ("thigh", "shin", "foot") for side in "LR"}
    preset = files / "mine.json"
    preset.write_text(json.dumps({"schema": "kinolift.rig/1", "title": "Mine", "bones": names | legs | {"head": "Kopf"}}))
    words = ["retarget", str(files / "walk.npz"), "--rig", str(files / "hero.blend"), "-o", str(files / "out.fbx"), "--preset"]
    assert main([*words, str(preset)]) == 3
    sentence = "Hero lacks bones that the preset Mine names: Oberarm_L, Kopf; use another preset or auto."
    assert capsys.readouterr().err.strip() == f"Error: walk.npz on hero.blend: {sentence}"
    assert main([*words, "mixamo"]) == 3
    assert "Hero lacks bones that the preset Mixamo names: " in capsys.readouterr().err
    assert main([*words, "max"]) == 2
    assert "There is no preset 'max'; use auto, structure, " in capsys.readouterr().err
    preset.write_text("{")
    assert main([*words, str(preset)]) == 3
    assert "mine.json is not a preset that can be read" in capsys.readouterr().err
    assert not (files / "out.fbx").exists()


def test_a_motion_file_of_another_schema(files, capsys):
    with np.load(files / "walk.npz", allow_pickle=False) as arrays:
        np.savez(files / "later.npz", **{**arrays, "schema": np.array("kinolift.motion/9")})
    words = ["retarget", str(files / "later.npz"), "--rig", str(files / "hero.blend"), "-o", str(files / "out.fbx")]
    assert main(words) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: later.npz on hero.blend: ") and "kinolift.motion/9" in line
    assert not (files / "out.fbx").exists()


@pytest.mark.parametrize("name", ["mixamo.fbx", "game_engine.fbx", "mixamo_unity.glb"])
def test_real_rigs(files, shared, name, capsys):
    out = files / "out.fbx"
    rig = shared / "data" / "rigs" / name
    assert main(["retarget", str(files / "run.npz"), "--rig", str(rig), "-o", str(out), "--simplify", "0.2"]) == 0
    armature = _read(out)
    assert np.diff(armature.animation_data.action.frame_range) == pytest.approx(11)


def test_a_rigify_rig_for_unreal_with_ik_controls_and_a_heading(make_motion, tmp_path, capsys):
    """The file has the rig's own root bone, which carries path and heading, and above all else only bones that deform."""
    motion = make_motion(24)
    save_motion(motion, tmp_path / "walk.npz")
    rigify = rigify_rigs.save_rig(tmp_path / "rigify.blend")
    out = tmp_path / "out.fbx"
    kinds = ("objects", "actions", "meshes", "armatures", "texts", "collections", "scenes")
    before = [len(getattr(bpy.data, kind)) for kind in kinds]
    words = ["retarget", str(tmp_path / "walk.npz"), "--rig", str(rigify), "-o", str(out), "--fbx-preset", "unreal", "--feet", "never"]
    assert main([*words, "--ik", "--root-heading"]) == 0
    assert not capsys.readouterr().err and [len(getattr(bpy.data, kind)) for kind in kinds] == before
    bpy.ops.wm.fbx_import(filepath=str(out))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    bones = armature.data.bones
    assert [bone.name for bone in bones if bone.parent is None] == ["root"]
    assert not [bone.name for bone in bones if bone.name.startswith("MCH-") or "_ik" in bone.name]
    assert bones["DEF-thigh.L"].parent.name == "DEF-spine" and bones["DEF-upper_arm.R"].parent.name == "DEF-shoulder.R"
    names = [str(name) for name in motion.joint_names]
    facing = heading(*(turned(motion, names.index(joint)) for joint in ("pelvis", "chest")))
    for frame in (0, 7, 23):
        bpy.context.scene.frame_set(frame + 1)
        world = {bone: armature.matrix_world @ armature.pose.bones[bone].matrix for bone in ("root", "DEF-shin.L", "DEF-foot.L")}
        forward = np.array(world["root"])[:3, 1]
        assert np.arctan2(-forward[0], forward[1]) - facing[frame] == pytest.approx(0, abs=1e-3)
        assert np.array(world["root"])[2, 3] == pytest.approx(0, abs=1e-4)
        shin = np.array(world["DEF-foot.L"].translation - world["DEF-shin.L"].translation)
        true = np.diff(motion.positions_world[frame, [names.index("knee.L"), names.index("ankle.L")]], axis=0)[0]
        assert shin @ true / np.linalg.norm(shin) / np.linalg.norm(true) == pytest.approx(1, abs=1e-5)


def turned(motion, joint):
    """(T,4) the world turns of a joint."""
    turn = motion.rotations[:, joint].astype(float)
    while (joint := int(motion.parents[joint])) >= 0:
        turn = q.multiply(motion.rotations[:, joint].astype(float), turn)
    return turn


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--ik"], 3, "has no known IK control for hand.L, foot.L, hand.R, foot.R; leave out --ik, or name them in a preset."),
        (["--root-heading"], 3, "Hero has no root bone; leave out --root-heading."),
        (["--root-heading", "--root-bone", "hips"], 2, "--root-heading turns the root bone, and --root-bone hips leaves it still"),
    ],
)
def test_what_a_rig_cannot_be_given(files, words, code, sentence, capsys):
    out = files / "out.fbx"
    assert main(["retarget", str(files / "walk.npz"), "--rig", str(files / "hero.blend"), "-o", str(out), *words]) == code
    assert sentence in capsys.readouterr().err and not out.exists()
