"""Looks for how the camera turned, through what lens, or whether its picture slides, as soon as there are detections."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from engine.cameras.pinhole import camera_matrix, field_of_view
from engine.cameras.turned_lens import FLAT_FOV, LensReading, read_lens
from engine.cameras.turning import Turning, find_turning, outlines, seen_outside
from engine.detection.detector import Detections

Array = npt.NDArray[np.float64]

# A sliding picture that is turned by less than this (degrees) stands straight.
STRAIGHT = 0.1


class CameraSearch:
    """Looks for the turning of the camera in what was seen, as the option `camera_motion` says, as soon as a lens is known."""

    def __init__(self, detections: Detections, size: tuple[int, int], camera_motion: str = "auto") -> None:
        self.background, self._size, self._motion = detections.background, size, camera_motion
        self.person = None if self.background is None else outlines(self.background, detections)
        self._reading: LensReading | None = None
        self._read = False
        self._slides: bool | None = None
        self._zoom: Array | None = None

    @property
    def lens(self) -> tuple[float, float] | None:
        """(size, its standard error) by how the camera turned, see `turned_lens`; None where that tells nothing or is not looked at."""
        reading = self._lens_reading()
        return None if reading is None else reading.lens

    def found(self, matrix: Array) -> Turning:
        """For a lens of that camera matrix (3,3). Whether the picture slides, and how the lens zooms, is told by the first one, by which
        what was seen is brought to one lens."""
        if self.background is None or self.person is None or self._motion not in ("auto", "turning"):
            return Turning("not measured")
        turning = find_turning(self.background, self.person, matrix, self._size, self._motion == "turning")
        if self._slides is None:
            self._zoom = turning.zoom
            reading = None if turning.kind == "still" else self._lens_reading()
            self._slides = reading is not None and reading.slides(field_of_view(matrix, self._size))
        if not self._slides:
            return replace(turning, zoom=self._zoom, times=turning.times if self._zoom is None else self.background.times)
        # seen through a lens so narrow, a turn is a shift
        flat = camera_matrix(self._size, FLAT_FOV)
        slid = as_sliding(find_turning(self.background, self.person, flat, self._size, believe=True), flat, max(self._size))
        return turning if slid is None else slid

    def _lens_reading(self) -> LensReading | None:
        if not self._read and self.background is not None and self.person is not None and self._motion in ("auto", "turning"):
            self._reading = read_lens(self.background, seen_outside(self.background, self.person), self._size)
            self._read = True
        return self._reading


def as_sliding(turning: Turning, matrix: Array, side: int) -> Turning | None:
    """What looks like that turning through the very narrow lens `matrix` (3,3), as shifts of a picture whose longer side has `side` pixels,
    and its turns about the line of sight. None where there is no turning."""
    if turning.turns is None:
        return None
    turns = turning.turns
    roll = np.arctan2(turns[:, 1, 0], turns[:, 0, 0])
    shift = matrix[0, 0] * turns[:, :2, 2] / turns[:, 2:, 2]
    rolled = Rotation.from_rotvec(roll[:, None] * [0.0, 0.0, 1.0]).as_matrix() if np.abs(roll).max() > math.radians(STRAIGHT) else None
    if rolled is not None:  # the picture is first slid and then turned
        shift = np.einsum("kji,kj->ki", rolled[:, :2, :2], shift)
    return replace(turning, kind="sliding", degrees=0.0, turns=rolled, slid=shift, side=side)
