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
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from .npz import Npz, open_npz
from .outputs import written_beside
from .reading import reading

SCHEMA, SCHEMA_OF_ONE_LENS = "kinolift.camera/2", "kinolift.camera/1"
SECONDS, FRAMES = "seconds", "frames"
FARTHEST: Final = 1e9  # metres, seconds, frames and times the picture's side: no scene has more
SHORTEST_LENS: Final = 1e-6  # of the picture's longer side: a field of view of 180 degrees


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
    with written_beside(Path(file)) as beside, beside.open("wb") as stream:
        np.savez(
            stream, allow_pickle=False, schema=np.array(SCHEMA), unit=np.array(path.unit), at=path.at,
            camera_to_world=path.camera_to_world, lens=path.lens,
        )  # fmt: skip


def load_camera(file: str | os.PathLike[str]) -> CameraPath:
    """Reads and checks. Raises Failure `no_such_file` or `bad_input`."""
    with reading(file, "camera file", "write it again"), open_npz(file) as read:
        schema = read.text("schema")
        if schema not in (SCHEMA, SCHEMA_OF_ONE_LENS):
            raise ValueError(f"its schema is {schema!r}")
        at, places, lens = (_numbers(read, name) for name in ("at", "camera_to_world", "lens"))
        if schema == SCHEMA_OF_ONE_LENS:
            if at.ndim != 1 or lens.shape != (3,):
                raise ValueError("its arrays do not fit together")
            lens = np.tile(lens, (len(at), 1))
        path = CameraPath(read.text("unit"), at, places, lens)
        _check(path)
    return path


def _numbers(read: Npz, name: str) -> npt.NDArray[np.float64]:
    if read.header(name).dtype.kind not in "fiu":
        raise ValueError(f"its {name} holds no numbers")
    return read.array(name).astype(np.float64)


def _check(path: CameraPath) -> None:
    if path.unit not in (SECONDS, FRAMES):
        raise ValueError(f"its unit is {path.unit!r}")
    count = len(path.at) if path.at.ndim == 1 else 0
    if not count or path.camera_to_world.shape != (count, 4, 4) or path.lens.shape != (count, 3):
        raise ValueError("its arrays do not fit together")
    if not all(np.isfinite(a).all() for a in (path.at, path.camera_to_world, path.lens)) or (np.diff(path.at) <= 0).any():
        raise ValueError("its values are not finite or its moments do not rise")
    if max(np.abs(a).max() for a in (path.at, path.camera_to_world, path.lens)) > FARTHEST:
        raise ValueError("its values are too large")
    turns = path.camera_to_world[:, :3, :3]
    if np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() > 1e-3 or (np.linalg.det(turns) < 0).any():
        raise ValueError("its rotations are none")
    if (path.lens[:, 0] < SHORTEST_LENS).any():
        raise ValueError("its focal length is not positive")
