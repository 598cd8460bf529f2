"""Motion capture clips: world joint positions at 30 frames a second, 22 joints, one .npz a source.

Layout of a file (no pickle): joint_names (22,), parents (22,), delta (N,22,3) int16 millimetres (a clip's first frame absolute, the others
the difference from the frame before), clip_start (C+1,), clip_name, subject, floor_ok (C,), source_fps (C,), fps.
World: metres, Z up, floor at z=0.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import BODY_22


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
    try:
        with np.load(path, allow_pickle=False) as z:
            names = tuple(str(n) for n in z["joint_names"])
            delta, start = z["delta"], z["clip_start"]
            clip_names, subjects, floor_ok, fps = z["clip_name"], z["subject"], z["floor_ok"], float(z["fps"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise Failure("bad_input", f"{path} is not a motion capture file of the documented layout ({error}).") from error
    if names != BODY_22.joints or delta.ndim != 3 or delta.shape[1:] != (len(BODY_22), 3):
        raise Failure("bad_input", f"{path} has other joints than the {len(BODY_22)} of BODY_22.")
    if len(start) != len(clip_names) + 1 or start[-1] != len(delta):
        raise Failure("bad_input", f"{path} is incomplete: its clips do not add up to its {len(delta)} frames.")
    clips = []
    for i, (a, b) in enumerate(pairwise(start)):
        xyz = np.cumsum(delta[a:b].astype(np.int32), axis=0).astype(np.float32) / 1000.0
        clips.append(MocapClip(path.stem, i, str(clip_names[i]), str(subjects[i]), bool(floor_ok[i]), fps, xyz))
    return clips
