"""How long Kinolift keeps Blender's window from drawing while a long take is built, matched to its video, retargeted and simplified.

    python benchmarks/window.py [--frames 10000]            in the project's environment (bpy): the steps one after another
    blender --python benchmarks/window.py -- [--frames N]   in a window: by its timers, between drawn pictures

A made-up motion of that many frames is put into a scene as a capture does it behind the window; then Match Video gives the scene another
rate, Retarget puts it on a character of 24 bones whose keys are Euler angles, and Simplify Keys reduces it: in slices, called by a timer.
Printed are the number of calls, the longest and the 99th percentile of their lengths, and what is done on another thread. Lengths are the
processor's time of the calling thread, which other programs do not change as they change a clock's.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 0.05  # seconds: what a person does not notice


def _load(name: str, path: Path, package: bool = False) -> Any:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)] if package else None)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def steps(frames: int) -> Iterator[tuple[str, float]]:
    """What is done in each call, and its length in seconds, as the window's timer makes them."""
    import bpy
    import numpy as np

    package = _load("kinolift_extension", ROOT / "__init__.py", package=True).__name__
    from importlib import import_module

    synthetic = _load("kinolift_synthetic", ROOT / "tests" / "addon" / "synthetic.py")
    contract = [import_module(f"{package}.contract.{name}") for name in ("motion_file", "skeleton")]
    short = synthetic.make_motion(*contract, 500)
    turns = np.arange(frames) % 500  # a long one by the same movement again and again: only its length counts
    fields = {name: getattr(short, name)[turns] for name in short.__dataclass_fields__ if _a_frame(short, name)}
    motion = contract[0].Motion(**{**vars(short), **fields, "times": np.arange(frames) / short.fps})
    names = ("placing", "background", "capture", "simplify", "key_reduction", "retarget.retarget", "retarget.roles", "armature", "keeping")
    placing, background, capture, simplify, key_reduction, retargets, roles, armatures, keeping = (
        import_module(f"{package}.addon.{name}") for name in names
    )
    scene, placement = bpy.context.scene, capture.Placement("keep", add_camera=True)
    scene.render.fps = 24
    began = time.thread_time()
    ready = placing.Target.of(scene, placement).ready(motion)
    print(f"On the other thread: {time.thread_time() - began:.2f} s, {len(ready.packed) / 1e6:.2f} MB packed", flush=True)
    take = yield from _sliced("Building", placing.placing(motion, scene, "Long", placement, ready=ready), background.SLICE)
    matched = matching(take.armature, scene, placing, keeping, capture.Placement("match", add_camera=True))
    yield from _sliced("Match Video", matched, background.SLICE)
    character = armatures.build_armature(short, "Character", scene.collection)
    for bone in character.pose.bones:
        bone.rotation_mode = "XYZ"
    parts = {"hips": ("hips",), "spine": ("spine", "chest"), "neck": ("neck",), "head": ("head",)}
    mapping = roles.Mapping(parts | {role: (role.replace("clavicle", "shoulder"),) for role in roles.LIMB_ROLES}, "benchmark")
    yield from _sliced("Retarget", retargeting(take.armature, character, mapping, retargets, keeping), background.SLICE)
    fewer = simplify.simplifying(take.armature, key_reduction.Tolerance(key_reduction.DEFAULT_DEGREES))
    before, after = yield from _sliced("Simplifying", fewer, background.SLICE)
    print(f"{after} keys of {before} are left", flush=True)


def matching(take: Any, scene: Any, placing: Any, keeping: Any, placement: Any) -> Generator[None, None, Any]:
    """The steps of Match Video."""
    elsewhere = sys.modules[f"{placing.__package__}.steps"].elsewhere
    target = placing.Target.of(scene, placement)
    motion = yield from elsewhere(keeping.reading_motion(take))
    ready = yield from elsewhere(target.ready_of(motion))
    return (yield from placing.placing(motion, scene, take.name, placement, ready=ready, replaced=take))


def retargeting(take: Any, character: Any, mapping: Any, retargets: Any, keeping: Any) -> Generator[None, None, Any]:
    """The steps of Retarget, from the motion on."""
    motion = yield from retargets.elsewhere(keeping.reading_motion(take))
    return (yield from retargets.retargeting(motion, character, mapping))


def _sliced(name: str, todo: Generator[None, None, Any], length: float) -> Generator[tuple[str, float], None, Any]:
    """Takes the steps in slices of that length, as the add-on does; what they return in the end."""
    while True:
        began, ends = time.thread_time(), time.perf_counter() + length
        try:
            while True:
                next(todo)
                if time.perf_counter() >= ends:
                    break
        except StopIteration as end:
            yield name, time.thread_time() - began
            return end.value
        yield name, time.thread_time() - began


def _a_frame(motion: Any, name: str) -> bool:
    value = getattr(motion, name)
    return hasattr(value, "shape") and value.shape[:1] == (len(motion.times),) and name not in ("joint_names", "parents", "rest_offsets")


def tell(calls: list[tuple[str, float]], frames: int) -> None:
    for name in dict.fromkeys(name for name, _ in calls):
        lengths = sorted(length for each, length in calls if each == name)
        longest, most = lengths[-1], lengths[int(0.99 * (len(lengths) - 1))]
        verdict = "within" if longest <= LIMIT else "ABOVE"
        print(f"{name} {frames} frames: {len(lengths)} calls, {sum(lengths):.2f} s in all; ", end="")
        print(f"99 of 100 within {most * 1000:.1f} ms, the longest {longest * 1000:.1f} ms, {verdict} {LIMIT * 1000:.0f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--frames", type=int, default=10_000)
    frames = parser.parse_args(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]).frames
    import bpy

    calls: list[tuple[str, float]] = []
    if bpy.app.background or not bpy.context.window_manager.windows:
        calls += steps(frames)
        tell(calls, frames)
        sys.stdout.flush()
        os._exit(0)  # Blender as a module can hang at the end of a process
    todo = steps(frames)

    def tick() -> float | None:
        call = next(todo, None)
        if call is None:
            tell(calls, frames)
            bpy.ops.wm.quit_blender()
            return None
        calls.append(call)
        return 0.01

    bpy.app.timers.register(tick, first_interval=1.0)


main()
