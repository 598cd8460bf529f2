"""The size of the background: whether it grows or shrinks as a whole, and the lens of each frame where that is a zoom."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, median_filter

from engine.cameras.pinhole import sights
from engine.detection.background_rows import Background

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# A size is read from so many corners at least.
LEAST = 8
# A background that grows or shrinks by this factor over the take is told. Measured where it does not: 1.001 with a camera that stands,
# 1.004 in a hand, and where it turns by 16 degrees 1.05 through a lens taken for 60 degrees wide, but 1.09 for 75: a lens that is guessed
# far too wide looks like this as well.
GROWS = 1.07
# It zooms where, of the corners in frames in which its size is off by so much, such a share more fit a rotation without that than with it.
ZOOMED, CLEARER = 1.03, 0.1
# Lenses do not zoom to and fro within this time, seconds; what does is the trembling of what is measured.
_ZOOM_SECONDS = 0.1
_SIZE_ROUNDS = 3  # of the size's refinement: angles at the picture's edge grow less than its pixels
_APART = 0.1  # of the picture's longer side: corners nearer to each other say little of it


def sizes_of(background: Background, seen: Flags, matrix: Array, size: tuple[int, int]) -> tuple[Array, Array, float]:
    """(K,) how large the background is, by its `seen` corners (K,N), beside its size in the frame's keyframe; (K,) the logarithm of that
    beside the first frame's; and its largest size over its smallest in the whole take, 1 where that is less than GROWS. Taken out,
    the angles between the corners' lines of sight are those of the keyframe, as after a turn."""
    sizes, logs, middle = np.ones(len(background)), np.zeros(len(background)), np.array(size) / 2
    told = np.arange(len(background)) == 0
    keys: dict[int, float] = {}
    for k, (index, key) in enumerate(zip(background.index.tolist(), background.key.tolist(), strict=True)):
        logs[k] = before = float(logs[k - 1]) if k else 0.0
        if key != index and seen[k].sum() >= LEAST:
            there, here = (background.corners[k, seen[k], c : c + 2].astype(float) for c in (0, 2))
            angles = _angles(there, matrix)
            apart = np.triu(angles > _APART * max(size) / matrix[0, 0], 1)
            for _ in range(_SIZE_ROUNDS if apart.any() else 0):
                now = _angles(middle + (here - middle) / sizes[k], matrix)
                sizes[k] *= float(np.median(now[apart] / angles[apart]))
            told[k], logs[k] = apart.any(), keys.get(key, before) + math.log(max(sizes[k], 1e-3))
        keys[index] = float(logs[k])
    # a frame that shows too little is as large as those around it
    logs = np.interp(background.times, background.times[told], logs[told])
    growth = math.exp(float(np.ptp(np.percentile(logs, (1, 99)))))
    return sizes, logs, growth if growth >= GROWS else 1.0


def zooms(sizes: Array, fitting: Array, without: Array, most: float) -> bool:
    """Whether the lens zooms, by the background's `sizes` (K,) and the shares (K,) of corners that fit a rotation, with and `without`
    these: `most` do without. A pan through a guessed lens looks like growth too, but then most corners fit with it."""
    off = np.abs(np.log(sizes)) >= math.log(ZOOMED)
    if not off.any():
        return False
    return bool(np.median(without[off]) >= max(most, float(np.median(fitting[off])) + CLEARER))


def zoom_of(logs: Array, times: Array) -> Array:
    """(K,) the focal length at `times` (K,) beside its median, by the logarithms (K,) of the background's size."""
    sigma = _ZOOM_SECONDS / max(float(np.median(np.diff(times))), 1e-3)
    calm = gaussian_filter1d(median_filter(logs, 3, mode="nearest"), sigma, mode="nearest")
    return np.asarray(np.exp(calm - np.median(calm)))


def _angles(points: Array, matrix: Array) -> Array:
    """(N,N) radians between the lines of sight of pixels (N,2)."""
    lines = sights(points, matrix)
    return np.asarray(2 * np.arcsin(np.clip(np.linalg.norm(lines[:, None] - lines[None], axis=-1) / 2, 0.0, 1.0)))
