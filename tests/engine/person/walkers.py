"""People who walk through a picture, as followers see them: rows, slots and clothes, made by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARKS
from engine.detection.sightings import CLOTHES, Followed

FPS = 25.0
TALL = 200.0  # pixels
_NAMES = ("nose", "eye", "ear", "mouth", "shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "toe")
_HEIGHTS = (0.93, 0.94, 0.94, 0.91, 0.82, 0.63, 0.49, 0.45, 0.44, 0.46, 0.53, 0.28, 0.05, 0.02, 0.0)
_UP = {name: up for name, up in zip(_NAMES, _HEIGHTS, strict=True)}
RED, BLUE, GREEN = (np.tile(np.roll(np.r_[np.full(2, 127), np.zeros(CLOTHES // 2 - 2)].astype(np.uint8), shift), 2) for shift in (0, 6, 12))


def row(x: float, foot: float = 400.0, tall: float = TALL, phase: float = 0.0) -> npt.NDArray[np.float32]:
    """(33,6) of somebody upright whose middle is at x; `phase` of the step."""
    out = np.zeros((len(LANDMARKS), 6), np.float32)
    for k, mark in enumerate(LANDMARKS):
        name, _, side = mark.partition(".")
        up = _UP[name.split("_")[0]]
        aside = {"L": 0.12, "R": -0.12, "": 0.0}[side] * (0.3 if up > 0.9 else 1.0)
        swing = 0.12 * np.sin(phase + (np.pi if side == "R" else 0.0)) if up < 0.35 or 0.4 < up < 0.5 else 0.0
        out[k] = x + tall * (aside + swing), foot - tall * up, 0.95, 1.7 * (aside + swing), 1.7 * (0.53 - up), 0.0
    return out


def walk(x: float, to: float, frames: int, **where: float) -> list[npt.NDArray[np.float32] | None]:
    """Rows from x to x, a step a second."""
    return [row(at, phase=6.0 * k / FPS, **where) for k, at in enumerate(np.linspace(x, to, frames))]


def seen(slots: list[list[npt.NDArray[np.float32] | None]], clothes: list[list[npt.NDArray[np.uint8] | None]] | None = None) -> Detections:
    """What the followers say, frame by frame, None: nobody; `clothes` likewise, every fifth frame is looked at."""
    count = len(slots[0])
    first = np.zeros((count, len(LANDMARKS), 6), np.float32)
    detected = np.array([one is not None for one in slots[0]])
    for k, one in enumerate(slots[0]):
        if one is not None:
            first[k] = one
    rows = [(k, slot, one) for slot, column in enumerate(slots[1:], 1) for k, one in enumerate(column) if one is not None]
    worn = [
        (k, slot, column[k]) for slot, column in enumerate(clothes or []) for k in range(0, count, 5)
        if column[k] is not None and slots[slot][k] is not None
    ]  # fmt: skip
    others = None
    if rows:
        ints = [np.array([one[i] for one in pairs], np.int64) for pairs in (rows, worn) for i in (0, 1)]
        colours = np.array([one[2] for one in worn], np.uint8).reshape(-1, CLOTHES)
        others = Followed(ints[0], ints[1], np.stack([one[2] for one in rows]), ints[2], ints[3], colours)
    return Detections(
        np.arange(count) / FPS, first[..., :2], first[..., 2], first[..., 3:], detected, "full", others=others
    )
