"""Made-up motions with known truth: smooth random rotations on a T pose of plausible size, posed by matrices.

Used by the tests and by the stand-in worker (a process of its own), so it needs `contract` only, handed in by the caller.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

# metres, from the parent joint, T pose, facing -Y; a left side, mirrored for the right one
OFFSETS = {
    "pelvis": (0, 0, 0), "spine": (0, 0.01, 0.12), "chest": (0, 0.005, 0.2), "neck": (0, 0.02, 0.22), "head": (0, -0.02, 0.09),
    "head_top": (0, 0.01, 0.2), "clavicle": (0.03, -0.01, 0.17), "shoulder": (0.15, 0.02, 0.01), "elbow": (0.28, 0.01, 0),
    "wrist": (0.25, -0.01, 0), "hand": (0.09, 0, 0), "hip": (0.09, 0, -0.06), "knee": (0.005, -0.01, -0.42), "ankle": (0, 0.02, -0.4),
    "toe": (0.02, -0.15, -0.06),
}  # fmt: skip


def rest_offsets(names: Any, mirror: bool = True) -> np.ndarray:
    rows = []
    for name in names:
        x, y, z = OFFSETS[str(name).partition(".")[0]]
        rows.append((-x if str(name).endswith(".R") and mirror else x, y, z))
    return np.array(rows, dtype=np.float32)


def matrix(quaternion: np.ndarray) -> np.ndarray:
    """(4,) wxyz -> (3,3)."""
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def positions(motion_parents: Any, offsets: np.ndarray, rotations: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Forward kinematics as the motion file words it: (T,J,3)."""
    frames, joints = rotations.shape[:2]
    result = np.zeros((frames, joints, 3))
    for t in range(frames):
        world = [matrix(rotations[t, 0])]
        result[t, 0] = roots[t]
        for j in range(1, joints):
            p = int(motion_parents[j])
            result[t, j] = result[t, p] + world[p] @ offsets[j].astype(np.float64)
            world.append(world[p] @ matrix(rotations[t, j]))
    return result


def make_motion(motion_file: ModuleType, skeleton: ModuleType, frames: int = 40, fps: float = 30.0, seed: int = 1, **changes: Any) -> Any:
    """A Motion of `frames` frames. `changes` replaces fields; `skeleton_name` chooses the skeleton, `numbers` the frame numbers."""
    tree = skeleton.SKELETONS[changes.pop("skeleton_name", "ARMATURE_24")]
    numbers = np.asarray(changes.pop("numbers", np.arange(frames)))
    frames = len(numbers)
    generator = np.random.default_rng(seed)
    seconds = numbers / fps
    joints = len(tree)
    # every joint swings about an axis of its own, some far beyond half a turn, with its quaternion's sign flipping at random
    axes = generator.normal(size=(joints, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    reach = generator.uniform(0.3, 2.5, joints)
    speed = generator.uniform(0.5, 2.0, joints)
    angle = reach * np.sin(speed * seconds[:, None] * 3 + generator.uniform(0, 6, joints))
    rotations = np.concatenate([np.cos(angle / 2)[..., None], np.sin(angle / 2)[..., None] * axes], axis=-1)
    rotations *= generator.choice([-1.0, 1.0], size=(frames, joints, 1))
    rotations = rotations.astype(np.float32)
    roots = np.stack([0.4 * np.sin(seconds), 0.3 * seconds, 0.95 + 0.05 * np.cos(4 * seconds)], axis=1).astype(np.float32)
    offsets = rest_offsets(tree.joints)
    world = positions(tree.parents, offsets, rotations, roots)

    # a camera 4 m in front (-Y side) and 1.2 m up, a little to the right, turned 0.1 rad down
    down = 0.1
    axes_world = np.array([[1, 0, 0], [0, -np.sin(down), -np.cos(down)], [0, np.cos(down), -np.sin(down)]]).T
    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = axes_world
    camera_to_world[:3, 3] = (0.3, -4.5, 1.3)
    camera = (world - camera_to_world[:3, 3]) @ axes_world
    intrinsics = np.array([[700.0, 0, 330.0], [0, 700.0, 210.0], [0, 0, 1.0]])
    pixels = camera @ intrinsics.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    fields: dict[str, Any] = {
        "joint_names": np.array(tree.joints), "parents": np.array(tree.parents), "fps": fps, "times": seconds,
        "positions_camera": camera.astype(np.float32), "positions_world": world.astype(np.float32),
        "rest_offsets": offsets, "rotations": rotations, "root_translation": roots,
        "image_points": pixels.astype(np.float32), "confidence": np.ones((frames, joints), np.float32),
        "spread": np.zeros((frames, joints), np.float32), "contacts": np.zeros((frames, 2), bool),
        "camera_matrix": intrinsics, "camera_to_world": camera_to_world, "image_size": np.array([640, 480]),
        "detected": np.ones(frames, bool), "provenance": {"source": "made up"},
    }  # fmt: skip
    return motion_file.Motion(**{**fields, **changes})
