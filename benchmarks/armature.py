"""Times the add-on's share of a capture: armature and keys, and the export. Run as a process of its own, with Blender as a module in it.

    python benchmarks/armature.py take.npz 3

Prints one line of JSON: {"armature and keys": [seconds of each of 3 runs], "export FBX": [...]}.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import kinolift  # noqa: E402

ARMATURE = "armature and keys"
EXPORT = "export FBX"


def measure(motion_file: Path, repeat: int) -> dict[str, list[float]]:
    """Seconds of each repetition, each in a scene of its own."""
    kinolift.load_extension()
    addon = f"{kinolift.EXTENSION}.addon"
    capture, export = importlib.import_module(f"{addon}.capture"), importlib.import_module(f"{addon}.export")
    contract = importlib.import_module(f"{kinolift.EXTENSION}.contract.motion_file")
    import bpy

    motion = contract.load_motion(motion_file)
    found: dict[str, list[float]] = {ARMATURE: [], EXPORT: []}
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        for i in range(repeat):
            scene = bpy.data.scenes.new(f"Benchmark {i}")
            began = time.perf_counter()
            take = capture.place_motion(motion, scene, f"Take {i}", capture.Placement(scene_fps="match"))
            built = time.perf_counter()
            export.export_armature(take.armature, Path(folder) / f"{i}.fbx", [])
            found[EXPORT].append(time.perf_counter() - built)
            found[ARMATURE].append(built - began)
    return found


if __name__ == "__main__":
    result = measure(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(result), flush=True)
    os._exit(0)  # bpy can hang while the interpreter shuts down
