"""Human3.6M in miniature: VideoPose3D's layout with made-up motions before the real cameras, all computed by a second route."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from contract.skeleton import H36M_17
from engine.datasets.human36m_cameras import LENSES, PLACES

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
DROPPED = (4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31)
KEPT = [i for i in range(32) if i not in DROPPED]
ACTIONS = ("Directions", "Walking 1", "WalkDog")


def standing() -> np.ndarray:
    """(17,3) metres, Z up, the pelvis at 0.9."""
    right = np.array([
        [0, 0, 0.9], [-0.13, 0, 0.9], [-0.14, 0.02, 0.47], [-0.14, 0, 0.03], [0.13, 0, 0.9], [0.14, 0.02, 0.47], [0.14, 0, 0.03],
        [0, 0, 1.13], [0, 0, 1.38], [0, 0.05, 1.48], [0, 0.02, 1.6], [0.16, 0, 1.33], [0.3, 0.05, 1.1], [0.3, 0.2, 0.95],
        [-0.16, 0, 1.33], [-0.3, 0.05, 1.1], [-0.3, 0.2, 0.95],
    ])  # fmt: skip
    assert len(right) == len(H36M_17)
    return right


def motion(frames: int, seed: int) -> np.ndarray:
    """(T,17,3) a person who turns and sways about the room's middle, world axes, metres."""
    rng = np.random.default_rng(seed)
    turn = Rotation.from_euler("z", (rng.uniform(0, 6) + np.linspace(0, 1, frames))[:, None]).as_matrix()
    sway = 1 + 0.05 * np.sin(np.linspace(0, 9, frames) + rng.uniform(0, 6))[:, None, None]
    return (standing() * sway) @ turn.transpose(0, 2, 1) + np.append(rng.uniform(-0.5, 0.5, 2), 0)


def seen_by(world: np.ndarray, subject: str, camera: int) -> np.ndarray:
    """(T,17,2) pixels, through scipy's rotations and the distortion written out."""
    (w, x, y, z), place = PLACES[subject][camera]
    local = Rotation.from_quat([x, y, z, w]).inv().apply((world - np.array(place) / 1000).reshape(-1, 3)).reshape(world.shape)
    lens = LENSES[camera]
    a, b = local[..., 0] / local[..., 2], local[..., 1] / local[..., 2]
    r2 = a * a + b * b
    common = 1 + lens.radial[0] * r2 + lens.radial[1] * r2**2 + lens.radial[2] * r2**3 + lens.tangential[0] * a + lens.tangential[1] * b
    u = lens.focal[0] * (a * common + lens.tangential[0] * r2) + lens.centre[0]
    v = lens.focal[1] * (b * common + lens.tangential[1] * r2) + lens.centre[1]
    return np.stack([u, v], -1)


def write_human36m(folder: Path, subjects: tuple[str, ...] = SUBJECTS, frames: int = 12, error: float = 4.0) -> dict[str, dict]:
    """Both files, the detector's keypoints three frames too long and `error` pixels off. Returns the (T,17,3) world joints."""
    rng = np.random.default_rng(5)
    worlds: dict[str, dict] = {}
    takes: dict[str, dict] = {}
    exact: dict[str, dict] = {}
    found: dict[str, dict] = {}
    for s, subject in enumerate(subjects):
        worlds[subject], takes[subject], exact[subject], found[subject] = {}, {}, {}, {}
        for a, action in enumerate(ACTIONS):
            world = motion(frames, 10 * s + a)
            full = np.full((frames, 32, 3), 9.0)
            full[:, KEPT] = world
            views = [seen_by(world, subject, c) for c in range(4)]
            worlds[subject][action], takes[subject][action] = world, full.astype(np.float32)
            exact[subject][action] = [v.astype(np.float32) for v in views]
            late = [np.concatenate([v, v[-3:]]) for v in views]
            found[subject][action] = [(v + error * rng.standard_normal(v.shape)).astype(np.float32) for v in late]
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]}
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=takes)
    np.savez_compressed(folder / "data_2d_h36m_gt.npz", positions_2d=exact, metadata=metadata)
    np.savez_compressed(folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz", positions_2d=found, metadata=metadata)
    return worlds
