"""Do bones turn further than the joints ask for? Counts flips of the fitted rotations on motion capture whose joints tremble.

    python benchmarks/turns.py MOCAP [--clips 8] [--frames 300]

MOCAP is a folder of motion capture in the format of docs/data.md. From each file some clips are taken (--clips, drawn with seed 0, their
first --frames frames), fitted to bones of constant lengths, by themselves and with joints that wander by 5, 15 and 40 mm (standard
deviation along each axis, alike for about a twentieth of a second). Prints the bones and frames judged, how many of them turn more than
15, 30 and 60 degrees in a thirtieth of a second beyond what the joints ask for, the worst, and the mean distance of the bones' joints
from the given ones, in mm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402
from scipy.ndimage import gaussian_filter1d  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.datasets.mocap import load_mocap  # noqa: E402
from engine.kinematics.proportions import fit_proportions  # noqa: E402
from engine.kinematics.rotations import Pose, fit_pose  # noqa: E402

Array = npt.NDArray[np.float64]

FPS, HEIGHT = 30.0, 1.75
TREMBLES = ((0.0, 1), (0.005, 2), (0.015, 2), (0.040, 2))  # metres, draws
TREMBLE_HZ = 3.0
LIMITS = (15, 30, 60)  # degrees

NEXT = {"pelvis": "spine", "spine": "chest", "chest": "neck", "neck": "head", "head": "head_top", "clavicle": "shoulder",
        "shoulder": "elbow", "elbow": "wrist", "wrist": "hand", "hip": "knee", "knee": "ankle", "ankle": "toe"}  # fmt: skip
LIMBS = {part: limb for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")) for part in limb[:2]}
# The sine of a limb's bend below which its plane asks for nothing, and above which for all of its turn.
STRAIGHT, BENT = 0.1, 0.35


def tremble(shape: tuple[int, ...], metres: float, hertz: float, fps: float, seed: int) -> Array:
    """Noise (T,...) of that standard deviation which hardly changes within 1 / (2 pi hertz) seconds."""
    if not metres:
        return np.zeros(shape)
    noise = gaussian_filter1d(np.random.default_rng(seed).normal(size=shape), fps / (2 * np.pi * hertz), axis=0, mode="wrap")
    return metres * noise / noise.std()


def undemanded(targets: Array, pose: Pose, fps: float) -> Array:
    """(T-1,24) degrees in a thirtieth of a second by which bones turn more than targets (T,22,3) ask for.

    They ask for the change of the bone's own direction and of the plane of its limb where that is bent, or of the hips and shoulders.
    """
    goal = {name: targets[:, i] for i, name in enumerate(BODY_22.joints)}
    trunk = sum(between(direction(goal[f"{part}.R"], goal[f"{part}.L"])) for part in ("hip", "shoulder"))
    turned = turns_of(pose)
    out = np.zeros((len(targets) - 1, len(ARMATURE_24)))
    for j, name in enumerate(ARMATURE_24.joints):
        part, dot, side = name.partition(".")
        if part not in NEXT:
            continue
        start = "neck" if part == "clavicle" else name
        asked = between(direction(goal[start], goal[NEXT[part] + dot + side]))
        if part in LIMBS:
            a, b, c = (goal[f"{p}.{side}"] for p in LIMBS[part])
            normal = np.cross(direction(a, b), direction(b, c))
            bend = np.linalg.norm(normal, axis=-1)
            share = np.clip((np.minimum(bend[1:], bend[:-1]) - STRAIGHT) / (BENT - STRAIGHT), 0, 1)
            asked = asked + share * between(normal / np.maximum(bend, 1e-9)[:, None])
        elif part != "wrist":
            asked = asked + trunk
        trace = np.einsum("tab,tab->t", turned[1:, j], turned[:-1, j])
        out[:, j] = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))) - asked
    return out * fps / 30


def turns_of(pose: Pose) -> Array:
    """(T,24,3,3) rotations of the bones in the axes of the root, quaternion by quaternion."""
    w, x, y, z = np.moveaxis(pose.rotations, -1, 0)
    rows = ((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)))  # fmt: skip
    turned = np.stack([np.stack(row, -1) for row in rows], -2)
    for j, parent in enumerate(ARMATURE_24.parents):
        if parent >= 0:
            turned[:, j] = turned[:, parent] @ turned[:, j]
    return turned


def direction(start: Array, end: Array) -> Array:
    line = end - start
    return line / np.maximum(np.linalg.norm(line, axis=-1, keepdims=True), 1e-9)


def between(units: Array) -> Array:
    """(T-1,) degrees from one frame's direction to the next."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(units[1:], units[:-1]), axis=-1), (units[1:] * units[:-1]).sum(-1)))


def chosen(folder: Path, clips: int, frames: int) -> Iterator[tuple[Array, Array]]:
    """Joints (T,22,3) metres, relative to the pelvis, and the bones (24,3) fitted to them."""
    every = load_mocap(folder)
    rng = np.random.default_rng(0)
    for source in sorted({clip.source for clip in every}):
        of_source = [clip for clip in every if clip.source == source]
        for i in rng.permutation(len(of_source))[:clips]:
            joints = of_source[i].positions[:frames].astype(float)
            joints -= joints[:, :1]
            body = fit_proportions(joints, np.ones(joints.shape[:2]), HEIGHT, FPS)
            yield joints * body.scale, body.rest_offsets


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("mocap", type=Path, help="folder of motion capture (*.npz)")
    parser.add_argument("--clips", type=int, default=8, help="from each file (default %(default)s)")
    parser.add_argument("--frames", type=int, default=300, help="of each clip, at most (default %(default)s)")
    read = parser.parse_args()
    try:
        people = list(chosen(read.mocap, read.clips, read.frames))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    table = Table("joints wander, mm", "bones x frames", *(f"over {limit} degrees" for limit in LIMITS), "worst", "bones off, mm")
    for metres, draws in TREMBLES:
        judged, over, worst, off = 0, np.zeros(len(LIMITS), int), (0.0, ""), []
        for joints, bones in people:
            for seed in range(draws):
                targets = joints + tremble(joints.shape, metres, TREMBLE_HZ, FPS, seed)
                pose = fit_pose(targets, bones, [slice(0, len(targets))], FPS)
                too_far = undemanded(targets, pose, FPS)
                judged += too_far.size
                over += [int((too_far > limit).sum()) for limit in LIMITS]
                worst = max(worst, (float(too_far.max()), ARMATURE_24.joints[too_far.max(0).argmax()]))
                off.append(1000 * float(np.linalg.norm(pose.body - targets, axis=-1).mean()))
        table.add_row(f"{1000 * metres:.0f}", str(judged), *map(str, over), f"{worst[0]:.0f} {worst[1]}", f"{np.mean(off):.1f}")
    print_wide(table)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
