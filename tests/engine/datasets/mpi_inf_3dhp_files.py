"""MPI-INF-3DHP in miniature, in every layout: MATLAB 5 cells, HDF5, P-STMO's npz."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

RELEVANT = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
JOINTS = (
    "head_top", "neck", "shoulder.R", "elbow.R", "wrist.R", "shoulder.L", "elbow.L", "wrist.L", "hip.R", "knee.R", "ankle.R", "hip.L",
    "knee.L", "ankle.L", "pelvis", "spine", "head",
)  # fmt: skip
FOCAL = 1500.0


def person(frames: int, seed: int) -> np.ndarray:
    """(T,17,3) mm, camera axes, the data set's order."""
    place = {
        "pelvis": (0, 0), "spine": (0, -230), "neck": (0, -500), "head": (0, -600), "head_top": (0, -750), "shoulder": (170, -450),
        "elbow": (330, -250), "wrist": (380, -50), "hip": (130, 10), "knee": (140, 440), "ankle": (140, 860),
    }  # fmt: skip
    still = np.array([[place[j.split(".")[0]][0] * (-1 if j.endswith("R") else 1), place[j.split(".")[0]][1], 3500] for j in JOINTS], float)
    rng = np.random.default_rng(seed)
    return still + rng.normal(0, 20, (frames, 17, 3)) + rng.normal(0, 200, (1, 1, 3))


def pixels(poses: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return FOCAL * poses[..., :2] / poses[..., 2:] + np.array(size) / 2


def universal(poses: np.ndarray) -> np.ndarray:
    """As the data set scales a person about the pelvis."""
    root = poses[:, 14:15]
    return root + 0.955 * (poses - root)


def write_test(folder: Path, frames: int = 10) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """TS1..TS6 as HDF5; returns {sequence: (annot3, valid)}."""
    truth = {}
    for i in range(1, 7):
        size = (1920, 1080) if i > 4 else (2048, 2048)
        poses, valid = person(frames, i), np.arange(frames) % 3 != i % 3
        (folder / f"TS{i}").mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / f"TS{i}" / "annot_data.mat", "w") as file:
            file["annot2"] = pixels(poses, size)[:, None]
            file["annot3"], file["univ_annot3"] = poses[:, None], universal(poses)[:, None]
            file["valid_frame"] = valid[:, None].astype(float)
            file["activity_annotation"] = np.ones((frames, 1))
        truth[f"TS{i}"] = poses, valid
    return truth


def write_train(folder: Path, frames: int = 6) -> dict[tuple[str, str, int], np.ndarray]:
    """S1..S8 as MATLAB 5 cells of 14 cameras and 28 joints; returns {(subject, sequence, camera): annot3}."""
    truth = {}
    for s in range(1, 9):
        for q in (1, 2):
            cells = {name: np.empty((14, 1), object) for name in ("annot2", "annot3", "univ_annot3")}
            for camera in range(14):
                poses = person(frames, 1000 * s + 100 * q + camera)
                for name, values in (("annot2", pixels(poses, (2048, 2048))), ("annot3", poses), ("univ_annot3", universal(poses))):
                    full = np.full((frames, 28, values.shape[-1]), 7.0)
                    full[:, RELEVANT] = values
                    cells[name][camera, 0] = full.reshape(frames, -1)
                truth[f"S{s}", f"Seq{q}", camera] = poses
            (folder / f"S{s}" / f"Seq{q}").mkdir(parents=True)
            savemat(folder / f"S{s}" / f"Seq{q}" / "annot.mat", {**cells, "cameras": np.arange(14), "frames": np.arange(frames)[:, None]})
    return truth


def write_pstmo(folder: Path, test: dict, train: dict, variant: str = "") -> None:
    scaled = universal if not variant else lambda poses: poses
    sizes = {f"TS{i}": (1920, 1080) if i > 4 else (2048, 2048) for i in range(1, 7)}
    data = {s: {"data_2d": pixels(p, sizes[s]), "data_3d": scaled(p), "valid": v.astype(float)} for s, (p, v) in test.items()}
    np.savez_compressed(folder / f"data_test_3dhp{variant}.npz", data=data)
    sequences: dict[str, list] = {}
    for (subject, sequence, camera), poses in train.items():
        if camera in (0, 1, 2, 4, 5, 6, 7, 8):
            views = sequences.setdefault(f"{subject} {sequence}", [{}, 25])[0]
            views[str(camera)] = {"data_2d": pixels(poses, (2048, 2048)), "data_3d": scaled(poses)}
    np.savez_compressed(folder / f"data_train_3dhp{variant}.npz", data=sequences)
