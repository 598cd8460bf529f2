"""Rigs and motions for the tests of retargeting: made up, with known proportions, in every awkward rest pose."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from kinolift_extension.addon.retarget.roles import Mapping
from mathutils import Matrix, Vector

BONES = {
    "spine": ("pelvis", "spine", "hips"), "torso": ("spine", "chest", "spine"), "breast": ("chest", "neck", "spine"),
    "neck": ("neck", "head", "neck"), "skull": ("head", "head_top", "head"),
}  # fmt: skip
LIMBS = (
    ("collar", "clavicle", "shoulder", "clavicle", "breast"), ("arm", "shoulder", "elbow", "upper_arm", "collar"),
    ("lower_arm", "elbow", "wrist", "forearm", "arm"), ("fist", "wrist", "hand", "hand", "lower_arm"),
    ("leg", "hip", "knee", "thigh", "spine"), ("calf", "knee", "ankle", "shin", "leg"), ("pad", "ankle", "toe", "foot", "calf"),
)  # fmt: skip


def rest_points(names: Any, offsets: np.ndarray, drop: float = 0.0, bend: float = 0.0) -> dict[str, np.ndarray]:
    """Joint -> place; arms lowered by `drop` and elbows bent forward by `bend` degrees; the lowest joint on the ground."""
    from kinolift_extension.contract.skeleton import ARMATURE_24

    turn = {"": np.eye(3)}
    at: dict[str, np.ndarray] = {}
    for joint, (name, parent) in enumerate(zip(names, ARMATURE_24.parents, strict=True)):
        part, _, side = str(name).partition(".")
        above = str(names[parent]) if parent >= 0 else ""
        offset = np.asarray(offsets[joint], float)
        at[name] = (at[above] if above else np.zeros(3)) + turn[above] @ offset if above else np.zeros(3)
        sign = 1 if side == "L" else -1
        own = np.eye(3)
        if part == "shoulder":
            own = np.array(Matrix.Rotation(np.radians(drop) * sign, 3, "Y"))
        if part == "elbow":
            own = np.array(Matrix.Rotation(np.radians(-bend) * sign, 3, "Z"))
        turn[name] = turn[above] @ own
    lowest = min(point[2] for point in at.values())
    return {name: point - (0, 0, lowest) for name, point in at.items()}


def build_rig(motion: Any, drop: float = 0.0, bend: float = 0.0, roll: int | None = None, spines: int = 2, clavicles: bool = True,
              twist: bool = False, toes: bool = True, root: bool = False, stretch: float = 1.0, legs: float = 1.0,
              hips: float = 1.0, feet: float = 1.0) -> tuple[bpy.types.Object, Mapping]:  # fmt: skip
    """An armature in the scene and its mapping.

    roll: a seed for random rolls; spines: how many bones; twist: an unmapped bone inside each arm and leg; stretch: of all lengths;
    legs, hips, feet: of the legs' lengths, the hips' width and the feet's lengths alone.
    """
    names = [str(name) for name in motion.joint_names]
    offsets = motion.rest_offsets.astype(float) * stretch
    for joint, name in enumerate(names):
        if name[:-2] in ("knee", "ankle"):
            offsets[joint] *= legs
        if name[:-2] == "hip":
            offsets[joint, 0] *= hips
        if name[:-2] == "toe":
            offsets[joint, 1] *= feet
    at = rest_points(names, offsets, drop, bend)
    data = bpy.data.armatures.new("Rig")
    thing = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    generator = np.random.default_rng(roll)
    roles: dict[str, tuple[str, ...]] = {}

    def bone(name: str, head: Any, tail: Any, parent: str | None, role: str | None) -> None:
        made = data.edit_bones.new(name)
        made.head, made.tail = Vector(head), Vector(tail)
        if roll is not None:
            made.roll = float(generator.uniform(-3.1, 3.1))
        if parent:
            made.parent = data.edit_bones[parent]
        if role:
            roles[role] = (*roles.get(role, ()), name)

    if root:
        bone("ground", (0, 0, 0), (0, 0.3, 0), None, "root")
    bone("spine", at["pelvis"], at["spine"], "ground" if root else None, "hips")
    below = "spine"
    for number in range(spines):
        low, high = (at["spine"] + (at["neck"] - at["spine"]) * share / spines for share in (number, number + 1))
        if spines == 2:
            low, high = (at["spine"], at["chest"]) if number == 0 else (at["chest"], at["neck"])
        bone(f"back{number}", low, high, below, "spine")
        below = f"back{number}"
    bone("nape", at["neck"], at["head"], below, "neck")
    bone("skull", at["head"], at["head_top"], "nape", "head")
    for side in "LR":
        for name, start, end, role, parent in LIMBS:
            above = below if parent == "breast" else "spine" if parent == "spine" else f"{parent}.{side}"
            if name == "collar" and not clavicles:
                continue
            if name == "arm" and not clavicles:
                above = below
            first, last = at[f"{start}.{side}"], at[f"{end}.{side}"]
            if twist and name in ("lower_arm", "calf"):
                middle = (at[f"{'shoulder' if name == 'lower_arm' else 'hip'}.{side}"] + first) / 2
                bone(f"{name}_twist.{side}", middle, first, above, None)
                above = f"{name}_twist.{side}"
            bone(f"{name}.{side}", first, last, above, f"{role}.{side}")
            if name == "pad" and toes:
                bone(f"toes.{side}", last, last + np.array([0, -0.06 * stretch, 0]), f"pad.{side}", f"toe.{side}")
    bpy.ops.object.mode_set(mode="OBJECT")
    return thing, Mapping(roles, "made up")


def standing(make_motion: Any, frames: int = 60, lift: bool = True, sway: float = 1.0, heel: float = 0.0, slide: float = 0.0) -> Any:
    """A motion whose feet stand while the hips sway, turn and sink; with `lift` the right foot steps in the middle of it.

    sway: how much the hips do; heel: degrees by which the left heel rises over its toe and sinks again; slide: metres that all of the body
    travels forward, standing feet too. Legs by the closed form of two bones with a hinge; both ankles' paths are exact.
    """
    motion = make_motion(frames, seed=3)
    names = [str(name) for name in motion.joint_names]
    offsets, parents = motion.rest_offsets.astype(float), motion.parents
    time = np.arange(frames) / 30
    world = np.tile(np.eye(3), (frames, len(names), 1, 1))
    root = np.stack([0.06 * np.sin(2 * time), 0.04 * np.cos(3 * time), 0.05 * np.cos(4 * time)], 1) * sway + [0.0, 0.0, 0.86]
    forward = np.stack([0 * time, -slide * time / max(time[-1], 1e-9), 0 * time], 1)
    root += forward
    pitch = np.radians(heel) * np.sin(np.linspace(0, np.pi, frames)) ** 2
    contacts = np.ones((frames, 2), bool)
    hop = np.zeros(frames)
    if lift:
        middle = slice(frames // 3, 2 * frames // 3)
        contacts[middle, 1] = False
        hop[middle] = 0.15 * np.sin(np.linspace(0, np.pi, frames // 3)) ** 2
    for t in range(frames):
        turn = np.array(Matrix.Rotation(0.25 * sway * np.sin(2.5 * time[t]), 3, "Z"))
        world[t, :] = turn
        for number, side in enumerate("LR"):
            hip, knee, ankle, toe = (names.index(f"{part}.{side}") for part in ("hip", "knee", "ankle", "toe"))
            start = root[t] + turn @ offsets[hip]
            goal = np.array([offsets[hip][0] + (0.02 if side == "L" else -0.02), 0.02, 0.08 + (hop[t] if number else 0.0)]) + forward[t]
            tip = np.eye(3) if number else np.array(Matrix.Rotation(pitch[t], 3, "X"))
            goal += offsets[toe] - tip @ offsets[toe]  # about the toe
            upper, lower = np.linalg.norm(offsets[knee]), np.linalg.norm(offsets[ankle])
            line = goal - start
            far = np.linalg.norm(line)
            along = line / far
            hinge = turn[:, 0] - (turn[:, 0] @ along) * along
            hinge /= np.linalg.norm(hinge)
            cosine = (upper**2 + far**2 - lower**2) / (2 * upper * far)
            middle_point = upper * (along * cosine + np.cross(along, hinge) * np.sqrt(1 - cosine**2))
            for joint, child, to in ((hip, knee, middle_point), (knee, ankle, line - middle_point)):
                world[t, joint] = _axes(to, hinge) @ _axes(offsets[child], np.array([1.0, 0, 0])).T
            world[t, ankle] = world[t, toe] = tip
    rotations = np.zeros((frames, len(names), 4))
    positions = np.zeros((frames, len(names), 3))
    for joint, parent in enumerate(parents):
        for t in range(frames):
            inner = world[t, parent].T @ world[t, joint] if joint else world[t, 0]
            rotations[t, joint] = Matrix(inner.tolist()).to_quaternion()
            positions[t, joint] = positions[t, parent] + world[t, parent] @ offsets[joint] if joint else root[t]
    return make_motion(frames, rotations=rotations.astype(np.float32), root_translation=root.astype(np.float32), contacts=contacts,
                       positions_world=positions.astype(np.float32))  # fmt: skip


def _axes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    a = first / np.linalg.norm(first)
    b = second - (second @ a) * a
    b /= np.linalg.norm(b)
    return np.stack([a, b, np.cross(a, b)], 1)


LIMB_ENDS = tuple(
    (f"{one}.{side}", f"{two}.{side}", f"{start}.{side}", f"{end}.{side}")
    for side in "LR"
    for one, two, start, end in (
        ("upper_arm", "forearm", "shoulder", "elbow"), ("forearm", "hand", "elbow", "wrist"),
        ("thigh", "shin", "hip", "knee"), ("shin", "foot", "knee", "ankle"),
    )
)  # fmt: skip


def measure(armature: bpy.types.Object, mapping: Mapping, motion: Any, every: int = 7) -> tuple[float, np.ndarray]:
    """What Blender shows: the worst angle (degrees) between limbs of rig and motion, and (frames, 2, 3) the ankles' world places."""
    names = [str(name) for name in motion.joint_names]
    worst, ankles = 0.0, []
    scene = bpy.context.scene
    for frame in range(0, len(motion), every):
        scene.frame_set(frame)
        seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        heads = {role: np.array(seen.matrix_world @ seen.pose.bones[bones[0]].head) for role, bones in mapping.bones.items()}
        for one, two, start, end in LIMB_ENDS:
            shown = heads[two] - heads[one]
            true = motion.positions_world[frame, names.index(end)] - motion.positions_world[frame, names.index(start)]
            cosine = shown @ true / np.linalg.norm(shown) / np.linalg.norm(true)
            worst = max(worst, float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))
        ankles.append([heads["foot.L"], heads["foot.R"]])
    return worst, np.array(ankles)
