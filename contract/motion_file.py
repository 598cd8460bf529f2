"""The motion file, schema `kinolift.motion/1`: one .npz per person, written and read without pickle.

Arrays, T frames and J joints (architecture: contract 2):

    schema            str                 `kinolift.motion/1`
    joint_names       (J,) str            root first
    parents           (J,) int            index of the parent, -1 for the root
    fps, times        float, (T,) float64 the video's true rate; each frame's time in seconds from the video's first frame
    positions_camera  (T,J,3) float32     metres; camera axes: x right, y down, z forward; absolute
    positions_world   (T,J,3) float32     metres; Z up, ground at z=0
    rest_offsets      (J,3) float32       metres; each joint from its parent in the T pose, world axes, the person facing -Y
    rotations         (T,J,4) float32     quaternions wxyz: each joint's rotation relative to its parent's, rest = identity
    root_translation  (T,3) float32       metres; world position of the root
    image_points      (T,J,2) float32     pixels
    confidence        (T,J) float32       0..1
    spread            (T,J) float32       metres: root mean square distance of the joint from where it may be, seen from the root. The
                                          provenance's `spread` says whence: "hypotheses" (they differ by so much) or "expected" (joints of
                                          this confidence usually are off by so much); without it zeros say that it is not known
    contacts          (T,2) bool          left, right foot on the ground
    camera_matrix     (3,3)   camera_to_world (4,4)   image_size (2,) int (width, height); of the first frame
    camera_path       (T,4,4) float64     only where the camera moved: `camera_to_world` of each frame
    camera_lenses     (T,3,3) float64     only where it zoomed: `camera_matrix` of each frame
    alternative_...                       only where limbs can be read otherwise: see `alternatives`
    detected          (T,) bool           False where the frame was filled in
    provenance        str                 JSON: source, versions, weights, options, timings, quality report

Times are k/fps for whole k; a stretch that was left out (nobody in the picture for long) is a jump in `times`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from . import alternatives
from .failure import Failure
from .npz import Done, Header, open_npz, pieces, write_npz
from .outputs import written_beside
from .reading import parse_json, reading

SCHEMA = "kinolift.motion/1"
# what the provenance's `spread` says
FROM_HYPOTHESES, EXPECTED = "hypotheses", "expected"

# shape of every array, in terms of T frames and J joints
_SHAPES: dict[str, tuple[str | int, ...]] = {
    "joint_names": ("J",), "parents": ("J",), "times": ("T",),
    "positions_camera": ("T", "J", 3), "positions_world": ("T", "J", 3),
    "rest_offsets": ("J", 3), "rotations": ("T", "J", 4), "root_translation": ("T", 3),
    "image_points": ("T", "J", 2), "confidence": ("T", "J"), "spread": ("T", "J"), "contacts": ("T", 2),
    "camera_matrix": (3, 3), "camera_to_world": (4, 4), "image_size": (2,), "detected": ("T",),
}  # fmt: skip
# of arrays that a file need not have: those without them are read as before, and readers that know nothing of them read the others
_OPTIONAL: dict[str, tuple[str | int, ...]] = {"camera_path": ("T", 4, 4), "camera_lenses": ("T", 3, 3)} | alternatives.SHAPES
# the kinds of numpy's types that an array may have where it is not floating
_KINDS = {"joint_names": "U", "parents": "iu", "times": "fiu", "contacts": "b", "detected": "b", "image_size": "iu"} | alternatives.KINDS
# what of the quality report is shown to people
_FIGURES = ("reprojection_px", "reprojection_percent", "foot_slide_cm_s", "under_ground_mm", "acceleration", "unsure_percent")
_BOUNDS = ("first_frame", "last_frame", "start", "end")

# What a file of others may say at most; what we write stays far within.
MOST_JOINTS: Final = 1000
RATES: Final = (0.01, 10_000.0)  # frames a second
LAST_FRAME: Final = 1e9  # ten days at 1000 frames a second
FARTHEST: Final = 1e7  # metres or pixels: from there on single precision knows no metres
TINY: Final = 1e-12  # of a quaternion


@dataclass
class Motion:
    """One person's motion; the fields are the arrays of the file (see the module's docstring)."""

    joint_names: npt.NDArray[np.str_]
    parents: npt.NDArray[np.int64]
    fps: float
    times: npt.NDArray[np.float64]
    positions_camera: npt.NDArray[np.float32]
    positions_world: npt.NDArray[np.float32]
    rest_offsets: npt.NDArray[np.float32]
    rotations: npt.NDArray[np.float32]
    root_translation: npt.NDArray[np.float32]
    image_points: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]
    contacts: npt.NDArray[np.bool_]
    camera_matrix: npt.NDArray[np.float64]
    camera_to_world: npt.NDArray[np.float64]
    image_size: npt.NDArray[np.int64]
    detected: npt.NDArray[np.bool_]
    provenance: dict[str, Any] = field(default_factory=dict)
    camera_path: npt.NDArray[np.float64] | None = None
    camera_lenses: npt.NDArray[np.float64] | None = None
    alternative_limbs: npt.NDArray[np.str_] | None = None
    alternative_frames: npt.NDArray[np.int64] | None = None
    alternative_rotations: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def frame_numbers(self) -> npt.NDArray[np.int64]:
        """(T,) whole frame numbers: the video's first frame is 0; a jump is a stretch that was left out."""
        return np.rint(self.times * self.fps).astype(np.int64)

    def joint(self, name: str) -> int:
        """Index of the joint of that name; ValueError where there is none."""
        return [str(n) for n in self.joint_names].index(name)


def save_motion(motion: Motion, path: str | os.PathLike[str], done: Done = lambda _: None) -> None:
    """Writes the file beside its final name, then renames it: nobody ever sees half a file.

    Arrays are checked and written piece by piece; after each `done` is called with the array, so that it can let go of memory.
    Raises Failure `bad_motion` for arrays that do not fit together, `not_writable` or `disk_full`.
    """
    arrays = {name: np.asarray(getattr(motion, name)) for name in _SHAPES}
    arrays |= {name: np.asarray(value) for name in _OPTIONAL if (value := getattr(motion, name)) is not None}
    _check(arrays, motion.fps, done)
    arrays["joint_names"] = arrays["joint_names"].astype(np.str_)
    arrays["schema"] = np.array(SCHEMA)
    arrays["fps"] = np.array(float(motion.fps))
    arrays["provenance"] = np.array(json.dumps(motion.provenance, allow_nan=False, sort_keys=True))
    with written_beside(Path(path)) as beside, beside.open("wb") as file:
        write_npz(file, arrays, done)


def load_motion(path: str | os.PathLike[str]) -> Motion:
    """Reads and checks a motion file. Raises Failure `no_such_file`, `bad_motion` or `out_of_memory`."""
    with reading(path, "motion file", "capture the video again", "bad_motion"), open_npz(path) as file:
        schema = file.text("schema") if "schema" in file.names else ""
        if schema != SCHEMA:
            raise ValueError(f"its schema is {schema!r}, and this version reads {SCHEMA!r}")
        if missing := [name for name in (*_SHAPES, "fps", "provenance") if name not in file.names]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        names = [*_SHAPES, *(name for name in _OPTIONAL if name in file.names)]
        headers = {name: file.header(name) for name in names}
        _check_layout(headers)  # before any memory is taken for them
        fps, provenance = file.number("fps"), parse_json(file.text("provenance"))
        _check_report(provenance)
        arrays = {name: file.array(name) for name in names}
        _check_values(arrays, fps)
        _check_sense(arrays, fps)
    return Motion(fps=fps, provenance=provenance, **arrays)


def motion_from(arrays: Mapping[str, np.ndarray], fps: float, provenance: Any) -> Motion:
    """The motion that these arrays are, checked as a file's are. Raises ValueError, KeyError for one that is missing."""
    _check_report(provenance)
    _check_layout(arrays)
    _check_values(arrays, fps)
    _check_sense(arrays, fps)
    return Motion(fps=fps, provenance=provenance, **arrays)


def _check(arrays: dict[str, np.ndarray], fps: float, done: Done = lambda _: None) -> None:
    """Raises Failure `bad_motion` for arrays that make no motion file."""
    try:
        _check_layout(arrays)
        _check_values(arrays, fps, done)
        alternatives.check(arrays)
    except ValueError as error:
        raise Failure("bad_motion", f"The motion was not written: {error}.") from error


def _check_layout(arrays: Mapping[str, np.ndarray | Header]) -> None:
    """ValueError for another shape or type than the documented ones."""
    for name in ("times", "joint_names"):
        if len(arrays[name].shape) != 1:
            raise ValueError(f"its {name} has the shape {arrays[name].shape}")
    sizes = {"T": arrays["times"].shape[0], "J": arrays["joint_names"].shape[0]} | alternatives.sizes_of(arrays)
    for name, shape in (_SHAPES | _OPTIONAL).items():
        if name not in arrays and name in _OPTIONAL:
            continue
        wanted = tuple(sizes[s] if isinstance(s, str) else s for s in shape)
        if arrays[name].shape != wanted:
            raise ValueError(f"its {name} has the shape {arrays[name].shape} where {wanted} is due")
        if arrays[name].dtype.kind not in _KINDS.get(name, "f"):
            raise ValueError(f"its {name} holds values of the type {arrays[name].dtype}")
    if not sizes["T"]:
        raise ValueError("it has no frames")
    if not 0 < sizes["J"] <= MOST_JOINTS:
        raise ValueError(f"it has {sizes['J']} joints")


def _check_values(arrays: Mapping[str, np.ndarray], fps: float, done: Done = lambda _: None) -> None:
    """ValueError for numbers that are not finite, and joints in no order."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not all(np.isfinite(piece).all() for piece in pieces(array, done)):
            raise ValueError(f"its {name} holds values that are not finite numbers")
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"its frame rate is {fps}, which no video has")
    parents = arrays["parents"]
    if parents[0] != -1 or any(not 0 <= p < i for i, p in enumerate(parents) if i):
        raise ValueError("its joints are out of order: the root comes first, parents before children")


def _check_sense(arrays: Mapping[str, np.ndarray], fps: float) -> None:
    """ValueError for finite numbers that cannot be a person's motion; only files of others can hold them."""
    lowest, highest = RATES
    if not lowest <= fps <= highest:
        raise ValueError(f"its frame rate is {fps:g}, which no video has")
    if len(set(arrays["joint_names"].tolist())) != len(arrays["joint_names"]):
        raise ValueError("it has two joints of one name")
    numbers = arrays["times"] * fps
    if np.abs(numbers).max() > LAST_FRAME or (np.diff(np.rint(numbers)) < 1).any():
        raise ValueError("its times do not rise by a frame at least")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and name != "times" and any(np.abs(piece).max(initial=0) > FARTHEST for piece in pieces(array, _ignore)):
            raise ValueError(f"its {name} holds numbers that are too large")
    turns = [arrays[name] for name in ("rotations", "alternative_rotations") if name in arrays]
    if any((np.abs(piece).max(axis=-1) < TINY).any() for turn in turns for piece in pieces(turn, _ignore)):
        raise ValueError("its rotations hold quaternions of no length")
    alternatives.check(arrays)
    if not (arrays["image_size"] > 0).all():
        raise ValueError("its image_size is not positive")


def _check_report(provenance: Any) -> None:
    """ValueError for a provenance in which the panel would stumble over what it shows of it."""
    if not isinstance(provenance, dict) or any(not isinstance(provenance.get(part, {}), dict) for part in ("quality", "options")):
        raise ValueError("its provenance is not the JSON object that it should be")
    report = provenance.get("quality", {})
    unsure = report.get("unsure", [])
    if not all(_is_number(report.get(name, 0)) for name in _FIGURES) or not isinstance(unsure, list):
        raise ValueError("its quality report holds figures that are no numbers")
    for stretch in unsure:
        whole = isinstance(stretch, dict) and isinstance(stretch.get("reason"), str)
        if not whole or not all(_is_number(stretch.get(name)) for name in _BOUNDS):
            raise ValueError("its quality report names a stretch without bounds or reason")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < FARTHEST**2


def _ignore(_: np.ndarray) -> None:
    pass
