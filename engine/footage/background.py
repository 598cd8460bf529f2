"""What does not move with the person: corners of the picture, followed from frame to frame on a small grey copy.

Every frame is compared with a keyframe and not with the frame before, so that small errors do not add up: the corners of the keyframe are
looked for in it by optical flow, there and back again. Where too few of them are left in sight, an earlier keyframe that shows the same
place takes over, or the frame becomes a keyframe itself. What the corners say of the camera is worked out later (`cameras.turning`), when
the person's place and the focal length are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from contract.detection_file import CORNERS
from engine.footage.lines import Lines, straight_lines
from engine.footage.video import Frame

SMALL: Final = 320  # pixels of the copy's longer side, about: a twentieth of one is a hundredth of a degree for a usual lens
_QUALITY: Final = 0.01  # of the best corner's: what is less is no corner
_APART: Final = 5  # pixels between corners
_WINDOW: Final = (13, 13)  # pixels that are compared, on each of
_LEVELS: Final = 3  # halvings: a corner may leap by some fifty pixels of the copy from where it is looked for
_CONVERGED: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.02)  # rounds, or pixels of the last one's step
_BACK: Final = 0.7  # pixels by which a corner followed there and back may miss
_FITS: Final = 1.5  # pixels off the common homography that a corner of the background lies at most
_LEAST: Final = 10  # corners that fit, below which the two frames do not show the same place
_LEFT: Final = 0.5  # share of a keyframe's corners that are still in sight, below which another is sought
_RETURN: Final = 10  # frames after which an earlier keyframe is tried, which bounds the drift
_KEYS: Final = 24  # keyframes kept: a small picture each

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

# the number of the keyframe; (CORNERS,4): x, y there and x, y here in pixels, NaN where not found; and the straight lines (N,4) of a frame
# that was looked at for them
Seen = tuple[int, Floats, Lines | None]


@dataclass
class _Key:
    """A keyframe: its number, its small picture, its corners (N,1,2), and the homography (3,3) to the first one's pixels."""

    index: int
    picture: Image
    corners: Floats
    to_first: Array


@dataclass
class _Sight:
    """A keyframe's corners in another picture: `points` (N,1,2) and whether each was `found` (N,); `moved` (3,3): the homography from the
    keyframe that most of them agree on."""

    key: _Key
    points: Floats
    found: npt.NDArray[np.bool_]
    moved: Array

    @property
    def share(self) -> float:
        """Of the keyframe's corners."""
        return float(self.found.mean())


class BackgroundWatch:
    """Looks at frames in the order of time."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._last: _Sight | None = None
        self._before: tuple[int, Image] | None = None  # the last frame's number and small picture
        self._since = 0
        self._began: float | None = None
        self._next_lines = 0.0

    def see(self, frame: Frame) -> Seen | None:
        """What is seen of a keyframe's corners; None of a frame without a picture."""
        if frame.skipped:
            return None
        small, scale = small_grey(frame.image)
        sight = None if self._last is None else self._sought(self._last, small) or self._since_before(self._last, small)
        self._before = frame.index, small
        if sight is None:
            before = np.eye(3) if self._last is None else _to_first(self._last)
            sight = self._last = self._begun(frame.index, small, before)
        else:
            self._last = sight
            if sight.share < _LEFT:
                self._last = self._begun(frame.index, small, _to_first(sight))
        return *_row(sight, scale), self._lines(frame)

    def _lines(self, frame: Frame) -> Lines | None:
        """Those of the first frame, of one a second later, and then of ever fewer: the room stays what it is."""
        self._began = frame.time if self._began is None else self._began
        if frame.time - self._began < self._next_lines:
            return None
        self._next_lines = max(1.0, 2 * (frame.time - self._began))
        return straight_lines(frame.image)

    def _sought(self, last: _Sight, small: Image) -> _Sight | None:
        """The corners of the last frame's keyframe, or of another that shows more of this place; None where there is none."""
        sight = _follow(last.key, small, last.moved)
        self._since += 1
        poor = sight is None or sight.share < _LEFT
        if not poor and self._since < _RETURN:
            return sight
        self._since = 0
        here = np.linalg.inv(_to_first(sight or last))
        for key in self._keys:
            if len(key.corners) < _LEAST:
                continue
            if key is last.key:
                if not poor:
                    break  # only those before it are nearer to the first
                continue
            moved = here @ key.to_first
            if _inside(_mapped(key.corners, moved), small).mean() < _LEFT + 0.1:
                continue
            other = _follow(key, small, moved)
            if other is not None and other.share > (_LEFT + 0.1 if sight is None or not poor else max(sight.share, _LEFT)):
                return other
        return sight

    def _since_before(self, last: _Sight, small: Image) -> _Sight | None:
        """Where the camera turns so fast that no keyframe's corners are found again: those of the frame just before, which becomes one."""
        if self._before is None or self._before[0] == last.key.index or len(last.key.corners) < _LEAST:
            return None
        key = self._begun(*self._before, _to_first(last)).key
        sight = _follow(key, small, np.eye(3))
        if sight is None:
            self._keys.pop()
        return sight

    def _begun(self, index: int, small: Image, to_first: Array) -> _Sight:
        """The frame as a keyframe."""
        corners = _corners(small)
        key = _Key(index, small, corners, to_first / to_first[2, 2])
        # the first one stays: everything comes back to it
        self._keys = [*self._keys[:1], *self._keys[1:][-(_KEYS - 2) :], key]
        self._since = 0
        return _Sight(key, corners, np.ones(len(corners), bool), np.eye(3))


def small_grey(image: Image) -> tuple[Image, Array]:
    """The picture (H,W,3) RGB as a grey one whose longer side has about SMALL pixels, and (2,): pixels of it in one of that."""
    height, width = image.shape[:2]
    shrink = max(1, round(max(height, width) / SMALL))
    # every pixel of four at most is read, and halving is the quickest of all ways to shrink
    halved = 2 if shrink % 2 == 0 else 1
    step = shrink // halved
    # the most of grey is green, and one channel is a third of the work
    green = cv2.extractChannel(image, 1) if step == 1 else np.ascontiguousarray(image[::step, ::step, 1])
    size = (max(1, green.shape[1] // halved), max(1, green.shape[0] // halved))
    small = green if halved == 1 else cv2.resize(green, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width / size[0], height / size[1]])  # type: ignore[return-value]


def _corners(small: Image) -> Floats:
    """(N,1,2) pixels, N at most CORNERS: the best corner of each cell of a grid."""
    height, width = small.shape
    found = cv2.goodFeaturesToTrack(small, 10 * CORNERS, _QUALITY, _APART, blockSize=5)
    if found is None:
        return np.zeros((0, 1, 2), np.float32)
    across = max(1, round((CORNERS * width / height) ** 0.5))
    down = CORNERS // across
    cell = np.minimum(found[:, 0] / [width / across, height / down], [across - 1, down - 1]).astype(int) @ [1, across]
    # they come best first
    return np.asarray(found[np.sort(np.unique(cell, return_index=True)[1])], np.float32)


def _follow(key: _Key, small: Image, moved: Array) -> _Sight | None:
    """The keyframe's corners in the small picture, sought where the homography `moved` (3,3) puts them; None where they are not there."""
    if len(key.corners) < _LEAST:
        return None
    start = _mapped(key.corners, moved)
    flow = {"winSize": _WINDOW, "criteria": _CONVERGED, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    there, went, _ = cv2.calcOpticalFlowPyrLK(key.picture, small, key.corners, start.copy(), maxLevel=_LEVELS, **flow)  # type: ignore[call-overload]
    back, came, _ = cv2.calcOpticalFlowPyrLK(small, key.picture, there, key.corners.copy(), maxLevel=0, **flow)  # type: ignore[call-overload]
    off = np.linalg.norm((back - key.corners)[:, 0], axis=-1)
    found = (went[:, 0] > 0) & (came[:, 0] > 0) & (off < _BACK) & _inside(there, small)
    if found.sum() < _LEAST:
        return None
    fitted, fits = cv2.findHomography(key.corners[found], there[found], cv2.RANSAC, _FITS)
    if fitted is None or fits.sum() < _LEAST or abs(np.linalg.det(fitted)) < 1e-6:
        return None
    return _Sight(key, there, found, np.asarray(fitted, float))


def _to_first(sight: _Sight) -> Array:
    """(3,3) the homography from the frame's pixels to those of the first keyframe."""
    return np.asarray(sight.key.to_first @ np.linalg.inv(sight.moved))


def _mapped(points: Floats, homography: Array) -> Floats:
    """(N,1,2) where the homography (3,3) puts them; far outside where it puts them behind the camera."""
    out = np.concatenate([points[:, 0], np.ones((len(points), 1))], 1) @ homography.T
    out = np.where(out[:, 2:] > 1e-6, out[:, :2] / np.maximum(out[:, 2:], 1e-6), -1e4)
    return np.clip(out, -1e4, 1e4).astype(np.float32)[:, None]


def _inside(points: Floats, picture: Image) -> npt.NDArray[np.bool_]:
    return np.asarray(((points[:, 0] >= 0) & (points[:, 0] < picture.shape[::-1])).all(1))


def _row(sight: _Sight, scale: Array) -> tuple[int, Floats]:
    """Of the corners, one in each cell of a grid at most, so that nothing textured, as a dress, takes them all."""
    out = np.full((CORNERS, 4), np.nan, np.float32)
    here = np.where(sight.found[:, None], sight.points[:, 0], np.nan)
    # OpenCV's pixels have their middle at whole numbers, ours at halves
    out[: len(here)] = (np.concatenate([sight.key.corners[:, 0], here], 1) + 0.5) * np.tile(scale, 2)
    return sight.key.index, out
