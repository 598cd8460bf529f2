"""A made-up person for these tests: a walk of known bones and rotations, posed by a forward kinematics of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.points import point_offsets
from engine.kinematics.proportions import TYPICAL, t_pose

Array = npt.NDArray[np.float64]

HEIGHT = 1.75
OF_BODY = [ARMATURE_24.index(name) for name in BODY_22.joints]


def points_of(joints: Array, height: float = HEIGHT) -> Array:
    """(T,22,3) where a detector sees the joints (T,22,3)."""
    return np.asarray(joints + point_offsets(joints, height))


def rest_offsets(height: float = HEIGHT) -> Array:
    lengths = {name: value * height for name, value in TYPICAL.items()}
    lengths |= {name[:-1] + "R": value for name, value in list(lengths.items()) if name.endswith(".L")}
    return t_pose(lengths, 0.03 * height, height)


def about(axis: str, degrees: Array | float) -> Array:
    """(T,3,3) or (3,3), written out by hand."""
    a = np.radians(np.asarray(degrees, float))
    c, s, o, i = np.cos(a), np.sin(a), np.zeros_like(a), np.ones_like(a)
    rows = {"x": ((i, o, o), (o, c, -s), (o, s, c)), "y": ((c, o, s), (o, i, o), (-s, o, c)), "z": ((c, -s, o), (s, c, o), (o, o, i))}[axis]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def naive_forward(offsets: Array, local: dict[str, Array], root: Array) -> tuple[Array, Array]:
    """4x4 matrices, frame by frame and joint by joint: (T,24,3) positions and (T,24,3,3) rotations."""
    positions, turned = [], []
    for t in range(len(root)):
        matrices: list[Array] = []
        for j, (name, parent) in enumerate(zip(ARMATURE_24.joints, ARMATURE_24.parents, strict=True)):
            m = np.eye(4)
            m[:3, :3] = local[name][t] if name in local else np.eye(3)
            m[:3, 3] = root[t] if parent < 0 else offsets[j]
            matrices.append(m if parent < 0 else matrices[parent] @ m)
        positions.append([m[:3, 3] for m in matrices])
        turned.append([m[:3, :3] for m in matrices])
    return np.array(positions), np.array(turned)


@dataclass
class Walk:
    positions: Array  # (T,24,3) world
    rotations: Array  # (T,24,3,3) world
    offsets: Array
    fps: float

    @property
    def body(self) -> Array:
        return self.positions[:, OF_BODY]


def walk(seconds: float = 3.0, fps: float = 30.0, speed: float = 1.2, height: float = HEIGHT, planted: bool = False) -> Walk:
    """Walks along -Y with bent knees and swinging arms; the lower foot stands on the ground in every frame. The body moves evenly,
    or, `planted`, unevenly over the toe of the leg that swings back, which then really stands."""
    t = np.arange(round(seconds * fps)) / fps
    phase = 2 * np.pi * 0.9 * t
    offsets = rest_offsets(height)
    local: dict[str, Array] = {"pelvis": about("z", 6 * np.sin(phase)), "chest": about("z", -10 * np.sin(phase)) @ about("x", 3 + 0 * t)}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        swing = sign * np.arcsin(0.97 * np.sin(phase)) / np.arcsin(0.97)  # evenly back, so that the body moves evenly
        # a leg swung forward (-Y) is a turn about X by a negative angle, knees bend by a positive one
        local[f"hip.{side}"] = about("x", -22 * swing - 8)
        local[f"knee.{side}"] = about("x", 12 + 25 * (1 + sign * np.cos(phase)))
        local[f"ankle.{side}"] = about("x", -6 + 4 * swing)
        local[f"shoulder.{side}"] = about("x", 20 * swing) @ about("y", sign * (80 + 3 * np.sin(phase)))
        local[f"elbow.{side}"] = about("z", -sign * (35 + 10 * swing))
        local[f"wrist.{side}"] = about("y", 8 * swing)
    positions, rotations = naive_forward(offsets, local, np.zeros((len(t), 3)))
    soles = [positions[:, ARMATURE_24.index(f"{part}.{side}"), 2] - share * height
             for part, share in (("ankle", 0.05), ("toe", 0.02)) for side in "LR"]  # fmt: skip
    positions[..., 2] -= np.min(soles, axis=0)[:, None]
    if not planted:
        positions[..., 1] -= speed * t[:, None]
        return Walk(positions, rotations, offsets, fps)
    toes = positions[:, [ARMATURE_24.index("toe.L"), ARMATURE_24.index("toe.R")]]
    stands = (np.cos(phase) < 0).astype(int) ^ 1  # the leg that swings back: the right one while the left swings forward
    steps = -np.diff(toes, axis=0)[np.arange(len(t) - 1), stands[1:]]
    positions[1:, :, :2] += np.cumsum(steps, axis=0)[:, None, :2]
    return Walk(positions, rotations, offsets, fps)


def camera_rotation(tilt: float, roll: float, azimuth: float = 0.0) -> Array:
    """(3,3) world to camera; degrees; tilt > 0 looks up; azimuth 0 looks along +Y."""
    level = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # x right, y down, z forward of a level camera that looks along +Y
    return about("z", roll) @ about("x", -tilt) @ level @ about("z", azimuth)
