"""Every joint of every frame comes back within 1 mm and 0.1 degree, with every frame and the exact rate, in every kind of file.

`pytest -s` prints the table.
"""

from __future__ import annotations

import re

import bpy
import numpy as np
import pytest
from kinolift_characters import make_character
from kinolift_extension.addon import keyframes
from kinolift_extension.addon.bones import bones_of
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.export import export_armature, usd
from kinolift_extension.addon.export.options import ExportOptions
from kinolift_extension.addon.export.stage import stage
from kinolift_readers import READERS, blenders, compare, motions_own

FRAMES = 40
RATES = [24000 / 1001, 30000 / 1001, 25.0]


def judge(label, truth, reading, fps=None):
    millimetres, degrees = compare(truth, reading)
    rate = f"{reading.fps:.6f}" if fps is not None else "see the file's text"
    print(f"\n| {label} | {millimetres:.4f} mm | {degrees:.4f} deg | {len(reading.positions)} frames | {rate} fps |")
    assert millimetres < 1 and degrees < 0.1
    if fps is not None:
        assert reading.fps == pytest.approx(fps, rel=1e-6)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("kind", READERS)
def test_a_capture(make_motion, tmp_path, kind, fps):
    extension, read = READERS[kind]
    motion = make_motion(frames=FRAMES, fps=fps)
    path = tmp_path / f"take{extension}"
    export_armature(place_motion(motion, bpy.context.scene, "Take", Placement(scene_fps="match", start=0)).armature, path)
    truth = motions_own(motion, bones_of(motion.joint_names, motion.parents, motion.rest_offsets))
    if extension == ".usd":
        judge(f"{kind}, {fps:.3f}", plain(truth), plain(read(path)))
    else:
        judge(f"{kind}, {fps:.3f}", truth, read(path), fps)


@pytest.mark.parametrize("fps", RATES)
def test_the_rate_in_usd(make_motion, tmp_path, fps):
    motion = make_motion(frames=FRAMES, fps=fps)
    armature = place_motion(motion, bpy.context.scene, "Take", Placement(scene_fps="match", start=0)).armature
    with stage(armature) as scene:
        usd.write(scene, armature, tmp_path / "take.usda")
    text = (tmp_path / "take.usda").read_text()
    assert float(re.search(r"timeCodesPerSecond = ([\d.]+)", text)[1]) == pytest.approx(fps, rel=1e-6)
    assert float(re.search(r"startTimeCode = ([\d.]+)", text)[1]) == 0
    assert float(re.search(r"endTimeCode = ([\d.]+)", text)[1]) == FRAMES - 1
    samples = re.search(r"rotations\.timeSamples = \{(.*?)\n\s*\}", text, re.DOTALL)[1]
    assert len(re.findall(r"^\s*[\d.]+:", samples, re.MULTILINE)) == FRAMES


@pytest.mark.parametrize("preset", ["unreal", "unity"])
@pytest.mark.parametrize("fps", RATES[:2])
def test_presets(make_motion, tmp_path, preset, fps):
    motion = make_motion(frames=FRAMES, fps=fps)
    path = tmp_path / "take.fbx"
    export_armature(make_character(motion), path, options=ExportOptions(fbx_preset=preset))
    truth = motions_own(motion, bones_of(motion.joint_names, motion.parents, motion.rest_offsets))
    for kind in ("fbx, C++ importer", "fbx, Python importer"):
        judge(f"{kind}, {preset}, {fps:.3f}", truth, READERS[kind][1](path), fps)


@pytest.mark.parametrize(
    ("source", "preset"), [("humans/adult_f.glb", "blender"), ("humans/teen.glb", "unreal"), ("rigs/mixamo.fbx", "unity")]
)
@pytest.mark.parametrize("kind", READERS)
def test_other_peoples_rigs(shared, tmp_path, kind, source, preset):
    """Rigs with bodies that others made, every bone swinging, at 29.97."""
    extension, read = READERS[kind]
    path = shared / "data" / source
    if not path.is_file():
        pytest.skip(f"{source} is not in shared/data")
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
    else:
        bpy.ops.wm.fbx_import(filepath=str(path))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.001
    swing(armature, 20)
    truth = blenders(armature, range(20))
    target = tmp_path / f"rig{extension}"
    export_armature(armature, target, options=ExportOptions(fbx_preset=preset))
    reading = read(target)
    judge(f"{kind}, {source}, {preset}", plain(truth) if extension == ".usd" else truth, plain(reading) if extension == ".usd" else reading)
    assert len(reading.positions) == 20


def plain(reading):
    """USD's names have letters, digits and low lines only."""
    return type(reading)(reading.fps, tuple(re.sub(r"\W", "_", name) for name in reading.names), reading.positions, reading.turns)


def swing(armature, count):
    generator, frames = np.random.default_rng(0), np.arange(float(count))
    curves = keyframes.new_action(armature, "Swing")
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
        axis = generator.normal(size=3)
        half = 0.3 * np.sin(0.3 * frames + generator.uniform(0, 6))
        rows = np.concatenate([np.cos(half)[:, None], np.sin(half)[:, None] * axis / np.linalg.norm(axis)], axis=1)
        curves.write(f'pose.bones["{bone.name}"].rotation_quaternion', bone.name, frames, rows, np.zeros(count, bool))
        if bone.parent is None:
            path = np.stack([0.02 * frames, 0.1 * np.sin(frames), 0 * frames], axis=1)
            curves.write(f'pose.bones["{bone.name}"].location', bone.name, frames, path, np.zeros(count, bool))
