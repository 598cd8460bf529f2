"""A motion as few bytes, to lie in a .blend beside its armature: some hundred kilobytes for a minute. No bpy here.

What can be computed is left out: the joints in the world follow from the rotations, those in the camera from its place. The rest is counted
in steps so small that nobody sees them, and written as the differences from frame to frame, which are small numbers and pack well.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ..contract.motion_file import motion_from
from ..contract.npz import Npz, npz_in, write_npz
from ..contract.reading import parse_json, reading
from . import quaternions as q

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

SCHEMA: Final = "kinolift.packed/1"
# Steps in a unit of what is counted: a rotation's are a two-hundredth of a degree, lengths 1/16 mm (the path 1/64), pixels a 32nd.
STEPS: Final = {"rotations": 2.0**15, "root_translation": 2.0**16, "image_points": 2.0**5, "confidence": 2.0**7, "spread": 2.0**14}
MOST: Final = 2**46  # steps: beyond all that a motion file may hold
_WHOLE: Final = ("joint_names", "parents", "rest_offsets", "contacts", "detected", "camera_matrix", "camera_to_world", "image_size")
_OPTIONAL: Final = ("camera_path", "camera_lenses", "alternative_limbs", "alternative_frames")
# counted as the rotations are, where there are any
_OTHER: Final = "alternative_rotations"


def pack(motion: Motion) -> bytes:
    """The motion without what can be computed, every number on its grid."""
    arrays: dict[str, npt.NDArray[Any]] = {name: np.asarray(getattr(motion, name)) for name in _WHOLE}
    arrays |= {name: value for name in _OPTIONAL if (value := getattr(motion, name)) is not None}
    arrays["joint_names"] = arrays["joint_names"].astype(np.str_)
    turns = q.unit(motion.rotations.astype(np.float64))
    flips = np.where((turns[1:] * turns[:-1]).sum(-1) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(flips, axis=0)[..., None]
    arrays |= _folded("frames", motion.frame_numbers)
    for name, steps in STEPS.items():
        values = turns if name == "rotations" else getattr(motion, name).astype(np.float64)
        arrays |= _folded(name, np.clip(np.rint(values * steps), -MOST, MOST).astype(np.int64))
    if motion.alternative_rotations is not None:
        arrays["alternative_limbs"] = arrays["alternative_limbs"].astype(np.str_)
        arrays |= _folded(_OTHER, np.rint(q.unit(motion.alternative_rotations.astype(np.float64)) * STEPS["rotations"]).astype(np.int64))
    arrays |= {"schema": np.array(SCHEMA), "fps": np.array(float(motion.fps)), "provenance": np.array(json.dumps(motion.provenance))}
    file = io.BytesIO()
    write_npz(file, arrays, lambda _: None)
    return file.getvalue()


def unpack(data: bytes, name: str) -> Motion:
    """The motion again; `name` of what it lies with, for the sentence. Raises Failure `bad_motion` for bytes that are none."""
    with reading(name, "take with a motion", "capture the video again", "bad_motion"), npz_in(data) as file:
        if (schema := file.text("schema")) != SCHEMA:
            raise ValueError(f"its motion's schema is {schema!r}, and this version reads {SCHEMA!r}")
        fps = file.number("fps")
        arrays: dict[str, npt.NDArray[Any]] = {each: file.array(each) for each in (*_WHOLE, *_OPTIONAL) if each in file.names}
        for each, steps in STEPS.items():
            arrays[each] = (_unfolded(file, each) / steps).astype(np.float32)
        arrays["times"] = _unfolded(file, "frames") / fps
        turned = ["rotations"]
        if f"{_OTHER}.low" in file.names:
            arrays[_OTHER] = (_unfolded(file, _OTHER) / STEPS["rotations"]).astype(np.float32)
            turned.append(_OTHER)
        for each in turned:
            arrays[each] = q.unit(arrays[each].astype(np.float64)).astype(np.float32)
        _add_positions(arrays)
        return motion_from(arrays, fps, parse_json(file.text("provenance")))


def _folded(name: str, values: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Whole numbers (T,...) as the steps from frame to frame, those down odd and those up even, low bytes and the rest apart; a channel's
    frames stand beside each other."""
    steps = np.diff(values, axis=0, prepend=0)
    folded = np.ascontiguousarray(np.moveaxis((steps << 1) ^ (steps >> 63), 0, -1))
    return {f"{name}.low": (folded & 255).astype(np.uint8), f"{name}.high": (folded >> 8).astype(np.uint64)}


def _unfolded(file: Npz, name: str) -> npt.NDArray[np.int64]:
    low, high = file.array(f"{name}.low"), file.array(f"{name}.high")
    if low.dtype != np.uint8 or high.dtype != np.uint64 or low.shape != high.shape or not low.ndim:
        raise ValueError(f"its {name} are not as they are written")
    if high.max(initial=0) > MOST:
        raise ValueError(f"its {name} hold numbers that are too large")
    folded = low.astype(np.int64) | (high.astype(np.int64) << 8)
    return np.moveaxis(np.cumsum((folded >> 1) ^ -(folded & 1), axis=-1), -1, 0)


def _add_positions(arrays: dict[str, npt.NDArray[Any]]) -> None:
    """The joints in the world and in the camera of each frame; ValueError for arrays that do not fit together."""
    parents, offsets, turns = arrays["parents"], arrays["rest_offsets"], arrays["rotations"]
    if turns.ndim != 3 or parents.ndim != 1 or offsets.shape != (len(parents), 3) or turns.shape[1:] != (len(parents), 4):
        raise ValueError("its arrays do not fit together")
    if any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        raise ValueError("its joints are out of order")
    places = arrays.get("camera_path", arrays["camera_to_world"][None])
    if places.shape[1:] != (4, 4):
        raise ValueError("its camera has no place")
    found = positions_of(parents, offsets, turns, arrays["root_translation"], places)
    arrays["positions_world"], arrays["positions_camera"] = found


def positions_of(
    parents: npt.NDArray[np.int64], offsets: npt.NDArray[np.float32], rotations: npt.NDArray[np.float32], roots: npt.NDArray[np.float32],
    places: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:  # fmt: skip
    """(T,J,3) metres each: the joints in the world, by forward kinematics, and in the axes of each frame's camera.

    parents (J,); offsets (J,3) metres; rotations (T,J,4) wxyz local; roots (T,3) metres; places (T,4,4) or (1,4,4): camera to world.
    """
    turns, offsets = rotations.astype(np.float64), offsets.astype(np.float64)
    world = np.empty((*turns.shape[:2], 3))
    whole = turns.copy()
    world[:, 0] = roots
    for joint in range(1, len(parents)):
        parent = parents[joint]
        world[:, joint] = world[:, parent] + q.rotate(whole[:, parent], offsets[joint])
        whole[:, joint] = q.multiply(whole[:, parent], turns[:, joint])
    seen = (world - places[:, None, :3, 3]) @ places[:, :3, :3]
    return world.astype(np.float32), seen.astype(np.float32)
