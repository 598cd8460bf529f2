"""How right a motion is on other rigs, as Blender evaluates it; and a picture of one frame of it on every rig.

    python benchmarks/rigs.py MOTION.npz RIG... [--picture OUT.png] [--frame 35]
    python benchmarks/rigs.py MOTION.npz made

A rig is a .blend, .fbx, .glb or .vrm file with one armature, or the word rigify: the rig that Blender's Rigify generates from its human,
which gets two rows, with keys on FK and on IK controls; or the word made: the small armatures with the names of public rigs on which the
tests run. For each: how its bones were found and how sure the least sure one is that a motion needs, its legs' length against the
person's, the worst angle between a limb of the rig and the person's with the feet left as turned and with planted feet held (there the
mean too), how far a planted ankle strays during a contact from its place on the person's path (scaled by the legs, less its mean), and
the largest turn of any bone between two frames, from its parent, beside the motion's own. Of a
Rigify rig the bones that carry the skin are judged, which its controls move through its constraints.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

import kinolift  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion, load_motion  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, written_beside  # noqa: E402

Array = npt.NDArray[np.float64]

# (role, the role at its end, the joints that the person's limb runs between)
LIMBS = tuple(
    (f"{role}.{s}", f"{end}.{s}", f"{first}.{s}", f"{last}.{s}")
    for s in "LR"
    for role, end, first, last in (
        ("upper_arm", "forearm", "shoulder", "elbow"), ("forearm", "hand", "elbow", "wrist"),
        ("thigh", "shin", "hip", "knee"), ("shin", "foot", "knee", "ankle"),
    )
)  # fmt: skip
RIGIFY, MADE = "rigify", "made"
PANEL = (300, 400)  # pixels of one rig in the picture
SAMPLES = 24
STILL = 0.15  # m/s: a planted ankle that is slower rests


@dataclass(frozen=True)
class Figures:
    """Angles in degrees, `planted` in millimetres; `turn` and `own_turn`: the rig's and the motion's largest between two frames."""

    preset: str
    sure: float
    legs: float
    free: float
    held: float
    mean: float
    planted: float
    turn: float
    own_turn: float

    def last_cells(self) -> tuple[str, str]:
        """The planted ankle and the turns, as the tables end."""
        return f"{self.planted:.2f} mm", f"{self.turn:.1f} / {self.own_turn:.1f} deg"


def largest_turn(quaternions: Array) -> float:
    """Degrees, the largest between two frames of any bone; (T,B,4) unit quaternions."""
    cosine = np.abs((quaternions[1:] * quaternions[:-1]).sum(-1))
    return float(np.degrees(2.0 * np.arccos(np.clip(cosine, 0.0, 1.0))).max())


def angles(shown: Array, true: Array) -> Array:
    """(...,) degrees between the directions (...,3)."""
    cosine = (shown * true).sum(-1) / np.linalg.norm(shown, axis=-1) / np.linalg.norm(true, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def evaluated(armature: Any, mapping: Any, frames: int) -> tuple[dict[str, Array], Array]:
    """role -> (T,3) where its first bone starts, world; and (T,B,4) every mapped bone's turn from its parent: as Blender's dependency graph
    has them."""
    import bpy

    heads: dict[str, list[Any]] = {role: [] for role, names in mapping.bones.items() if names}
    mapped = [name for names in mapping.bones.values() for name in names]
    turns = []
    for frame in range(frames):
        bpy.context.scene.frame_set(frame)
        seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for role, places in heads.items():
            places.append(seen.matrix_world @ seen.pose.bones[mapping.bones[role][0]].head)
        turns.append([_from_parent(seen.pose.bones[name]).to_quaternion().normalized() for name in mapped])
    return {role: np.array(places, dtype=np.float64) for role, places in heads.items()}, np.array(turns, dtype=np.float64)


def strays(shown: Array, true: Array, standing: npt.NDArray[np.bool_], own: bool = False) -> float:
    """Metres: how far a foot (T,3) is from its place on the true path (T,3) while it stands (T,), at most.

    A rig of other proportions has footprints of its own, so every contact's mean is taken off first; `own`: not on the person's own rig.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], standing, [False]]).astype(np.int8))).reshape(-1, 2)
    away = [(shown - true)[start:stop] for start, stop in edges]
    return max((float(np.linalg.norm(off if own else off - off.mean(0), axis=1).max()) for off in away), default=0.0)


def standing_still(motion: Motion, side: str) -> npt.NDArray[np.bool_]:
    """(T,) a foot is planted and its ankle rests: not where the heel already rises over the toes."""
    ankle = motion.positions_world[:, motion.joint(f"ankle.{side}")].astype(np.float64)
    still = np.linalg.norm(np.gradient(ankle, axis=0), axis=1) * motion.fps < STILL
    return np.asarray(motion.contacts[:, "LR".index(side)] & still, dtype=bool)


def _from_parent(bone: Any) -> Any:
    return bone.parent.matrix.inverted() @ bone.matrix if bone.parent else bone.matrix


def load(rig: str) -> Any:
    """The armature of a rig's file, or the one that Rigify generates, alone in an empty scene. Raises Failure."""
    import bpy
    from kinolift_extension.addon.retarget.source import load_rig  # type: ignore[import-not-found, unused-ignore]

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    if rig != RIGIFY:
        return load_rig(Path(rig), bpy.context.scene)
    with contextlib.redirect_stdout(io.StringIO()):
        bpy.ops.preferences.addon_enable(module="rigify")
        bpy.ops.object.armature_human_metarig_add()
        metarig = bpy.context.object
        bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(metarig)
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    return armature


def made() -> list[tuple[str, Any]]:
    """(title, a function that builds it) of the tests' armatures with the names of public rigs."""
    sys.path.insert(0, str(ROOT / "tests" / "addon" / "retarget"))
    import made_characters  # type: ignore[import-not-found, unused-ignore]

    return [(character.title, functools.partial(made_characters.build, character)) for character in made_characters.characters()]


def judge(motion: Motion, armature: Any, ik: bool = False, own: bool = False) -> Figures:
    """The figures of one rig, which is left with the planted motion on it; `own`: it is the person's. Raises Failure."""
    from kinolift_extension.addon.retarget.mapping import find_mapping  # type: ignore[import-not-found, unused-ignore]
    from kinolift_extension.addon.retarget.retarget import RetargetOptions, retarget  # type: ignore[import-not-found, unused-ignore]
    from kinolift_extension.addon.retarget.roles import REQUIRED_ROLES  # type: ignore[import-not-found, unused-ignore]

    mapping = find_mapping(armature)
    skin = find_mapping(armature, "rigify_deform") if mapping.preset == "rigify_controls" else mapping
    worst, mean = [], 0.0
    for feet in ("never", "auto"):
        done = retarget(motion, armature, mapping, RetargetOptions(feet=feet, ik=ik))
        heads, turns = evaluated(armature, skin, len(motion))
        true = {joint: motion.positions_world[:, motion.joint(joint)].astype(np.float64) for limb in LIMBS for joint in limb[2:]}
        off = np.array([angles(heads[b] - heads[a], true[d] - true[c]) for a, b, c, d in LIMBS])
        worst.append(float(off.max()))
        mean = float(off.mean())
    planted = 1000.0 * max(
        strays(heads[f"foot.{s}"], done.ratio * true[f"ankle.{s}"], standing_still(motion, s), own) for s in "LR"
    )  # fmt: skip
    turned = largest_turn(motion.rotations.astype(np.float64))
    preset = f"{mapping.preset}, {'IK' if ik else 'FK'}" if mapping.ik else mapping.preset
    sure = min(mapping.sureness.get(role, 1.0) for role in REQUIRED_ROLES)
    return Figures(preset, sure, done.ratio, worst[0], worst[1], mean, planted, largest_turn(turns), turned)


def picture(frame: int) -> npt.NDArray[np.uint8]:
    """(H,W,3) BGR: the scene's meshes at a frame, from the front and a little aside, by Cycles."""
    import bpy
    from mathutils import Vector

    scene = bpy.context.scene
    scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    meshes = [thing.evaluated_get(graph) for thing in scene.objects if thing.type == "MESH" and thing.find_armature() is not None]
    if not meshes:
        return np.full((PANEL[1], PANEL[0], 3), 229, dtype=np.uint8)
    points = np.array([mesh.matrix_world @ vertex.co for mesh in meshes for vertex in mesh.to_mesh().vertices])
    middle, size = (points.max(0) + points.min(0)) / 2.0, float(np.ptp(points, axis=0).max())
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location = Vector(middle) + 1.75 * size * Vector((0.45, -0.9, 0.15))
    camera.rotation_euler = (Vector(middle) - camera.location).to_track_quat("-Z", "Y").to_euler()
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.8, 0.2, 0.6)
    for thing in (camera, sun):
        scene.collection.objects.link(thing)
    scene.world = bpy.data.worlds.new("paper")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.9, 0.9, 0.9, 1.0)
    scene.camera, scene.render.engine, scene.cycles.samples = camera, "CYCLES", SAMPLES
    scene.render.resolution_x, scene.render.resolution_y = PANEL
    scene.render.filepath = str(Path(bpy.app.tempdir) / "rig.png")
    bpy.ops.render.render(write_still=True)
    return np.asarray(cv2.imread(scene.render.filepath), dtype=np.uint8)


def finish(table: Table, code: ExitCode) -> NoReturn:
    """Prints the table and ends the program: bpy can hang while the interpreter shuts down."""
    Console(width=140).print(table)
    sys.stdout.flush()
    os._exit(int(code))


def main() -> None:
    """Prints the table and ends with the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("motion", type=Path)
    parser.add_argument("rigs", nargs="+", help="files, or the word rigify")
    parser.add_argument("--picture", type=Path, help="a frame of it on every rig, .png")
    add_overwrite_argument(parser)
    parser.add_argument("--frame", type=int, default=35)
    read = parser.parse_args()
    kinolift.load_extension()
    import bpy

    table = Table(
        "rig", "found by", "sure", "legs", "limbs, free", "limbs, feet held (mean)", "planted ankle", "turn a frame / the motion's"
    )  # fmt: skip
    panels, code = [], ExitCode.DONE
    try:
        if read.picture is not None:
            rigs = [Path(rig) for rig in read.rigs]
            (read.picture,) = check_outputs([read.picture], [read.motion, *rigs], (".png",), read.overwrite)
        motion = load_motion(read.motion)
        builds: list[tuple[str, Any]] = [(rig, functools.partial(load, rig)) for rig in read.rigs if rig != MADE]
        for rig, build in [*builds, *(made() if MADE in read.rigs else ())]:
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
            armature = build()
            for ik in (False, True) if rig == RIGIFY else (False,):
                f = judge(motion, armature, ik)
                held = f"{f.held:.2f} ({f.mean:.2f}) deg"
                table.add_row(Path(rig).name, f.preset, f"{f.sure:.0%}", f"{f.legs:.3f}", f"{f.free:.3f} deg", held, *f.last_cells())
            if read.picture is not None:
                panels.append(picture(min(read.frame, len(motion) - 1)))
        if panels and read.picture is not None:
            with written_beside(read.picture) as beside:
                cv2.imwrite(str(beside), np.concatenate(panels, axis=1))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        code = failure.exit_code
    finish(table, code)


if __name__ == "__main__":
    main()
