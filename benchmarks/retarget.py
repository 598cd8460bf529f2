"""How long retargeting takes: our way against Copy Rotation constraints and a bake, in one run on one 65-bone rig.

    python benchmarks/retarget.py [--frames 10000] [--slow-frames 10000] [--repeat 5] [--json]

The rig is our armature with fingers, 65 bones, of which 19 are mapped. Our way is one call of `retarget`: reading the rig, the arithmetic,
the correction of the feet and a key on every frame. The other way, which other tools go, is a Copy Rotation constraint on each mapped bone
and `nla.bake` of those bones; with `--slow-frames` it runs over fewer frames, and the ratio compares seconds a frame.
Seconds are the clock's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

import kinolift  # noqa: E402
from contract.failure import ExitCode  # noqa: E402
from contract.skeleton import ARMATURE_24  # noqa: E402

BONES = 65
PROMISED_SECONDS, PROMISED_RATIO = 3.0, 20.0


def measure(frames: int, slow_frames: int, repeat: int) -> dict[str, Any]:
    """{"bones", "mapped", "frames", "slow_frames", "keys", "ours": [seconds], "slow": seconds, "ratio"} in one process."""
    kinolift.load_extension()
    import bpy
    from kinolift_extension.addon import armature as armatures  # type: ignore[import-not-found, unused-ignore]
    from kinolift_extension.addon.retarget.retarget import retarget  # type: ignore[import-not-found, unused-ignore]
    from kinolift_extension.addon.retarget.roles import LIMB_ROLES, Mapping  # type: ignore[import-not-found, unused-ignore]

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    motion = _motion(frames)
    names = {"hips": ("hips",), "spine": ("spine", "chest"), "neck": ("neck",), "head": ("head",)}
    mapping = Mapping(names | {role: (role.replace("clavicle", "shoulder"),) for role in LIMB_ROLES}, "benchmark")
    target = armatures.build_armature(motion, "Target", bpy.context.scene.collection)
    _add_fingers(target)
    ours: list[float] = []
    keys = 0
    for _ in range(repeat):
        began = time.perf_counter()
        result = retarget(motion, target, mapping)
        ours.append(time.perf_counter() - began)
        keys = result.keys
        bpy.data.actions.remove(result.action)

    short = _motion(slow_frames)
    source = armatures.build_armature(short, "Source", bpy.context.scene.collection)
    armatures.key_motion(source, short, np.arange(slow_frames, dtype=np.float64))
    began = time.perf_counter()
    mapped = [name for bones in mapping.bones.values() for name in bones]
    for name in mapped:
        constraint = target.pose.bones[name].constraints.new("COPY_ROTATION")
        constraint.target, constraint.subtarget = source, name
    bpy.context.view_layer.objects.active = target
    bpy.ops.object.mode_set(mode="POSE")
    for bone in target.pose.bones:
        (bone if hasattr(bone, "select") else bone.bone).select = bone.name in mapped
    bpy.ops.nla.bake(
        frame_start=0, frame_end=slow_frames - 1, only_selected=True, visual_keying=True, clear_constraints=True, bake_types={"POSE"}
    )
    slow = time.perf_counter() - began
    ratio = (slow / slow_frames) / (statistics.median(ours) / frames)
    return {"bones": len(target.data.bones), "mapped": len(mapped), "frames": frames, "slow_frames": slow_frames, "keys": keys,
            "ours": ours, "slow": slow, "ratio": ratio}  # fmt: skip


def _motion(frames: int) -> Any:
    """A person whose every joint swings about an axis of its own, both feet said to stand half of the time."""
    from kinolift_extension.addon import quaternions as q  # type: ignore[import-not-found, unused-ignore]
    from kinolift_extension.contract.motion_file import Motion  # type: ignore[import-not-found, unused-ignore]

    lengths = {"spine": (0, 0, 0.12), "chest": (0, 0, 0.2), "neck": (0, 0.02, 0.22), "head": (0, -0.02, 0.09), "head_top": (0, 0, 0.2),
               "clavicle": (0.03, 0, 0.17), "shoulder": (0.15, 0, 0), "elbow": (0.28, 0, 0), "wrist": (0.25, 0, 0), "hand": (0.09, 0, 0),
               "hip": (0.09, 0, -0.06), "knee": (0, -0.01, -0.42), "ankle": (0, 0.02, -0.4), "toe": (0.02, -0.15, -0.06)}  # fmt: skip
    joints = ARMATURE_24.joints
    offsets = np.array([lengths.get(name.partition(".")[0], (0, 0, 0)) for name in joints], dtype=np.float64)
    offsets[[name.endswith(".R") for name in joints], 0] *= -1
    generator = np.random.default_rng(0)
    angles = 0.3 * np.sin(np.arange(frames)[:, None] * generator.uniform(0.05, 0.2, len(joints)))
    axes = q.unit(generator.normal(size=(len(joints), 3)))
    rotations = np.concatenate([np.cos(angles)[..., None], np.sin(angles)[..., None] * axes], axis=-1)
    root = np.tile([0.0, 0.0, 0.9], (frames, 1))
    empty = np.zeros((frames, len(joints), 3), np.float32)
    flags = (np.arange(frames) // 15 % 2 == 0)[:, None].repeat(2, 1)
    return Motion(
        joint_names=np.array(joints), parents=np.array(ARMATURE_24.parents), fps=30.0, times=np.arange(frames) / 30.0,
        positions_camera=empty, positions_world=empty, rest_offsets=offsets.astype(np.float32), rotations=rotations.astype(np.float32),
        root_translation=root.astype(np.float32), image_points=empty[..., :2], confidence=empty[..., 0], spread=empty[..., 0],
        contacts=flags, camera_matrix=np.eye(3), camera_to_world=np.eye(4), image_size=np.array([1, 1]), detected=np.ones(frames, bool),
    )  # fmt: skip


def _add_fingers(armature: Any) -> None:
    """Bones on the hands until there are as many as are promised."""
    import bpy

    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    for number in range(BONES - len(bones)):
        hand = bones[f"hand.{'LR'[number % 2]}"]
        made = bones.new(f"finger{number}")
        made.parent, made.head, made.tail = hand, hand.tail, hand.tail + (hand.tail - hand.head) * 0.3
    bpy.ops.object.mode_set(mode="OBJECT")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Times retargeting against constraints and a bake.")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--slow-frames", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args(argv)
    found = measure(arguments.frames, arguments.slow_frames, arguments.repeat)
    if arguments.json:
        print(json.dumps(found))
        return int(ExitCode.DONE)
    ours = found["ours"]
    print(
        f"{found['frames']} frames on {found['bones']} bones, {found['mapped']} of them mapped, {found['keys']} keys: "
        f"{statistics.median(ours):.2f} s ({min(ours):.2f} to {max(ours):.2f}, {len(ours)} times)"
    )
    print(f"Copy Rotation and nla.bake: {found['slow']:.2f} s for {found['slow_frames']} frames, once")
    print(f"Seconds a frame: {found['ratio']:.0f} times fewer. Promised: {PROMISED_SECONDS:g} s, {PROMISED_RATIO:g} times.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module can hang while Python ends
