"""What is looked for in the background: a turning, the lens by it, or a picture that slides over a still one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract.detection_file import CORNERS
from contract.options import CaptureOptions
from engine.cameras.pinhole import camera_matrix, field_of_view, to_camera
from engine.cameras.search import CameraSearch
from engine.cameras.turned_lens import fov_of
from engine.detection.background_rows import Background
from engine.detection.detector import Detections
from engine.finish import finish
from engine.poses import PoseModel
from engine.preview import overlay
from engine.progress import Progress
from engine.view import first_view
from tests.engine.cameras.test_turning import FOV, LARGE, captured, corners_of, placed, walker
from tests.engine.footage.drawn_room import turned
from tests.engine.kinematics import people

COUNT = 75
# in what the still camera shows, and a little beyond
POINTS = np.random.default_rng(6).uniform([3, -5, -1], [5, 4, 4], (CORNERS, 3))


def rows_of(background: Background) -> Detections:
    empty = np.zeros((len(background), 33, 3), np.float32)
    return Detections(background.times, empty[..., :2], empty[..., 0], empty, np.zeros(len(background), bool), background=background)


def slid(background: Background, shift: np.ndarray, roll: float = 0.0) -> Background:
    """The background of a picture whose middle lies at `shift` (K,2) px, rolled by up to so many degrees."""
    corners, middle = background.corners.copy(), np.array(LARGE) / 2
    angle = np.radians(np.linspace(0, roll, len(background)))
    turn = np.moveaxis(np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]), -1, 0)
    corners[..., 2:] = np.einsum("kij,knj->kni", turn, corners[..., 2:] - middle - shift[:, None]) + middle
    corners[..., 2:][~((corners[..., 2:] > 0) & (corners[..., 2:] < LARGE)).all(-1)] = np.nan
    return replace(background, corners=corners.astype(np.float32))


def still() -> Background:
    return corners_of(placed([np.eye(3)] * COUNT), POINTS, camera_matrix(LARGE, FOV), LARGE)


def test_the_lens_comes_from_the_turning_and_then_no_zoom_is_seen() -> None:
    turns = [turned(20 * k / COUNT, 4 * k / COUNT) for k in range(COUNT)]
    search = CameraSearch(rows_of(corners_of(placed(turns), POINTS, camera_matrix(LARGE, 40.0), LARGE)), LARGE)
    assert search.lens is not None and fov_of(search.lens[0]) == pytest.approx(40.0, abs=2.0)
    assert search.found(camera_matrix(LARGE, fov_of(search.lens[0]))).growth == 1.0
    assert CameraSearch(rows_of(still()), LARGE).lens is None
    assert CameraSearch(rows_of(still()), LARGE, "still").lens is None


def test_a_capture_takes_the_lens_from_the_turning_and_says_so() -> None:
    turns = [turned(-12 + 24 * k / COUNT, 1.5 * np.sin(k / 4)) for k in range(COUNT)]
    moving = placed(turns)
    rows, info = walker(moving)
    rows = replace(rows, background=corners_of(moving, POINTS, camera_matrix(LARGE, FOV), LARGE))
    done = finish(rows, info, lambda: PoseModel("cpu"), CaptureOptions(height=people.HEIGHT, steps=0), None, Progress())
    assert done.summary["fov_from"] == "turning" and done.summary["fov_degrees"] == pytest.approx(FOV, abs=2.5)
    assert done.summary["fov_error_degrees"] < 4 and "background_growth" not in done.summary
    # what is known stays
    view = first_view(rows, info, CaptureOptions(fov=50.0), None)
    assert view.sight.known_from == "option" and view.sight.fov == 50.0


@pytest.mark.parametrize("roll", [0.0, 6.0])
def test_a_picture_that_slides_is_slid_back(roll: float) -> None:
    shift = np.linspace(0, 260, COUNT)[:, None] * [1.0, 0.2]
    search = CameraSearch(rows_of(slid(still(), shift, roll)), LARGE)
    found = search.found(camera_matrix(LARGE, FOV))
    assert found.kind == "sliding" and found.slid is not None and (found.turns is None) == (roll == 0)
    off = (found.slid - found.slid[0]) - (shift - shift[0])
    assert np.abs(off).max() < (0.5 if roll == 0 else 20.0)
    lenses = found.lenses(search.background.times, camera_matrix(LARGE, FOV))
    assert lenses is not None and field_of_view(lenses[5], LARGE) == pytest.approx(FOV)
    assert not found.warnings and found.summary["picture_slides_percent"] == pytest.approx(100 * 260 / 1280, abs=3)
    # it goes on sliding, whatever the lens turns out to be
    assert search.found(camera_matrix(LARGE, 10.0)).kind == "sliding"
    assert CameraSearch(rows_of(still()), LARGE).found(camera_matrix(LARGE, FOV)).lenses(search.background.times, np.eye(3)) is None


def test_the_motion_in_a_picture_that_slides_is_that_in_the_still_one() -> None:
    shift = np.linspace(0, 260, COUNT)[:, None] * [1.0, 0.2]
    cameras = placed([np.eye(3)] * COUNT)
    rows, info = walker(cameras)
    rows = replace(rows, image=(rows.image - shift[:, None]).astype(np.float32), background=slid(still(), shift))
    options = CaptureOptions(height=people.HEIGHT, steps=0, fov=FOV)
    followed = finish(rows, info, lambda: PoseModel("cpu"), options, None, Progress())
    plain, blind = captured(cameras, None).motion, finish(replace(rows, background=None), info, lambda: PoseModel("cpu"), options, None,
                                                          Progress()).motion  # fmt: skip
    motion = followed.motion
    assert followed.summary["camera"] == "sliding" and motion.camera_path is None and motion.camera_lenses is not None

    def apart(other: np.ndarray) -> float:
        return float(np.linalg.norm(other - plain.positions_world - (other - plain.positions_world).mean((0, 1)), axis=-1).mean())

    assert apart(motion.positions_world) < 0.04 < 0.1 < apart(blind.positions_world)
    # each frame's lens sees the joints where that frame shows them
    hip = motion.joint("hip.L")
    at = to_camera(motion.positions_world[:, hip : hip + 1].astype(float), motion.camera_to_world)[:, 0]
    seen = at[:, :2] / at[:, 2:] * motion.camera_lenses[:, [0, 1], [0, 1]] + motion.camera_lenses[:, [0, 1], [2, 2]]
    assert np.abs(seen - motion.image_points[:, hip]).mean() < 15
    drawn = overlay(np.zeros((*LARGE[::-1], 3), np.uint8), motion, COUNT - 1)
    assert abs(np.flatnonzero(drawn.any((0, 2))).mean() - motion.image_points[-1, :, 0].mean()) < 40
