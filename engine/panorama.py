"""Where a camera turns, zooms or slides: the still background that its pictures show together, and in it what is seen now and the person.

If the camera was followed rightly the background stands still and stays sharp, and the person goes through it.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from contract.motion_file import Motion
from engine.arrays import unit
from engine.cameras.pinhole import sights

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

_LEAST: Final = 1.15  # times a picture's own field that all of them together show: of less there is no panorama
_MEMORY: Final = 12  # pictures in whose mean a place is shown: who walks through it fades
_EDGE_POINTS: Final = 9  # of each side of the picture's outline, which is bent
_PAPER, _INK, _PERSON = (250, 250, 248), (70, 70, 70), (230, 120, 0)


def has_panorama(motion: Motion) -> bool:
    """Whether the camera shows more than one of its pictures does."""
    return Panorama.wider(motion) >= _LEAST


class Panorama:
    """A strip of that many pixels in width, by bearing and height above the middle of the take's cameras, which fills as frames come."""

    def __init__(self, motion: Motion, width: int, tallest: int) -> None:
        self._motion = motion
        self._axes = _middle(motion)
        low, high = _reach(motion, self._axes)
        scale = min(width / (high[0] - low[0]), tallest / (high[1] - low[1]))
        self.size = (width, max(2, 2 * round(scale * (high[1] - low[1]) / 2)))
        self._scale, self._corner = scale, low - [(width / scale - (high[0] - low[0])) / 2, 0.0]
        across, down = np.meshgrid(np.arange(self.size[0]) + 0.5, np.arange(self.size[1]) + 0.5)
        bearing, height = across / scale + self._corner[0], down / scale + self._corner[1]
        self._ways = np.stack([np.sin(bearing) * np.cos(height), np.sin(height), np.cos(bearing) * np.cos(height)], -1).astype(np.float32)
        self._mean = np.full((self.size[1], self.size[0], 3), _PAPER, np.float32)
        self._count = np.zeros(self._mean.shape[:2], np.float32)

    @staticmethod
    def wider(motion: Motion) -> float:
        """How many times as wide or as high as a picture all of them together are."""
        if motion.camera_path is None and motion.camera_lenses is None:
            return 1.0
        low, high = _reach(motion, _middle(motion))
        own = min((np.ptp(_outline(motion, frame, np.eye(3)), axis=0) for frame in _some(motion)), key=lambda field: float(field[0]))
        return float(((high - low) / np.maximum(own, 1e-6)).max())

    def draw(self, image: Image, frame: int) -> Image:
        """(H,W,3) RGB with the frame's picture `image` (h,w,3) RGB of any size added to it, its outline, and the person's bones."""
        motion = self._motion
        turn = _rotation(motion, frame).T @ self._axes
        matrix, share = _lens(motion, frame), image.shape[1] / float(motion.image_size[0])
        ways = self._ways @ turn.T.astype(np.float32)
        ahead = np.maximum(ways[..., 2], 1e-3)
        places = [share * (ways[..., k] / ahead * np.float32(matrix[k, k]) + np.float32(matrix[k, 2])) - 0.5 for k in (0, 1)]
        seen = ways[..., 2] > 1e-3
        for at, side in zip(places, image.shape[1::-1], strict=True):
            seen &= (at >= 0) & (at < side - 1)
        shown = cv2.remap(image, places[0].astype(np.float32), places[1].astype(np.float32), cv2.INTER_LINEAR)
        self._count += seen
        gain = (seen / np.minimum(np.maximum(self._count, 1), _MEMORY))[..., None]
        self._mean += gain * (shown - self._mean)
        drawn = np.clip(np.rint(self._mean), 0, 255).astype(np.uint8)
        cv2.polylines(drawn, [self._pixels(_outline(motion, frame, self._axes))], True, _INK, 1, cv2.LINE_AA)
        joints = motion.positions_camera[frame].astype(float) @ _rotation(motion, frame).T @ self._axes
        at = self._pixels(_bearings(joints))
        for child, parent in enumerate(motion.parents.tolist()):
            if parent >= 0 and min(joints[child, 2], joints[parent, 2]) > 0.1:
                cv2.line(drawn, at[parent].tolist(), at[child].tolist(), _PERSON, 1, cv2.LINE_AA)
        return drawn

    def _pixels(self, bearings: Array) -> npt.NDArray[np.int32]:
        return np.rint(np.clip((bearings - self._corner) * self._scale - 0.5, -1e4, 1e4)).astype(np.int32)


def _rotation(motion: Motion, frame: int) -> Array:
    """(3,3) the frame's camera axes to the world's."""
    camera = motion.camera_to_world if motion.camera_path is None else motion.camera_path[frame]
    return np.asarray(camera[:3, :3], float)


def _lens(motion: Motion, frame: int) -> Array:
    return np.asarray(motion.camera_matrix if motion.camera_lenses is None else motion.camera_lenses[frame], float)


def _some(motion: Motion) -> list[int]:
    """Frames that stand for all."""
    return np.unique(np.linspace(0, len(motion) - 1, 60).astype(int)).tolist()


def _middle(motion: Motion) -> Array:
    """(3,3) axes to the world's of a camera that looks as all of them do in the mean, upright."""
    ahead = unit(np.mean([_rotation(motion, frame)[:, 2] for frame in _some(motion)], axis=0))
    down = np.mean([_rotation(motion, frame)[:, 1] for frame in _some(motion)], axis=0)
    right = unit(np.cross(down, ahead))
    return np.stack([right, np.cross(ahead, right), ahead], 1)


def _bearings(ways: Array) -> Array:
    """(...,2) radians to the right and down of directions (...,3)."""
    return np.stack([np.arctan2(ways[..., 0], ways[..., 2]), np.arctan2(ways[..., 1], np.hypot(ways[..., 0], ways[..., 2]))], -1)


def _outline(motion: Motion, frame: int, axes: Array) -> Array:
    """(N,2) bearings of the edge of the frame's picture, from a camera of those `axes` (3,3) in the world; of the identity its own."""
    width, height = motion.image_size.tolist()
    share = np.linspace(0, 1, _EDGE_POINTS)[:-1]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    edge = np.concatenate([a + share[:, None] * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)])
    ways = sights(edge, _lens(motion, frame))
    return _bearings(ways if (axes == np.eye(3)).all() else ways @ _rotation(motion, frame).T @ axes)


def _reach(motion: Motion, axes: Array) -> tuple[Array, Array]:
    """(2,) and (2,): the lowest and highest bearings of all pictures, no more than half way round."""
    edges = np.concatenate([_outline(motion, frame, axes) for frame in _some(motion)])
    low, high = edges.min(0), edges.max(0)
    return np.maximum(low, -math.pi * 0.95), np.minimum(high, math.pi * 0.95)
