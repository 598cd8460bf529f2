"""How long it takes to put a motion's keys onto an owner.

    python benchmarks/keying.py [--frames 10000] [--repeat 7] [--json]

Writes the rotations of 24 bones and the path of one, a key on every frame, `--repeat` times through `addon.keyframes`, as a capture
does, and prints the median with the fastest and the slowest, in seconds of the clock and of the processor. The motion is computed:
every bone swings about an axis of its own.
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

BONES = 24  # of the skeleton that the figure is promised for
TARGET = 0.5  # seconds for 24 bones and 10,000 frames


def measure(frames: int, repeat: int, bones: int = BONES) -> dict[str, Any]:
    """{"bones", "frames", "keys", "wall": [seconds], "cpu": [seconds]} of keying `bones` bones' rotations and one location."""
    kinolift.load_extension()
    import bpy
    from kinolift_extension.addon import keyframes  # type: ignore[import-not-found, unused-ignore]

    generator = np.random.default_rng(0)
    angles = generator.uniform(0.2, 1.0, bones) * np.sin(np.arange(frames)[:, None] * generator.uniform(0.05, 0.2, bones))
    axes = generator.normal(size=(bones, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    rotations = np.concatenate([np.cos(angles)[..., None], np.sin(angles)[..., None] * axes], axis=-1)
    path = np.cumsum(generator.normal(scale=0.01, size=(frames, 3)), axis=0)
    numbers, held = np.arange(frames, dtype=np.float64), np.zeros(frames, bool)

    wall, cpu, keys = [], [], 0
    for _ in range(repeat):
        owner = bpy.data.objects.new("Keying", None)  # who the curves move does not matter for the time
        bpy.context.scene.collection.objects.link(owner)
        began, began_cpu = time.perf_counter(), time.process_time()
        curves = keyframes.new_action(owner, "Keying")
        keys = curves.write('pose.bones["0"].location', "0", numbers, path, held)
        for bone in range(bones):
            keys += curves.write(f'pose.bones["{bone}"].rotation_quaternion', str(bone), numbers, rotations[:, bone], held)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
        action = owner.animation_data.action
        bpy.data.objects.remove(owner)
        bpy.data.actions.remove(action)
    return {"bones": bones, "frames": frames, "keys": keys, "wall": wall, "cpu": cpu}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Times the keying of 24 bones.")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args(argv)
    found = measure(arguments.frames, arguments.repeat)
    if arguments.json:
        print(json.dumps(found))
        return int(ExitCode.DONE)
    for name, what in (("wall", "clock"), ("cpu", "processor")):
        seconds = found[name]
        print(
            f"{found['bones']} bones x {found['frames']} frames, {found['keys']} keys: {statistics.median(seconds):.3f} s "
            f"({min(seconds):.3f} to {max(seconds):.3f}, {len(seconds)} times) by the {what}"
        )
    print(f"Promised: under {TARGET} s for {BONES} bones and 10,000 frames.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module can hang while Python ends
