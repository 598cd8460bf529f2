"""A motion at another frame rate: the same movement in the same time, on the frames of a scene. No bpy here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ..contract.alternatives import Alternative, alternatives_of, columns_of
from . import quaternions as q

if TYPE_CHECKING:
    from ..contract.motion_file import Motion

Array = npt.NDArray[np.float64]

EDGE: Final = 1e-3  # frames: a stretch that ends so near to a frame has that frame
_BLENDED: Final = ("positions_camera", "positions_world", "root_translation", "image_points", "confidence", "spread")
_NEAREST: Final = ("contacts", "detected")


def at_rate(motion: Motion, fps: float) -> Motion:
    """The motion with frames at whole multiples of 1/fps seconds; rotations by slerp, positions on straight lines, flags by the nearest.

    Nothing is made up: a stretch that was left out stays out, and no frame lies before a stretch's first or after its last moment, except
    the one frame of a stretch that is shorter than 1/fps.
    """
    numbers, first, share = _frames(motion, fps)
    second = np.minimum(first + 1, len(motion) - 1)
    nearest = np.where(share < 0.5, first, second)
    changes: dict[str, Any] = {name: _blend(getattr(motion, name), first, second, share) for name in _BLENDED}
    changes |= {name: getattr(motion, name)[nearest] for name in _NEAREST}
    rotations = motion.rotations.astype(np.float64)
    changes["rotations"] = q.between(rotations[first], rotations[second], share[:, None, None]).astype(np.float32)
    if motion.camera_path is not None:
        changes["camera_path"] = _places(motion.camera_path, first, second, share)
    if motion.camera_lenses is not None:
        changes["camera_lenses"] = _blend(motion.camera_lenses, first, second, share)
    changes |= columns_of([_alternative(one, first, second, share) for one in alternatives_of(motion)])
    changes["provenance"] = _with_frames(motion.provenance, fps / motion.fps)
    return replace(motion, fps=float(fps), times=numbers / fps, **changes)


def _frames(motion: Motion, fps: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
    """The frame numbers, and for each the motion's frame before it and the share 0..1 of the one after that."""
    breaks = np.flatnonzero(np.diff(motion.frame_numbers) > 1) + 1
    numbers, first, share = [], [], []
    taken = -np.inf
    for run in np.split(np.arange(len(motion)), breaks):
        moments = motion.times[run] * fps
        inside = np.arange(np.ceil(moments[0] - EDGE), np.floor(moments[-1] + EDGE) + 1)
        if not len(inside):
            inside = np.rint(moments[:1])
        inside = inside[inside > taken]
        if not len(inside):
            continue
        taken = inside[-1]
        at = np.interp(inside, moments, np.arange(len(run)))
        before = np.floor(at).astype(np.int64)
        numbers.append(inside.astype(np.int64))
        first.append(run[0] + before)
        share.append(at - before)
    return np.concatenate(numbers), np.concatenate(first), np.concatenate(share)


def _blend(values: npt.NDArray[Any], first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], share: Array) -> npt.NDArray[Any]:
    part = share.reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray((1 - part) * values[first] + part * values[second], dtype=values.dtype)


def _places(matrices: Array, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], share: Array) -> Array:
    """(T,4,4) places between those of the frames."""
    turns = q.of_matrices(matrices[:, :3, :3])
    turned = q.between(turns[first], turns[second], share[:, None])
    result = _blend(matrices, first, second, share)
    result[:, :3, :3] = np.stack([q.rotate(turned, np.eye(3)[axis]) for axis in range(3)], -1)
    return result


def _alternative(one: Alternative, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], share: Array) -> Alternative:
    """The alternative in those of the new frames that lie between two of its own; in the nearest one where none does, so that each keeps
    its number."""
    start, last = one.frames.start, one.frames.stop - 1
    behind = np.where(share > 0, second, first)
    inside = np.flatnonzero((first >= start) & (behind <= last))
    if not len(inside):
        inside = np.array([np.argmin(np.abs(first + share - (start + last) / 2))])
    own = one.rotations.astype(np.float64)
    before, after = (np.clip(places[inside] - start, 0, last - start) for places in (first, behind))
    rotations = q.between(own[before], own[after], share[inside, None, None]).astype(np.float32)
    return Alternative(one.limb, slice(int(inside[0]), int(inside[-1]) + 1), rotations)


def _with_frames(provenance: dict[str, Any], ratio: float) -> dict[str, Any]:
    """The provenance with the frames of the unsure stretches counted at the new rate, `ratio` times the old."""
    quality = provenance.get("quality", {})
    unsure = [
        {**stretch, "first_frame": round(stretch["first_frame"] * ratio), "last_frame": round(stretch["last_frame"] * ratio)}
        for stretch in quality.get("unsure", [])
    ]
    return {**provenance, "quality": {**quality, "unsure": unsure}} if unsure else provenance
