"""A lens that zooms: told from the background, and followed by what the motion is made of. Cameras, corners and people are exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract.options import CaptureOptions
from engine.cameras.known import cameras_at, lenses_at
from engine.cameras.pinhole import camera_matrix, to_camera
from engine.cameras.search import CameraSearch
from engine.cameras.turning import find_turning
from engine.detection.background_rows import Background
from engine.finish import Capture, finish
from engine.poses import PoseModel
from engine.progress import Progress
from tests.engine.cameras.test_search import COUNT, POINTS, rows_of
from tests.engine.cameras.test_turning import FOV, FPS, LARGE, corners_of, errors, nobody, placed, walker
from tests.engine.footage.drawn_room import turned
from tests.engine.kinematics import people

MATRIX = camera_matrix(LARGE, FOV)
MIDDLE = np.array(LARGE) / 2
SLOW = np.linspace(1.0, 1.25, COUNT) / 1.125  # beside its median
FAST = 1.0 + 0.6 / (1 + np.exp(-(np.arange(COUNT) - 40) / 3.0))
FAST /= np.median(FAST)
PAN = [turned(-6 + 12 * k / COUNT) for k in range(COUNT)]
STILL = [np.eye(3)] * COUNT


def zoomed(background: Background, zoom: np.ndarray, noise: float = 0.0) -> Background:
    corners = background.corners.copy()
    corners[..., :2] = (corners[..., :2] - MIDDLE) * zoom[0] + MIDDLE  # the first frame is the keyframe
    corners[..., 2:] = (corners[..., 2:] - MIDDLE) * zoom[:, None, None] + MIDDLE
    corners[..., 2:] += np.random.default_rng(2).normal(scale=noise, size=corners[..., 2:].shape)
    corners[..., 2:][~((corners[..., 2:] > 0) & (corners[..., 2:] < LARGE)).all(-1)] = np.nan
    return replace(background, corners=corners.astype(np.float32))


def captured(turns: list[np.ndarray], zoom: np.ndarray, background: bool = True) -> Capture:
    rows, info = walker(placed(turns))
    image = (rows.image - MIDDLE) * zoom[:, None, None] + MIDDLE
    seen = zoomed(corners_of(placed(turns), POINTS, MATRIX, LARGE), zoom) if background else None
    rows = replace(rows, image=image.astype(np.float32), background=seen)
    options = CaptureOptions(height=people.HEIGHT, steps=0, fov=FOV)
    return finish(rows, info, lambda: PoseModel("cpu"), options, None, Progress())


@pytest.mark.parametrize("turns", [STILL, PAN], ids=["still", "pan"])
@pytest.mark.parametrize("zoom", [SLOW, 1 / SLOW, FAST], ids=["nearer", "away", "fast"])
def test_the_lens_of_each_frame_is_found_to_half_a_percent(turns: list[np.ndarray], zoom: np.ndarray) -> None:
    background = zoomed(corners_of(placed(turns), POINTS, MATRIX, LARGE), zoom, noise=0.5)
    found = find_turning(background, nobody(background), MATRIX, LARGE)
    assert found.zoom is not None and found.kind == ("still" if turns is STILL else "turning")
    lenses = found.lenses(background.times, MATRIX)
    assert lenses is not None
    if turns is PAN:
        assert errors(found, turns).max() < 0.2
    ratio = lenses[:, 0, 0] / MATRIX[0, 0] / (zoom / np.median(zoom))
    assert np.abs(ratio / np.median(ratio) - 1).max() < (0.005 if zoom is not FAST else 0.02)
    assert (lenses[:, :2, 2] == MIDDLE).all() and (lenses[:, 0, 0] == lenses[:, 1, 1]).all()
    (told,) = found.warnings
    assert "its lens is followed" in told and found.summary["zoom"] == pytest.approx(zoom.max() / zoom.min(), rel=0.02)


def test_a_camera_that_comes_nearer_is_not_taken_to_zoom() -> None:
    """Near corners grow more than far ones; and so may those of a camera that turns behind a lens that is guessed far too wide."""
    points = np.random.default_rng(4).uniform([1, -5, -1], [6, 4, 4], (len(POINTS), 3))
    cameras = placed(STILL)
    cameras[:, :3, 3] += np.linspace(0, 2.5, COUNT)[:, None] * cameras[0, :3, 2]
    background = corners_of(cameras, points, MATRIX, LARGE)
    found = find_turning(background, nobody(background), MATRIX, LARGE)
    assert found.zoom is None and found.lenses(background.times, MATRIX) is None
    wide = corners_of(placed([turned(25 * k / COUNT) for k in range(COUNT)]), POINTS, camera_matrix(LARGE, 45.0), LARGE)
    assert find_turning(wide, nobody(wide), camera_matrix(LARGE, 80.0), LARGE).zoom is None


def test_a_frame_that_shows_too_little_has_a_lens_between_those_around_it() -> None:
    background = zoomed(corners_of(placed(STILL), POINTS, MATRIX, LARGE), SLOW)
    background.corners[30:40, 5:, 2:] = np.nan
    found = find_turning(background, nobody(background), MATRIX, LARGE)
    assert found.zoom is not None
    assert np.abs(found.zoom[28:42] / found.zoom[28] / (SLOW[28:42] / SLOW[28]) - 1).max() < 0.005


@pytest.mark.parametrize("turns", [STILL, PAN], ids=["still", "pan"])
def test_the_motion_behind_a_lens_that_zooms_is_that_behind_one_that_stays(turns: list[np.ndarray]) -> None:
    plain, followed, blind = captured(turns, np.ones(COUNT)), captured(turns, SLOW), captured(turns, SLOW, background=False)
    one, other, wrong = (done.motion.positions_world.astype(float) for done in (plain, followed, blind))

    def apart(motion: np.ndarray) -> float:
        """Metres, mean over joints, after the best turn about the vertical and shift."""
        a, b = (at[..., 0] + 1j * at[..., 1] for at in (motion, one))
        a, b = a - a.mean(), b - b.mean()
        turn = (np.conj(a) * b).sum()
        return float(np.hypot(np.abs(a * turn / abs(turn) - b), motion[..., 2] - one[..., 2]).mean())

    assert apart(other) < 0.025 and apart(wrong) > 3 * apart(other)
    motion = followed.motion
    assert motion.camera_lenses is not None and plain.motion.camera_lenses is None
    focal = motion.camera_lenses[:, 0, 0]
    assert np.abs(focal / MATRIX[0, 0] / SLOW - 1).max() < 0.01 and np.array_equal(motion.camera_matrix, motion.camera_lenses[0])
    # each frame's lens sees the joints where the picture shows them
    rows, _ = walker(placed(turns))
    hip = motion.joint("hip.L")
    shown = (rows.image[:, 23] - MIDDLE) * SLOW[:, None] + MIDDLE
    assert np.abs(motion.image_points[:, hip] - shown).max() < 20
    path = motion.camera_path if motion.camera_path is not None else np.broadcast_to(motion.camera_to_world, (COUNT, 4, 4))
    at = to_camera(motion.positions_world[:, hip : hip + 1].astype(float), path)[:, 0]
    seen = at[:, :2] / at[:, 2:] * focal[:, None] + MIDDLE
    assert np.abs(seen - motion.image_points[:, hip]).mean() < 15


def test_others_are_seen_through_the_lens_that_zooms_too() -> None:
    done = captured(PAN, SLOW)
    assert done.camera.zooms
    times, motion = done.motion.times, done.motion
    assert motion.camera_path is not None and motion.camera_lenses is not None
    np.testing.assert_allclose(cameras_at(done.camera, times, FPS), motion.camera_path, atol=1e-6)
    np.testing.assert_allclose(lenses_at(done.camera, times, FPS, LARGE), motion.camera_lenses, rtol=1e-6)


def test_it_goes_on_zooming_alike_whatever_the_lens_turns_out_to_be() -> None:
    search = CameraSearch(rows_of(zoomed(corners_of(placed(STILL), POINTS, MATRIX, LARGE), SLOW)), LARGE)
    first, second = (search.found(camera_matrix(LARGE, fov)) for fov in (60.0, 35.0))
    assert first.zoom is not None and second.zoom is first.zoom
