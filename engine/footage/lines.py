"""Straight lines of a picture, which tell how the camera stood: edges of walls, doors, shelves."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

SIDE: Final = 640  # pixels of the longer side that are looked at, about: finer lines are noise
MOST: Final = 100  # lines of a picture, the longest
SHORTEST: Final = 0.04  # of the picture's longer side

Lines = npt.NDArray[np.float32]


def straight_lines(image: npt.NDArray[np.uint8]) -> Lines:
    """(N,4) x, y of one end and of the other, pixels, the longest first; of a picture (H,W,3) RGB. 40 ms."""
    height, width = image.shape[:2]
    shrink = max(1, round(max(height, width) / SIDE))
    green = cv2.extractChannel(image, 1)
    size = (max(1, width // shrink), max(1, height // shrink))
    small = green if shrink == 1 else cv2.resize(green, size, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector().detect(small)[0]
    if found is None:
        return np.zeros((0, 4), np.float32)
    lines = (found[:, 0] + 0.5) * np.tile([width / size[0], height / size[1]], 2)
    length = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    longest = np.argsort(-length, kind="stable")[:MOST]
    return lines[longest[length[longest] >= SHORTEST * max(height, width)]].astype(np.float32)
