"""Rendered pairs: what the detector said about a rendered person, beside the exact truth.

Layout of a file (no pickle), N frames of all segments one after another, S segments:
image (N,33,2) float16 pixels from the image centre, visibility (N,33) uint8, world (N,33,3) int16 mm (the detector's axes: x right, y down,
z away), truth (N,22,3) int16 mm (camera axes, absolute), detected (N,) bool, segment_start (S+1,), source, clip, human, focal (px),
stature (m) (S,), fps. Newer files also have camera_to_world (N,4,4) float32 (a world with Z up, floor at 0), kind, moving_camera, outfit
(S,).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.npz import Npz, open_npz
from contract.reading import reading
from contract.skeleton import BODY_22

MAX_GAP = 15  # frames: longer stretches without a person split a segment, as `track` does at 30 frames a second
MIN_LENGTH = 16  # frames: shorter pieces teach nothing about time
# metres before the camera: a joint that is nearer, or behind it, has no place in the picture (a division by nothing)
NEAREST_JOINT = 0.2

# of each array numpy's kind, and its shape in terms of N frames and S segments; those below where the file has them
_LAYOUT: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "joint_names": ("U", (len(BODY_22),)), "image": ("f", ("N", 33, 2)), "visibility": ("fiu", ("N", 33)), "world": ("fiu", ("N", 33, 3)),
    "truth": ("fiu", ("N", len(BODY_22), 3)), "detected": ("b", ("N",)), "source": ("U", ("S",)), "clip": ("iu", ("S",)),
    "human": ("U", ("S",)), "focal": ("fiu", ("S",)), "stature": ("fiu", ("S",)),
}  # fmt: skip
_MORE: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "detector": ("U", ()), "image_size": ("iu", ("S", 2)), "camera_roll": ("f", ("S",)), "camera_elevation": ("f", ("S",)),
    "camera_to_world": ("f", ("N", 4, 4)),
}  # fmt: skip


@dataclass(frozen=True)
class PairCamera:
    """`focal` px, `size` (width, height) px; `tilt` degrees, below 0 looking down; `roll` degrees by which upright things stand turned
    clockwise in the picture."""

    focal: float
    size: tuple[int, int]
    tilt: float
    roll: float


@dataclass(frozen=True)
class Segment:
    """One person before one camera. Gaps of at most MAX_GAP frames are filled in; `detected` marks them.

    rays (T,33,2): image coordinates over the focal length, from the image centre; visibility (T,33) 0..1; world (T,33,3) metres;
    truth (T,22,3) metres, camera axes, absolute; stature metres;
    detector: which landmark network looked (the full one, where the file does not say). camera_to_world (T,4,4): camera axes -> a world
    with Z up and the floor at 0, None where the file does not say; kind: what the person does (of motion_kind.KINDS, "" where the file
    does not say); moving_camera: whether it turns or shakes (`camera` is of the middle frame then).
    """

    rays: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]
    detected: npt.NDArray[np.bool_]
    source: str
    clip: int
    human: str
    stature: float
    camera: PairCamera | None = None  # where the file names it
    detector: str = "full"
    camera_to_world: npt.NDArray[np.float32] | None = None
    kind: str = ""
    moving_camera: bool = False


def load_detections(folder: Path) -> list[Segment]:
    """Every usable segment of every .npz in the folder. Raises Failure `no_such_file` or `bad_input`."""
    files = sorted(Path(folder).glob("*.npz"))
    if not files:
        raise Failure("no_such_file", f"There are no detections (.npz) in {folder}; check the path.")
    segments: list[Segment] = []
    for path in files:
        segments += _load(path)
    return segments


def _load(path: Path) -> list[Segment]:
    with reading(path, "file of detections of the documented layout", "get it again"):
        with open_npz(path) as file:
            _check(file)
            z = file.arrays()
        names = [str(n) for n in z["joint_names"]]
        if sorted(names) != sorted(BODY_22.joints):
            raise ValueError("its joints are not BODY_22's")
        z["truth"] = z["truth"][:, [names.index(joint) for joint in BODY_22.joints]]  # the order is the file's own
        start = z["segment_start"]
        if start[0] != 0 or start[-1] != len(z["truth"]) or (np.diff(start.astype(np.int64)) < 0).any():
            raise ValueError("its segments do not add up to its frames")
        if not all((z[name] > 0).all() for name in ("focal", "stature")):
            raise ValueError("a lens or a person in it has no size")
        return [piece for s in range(len(start) - 1) for piece in _pieces(z, s, int(start[s]), int(start[s + 1]))]


def _check(file: Npz) -> None:
    """ValueError for arrays of other shapes or types than the documented ones, or numbers in them that are none."""
    sizes = {"N": _length(file, "truth"), "S": _length(file, "segment_start") - 1}
    for name, (kinds, shape) in (_LAYOUT | {name: _MORE[name] for name in _MORE if name in file.names}).items():
        header, wanted = file.header(name), tuple(sizes[s] if isinstance(s, str) else s for s in shape)
        if header.shape != wanted or header.dtype.kind not in kinds:
            raise ValueError(f"its {name} is an array of {header.shape} of the type {header.dtype} where {wanted} is due")
        if header.dtype.kind == "f" and not np.isfinite(file.array(name)).all():
            raise ValueError(f"its {name} holds values that are not finite numbers")


def _length(file: Npz, name: str) -> int:
    shape = file.header(name).shape
    if not shape or not shape[0]:
        raise ValueError(f"its {name} is empty")
    return shape[0]


def _pieces(z: dict[str, np.ndarray], s: int, a: int, b: int) -> list[Segment]:
    """The segment without its ends where nobody was found, split at long gaps and where somebody reaches past the camera, with short gaps
    filled in."""
    before = z["truth"][a:b, :, 2].min(1) >= 1000 * NEAREST_JOINT
    found = np.flatnonzero(z["detected"][a:b] & before)
    if not len(found):
        return []
    past = np.cumsum(~before)[found]  # frames so far that are past the camera: between two of `found` it grows where there is one
    camera = None
    if {"image_size", "camera_roll", "camera_elevation"} <= z.keys():
        width, height = (int(n) for n in z["image_size"][s])
        # an elevated camera looks down, and the picture turns against the camera
        camera = PairCamera(
            float(z["focal"][s]), (width, height), -float(np.degrees(z["camera_elevation"][s])), -float(np.degrees(z["camera_roll"][s]))
        )
    pieces = []
    for run in np.split(found, np.flatnonzero((np.diff(found) > MAX_GAP + 1) | (np.diff(past) > 0)) + 1):
        if run[-1] - run[0] + 1 < MIN_LENGTH:
            continue
        frames = np.arange(run[0], run[-1] + 1)
        rows = a + frames
        filled = {
            "rays": _fill(z["image"][rows].astype(np.float32) / float(z["focal"][s]), frames, run),
            "visibility": _fill(z["visibility"][rows].astype(np.float32) / 255.0, frames, run),
            "world": _fill(z["world"][rows].astype(np.float32) / 1000.0, frames, run),
        }
        detected = z["detected"][rows].astype(bool)
        filled["visibility"][~detected] *= 0.5
        pieces.append(
            Segment(
                truth=z["truth"][rows].astype(np.float32) / 1000.0, detected=detected, source=str(z["source"][s]), clip=int(z["clip"][s]),
                human=str(z["human"][s]), stature=float(z["stature"][s]), camera=camera,
                detector=str(z.get("detector", "full")), kind=str(z["kind"][s]) if "kind" in z else "",
                camera_to_world=z["camera_to_world"][rows].astype(np.float32) if "camera_to_world" in z else None,
                moving_camera=bool(z["moving_camera"][s]) if "moving_camera" in z else False, **filled,
            )
        )  # fmt: skip
    return pieces


def _fill(values: np.ndarray, frames: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Linear interpolation over time of the rows that are not in `found`."""
    if len(found) == len(frames):
        return values
    flat = values.reshape(len(frames), -1)
    at = found - frames[0]
    columns = [np.interp(frames, found, flat[at, c]) for c in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(values.shape).astype(np.float32)
