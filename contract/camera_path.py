"""A camera that is known already, as the add-on hands it to the worker: schema `kinolift.camera/2`, one .npz, no pickle.

    schema           str         `kinolift.camera/2`
    unit             str         what `at` counts: `seconds` from the video's first frame, or its `frames`
    at               (N,)        rising
    camera_to_world  (N,4,4)     metres; camera axes x right, y down, z forward; the world's Z is up
    lens             (N,3)       focal length over the picture's longer side, and the principal point over width and height

Before the first and after the last moment the camera stays as it is there. In files of `kinolift.camera/1`, which are read too, the lens is
(3,), one for all moments.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .failure import Failure
from .motion_file import write_failure

SCHEMA, SCHEMA_OF_ONE_LENS = "kinolift.camera/2", "kinolift.camera/1"
SECONDS, FRAMES = "seconds", "frames"


@dataclass(frozen=True)
class CameraPath:
    """The arrays of the file (see the module's docstring)."""

    unit: str
    at: npt.NDArray[np.float64]
    camera_to_world: npt.NDArray[np.float64]
    lens: npt.NDArray[np.float64]

    @property
    def zooms(self) -> bool:
        """Whether its lens is not the same at all moments."""
        return bool(np.ptp(self.lens, axis=0).any())

    def times(self, fps: float) -> npt.NDArray[np.float64]:
        """(N,) seconds from the first frame of a video of that rate."""
        return self.at / fps if self.unit == FRAMES else self.at


def save_camera(path: CameraPath, file: str | os.PathLike[str]) -> None:
    """Raises Failure `not_writable` or `disk_full`."""
    try:
        with Path(file).open("wb") as stream:
            np.savez(
                stream, allow_pickle=False, schema=np.array(SCHEMA), unit=np.array(path.unit), at=path.at,
                camera_to_world=path.camera_to_world, lens=path.lens,
            )  # fmt: skip
    except OSError as error:
        raise write_failure(error, file) from error


def load_camera(file: str | os.PathLike[str]) -> CameraPath:
    """Reads and checks. Raises Failure `no_such_file` or `bad_input`."""
    if not Path(file).is_file():
        raise Failure("no_such_file", f"There is no camera file {file}; check the path after --camera.")
    try:
        with np.load(file, allow_pickle=False) as read:
            schema = str(read["schema"])
            if schema not in (SCHEMA, SCHEMA_OF_ONE_LENS):
                raise ValueError(f"its schema is {schema}")
            at, places, lens = (np.asarray(read[name], dtype=np.float64) for name in ("at", "camera_to_world", "lens"))
            if schema == SCHEMA_OF_ONE_LENS:
                lens = np.tile(lens, (len(at), 1))
            path = CameraPath(str(read["unit"]), at, places, lens)
        _check(path)
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise Failure("bad_input", f"{file} is not a camera file of the documented layout ({error}); write it again.") from error
    return path


def _check(path: CameraPath) -> None:
    count = len(path.at)
    if path.unit not in (SECONDS, FRAMES):
        raise ValueError(f"its unit is {path.unit!r}")
    if not count or path.camera_to_world.shape != (count, 4, 4) or path.lens.shape != (count, 3):
        raise ValueError("its arrays do not fit together")
    if not all(np.isfinite(a).all() for a in (path.at, path.camera_to_world, path.lens)) or (np.diff(path.at) <= 0).any():
        raise ValueError("its values are not finite or its moments do not rise")
    turns = path.camera_to_world[:, :3, :3]
    if np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() > 1e-3 or (np.linalg.det(turns) < 0).any():
        raise ValueError("its rotations are none")
    if (path.lens[:, 0] <= 0).any():
        raise ValueError("its focal length is not positive")
