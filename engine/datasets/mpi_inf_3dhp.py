"""MPI-INF-3DHP: its original files (`S1/Seq1/annot.mat`, `TS1/annot_data.mat`) or P-STMO's `data_*_3dhp.npz`.

The 17 joints come in Human3.6M's order, so that one graph serves both benchmarks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.npz import ALLOWANCE, RATIO
from contract.reading import reading
from contract.skeleton import H36M_17
from engine.datasets.benchmark import PoseClip, PoseClips, Source, Split, choose, make_clip, normalise_screen
from engine.datasets.joint_names import check_rate
from engine.datasets.mat_file import read_cells
from engine.datasets.restricted_pickle import load_npz

TRAINING = tuple(f"S{i}" for i in range(1, 9))
VALIDATION = ("S8",)
TEST = tuple(f"TS{i}" for i in range(1, 7))
CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)  # those at the height of the chest
# (frames that the field uses, frames a second) of each training sequence; annotations beyond belong to no picture.
SEQUENCES = {
    ("S1", "Seq1"): (6416, 25), ("S1", "Seq2"): (12430, 50), ("S2", "Seq1"): (6502, 25), ("S2", "Seq2"): (6081, 25),
    ("S3", "Seq1"): (12488, 50), ("S3", "Seq2"): (12283, 50), ("S4", "Seq1"): (6171, 25), ("S4", "Seq2"): (6675, 25),
    ("S5", "Seq1"): (12820, 50), ("S5", "Seq2"): (12312, 50), ("S6", "Seq1"): (6188, 25), ("S6", "Seq2"): (6145, 25),
    ("S7", "Seq1"): (6239, 25), ("S7", "Seq2"): (6320, 25), ("S8", "Seq1"): (6468, 25), ("S8", "Seq2"): (6054, 25),
}  # fmt: skip
SQUARE, WIDE = (2048, 2048), (1920, 1080)
TEST_FPS = 25.0
# The 17 of the training annotations' 28 joints that the test set has too, in its order.
RELEVANT = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
# The data set's order: head top, neck, right arm, left arm, right leg, left leg, pelvis, spine, head. Human3.6M's joint i is its joint
# TO_H36M[i]; its joint i is Human3.6M's FROM_H36M[i].
TO_H36M = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
FROM_H36M = (10, 8, 14, 15, 16, 11, 12, 13, 1, 2, 3, 4, 5, 6, 0, 7, 9)


def size_of(sequence: str) -> tuple[int, int]:
    """Pixels (w, h) of a sequence's pictures: the two outdoor test sequences are wide."""
    return WIDE if sequence in ("TS5", "TS6") else SQUARE


def load_3dhp(source: Source, split: Split) -> PoseClips:
    """The clips of a split; the 3D truth is `univ_annot3` where the source is universal, else `annot3`, the person's own size.

    keypoints: "gt", the annotated ones; a path of an .npz {sequence: (T,17,2) pixels in the data set's order} serves the test split with
    any detector's. Only `valid_frame`s of the test are judged. P-STMO's npz are preferred where they lie in the folder.
    """
    folder = Path(source.path)
    subjects = choose(split, TRAINING, TEST, VALIDATION if source.held_out is None else source.held_out)
    name = f"data_{'test' if split == 'test' else 'train'}_3dhp{'' if source.universal else '_ori'}.npz"
    if (folder / name).is_file():
        clips = _test_npz(folder / name) if split == "test" else _train_npz(folder / name, subjects)
    elif split == "test":
        clips = [_test_mat(folder, sequence, source.universal) for sequence in subjects]
    else:
        clips = [clip for subject in subjects for sequence in ("Seq1", "Seq2") for clip in _train_mat(folder, subject, sequence, source)]
    if source.keypoints != "gt":
        clips = _replaced(clips, Path(source.keypoints), split)
    return PoseClips("mpi_inf_3dhp", source.keypoints, split, H36M_17, tuple(clips))


def _clip(subject: str, sequence: str, camera: str, fps: float, pixels: Any, millimetres: Any, valid: Any = None) -> PoseClip:
    """A clip from arrays in the data set's own order."""
    pixels, millimetres = np.asarray(pixels, dtype=np.float64), np.asarray(millimetres, dtype=np.float64)
    if pixels.shape[1:] != (17, 2) or millimetres.shape[1:] != (17, 3):
        raise Failure(
            "bad_input", f"{subject} {sequence}: arrays of {pixels.shape} and {millimetres.shape} instead of (frames, 17, 2) and "
            "(frames, 17, 3); the file is of another layout.",
        )  # fmt: skip
    if valid is not None and len(np.ravel(valid)) != len(pixels):
        raise Failure("bad_input", f"{subject} {sequence}: {len(np.ravel(valid))} marks of valid frames for {len(pixels)} frames.")
    size = size_of(subject)
    return make_clip(
        subject=subject, action=sequence, camera=camera, fps=fps, keypoints=normalise_screen(pixels[:, TO_H36M], *size),
        joints=millimetres[:, TO_H36M] / 1000.0, image_size=size, valid=valid,
    )  # fmt: skip


def _train_npz(path: Path, subjects: tuple[str, ...]) -> list[PoseClip]:
    """P-STMO's {"S1 Seq1": [{camera: {data_2d, data_3d}}, fps]}."""
    data = _data(path)
    missing = [s for s in subjects if not any(str(name).split(" ")[0] == s for name in data)]
    if missing:
        raise Failure("bad_input", f"{path} has no {', '.join(missing)}; it is an incomplete copy.")
    clips = []
    with reading(path, "file of P-STMO's layout", "get it again"):
        for name, (cameras, *rest) in data.items():
            subject, sequence = str(name).split(" ")
            if subject in subjects:
                fps = check_rate(float(np.ravel(rest[0])[0]) if rest else float(SEQUENCES[subject, sequence][1]))
                clips += [_clip(subject, sequence, str(c), fps, view["data_2d"], view["data_3d"]) for c, view in cameras.items()]
    return clips


def _test_npz(path: Path) -> list[PoseClip]:
    """P-STMO's {"TS1": {data_2d, data_3d, valid}}."""
    data = _data(path)
    missing = [s for s in TEST if s not in data]
    if missing:
        raise Failure("bad_input", f"{path} has no {', '.join(missing)}; it is an incomplete copy.")
    with reading(path, "file of P-STMO's layout", "get it again"):
        return [_clip(s, s, "0", TEST_FPS, data[s]["data_2d"], data[s]["data_3d"], data[s]["valid"]) for s in TEST]


def _data(path: Path) -> dict[str, Any]:
    data = load_npz(path).get("data")
    if not isinstance(data, dict):
        raise Failure("bad_input", f"{path} is not P-STMO's layout: it has no dictionary `data`.")
    return data


def _train_mat(folder: Path, subject: str, sequence: str, source: Source) -> list[PoseClip]:
    """The original training annotations: MATLAB 5, cells of (F, 28 x 2) and (F, 28 x 3)."""
    path = folder / subject / sequence / "annot.mat"
    if not path.is_file():
        raise Failure("no_such_file", f"There is no {path}; MPI-INF-3DHP is incomplete there (or give P-STMO's data_train_3dhp.npz).")
    truth = "univ_annot3" if source.universal else "annot3"
    with reading(path, "annotation of MPI-INF-3DHP", "it may be cut off: get it again"):
        content = read_cells(path, ("annot2", truth))
        frames, fps = SEQUENCES[subject, sequence]
        return [
            _clip(
                subject, sequence, str(c), fps, content["annot2"][c].reshape(-1, 28, 2)[:frames, RELEVANT],
                content[truth][c].reshape(-1, 28, 3)[:frames, RELEVANT],
            )
            for c in CAMERAS
        ]  # fmt: skip


def _test_mat(folder: Path, sequence: str, universal: bool) -> PoseClip:
    """The original test annotations: MATLAB 7.3, which is HDF5."""
    import h5py

    places = [folder / sequence, folder / "mpi_inf_3dhp_test_set" / sequence]
    path = next((p / "annot_data.mat" for p in places if (p / "annot_data.mat").is_file()), None)
    if path is None:
        raise Failure(
            "no_such_file", f"There is no {sequence}/annot_data.mat in {folder}; MPI-INF-3DHP's test set is incomplete there (or give "
            "P-STMO's data_test_3dhp.npz).",
        )  # fmt: skip
    with reading(path, "test sequence's annotation", "it may be cut off: get it again"), h5py.File(path, "r") as file:
        flat, solid = (_stored(file, name, path)[:, 0] for name in ("annot2", "univ_annot3" if universal else "annot3"))
        valid = _stored(file, "valid_frame", path).reshape(-1) > 0.5
        return _clip(sequence, sequence, "0", TEST_FPS, flat, solid, valid)


def _stored(file: Any, name: str, path: Path) -> npt.NDArray[np.float64]:
    """The numbers of that name, of no more bytes than the file can hold."""
    stored = file[name]
    if stored.dtype.kind not in "fiu":
        raise ValueError(f"its {name} holds no numbers")
    if stored.nbytes > max(ALLOWANCE, RATIO * path.stat().st_size):
        raise ValueError(f"its {name} is larger than its size allows")
    return np.asarray(stored, dtype=np.float64)


def _replaced(clips: list[PoseClip], path: Path, split: Split) -> list[PoseClip]:
    """The clips with a detector's keypoints in place of the annotated ones."""
    if path.suffix != ".npz":
        raise Failure("bad_arguments", f"MPI-INF-3DHP has the keypoints gt, or give an .npz of a detector's, not {path}.")
    if split != "test":
        raise Failure("bad_arguments", "A detector's keypoints of MPI-INF-3DHP serve the test split only; train with --keypoints gt.")
    found = load_npz(path)
    replaced = []
    for clip in clips:
        pixels = found.get(clip.subject)
        if not isinstance(pixels, np.ndarray) or pixels.shape != (len(clip), 17, 2):
            what = "nothing" if pixels is None else f"an array of {getattr(pixels, 'shape', type(pixels).__name__)}"
            raise Failure("bad_input", f"{path} holds {what} for {clip.subject} instead of ({len(clip)}, 17, 2) pixels.")
        replaced.append(
            make_clip(
                subject=clip.subject, action=clip.action, camera=clip.camera, fps=clip.fps, image_size=clip.image_size, valid=clip.valid,
                keypoints=normalise_screen(pixels[:, TO_H36M].astype(np.float64), *clip.image_size),
                joints=(clip.poses + clip.root[:, None]).astype(np.float64),
            )
        )  # fmt: skip
    return replaced
