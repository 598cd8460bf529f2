"""What somebody is doing, frame by frame: standing, walking, otherwise upright, low or on the floor.

The draw of motions to render is by these kinds, or else the longest recordings decide what people are seen doing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, median_filter

from contract.skeleton import BODY_22

Array = npt.NDArray[np.floating]

KINDS: Final = ("standing", "walking", "upright", "low", "floor")
STANDING, WALKING, UPRIGHT, LOW, FLOOR = range(len(KINDS))

FPS: Final = 30.0
SETTLED: Final = 0.35  # m/s: a pelvis slower than this goes nowhere
RUNNING: Final = 2.2  # m/s: people who go faster run
FAST_FEET: Final = 0.9  # m/s: somebody whose slower foot is faster jumps or runs
UPRIGHT_LEAN: Final = 40.0  # degrees of the trunk from upright: more is bending
LYING_LEAN: Final = 60.0
# Of the pelvis's height over straight legs (leg and 8 cm of ankle): below LOW_PELVIS somebody crouches, squats or sits.
LOW_PELVIS: Final = 0.82
FLOOR_PELVIS: Final = 0.68  # on hands and knees the pelvis is as high as this
SEAT: Final = 0.27  # metres: a pelvis below it sits or lies on the floor
KNEELING: Final = 0.17  # metres: a knee below it is on the floor
ANKLE: Final = 0.08  # metres of an ankle over the sole
STEADY: Final = 15  # frames: no kind is shorter


def classify(positions: Array) -> npt.NDArray[np.int64]:
    """(T,) index into KINDS of every frame of positions (T,22,3): metres, Z up, the floor at 0, 30 frames a second."""
    at = {name: np.asarray(positions[:, j], dtype=np.float64) for j, name in enumerate(BODY_22.joints)}
    leg = np.median(sum(np.linalg.norm(at[f"{a}.L"] - at[f"{b}.L"], axis=-1) for a, b in (("hip", "knee"), ("knee", "ankle"))))
    pelvis = at["pelvis"]
    high = pelvis[:, 2] / (leg + ANKLE)
    lean = trunk_lean(positions)
    speed = _speed(pelvis[:, :2], 8.0)
    feet = np.minimum(_speed(at["ankle.L"], 2.0), _speed(at["ankle.R"], 2.0))
    knee = np.minimum(at["knee.L"][:, 2], at["knee.R"][:, 2])
    kind = np.full(len(pelvis), UPRIGHT)
    calm = (lean < UPRIGHT_LEAN) & (feet < FAST_FEET)
    kind[calm & (speed < SETTLED)] = STANDING
    kind[calm & (speed >= SETTLED) & (speed < RUNNING)] = WALKING
    low = high < LOW_PELVIS
    kind[low] = LOW
    kind[low & ((high < FLOOR_PELVIS) & ((lean > LYING_LEAN) | (knee < KNEELING)) | (pelvis[:, 2] < SEAT))] = FLOOR
    return np.asarray(median_filter(kind, STEADY, mode="nearest"), dtype=np.int64)


def trunk_lean(positions: Array) -> npt.NDArray[np.float64]:
    """(...,) degrees from upright of the line from pelvis to neck of positions (...,22,3), Z up."""
    along = positions[..., BODY_22.index("neck"), :] - positions[..., BODY_22.index("pelvis"), :]
    return np.asarray(np.degrees(np.arctan2(np.linalg.norm(along[..., :2], axis=-1), along[..., 2])), dtype=np.float64)


def _speed(points: Array, sigma: float) -> npt.NDArray[np.float64]:
    """(T,) metres a second of points (T,D), smoothed over about `sigma` frames."""
    smooth = gaussian_filter1d(np.asarray(points, dtype=np.float64), sigma, axis=0, mode="nearest")
    return np.asarray(np.linalg.norm(np.gradient(smooth, axis=0), axis=-1) * FPS if len(points) > 1 else np.zeros(len(points)))
