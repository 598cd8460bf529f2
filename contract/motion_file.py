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
    spread            (T,J) float32       metres: disagreement of the refiner's hypotheses
    contacts          (T,2) bool          left, right foot on the ground
    camera_matrix     (3,3)   camera_to_world (4,4)   image_size (2,) int (width, height)
    detected          (T,) bool           False where the frame was filled in
    provenance        str                 JSON: source, versions, weights, options, timings, quality report

Times are k/fps for whole k; a stretch that was left out (nobody in the picture for long) is a jump in `times`.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .failure import Failure
from .npz import Done, pieces, write_npz

SCHEMA = "kinolift.motion/1"

# shape of every array, in terms of T frames and J joints
_SHAPES: dict[str, tuple[str | int, ...]] = {
    "joint_names": ("J",), "parents": ("J",), "times": ("T",),
    "positions_camera": ("T", "J", 3), "positions_world": ("T", "J", 3),
    "rest_offsets": ("J", 3), "rotations": ("T", "J", 4), "root_translation": ("T", 3),
    "image_points": ("T", "J", 2), "confidence": ("T", "J"), "spread": ("T", "J"), "contacts": ("T", 2),
    "camera_matrix": (3, 3), "camera_to_world": (4, 4), "image_size": (2,), "detected": ("T",),
}  # fmt: skip


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
    path = Path(path)
    arrays = {name: np.asarray(getattr(motion, name)) for name in _SHAPES}
    _check(arrays, motion.fps, done)
    arrays["joint_names"] = arrays["joint_names"].astype(np.str_)
    arrays["schema"] = np.array(SCHEMA)
    arrays["fps"] = np.array(float(motion.fps))
    arrays["provenance"] = np.array(json.dumps(motion.provenance, allow_nan=False, sort_keys=True))
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            write_npz(file, arrays, done)
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner may read
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise write_failure(error, path) from error


def write_failure(error: OSError, path: str | os.PathLike[str]) -> Failure:
    """The Failure that tells a person why `path` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk_full", f"The disk is full: {path} was not written; free some space and try again.")
    return Failure("not_writable", f"{path} cannot be written ({error.strerror}); choose another folder for the output.")


def load_motion(path: str | os.PathLike[str]) -> Motion:
    """Reads and checks a motion file. Raises Failure `no_such_file` or `bad_motion`."""
    path = Path(path)
    if not path.is_file():
        raise Failure("no_such_file", f"There is no motion file {path}; check the path.")
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("a bare array")
        with file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Failure("bad_motion", f"{path} is not a motion file ({error}); capture the video again.") from error
    schema = str(arrays.get("schema", ""))
    if schema != SCHEMA:
        raise Failure("bad_motion", f"{path} has the schema {schema!r}, and this version reads {SCHEMA!r}; capture the video again.")
    missing = [name for name in (*_SHAPES, "fps", "provenance") if name not in arrays]
    if missing:
        raise Failure("bad_motion", f"{path} lacks {', '.join(missing)}; capture the video again.")
    try:
        provenance = json.loads(str(arrays["provenance"]))
        fps = float(arrays["fps"])
    except (ValueError, TypeError) as error:
        raise Failure("bad_motion", f"{path} is damaged ({error}); capture the video again.") from error
    _check(arrays, fps)
    return Motion(fps=fps, provenance=provenance, **{name: arrays[name] for name in _SHAPES})


def _check(arrays: dict[str, np.ndarray], fps: float, done: Done = lambda _: None) -> None:
    sizes = {"T": len(arrays["times"]), "J": len(arrays["joint_names"])}
    for name, shape in _SHAPES.items():
        wanted = tuple(sizes[s] if isinstance(s, str) else s for s in shape)
        if arrays[name].shape != wanted:
            raise Failure("bad_motion", f"The motion's {name} has the shape {arrays[name].shape} where {wanted} is due.")
        if arrays[name].dtype.kind == "f" and not all(np.isfinite(piece).all() for piece in pieces(arrays[name], done)):
            raise Failure("bad_motion", f"The motion's {name} holds values that are not finite numbers.")
    if not sizes["T"]:
        raise Failure("bad_motion", "The motion has no frames.")
    if not (np.isfinite(fps) and fps > 0):
        raise Failure("bad_motion", f"The motion's frame rate is {fps}, which no video has.")
    parents = arrays["parents"]
    if parents[0] != -1 or any(not 0 <= p < i for i, p in enumerate(parents) if i):
        raise Failure("bad_motion", "The motion's joints are out of order: the root comes first, parents before children.")
