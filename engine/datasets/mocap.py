"""Motion capture clips: world joint positions at 30 frames a second, 22 joints, one .npz a source.

Layout of a file (no pickle): joint_names (22,), parents (22,), delta (N,22,3) int16 millimetres (a clip's first frame absolute, the others
the difference from the frame before), clip_start (C+1,), clip_name, subject, floor_ok (C,), source_fps (C,), fps.
World: metres, Z up, floor at z=0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.npz import open_npz
from contract.reading import reading
from contract.skeleton import BODY_22
from engine.datasets.joint_names import check_rate

# of each array numpy's kind, and how many axes it has
_LAYOUT = {
    "joint_names": ("U", 1), "delta": ("iu", 3), "clip_start": ("iu", 1), "clip_name": ("U", 1), "subject": ("U", 1), "floor_ok": ("b", 1),
}  # fmt: skip


@dataclass(frozen=True)
class MocapClip:
    """One clip. `positions`: (T,22,3) float32 metres, Z up, BODY_22 order."""

    source: str
    index: int
    name: str
    subject: str
    floor_ok: bool
    fps: float
    positions: npt.NDArray[np.float32]


def load_mocap(folder: Path) -> list[MocapClip]:
    """Every clip of every .npz in the folder, in the order of file names.

    Raises Failure `no_such_file` where there is none, `bad_input` for a file of another layout.
    """
    files = sorted(Path(folder).glob("*.npz"))
    if not files:
        raise Failure("no_such_file", f"There is no motion capture (.npz) in {folder}; check the path.")
    clips: list[MocapClip] = []
    for path in files:
        clips += load_mocap_file(path)
    return clips


def load_mocap_file(path: Path) -> list[MocapClip]:
    """Every clip of one file; raises Failure `bad_input` for a file of another layout."""
    with reading(path, "motion capture file of the documented layout", "get it again"), open_npz(path) as file:
        for name, (kinds, axes) in _LAYOUT.items():
            header = file.header(name)
            if header.dtype.kind not in kinds or len(header.shape) != axes:
                raise ValueError(f"its {name} is of another layout")
        names = tuple(str(n) for n in file.array("joint_names"))
        if names != BODY_22.joints or file.header("delta").shape[1:] != (len(BODY_22), 3):
            raise ValueError(f"it has other joints than the {len(BODY_22)} of BODY_22")
        delta, start, fps = file.array("delta"), file.array("clip_start").astype(np.int64), check_rate(file.number("fps"))
        clip_names, subjects, floor_ok = (file.array(name) for name in ("clip_name", "subject", "floor_ok"))
        if {len(clip_names), len(subjects), len(floor_ok)} != {len(start) - 1} or start[0] != 0 or start[-1] != len(delta):
            raise ValueError(f"it is incomplete: its clips do not add up to its {len(delta)} frames")
        if (np.diff(start) < 1).any():
            raise ValueError("it has a clip without frames")
    clips = []
    for i, (a, b) in enumerate(pairwise(start)):
        xyz = np.cumsum(delta[a:b].astype(np.int32), axis=0).astype(np.float32) / 1000.0
        clips.append(MocapClip(path.stem, i, str(clip_names[i]), str(subjects[i]), bool(floor_ok[i]), fps, xyz))
    return clips
