"""The colours of a person's clothes, by which she is known again after another hid her."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.detection.landmarks import LANDMARKS
from engine.detection.rows import Row
from engine.detection.sightings import CLOTHES

_HUES, _GREYS = 8, 4  # bins: a hue, weak or strong; and of what has none how bright it is
_COLOURLESS: Final = 45  # of 255: saturation below which the hue says nothing
_STRONG: Final = 120
_DARK: Final = 40  # of 255: brightness likewise
_LEAST: Final = 12  # points within the picture of each of shirt and trousers
_SHOULDERS, _HIPS, _KNEES = ([LANDMARKS.index(f"{joint}.{side}") for side in "LR"] for joint in ("shoulder", "hip", "knee"))
_ACROSS, _ALONG = np.meshgrid(np.linspace(0.15, 0.85, 8), np.linspace(0.1, 0.9, 8))


def colours_of(image: npt.NDArray[np.uint8], row: Row) -> npt.NDArray[np.uint8] | None:
    """(CLOTHES,) uint8: shares of colours of the shirt, then of the trousers, 255 in all each; None where too little of them is seen."""
    marks = row[:, :2].astype(float)
    left, right = (
        marks[_SHOULDERS[side]] + _ALONG[..., None] * (marks[_HIPS[side]] - marks[_SHOULDERS[side]]) for side in (0, 1)
    )
    shirt = left + _ACROSS[..., None] * (right - left)
    thighs = [marks[_HIPS[side]] + np.linspace(0.1, 0.9, 32)[:, None] * (marks[_KNEES[side]] - marks[_HIPS[side]]) for side in (0, 1)]
    shares = [_shares(image, points) for points in (shirt.reshape(-1, 2), np.concatenate(thighs))]
    if shares[0] is None or shares[1] is None:
        return None
    return np.concatenate([shares[0], shares[1]])


def unlike(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    """0..1, how different two people's mean colours (CLOTHES,) are (Hellinger's distance, the mean of shirt and trousers)."""
    total = 0.0
    for half in (slice(0, CLOTHES // 2), slice(CLOTHES // 2, CLOTHES)):
        p, q = (np.maximum(x[half], 0.0) / max(float(np.sum(x[half])), 1e-9) for x in (a, b))
        total += float(np.sqrt(max(1.0 - float(np.sqrt(p * q).sum()), 0.0)))
    return total / 2


def _shares(image: npt.NDArray[np.uint8], points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8] | None:
    height, width = image.shape[:2]
    places = np.floor(points).astype(int)
    inside = ((places >= 0) & (places < [width, height])).all(-1)
    if inside.sum() < _LEAST:
        return None
    pixels = image[places[inside, 1], places[inside, 0]]
    hue, strong, bright = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0].astype(int).T
    plain = (strong < _COLOURLESS) | (bright < _DARK)
    colour = np.minimum(hue * _HUES // 180, _HUES - 1) + _HUES * (strong >= _STRONG)
    bins = np.where(plain, 2 * _HUES + np.minimum(bright * _GREYS // 256, _GREYS - 1), colour)
    counts = np.bincount(bins, minlength=CLOTHES // 2).astype(float)
    return np.floor(255.0 * counts / counts.sum()).astype(np.uint8)
