"""What lens a camera has, by how it turned; and whether it turned at all, or a window slid over a still picture.

Two pictures from one place differ by the homography K R K^-1: of the right focal length the corners of the background lie where a rotation
puts them, of another they do not, the more the farther from the middle of the picture. So every focal length is tried on those pairs of
pictures that differ most. A picture that was cut out of a larger one, as an edit does and as cameras do that steady a picture, slides
without any of that: then no lens fits as well as none, and the picture has to be slid back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engine.cameras.pinhole import camera_matrix, project, sights
from engine.detection.background_rows import Background

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Fields of view that are tried, degrees along the longer side; and one that is so narrow that a turn is a shift of the picture.
NARROWEST, WIDEST, FLAT_FOV = 4.0, 120.0, 0.5
# Pairs of pictures that are looked at, at most, and of one keyframe; they differ by this share of the picture's longer side.
PAIRS, OF_KEY, MOVED = 48, 6, 0.02
# ... and share so many corners that lie within so much of a common homography (of the longer side), over this share of it.
LEAST, FITS, SPREAD = 16, 0.004, 0.3
# A corner is never found better than this, as a share of the longer side; and one this many times as far off as usual counts half.
CORNER, FAR = 0.0002, 3.0
# Corners err together (lenses that are not straight, shutters that roll, what is taken for a corner): so many are one.
TOGETHER = 10.0
# The logarithm of the focal length is not known better than this.
LENS_ERROR = 0.03
# A rotation that leaves so many times what a homography leaves is none: the camera travels, or zooms.
WORSE = 1.6
# By so much half the misfits differ where one is believed over the other.
DECIDED = 5.0
_ROUNDS = 4
_COARSE, _FINE = 21, 9  # lenses that are tried, and those beside the best of them


@dataclass(frozen=True)
class LensReading:
    """What turning tells of the lens: for each of the `tried` sizes (F,), rising, the `misfits` (F,), minus twice the logarithm of how
    likely it is; that of no lens at all, of a picture that slides, is `flat`. A size is the logarithm of the tangent of half the field of
    view along the longer side."""

    tried: Array
    misfits: Array
    flat: float

    @property
    def lens(self) -> tuple[float, float] | None:
        """(size, its standard error) where it is known better than that it may be any, else None."""
        best = int(np.argmin(self.misfits))
        if self.flat - self.misfits[best] < 2 * DECIDED or best in (0, len(self.tried) - 1):
            return None
        worse = self.misfits - self.misfits[best]
        # far off all are alike: corners that fit nowhere are damped
        weight = np.exp(-0.5 * worse) * (worse < 2 * DECIDED) * np.gradient(self.tried)
        mean = float(weight @ self.tried / weight.sum())
        spread = math.sqrt(float(weight @ (self.tried - mean) ** 2 / weight.sum()))
        return mean, math.hypot(spread, LENS_ERROR)

    def slides(self, fov: float) -> bool:
        """Whether the picture slides, rather than that a camera of this field of view, degrees, turns."""
        turned = float(np.interp(lens_size(fov), self.tried, self.misfits))
        return self.lens is None and turned - self.flat >= 2 * DECIDED


@dataclass(frozen=True)
class _Pairs:
    """Of P pairs of pictures: corners (P,N,2) there and here, where they are (P,N), their usual error (P,) in pixels, and how much each
    pair `counts` (P,)."""

    there: Array
    here: Array
    valid: Flags
    error: Array
    counts: Array


def lens_size(fov: float) -> float:
    """Of degrees: what `LensReading` calls size."""
    return math.log(math.tan(math.radians(fov) / 2))


def fov_of(size: float) -> float:
    """Degrees: the way back."""
    return math.degrees(2 * math.atan(math.exp(size)))


def read_lens(background: Background, seen: Flags, size: tuple[int, int]) -> LensReading | None:
    """By the corners that are `seen` (K,N) outside the person, in pictures of `size` (width, height). None where the camera turns too
    little, or does not only turn."""
    pairs = _pairs(background, seen, max(size))
    if pairs is None:
        return None
    tried = np.linspace(lens_size(NARROWEST), lens_size(WIDEST), _COARSE)
    misfits = np.array([_misfit(pairs, size, fov_of(s)) for s in tried])
    best, step = tried[int(np.argmin(misfits))], tried[1] - tried[0]
    for _ in range(2):  # finer, twice
        near = best + np.linspace(-step, step, _FINE)[1:-1]
        near = near[(near > tried[0]) & (near < tried[-1]) & ~np.isin(near, tried)]
        tried = np.concatenate([tried, near])
        misfits = np.concatenate([misfits, [_misfit(pairs, size, fov_of(s)) for s in near]])
        best, step = tried[int(np.argmin(misfits))], 2 * step / (_FINE - 1)
    order = np.argsort(tried)
    flat = _misfit(pairs, size, FLAT_FOV)
    usual = float((pairs.counts * 2 * pairs.valid.sum(1)).sum())
    return LensReading(tried[order], misfits[order], flat) if min(flat, misfits.min()) <= WORSE**2 * usual else None


def _pairs(background: Background, seen: Flags, side: int) -> _Pairs | None:
    """Those that differ most, of every keyframe some."""
    enough = (seen.sum(1) >= LEAST) & (background.key != background.index)
    moved = np.full(len(background), -1.0)
    for k in np.flatnonzero(enough):
        corners = background.corners[k, seen[k]].astype(float)
        moved[k] = float(np.median(np.linalg.norm(corners[:, 2:] - corners[:, :2], axis=-1)))
    taken: dict[int, list[tuple[Array, Array, float]]] = {}
    for k in np.argsort(-moved, kind="stable").tolist():
        of_key = taken.setdefault(int(background.key[k]), [])
        if moved[k] < MOVED * side or sum(len(some) for some in taken.values()) >= PAIRS:
            break
        if len(of_key) < OF_KEY and (pair := _pair(background.corners[k, seen[k]].astype(float), side)) is not None:
            of_key.append(pair)
    # a keyframe's corners err alike in all of its pairs
    found = [(*pair, 1 / (len(some) * TOGETHER)) for some in taken.values() for pair in some]
    if not found:
        return None
    many = np.array([len(there) for there, *_ in found])
    first, second = np.zeros((2, len(found), many.max(), 2))
    for k, (there, here, *_) in enumerate(found):
        first[k, : many[k]], second[k, : many[k]] = there, here
    valid = np.arange(many.max()) < many[:, None]
    return _Pairs(first, second, valid, np.array([pair[2] for pair in found]), np.array([pair[3] for pair in found]))


def _pair(corners: Array, side: int) -> tuple[Array, Array, float] | None:
    """Of corners (N,4) those there (M,2) and here (M,2) that agree on a homography, and their usual error in pixels."""
    there, here = corners[:, :2], corners[:, 2:]
    found, fits = cv2.findHomography(there, here, cv2.RANSAC, FITS * side)
    if found is None or fits.sum() < LEAST:
        return None
    there, here = (points[fits[:, 0] > 0] for points in (there, here))
    if np.ptp(here, axis=0).max() < SPREAD * side:
        return None
    put = np.concatenate([there, np.ones((len(there), 1))], 1) @ found.T
    off = np.linalg.norm(put[:, :2] / put[:, 2:] - here, axis=-1)
    return there, here, max(float(np.sqrt(np.mean(off**2) / 2)), CORNER * side)


def _misfit(pairs: _Pairs, size: tuple[int, int], fov: float) -> float:
    """Sum of the squared errors of corners after the best rotation of each pair, beside their usual errors, far ones damped."""
    matrix = camera_matrix(size, fov)
    first, second = (sights(points, matrix) for points in (pairs.there, pairs.here))
    weight, off = pairs.valid.astype(float), np.zeros(pairs.valid.shape)
    for _ in range(_ROUNDS):
        u, _, vt = np.linalg.svd((weight[..., None] * second).swapaxes(1, 2) @ first)
        u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
        there = project(first @ (u @ vt).swapaxes(1, 2), matrix)
        off = ((there - pairs.here) ** 2).sum(-1) / pairs.error[:, None] ** 2 * pairs.valid
        weight = pairs.valid / (1 + off / FAR**2) ** 2
    return float(pairs.counts @ (off / (1 + off / FAR**2)).sum(1))
