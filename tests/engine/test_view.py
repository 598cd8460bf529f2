from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.camera_path import FRAMES, CameraPath
from contract.detection_file import CORNERS
from contract.options import DEFAULT_FOV, CaptureOptions
from engine.cameras.pinhole import camera_matrix, field_of_view, project
from engine.detection.background_rows import Background
from engine.detection.detector import Detections
from engine.footage.video import VideoInfo
from engine.poses import Poses
from engine.view import before_one_background, first_view, without_zoom
from tests.engine.kinematics import people

SIZE = (1280, 720)
FPS = 30.0
INFO = VideoInfo(Path("clip.mp4"), *SIZE, FPS, 60, 2.0, 0, False, None)
# two moments of a camera that rises by a metre, with a lens of 0.8 widths
RISING = CameraPath(FRAMES, np.array([0.0, 59.0]), np.tile(np.eye(4), (2, 1, 1)), np.tile([0.8, 0.5, 0.5], (2, 1)))
RISING.camera_to_world[1, 2, 3] = 1.0


def nobody(frames: int = 60) -> Detections:
    marks = np.zeros((frames, 33, 2), np.float32)
    return Detections(np.arange(frames) / FPS, marks, marks[..., 0], np.zeros((frames, 33, 3), np.float32), np.zeros(frames, bool))


def filmed(fov: float) -> tuple[Poses, np.ndarray]:
    """Poses of a walk two metres before the camera, and where they are seen through such a lens."""
    body = people.walk(4.0).body
    body = body - body[:, :1] * [1, 1, 0]
    camera = (body - [0.0, 0.0, 1.0]) @ people.camera_rotation(-10, 0, 30.0).T + np.array([0, 0, 2.0])
    joints = (camera - camera[:, :1]).astype(np.float32)
    return Poses(joints, np.zeros(joints.shape[:2], np.float32)), project(people.points_of(camera), camera_matrix(SIZE, fov))


def test_nobodys_camera_is_found_by_corners_on_somebody_else() -> None:
    both = []
    for x in (300.0, 900.0):
        image = nobody().image.copy()
        image[..., 0], image[..., 1] = x, np.linspace(200, 500, 33)
        both.append(replace(nobody(), image=image, detected=np.ones(60, bool)))
    corners = np.full((60, CORNERS, 4), np.nan, np.float32)
    corners[:, :4] = np.tile([[300.0, 350.0], [600.0, 50.0], [900.0, 350.0], [620.0, 80.0]], 2)
    background = Background(np.arange(60), np.arange(60) / FPS, np.zeros(60, int), corners)
    for one in before_one_background([replace(one, background=background) for one in both]):
        assert one.background is not None and one.background.times is background.times
        assert np.isfinite(one.background.corners[7, :4, 2]).tolist() == [False, True, False, True]
    assert np.isfinite(background.corners[7, :4]).all()  # what was detected stays as it was
    alone = replace(both[0], background=background)
    assert before_one_background([alone])[0] is alone


@pytest.mark.parametrize(
    ("file", "option", "known", "fov", "said"),
    [
        (None, 0.0, None, DEFAULT_FOV, "estimate"),
        (70.0, 0.0, None, 70.0, "file"),
        (70.0, 50.0, None, 50.0, "option"),
        (70.0, 50.0, RISING, np.degrees(2 * np.arctan(0.5 / 0.8)), "camera"),
    ],
)
def test_what_is_known_best_is_believed(file: float | None, option: float, known: CameraPath | None, fov: float, said: str) -> None:
    sight = first_view(nobody(), replace(INFO, fov_degrees=file), CaptureOptions(fov=option), known).sight
    assert sight.known_from == said and sight.fov == pytest.approx(fov) and sight.error is None
    assert field_of_view(sight.matrix, SIZE) == pytest.approx(fov)


def test_a_lens_that_nobody_knows_comes_from_the_poses_and_one_that_is_known_stays() -> None:
    poses, points = filmed(80.0)
    sure, options = np.ones(points.shape[:2]), CaptureOptions()
    found = first_view(nobody(), INFO, options, None).estimated(poses, points, sure, people.HEIGHT, FPS).sight
    assert found.known_from == "estimate" and found.error is not None and DEFAULT_FOV + 3 < found.fov < 95
    assert field_of_view(found.matrix, SIZE) == pytest.approx(found.fov)
    told = first_view(nobody(), INFO, CaptureOptions(fov=50.0), None)
    assert told.estimated(poses, points, sure, people.HEIGHT, FPS) is told


def test_a_known_camera_is_where_it_is_at_each_time() -> None:
    times = np.array([0.0, 29.5 / FPS, 59.0 / FPS])
    assert first_view(nobody(), INFO, CaptureOptions(), None).cameras(times, FPS) is None
    cameras = first_view(nobody(), INFO, CaptureOptions(), RISING).cameras(times, FPS)
    assert cameras is not None
    np.testing.assert_allclose(cameras[:, 2, 3], [0.0, 0.5, 1.0], atol=1e-9)
    np.testing.assert_allclose(cameras[:, :3, :3], np.tile(np.eye(3), (3, 1, 1)), atol=1e-9)


def test_without_a_background_there_are_no_lines_and_no_turning() -> None:
    view = first_view(nobody(), INFO, CaptureOptions(), None)
    assert view.scene_lines() is None and view.turning.at(np.zeros(2)) is None and view.turning.warnings == []


def test_a_zoom_is_taken_out_and_a_lens_that_stays_changes_nothing() -> None:
    seen = nobody()
    assert without_zoom(seen, INFO, None) is seen and without_zoom(seen, INFO, RISING) is seen
    seen.detected[:], seen.image[:] = True, (640 + 100, 360)  # 100 pixels right of the middle
    zooming = replace(RISING, lens=np.array([[0.5, 0.5, 0.5], [1.0, 0.5, 0.5]]))
    right = without_zoom(seen, INFO, zooming).image[:, 0, 0] - 640
    # the same direction through one lens: the closer the zoom, the nearer to the middle, half as far at its end
    assert right[0] / right[-1] == pytest.approx(2.0, abs=1e-4) and np.all(np.diff(right) < 0)
