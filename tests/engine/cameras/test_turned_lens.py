"""The lens by how the camera turned, and a picture that slides told from both."""

from __future__ import annotations

import numpy as np
import pytest

from contract.detection_file import CORNERS
from engine.cameras.pinhole import camera_matrix, rays
from engine.cameras.turned_lens import LensReading, fov_of, lens_size, read_lens
from engine.detection.background_rows import Background
from tests.engine.cameras.test_turning import corners_of
from tests.engine.footage.drawn_room import turned

SIZE = (1280, 720)
TRUE = (35.0, 60.0, 85.0)


def panned(fov: float, degrees: float, noise: float = 0.3, travel: float = 0.0, zoom: float = 1.0) -> Background:
    """Noisy corners of a camera that turns by so many degrees, and moves and zooms by so much, within forty frames."""
    generator = np.random.default_rng(7)
    matrix = camera_matrix(SIZE, fov)
    sights = np.column_stack([rays(generator.uniform(0, SIZE, (CORNERS, 2)), matrix), np.ones(CORNERS)])
    points = sights * generator.uniform(3, 9, (CORNERS, 1))
    cameras = np.tile(np.eye(4), (40, 1, 1))
    cameras[:, :3, :3] = [turned(degrees * k / 39, 0.2 * degrees * k / 39) for k in range(40)]
    cameras[:, 0, 3] = np.linspace(0, travel, 40)
    background = corners_of(cameras, points, matrix, SIZE)
    corners, middle = background.corners, np.array(SIZE) / 2
    corners[..., 2:] = (corners[..., 2:] - middle) * np.linspace(1, zoom, 40)[:, None, None] + middle
    corners[..., 2:] += generator.normal(scale=noise, size=corners[..., 2:].shape)
    return background


def seen(background: Background) -> np.ndarray:
    return np.isfinite(background.corners[..., 2])


@pytest.mark.parametrize("fov", TRUE)
def test_the_lens_shows_in_how_corners_move(fov: float) -> None:
    background = panned(fov, 0.25 * fov)
    reading = read_lens(background, seen(background), SIZE)
    assert reading is not None and reading.lens is not None
    size, error = reading.lens
    assert abs(size - lens_size(fov)) < 2 * error and error < 0.1
    assert fov_of(size) == pytest.approx(fov, rel=0.08)
    assert not any(reading.slides(other) for other in TRUE)


def test_a_camera_that_hardly_turns_tells_nothing() -> None:
    background = panned(60.0, 0.5)
    assert read_lens(background, seen(background), SIZE) is None
    little = panned(60.0, 1.4, noise=1.5)
    reading = read_lens(little, seen(little), SIZE)
    assert reading is not None and reading.lens is None and not reading.slides(60.0)


def test_a_camera_that_travels_or_zooms_meanwhile_tells_nothing() -> None:
    for background in (panned(60.0, 12.0, travel=1.0), panned(60.0, 12.0, zoom=1.3)):
        reading = read_lens(background, seen(background), SIZE)
        assert reading is None or reading.lens is None


def test_a_window_that_slides_has_no_lens() -> None:
    background = panned(60.0, 0.0)
    shift = np.linspace(0, 200, 40)[:, None, None] * [1.0, 0.1]
    corners = background.corners
    corners[..., 2:] += shift
    corners[..., 2:][~((corners[..., 2:] > 0) & (corners[..., 2:] < SIZE)).all(-1)] = np.nan
    reading = read_lens(background, seen(background), SIZE)
    assert reading is not None and reading.lens is None and reading.slides(60.0) and reading.slides(40.0)


def test_sizes_are_angles_and_back() -> None:
    assert [fov_of(lens_size(fov)) for fov in TRUE] == pytest.approx(TRUE)
    tried = np.linspace(-2.0, 0.0, 41)
    sharp = LensReading(tried, ((tried + 0.5) / 0.05) ** 2, 1000.0)
    assert sharp.lens == (pytest.approx(-0.5, abs=0.005), pytest.approx(np.hypot(0.05, 0.03), rel=0.1))
    assert LensReading(tried, np.zeros(41), 5.0).lens is None
