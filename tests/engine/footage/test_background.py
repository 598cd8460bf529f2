"""Corners of pictures whose camera is known."""

from __future__ import annotations

import numpy as np
import pytest

from contract.detection_file import CORNERS
from engine.detection.background_rows import BackgroundRows
from engine.footage.background import SMALL, BackgroundWatch, small_grey
from engine.footage.video import Frame
from tests.engine.footage.drawn_room import FOCAL, SIZE, picture, texture, turned


def watched(pictures: list[np.ndarray]):
    watch, rows = BackgroundWatch(), BackgroundRows()
    for k, image in enumerate(pictures):
        rows.append(k, k / 25, watch.see(Frame(k, k / 25, image)))
    return rows.background


def where(points: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The pixels (N,2) of what one camera sees at `points`, in another: by the definition of a turn."""
    rays = np.concatenate([(points - np.array(SIZE) / 2) / FOCAL, np.ones((len(points), 1))], 1) @ before.T @ after
    return rays[:, :2] / rays[:, 2:] * FOCAL + np.array(SIZE) / 2


def test_corners_are_found_where_the_turned_camera_shows_them() -> None:
    cameras = [turned(0.8 * k, 2 * np.sin(k / 3), np.sin(k / 5)) for k in range(30)]
    background = watched([picture(camera, texture()) for camera in cameras])
    assert len(background) == 30 and background.key[0] == 0 and background.corners.shape == (30, CORNERS, 4)
    for k in range(1, 30):
        there, here = background.corners[k, :, :2], background.corners[k, :, 2:]
        found = np.isfinite(here[:, 0])
        off = np.linalg.norm(here[found] - where(there[found], cameras[background.key[k]], cameras[k]), axis=1)
        assert found.sum() >= 15 and np.median(off) < 0.35 and (off < 1.0).mean() > 0.9


def test_a_camera_that_comes_back_is_compared_with_what_it_saw_first() -> None:
    way = np.concatenate([np.linspace(0, 40, 40), np.linspace(40, 0, 40)])
    background = watched([picture(turned(yaw), texture()) for yaw in way])
    assert len(set(background.key.tolist())) > 1  # 40 degrees are more than a picture is wide
    assert background.key[-1] == 0


def test_nothing_is_seen_of_a_plain_wall_and_the_next_place_begins_anew() -> None:
    grey = np.full((*SIZE[::-1], 3), 128, np.uint8)
    background = watched([grey, grey, picture(turned(0), texture()), picture(turned(1), texture())])
    assert not np.isfinite(background.corners[:2]).any()
    assert background.key[2] == 2 and background.key[3] == 2


def test_frames_without_a_picture_are_left_out() -> None:
    watch, rows = BackgroundWatch(), BackgroundRows()
    for k in range(4):
        image = picture(turned(k), texture()) if k % 2 == 0 else np.zeros((0, 0, 3), np.uint8)
        rows.append(k, k / 50, watch.see(Frame(k, k / 50, image)))
    assert rows.background.index.tolist() == [0, 2] and rows.background.times.tolist() == [0.0, 0.04]


@pytest.mark.parametrize("size", [(640, 640), (1080, 1920), (3840, 2160), (320, 240), (200, 100), (768, 432), (1, 1)])
def test_the_small_copy_is_about_as_large_whatever_the_video(size: tuple[int, int]) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[..., 1] = 77
    small, scale = small_grey(image)
    assert small.dtype == np.uint8 and (small == 77).all()
    assert 0.65 * SMALL <= max(small.shape) <= 1.5 * SMALL or max(size) < 1.5 * SMALL
    assert scale * small.shape[::-1] == pytest.approx(size)
