"""A camera that is known: between its moments, and through a lens that zooms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract.camera_path import FRAMES, SECONDS, CameraPath
from contract.options import CaptureOptions
from engine.cameras.known import cameras_at, lenses_at, middle_lens, other_lens, through_one_lens
from engine.cameras.pinhole import project, to_camera
from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARK_JOINT, LANDMARKS
from engine.finish import Capture, finish
from engine.footage.video import VideoInfo
from engine.poses import PoseModel
from engine.progress import Progress
from tests.engine.kinematics import people

FPS, SIZE = 30.0, (1280, 720)
LENS = np.array([0.8, 0.5, 0.5])


def test_between_its_moments_a_camera_turns_and_moves_evenly() -> None:
    matrices = np.tile(np.eye(4), (2, 1, 1))
    matrices[1, :3, :3], matrices[1, :3, 3] = people.about("z", 40.0), [2.0, 0, 0]
    lens = np.tile(LENS, (2, 1))
    for path in (CameraPath(SECONDS, np.array([0.0, 2.0]), matrices, lens), CameraPath(FRAMES, np.array([0.0, 50.0]), matrices, lens)):
        at = cameras_at(path, np.array([-1.0, 0.5, 2.0, 9.0]), 25.0)
        assert at[0] == pytest.approx(np.eye(4)) and at[3] == pytest.approx(matrices[1]) and at[2] == pytest.approx(matrices[1])
        assert at[1, :3, :3] == pytest.approx(people.about("z", 10.0)) and at[1, 0, 3] == pytest.approx(0.5)
    still = CameraPath(SECONDS, np.array([0.0]), matrices[1:], lens[1:])
    assert cameras_at(still, np.arange(3.0), 25.0) == pytest.approx(np.repeat(matrices[1:], 3, 0))


def test_between_its_moments_a_lens_changes_evenly() -> None:
    lens = np.array([[0.5, 0.5, 0.4], [1.0, 0.6, 0.4], [0.6, 0.5, 0.4]])
    path = CameraPath(FRAMES, np.array([0.0, 25.0, 50.0]), np.tile(np.eye(4), (3, 1, 1)), lens)
    at = lenses_at(path, np.array([-1.0, 0.5, 1.0, 9.0]), 25.0, (1000, 500))
    assert at[0] == pytest.approx(np.array([[500, 0, 500], [0, 500, 200], [0, 0, 1]]))
    assert at[1] == pytest.approx(np.array([[750, 0, 550], [0, 750, 200], [0, 0, 1]]))
    assert at[2, 0, 0] == pytest.approx(1000) and at[3, 0, 0] == pytest.approx(600)
    assert middle_lens(path, (500, 1000)) == pytest.approx(np.array([[600, 0, 250], [0, 600, 400], [0, 0, 1]]))


def test_a_point_lies_where_the_other_lens_would_have_shown_it() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal((0.0, 0.0, 6.0), size=(4, 7, 3))
    one = np.array([[700.0, 0, 300], [0, 700, 250], [0, 0, 1]])
    lenses = np.stack([np.array([[f, 0, c], [0, f, 200.0], [0, 0, 1]]) for f, c in ((400, 300), (900, 310), (500, 320), (640, 300))])
    seen = np.stack([project(frame, lens) for frame, lens in zip(points, lenses, strict=True)])
    assert other_lens(seen, lenses, one) == pytest.approx(project(points, one))
    assert other_lens(project(points, one), one, lenses) == pytest.approx(seen)
    detected = np.array([True, True, False, True])
    seen[~detected] = 0.0
    rows = Detections(np.arange(4) / FPS, seen.astype(np.float32), np.ones((4, 7)), points, detected)
    brought = through_one_lens(rows, lenses, one).image
    assert brought[detected] == pytest.approx(project(points, one)[detected], abs=1e-2) and not brought[~detected].any()


def person_and_cameras() -> tuple[np.ndarray, np.ndarray, CameraPath]:
    """A walker's landmarks (T,33,3), world metres; the cameras (T,4,4) that pan with him; and their path, whose lens zooms in to two and
    a half times within half a second, and back, and shifts."""
    joints = people.walk(fps=FPS, planted=True).body + np.array([1.5, -2.0, 0.0])
    landmarks = joints[:, LANDMARK_JOINT]
    for k, name in enumerate(LANDMARKS):
        if LANDMARK_JOINT[k] == LANDMARK_JOINT[0]:  # the face: a little apart, or it would look nowhere
            landmarks[:, k] += [0.03 * (name[-1] == "L") - 0.03 * (name[-1] == "R"), -0.08 * (name[:3] != "ear"), 0.0]
    count = len(joints)
    t = np.arange(count) / FPS
    cameras = np.tile(np.eye(4), (count, 1, 1))
    for k in range(count):
        cameras[k, :3, :3] = people.camera_rotation(-5.0, 2.0, 8 * t[k] - 12).T
        cameras[k, :3, 3] = 2.0 - 0.3 * t[k], -7.5 - 0.8 * t[k], 1.5
    zoom = 1 + 1.5 * np.clip(np.minimum(t - 1, 2.4 - t) / 0.5, 0, 1)
    lens = np.stack([0.5 * zoom, 0.5 + 0.02 * np.sin(t), 0.5 + 0 * t], 1)
    return landmarks, cameras, CameraPath(FRAMES, np.arange(count, dtype=float), cameras, lens)


def captured(landmarks: np.ndarray, cameras: np.ndarray, lenses: np.ndarray, known: CameraPath) -> tuple[Capture, np.ndarray]:
    """The capture, and the pixels (T,33,2) that it began with."""
    seen = to_camera(landmarks, cameras)
    pixels = np.stack([project(frame, lens) for frame, lens in zip(seen, lenses, strict=True)])
    hips = [LANDMARKS.index("hip.L"), LANDMARKS.index("hip.R")]
    world = seen - seen[:, hips].mean(1, keepdims=True)
    count = len(seen)
    rows = Detections(
        np.arange(count) / FPS, pixels.astype(np.float32), np.full((count, 33), 0.95, np.float32), world.astype(np.float32),
        np.ones(count, bool),
    )  # fmt: skip
    info = VideoInfo(Path("clip.mp4"), *SIZE, FPS, count, count / FPS, 0, False, None)
    options = CaptureOptions(height=people.HEIGHT, steps=0)
    return finish(rows, info, lambda: PoseModel("cpu"), options, known, Progress()), pixels


def test_a_zoom_does_not_change_the_motion() -> None:
    landmarks, cameras, zooming = person_and_cameras()
    count = len(landmarks)
    still = CameraPath(FRAMES, zooming.at, cameras, np.tile(LENS, (count, 1)))
    times = np.arange(count) / FPS
    plain, _ = captured(landmarks, cameras, lenses_at(still, times, FPS, SIZE), still)
    lenses = lenses_at(zooming, times, FPS, SIZE)
    zoomed, pixels = captured(landmarks, cameras, lenses, zooming)
    assert plain.motion.camera_lenses is None and zoomed.motion.camera_lenses == pytest.approx(lenses)
    assert len(zoomed.motion) == len(plain.motion) == count and len(zoomed.motion.provenance["quality"]["unsure"]) <= 1
    # toes are the farthest off: how they are read, and so what of a lean is an error of depth, goes with the pixels of a foot
    assert np.abs(zoomed.motion.positions_world - plain.motion.positions_world).max() < 0.005
    assert np.abs(zoomed.motion.positions_camera - plain.motion.positions_camera).max() < 0.005
    # the file has what the detector saw, in the pixels of the video, and the lens of its first frame
    wrist = zoomed.motion.joint("wrist.L")
    assert zoomed.motion.image_points[:, wrist] == pytest.approx(pixels[:, LANDMARKS.index("wrist.L")], abs=0.01)
    assert zoomed.motion.camera_matrix == pytest.approx(lenses[0])
    # and each frame's own lens, with which the preview draws, shows the motion where the person was seen
    drawn = np.stack([project(frame, lens) for frame, lens in zip(zoomed.motion.positions_camera.astype(float), lenses, strict=True)])
    off = np.linalg.norm(drawn[:, wrist] - pixels[:, LANDMARKS.index("wrist.L")], axis=-1) / lenses[:, 0, 0]
    assert np.median(off) < 0.01  # of the distance; the arm's bones are not the walker's


def test_a_zoom_that_nobody_knows_of_looks_like_a_walk_towards_the_camera() -> None:
    """What the test above would miss if the lens were not heeded."""
    landmarks, cameras, zooming = person_and_cameras()
    count = len(landmarks)
    lenses = lenses_at(zooming, np.arange(count) / FPS, FPS, SIZE)
    still = CameraPath(FRAMES, zooming.at, cameras, np.tile(zooming.lens[0], (count, 1)))
    right, wrong = (captured(landmarks, cameras, lenses, path)[0].motion for path in (zooming, still))
    assert len(wrong) < count or np.abs(wrong.positions_world - right.positions_world).max() > 1.0
