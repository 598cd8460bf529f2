"""Rendered pairs in miniature: the documented layout, with a made-up detector whose landmarks stand exactly on the joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contract.skeleton import BODY_22
from engine.detection.landmarks import LANDMARK_JOINT

FOCAL = 500.0
FILE_ORDER = (*BODY_22.joints[:10], *BODY_22.joints[14:18], *BODY_22.joints[10:14], *BODY_22.joints[18:])  # not BODY_22's own
SOURCES = ("snu_tiling", "cmu_mocap6")
HUMANS = ("teen", "adult_f")


def standing(side: float = 0.12) -> np.ndarray:
    """(22,3) a standing person in camera axes, metres from the pelvis."""
    place = {
        "pelvis": (0, 0, 0), "spine": (0, -0.27, 0), "chest": (0, -0.4, 0),
        "neck": (0, -0.54, 0), "head": (0, -0.66, 0), "head_top": (0, -0.85, 0),
        "shoulder": (0.2, -0.5, 0), "elbow": (0.4, -0.3, 0), "wrist": (0.45, -0.1, -0.1), "hand": (0.45, -0.02, -0.12),
        "hip": (0.09, 0, 0), "knee": (side, 0.42, -0.05), "ankle": (side, 0.83, 0), "toe": (side, 0.88, -0.15),
    }  # fmt: skip
    return np.array([np.array(place[j.split(".")[0]]) * (-1 if j.endswith(".R") else 1, 1, 1) for j in BODY_22.joints], float)


def write_pairs(path: Path, segments: int = 4, frames: int = 60, missing: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    """A file of `segments` segments; frames whose number in its segment is in `missing` have nobody. Returns its arrays."""
    rng = np.random.default_rng(0)
    truth = np.zeros((segments, frames, 22, 3))
    for s in range(segments):
        turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, 1.5, frames)
        c, n, o = np.cos(turn), np.sin(turn), np.zeros(frames)
        about = np.stack([np.stack([c, o, n], -1), np.stack([o, o + 1, o], -1), np.stack([-n, o, c], -1)], -2)
        sway = 1 + 0.1 * np.sin(np.linspace(0, 9, frames))[:, None, None]
        truth[s] = np.einsum("tij,tkj->tki", about, standing() * sway)
        truth[s] += np.array([rng.uniform(-0.5, 0.5), 0.1, rng.uniform(3, 5)])
    marks = list(LANDMARK_JOINT)
    world = truth[:, :, marks] - truth[:, :, :1]
    image = FOCAL * truth[:, :, marks, :2] / truth[:, :, marks, 2:]
    detected = np.ones((segments, frames), bool)
    detected[:, list(missing)] = False
    image[~detected], world[~detected] = 0, 0
    n = segments * frames
    reordered = truth.reshape(n, 22, 3)[:, [BODY_22.index(j) for j in FILE_ORDER]]
    arrays = {
        "image": image.reshape(n, 33, 2).astype(np.float16),
        "visibility": np.where(detected.reshape(n, 1), 230, 0).repeat(33, 1).astype(np.uint8),
        "world": np.rint(1000 * world.reshape(n, 33, 3)).astype(np.int16), "truth": np.rint(1000 * reordered).astype(np.int16),
        "detected": detected.reshape(n), "joint_names": np.array(FILE_ORDER), "segment_start": np.arange(segments + 1) * frames,
        "source": np.array([SOURCES[s % 2] for s in range(segments)]), "clip": np.arange(segments),
        "human": np.array([HUMANS[s % 2] for s in range(segments)]), "focal": np.full(segments, FOCAL, np.float32),
        "stature": np.full(segments, 1.7, np.float32), "fps": np.array(30.0),
    }  # fmt: skip
    np.savez(path, **arrays)
    return arrays
