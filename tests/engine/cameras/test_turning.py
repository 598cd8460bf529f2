"""The camera's turning from its background: pictures and corners of cameras that are known, without and with a person before them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contract.detection_file import CORNERS
from contract.options import CaptureOptions
from engine.cameras.pinhole import camera_matrix, project, to_camera
from engine.cameras.search import CameraSearch
from engine.cameras.turning import Turning, find_turning, outlines, outside
from engine.detection.background_rows import Background, BackgroundRows
from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARK_JOINT, LANDMARKS
from engine.finish import Capture, finish
from engine.footage.background import BackgroundWatch
from engine.footage.video import Frame, VideoInfo
from engine.poses import PoseModel
from engine.progress import Progress
from tests.engine.footage.drawn_room import FOCAL, SIZE, picture, texture, turned
from tests.engine.kinematics import people

MATRIX = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1.0]])
FPS = 25.0
LARGE = 1280, 720
FOV = 60.0


def watched(pictures: list[np.ndarray]) -> Background:
    watch, rows = BackgroundWatch(), BackgroundRows()
    for k, image in enumerate(pictures):
        rows.append(k, k / FPS, watch.see(Frame(k, k / FPS, image)))
    return rows.background


def nobody(background: Background) -> np.ndarray:
    return np.full((len(background), 33, 2), np.nan, np.float32)


def errors(turning: Turning, cameras: list[np.ndarray]) -> np.ndarray:
    """Degrees between what was found and the truth, both seen from the first frame."""
    assert turning.turns is not None
    found, true = Rotation.from_matrix(turning.turns), Rotation.from_matrix(np.array(cameras))
    return np.degrees(((found[0].inv() * found).inv() * (true[0].inv() * true)).magnitude())


def test_a_camera_that_pans_tilts_and_shakes_is_followed_to_some_hundredths_of_a_degree() -> None:
    shake = np.random.default_rng(2).normal(scale=0.4, size=(50, 3))
    cameras = [turned(0.9 * k + shake[k, 0], 6 * np.sin(k / 8) + shake[k, 1], shake[k, 2]) for k in range(50)]
    background = watched([picture(camera, texture()) for camera in cameras])
    turning = find_turning(background, nobody(background), MATRIX, SIZE)
    off = errors(turning, cameras)
    assert turning.kind == "turning" and off.mean() < 0.08 and off.max() < 0.2
    assert turning.degrees == pytest.approx(0.9 * 49, abs=3.0) and not turning.warnings


def test_somebody_who_walks_through_half_of_the_picture_does_not_turn_the_camera() -> None:
    dress = texture(5)
    cameras = [turned(0.4 * k) for k in range(30)]
    pictures, people_in = [], []
    for k, camera in enumerate(cameras):
        image = picture(camera, texture())
        left = 4 * k  # the other way round, and faster
        image[40:, left : left + 150] = picture(turned(0), dress)[40:, :150]
        pictures.append(image)
        sides = np.array([left + (35 if name.endswith(".L") else 115) for name in LANDMARKS])
        at = {"shoulder": 60, "hip": 150, "knee": 220, "ankle": 220, "toe": 220}
        heights = [at.get(name.split(".")[0], 90) for name in LANDMARKS]
        people_in.append(np.stack([sides, heights], 1))
    background = watched(pictures)
    turning = find_turning(background, np.array(people_in, np.float32), MATRIX, SIZE)
    assert turning.kind == "turning" and errors(turning, cameras).max() < 0.25


@pytest.mark.parametrize("yaw", [0.0, 0.3])
@pytest.mark.parametrize("zoom", [1.1, 1.5])
def test_a_zoom_is_told_and_does_not_hide_how_the_camera_turned(yaw: float, zoom: float) -> None:
    """Exact corners, whose pixels are drawn apart from the picture's middle: what a longer lens does to them."""
    points = np.random.default_rng(4).uniform([-4, -2, 2], [4, 2, 10], (CORNERS, 3))
    cameras = np.tile(np.eye(4), (40, 1, 1))
    cameras[:, :3, :3] = [turned(yaw * k) for k in range(40)]
    plain = corners_of(cameras, points)
    corners, middle = plain.corners.copy(), np.array(SIZE) / 2
    sizes = np.linspace(1, zoom, 40) / ((1 + zoom) / 2)  # beside the lens of the middle of the take
    corners[..., :2] = (corners[..., :2] - middle) * sizes[0] + middle
    corners[..., 2:] = (corners[..., 2:] - middle) * sizes[:, None, None] + middle
    corners[..., 2:][~((corners[..., 2:] > 0) & (corners[..., 2:] < SIZE)).all(-1)] = np.nan
    turning = find_turning(replace(plain, corners=corners.astype(np.float32)), nobody(plain), MATRIX, SIZE)
    assert turning.growth == pytest.approx(zoom, rel=0.02)
    assert turning.kind == ("turning" if yaw else "still")
    assert turning.degrees == pytest.approx(39 * yaw, abs=0.3)
    (warning,) = turning.warnings
    assert f"by {100 * (turning.growth - 1):.0f} percent" in warning and turning.summary["background_growth"] == round(turning.growth, 3)
    without = find_turning(plain, nobody(plain), MATRIX, SIZE)
    assert without.growth == 1.0 and not without.warnings and "background_growth" not in without.summary


@pytest.mark.parametrize("roll", [6.0, -9.0])
def test_a_camera_that_spins_is_followed(roll: float) -> None:
    cameras = [turned(0.0, 0.0, roll * k) for k in range(60)]
    background = watched([picture(camera, texture()) for camera in cameras])
    turning = find_turning(background, nobody(background), MATRIX, SIZE)
    assert turning.kind == "turning" and errors(turning, cameras).max() < 2.0
    assert not turning.warnings and turning.unsure(background.times) is None


def test_a_camera_that_spins_too_fast_is_told_and_every_frame_is_unsure() -> None:
    generator = np.random.default_rng(8)
    background = watched([picture(turned(*generator.uniform([-180, -40, -180], [180, 40, 180])), texture()) for _ in range(30)])
    turning = find_turning(background, nobody(background), MATRIX, SIZE)
    assert turning.kind == "unknown" and turning.turns is None and turning.too_fast
    (told,) = turning.warnings
    assert "too fast" in told and "Too little" not in told
    unsure = turning.unsure(np.linspace(0.0, 1.2, 7))
    assert unsure is not None and unsure.all()


def test_frames_around_a_moment_that_nobody_could_follow_are_unsure() -> None:
    cameras = [turned(0.2 * k) for k in range(25)] + [turned(120 + 0.2 * k) for k in range(25)]
    background = watched([picture(camera, texture()) for camera in cameras])
    turning = find_turning(background, nobody(background), MATRIX, SIZE)
    assert turning.kind == "turning" and not turning.too_fast and "too fast to be followed at 1.0 seconds" in turning.warnings[0]
    unsure = turning.unsure(background.times)
    assert unsure is not None and np.flatnonzero(unsure).tolist() == list(range(19, 32))
    # behind black frames, or a wall with few corners, nobody was too fast
    few = replace(background, corners=np.where(np.arange(CORNERS)[:, None] < 20, background.corners, np.nan).astype(np.float32))
    assert find_turning(few, nobody(few), MATRIX, SIZE).lost is None
    black = watched([picture(camera, texture()) for camera in cameras[:10]] + [np.zeros((*SIZE[::-1], 3), np.uint8)] * 5
                    + [picture(camera, texture()) for camera in cameras[25:35]])  # fmt: skip
    assert find_turning(black, nobody(black), MATRIX, SIZE).lost is None


def test_a_still_camera_is_still_whatever_the_noise() -> None:
    noise = np.random.default_rng(3)
    image = picture(turned(10, 5), texture()).astype(float)
    background = watched([np.clip(image + noise.normal(scale=6.0, size=image.shape), 0, 255).astype(np.uint8) for _ in range(30)])
    turning = find_turning(background, nobody(background), MATRIX, SIZE)
    assert turning.kind == "still" and turning.turns is None and turning.at(background.times) is None and not turning.warnings


def test_a_still_camera_is_still_behind_people_who_carry_most_corners_along() -> None:
    """In the frames that become keyframes two corners of five fit a turn of a third of a degree, and the others nothing."""
    generator = np.random.default_rng(5)
    points = generator.uniform([-4, -2, 4], [4, 2, 10], (CORNERS, 3))
    background = corners_of(np.tile(np.eye(4), (42, 1, 1)), points)
    key = np.arange(42) // 6 * 6
    moved = np.flatnonzero((np.arange(42) % 6 == 0) & (np.arange(42) > 0))
    corners = background.corners.copy()
    for k in moved:
        few = np.arange(CORNERS) % 5 < 2
        corners[k, few, 2] += FOCAL * np.radians(0.35)
        corners[k, ~few, 2:] += generator.uniform(8, 30, (int((~few).sum()), 2))
    before = np.maximum(key - 6 * (np.arange(42) % 6 == 0), 0)  # a keyframe is still compared with the one before it
    turning = find_turning(replace(background, key=before, corners=corners), nobody(background), MATRIX, SIZE)
    assert turning.kind == "still"


def test_a_plain_wall_tells_nothing_and_that_is_said() -> None:
    background = watched([np.full((*SIZE[::-1], 3), 90, np.uint8)] * 10)
    turning = find_turning(background, nobody(background), MATRIX, SIZE)
    assert turning.kind == "unknown" and turning.turns is None
    assert turning.warnings == ["Too little of the background is seen to tell whether the camera moved; it is taken to have stood still."]


def corners_of(cameras: np.ndarray, points: np.ndarray, matrix: np.ndarray = MATRIX, size: tuple[int, int] = SIZE) -> Background:
    """What is seen of `points` (N,3) by `cameras` (T,4,4), to the digit; the first frame is the keyframe."""
    seen = project(to_camera(np.broadcast_to(points, (len(cameras), *points.shape)), cameras), matrix)
    inside = ((seen > 0) & (seen < size)).all(-1) & inside_first(seen[0], size)
    corners = np.full((len(cameras), CORNERS, 4), np.nan, np.float32)
    corners[:, : len(points), :2] = seen[0]
    corners[:, : len(points), 2:] = np.where(inside[..., None], seen, np.nan)
    count = len(cameras)
    return Background(np.arange(count), np.arange(count) / FPS, np.zeros(count, int), corners)


def inside_first(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return ((points > 0) & (points < size)).all(-1)


def test_a_camera_that_travels_is_told_from_one_that_turns() -> None:
    generator = np.random.default_rng(4)
    points = generator.uniform([-4, -2, 2], [4, 2, 10], (CORNERS, 3))
    cameras = np.tile(np.eye(4), (40, 1, 1))
    cameras[:, :3, :3] = [turned(0.3 * k) for k in range(40)]
    turns = find_turning(corners_of(cameras, points), np.full((40, 33, 2), np.nan, np.float32), MATRIX, SIZE)
    cameras[:, 0, 3] = np.linspace(0, 1.0, 40)
    travels = find_turning(corners_of(cameras, points), np.full((40, 33, 2), np.nan, np.float32), MATRIX, SIZE, believe=True)
    assert turns.kind == "turning" and errors(turns, list(cameras[:, :3, :3])).max() < 0.01
    assert travels.kind == "travelling" and "not to be trusted" in travels.warnings[0]


def test_the_person_is_left_out_with_what_surrounds_them() -> None:
    image = np.zeros((3, 33, 2), np.float32)
    image[:, :, 0], image[:, :, 1] = 200, np.linspace(50, 250, 33)  # upright, 200 pixels high
    arm = [LANDMARKS.index(f"{name}.L") for name in ("elbow", "wrist", "index")]
    image[:, arm] = [250, 100], [320, 100], [340, 100]
    rows = Detections(np.arange(3) / FPS, image, np.ones((3, 33)), np.zeros((3, 33, 3)), np.array([True, True, False]))
    background = Background(np.array([0, 2]), np.array([0, 2]) / FPS, np.zeros(2, int), np.zeros((2, CORNERS, 4), np.float32))
    person = outlines(background, rows)
    assert np.array_equal(person[0], image[0]) and np.isnan(person[1]).all()
    points = np.array([[205.0, 150.0], [330.0, 115.0], [190.0, 270.0], [330.0, 150.0], [160.0, 150.0]])
    assert outside(np.stack([points, points]), person).tolist() == [[False, False, False, True, True], [True] * 5]


def walker(cameras: np.ndarray) -> tuple[Detections, VideoInfo]:
    """A walker's detections by `cameras` (T,4,4), as long as these."""
    joints = people.walk(fps=FPS, seconds=len(cameras) / FPS, planted=True).body
    landmarks = joints[:, LANDMARK_JOINT]
    for k, name in enumerate(LANDMARKS):
        if LANDMARK_JOINT[k] == LANDMARK_JOINT[0]:  # the face: a little apart, or it would look nowhere
            landmarks[:, k] += [0.03 * (name[-1] == "L") - 0.03 * (name[-1] == "R"), -0.08 * (name[:3] != "ear"), 0.0]
    seen = to_camera(landmarks, cameras)
    hips = [LANDMARKS.index("hip.L"), LANDMARKS.index("hip.R")]
    world, count = seen - seen[:, hips].mean(1, keepdims=True), len(seen)
    image = project(seen, camera_matrix(LARGE, FOV)).astype(np.float32)
    times = np.arange(count) / FPS
    rows = Detections(times, image, np.full((count, 33), 0.95, np.float32), world.astype(np.float32), np.ones(count, bool))
    return rows, VideoInfo(Path("clip.mp4"), *LARGE, FPS, count, count / FPS, 0, False, None)


def captured(cameras: np.ndarray, background: Background | None, **options: str) -> Capture:
    rows, info = walker(cameras)
    chosen = CaptureOptions(height=people.HEIGHT, steps=0, fov=FOV, **options)
    return finish(replace(rows, background=background), info, lambda: PoseModel("cpu"), chosen, None, Progress())


def placed(turns: list[np.ndarray]) -> np.ndarray:
    """(T,4,4) cameras with these turns (3,3) about a place five metres beside the walker's way, level where they do not turn."""
    cameras = np.tile(np.eye(4), (len(turns), 1, 1))
    cameras[:, :3, :3] = people.camera_rotation(0.0, 0.0, 90.0).T @ np.array(turns)
    cameras[:, :3, 3] = -5.5, -1.5, 1.4
    return cameras


def test_the_motion_of_a_camera_that_turns_is_that_of_a_still_one() -> None:
    count = 75
    points = np.random.default_rng(6).uniform([3, -14, 0], [6, 11, 5], (CORNERS, 3))
    still = placed([np.eye(3)] * count)
    turns = [turned(-12 + 24 * k / count, 1.5 * np.sin(k / 4), np.sin(k / 6)) for k in range(count)]
    moving = placed(turns)
    background = corners_of(moving, points, camera_matrix(LARGE, FOV), LARGE)
    plain, followed, blind = captured(still, None), captured(moving, background), captured(moving, None)
    assert followed.summary["camera"] == "turning" and followed.summary["camera_turns_degrees"] == pytest.approx(24, abs=1.5)
    one, other, wrong = (capture.motion.positions_world.astype(float) for capture in (plain, followed, blind))

    def apart(motion: np.ndarray) -> float:
        """Metres, mean over joints, after the best turn about the vertical and shift."""
        a, b = motion[..., :2] - motion[..., :2].mean((0, 1)), one[..., :2] - one[..., :2].mean((0, 1))
        angle = np.angle(((b[..., 0] + 1j * b[..., 1]) * (a[..., 0] - 1j * a[..., 1])).sum())
        turned_back = (a[..., 0] + 1j * a[..., 1]) * np.exp(1j * angle)
        return float(np.hypot(np.abs(turned_back - (b[..., 0] + 1j * b[..., 1])), motion[..., 2] - one[..., 2]).mean())

    assert apart(other) < 0.05 < 0.2 < apart(wrong)
    assert followed.motion.contacts.any(1).mean() > plain.motion.contacts.any(1).mean() - 0.05
    # the camera in the file turns as the true one did, and sees the person where they were seen
    path = followed.motion.camera_path
    assert path is not None and errors(Turning("turning", turns=path[:, :3, :3]), turns).max() < 0.05
    assert np.abs(to_camera(other, path) - followed.motion.positions_camera).max() < 1e-4
    assert plain.motion.camera_path is None and "camera" not in plain.summary


def test_the_report_names_the_moment_at_which_the_camera_was_too_fast() -> None:
    moving = placed([turned(0.2 * k + 8 * (k >= 40)) for k in range(75)])
    points = np.random.default_rng(6).uniform([1, -8, -1], [6, 8, 4], (CORNERS, 3))
    first, second = (corners_of(part, points, camera_matrix(LARGE, FOV), LARGE) for part in (moving[:40], moving[40:]))
    background = Background(
        np.arange(75), np.arange(75) / FPS, np.repeat([0, 40], [40, 35]), np.concatenate([first.corners, second.corners])
    )  # fmt: skip
    report = captured(moving, background).motion.provenance["quality"]
    (stretch,) = [one for one in report["unsure"] if one["reason"] == "camera too fast"]
    assert stretch["first_frame"] == pytest.approx(34, abs=1) and stretch["last_frame"] == pytest.approx(46, abs=2)


def test_nothing_changes_for_a_still_camera_to_the_digit() -> None:
    still = placed([np.eye(3)] * 40)
    points = np.random.default_rng(6).uniform([3, -14, 0], [6, 11, 5], (CORNERS, 3))
    background = corners_of(still, points, camera_matrix(LARGE, FOV), LARGE)
    background.corners[..., 2:] += np.random.default_rng(1).normal(scale=0.1, size=background.corners[..., 2:].shape)
    plain, measured = captured(still, None), captured(still, background)
    assert measured.summary["camera"] == "still" and measured.motion.camera_path is None
    for name in ("positions_world", "positions_camera", "rotations", "contacts", "camera_to_world"):
        assert np.array_equal(getattr(plain.motion, name), getattr(measured.motion, name)), name


def test_who_says_turning_is_believed_where_little_is_seen() -> None:
    cameras = np.tile(np.eye(4), (40, 1, 1))
    cameras[:, :3, :3] = [turned(0.1 * min(k, 25)) for k in range(40)]
    points = np.random.default_rng(4).uniform([-4, -2, 4], [4, 2, 10], (CORNERS, 3))
    background = corners_of(cameras, points)
    background.corners[15:, 6:, 2:] = np.nan  # six corners are too few
    empty = np.zeros((40, 33, 3), np.float32)
    rows = Detections(background.times, empty[..., :2], empty[..., 0], empty, np.zeros(40, bool), background=background)
    assert CameraSearch(rows, SIZE, "auto").found(MATRIX).kind == "unknown"
    assert CameraSearch(rows, SIZE, "turning").found(MATRIX).kind == "turning"


def test_a_part_of_a_take_whose_keyframe_lies_before_it_turns_alike() -> None:
    cameras = np.tile(np.eye(4), (40, 1, 1))
    cameras[:, :3, :3] = [turned(0.3 * k) for k in range(40)]
    whole = corners_of(cameras, np.random.default_rng(4).uniform([-4, -2, 4], [4, 2, 10], (CORNERS, 3)))
    part = Background(whole.index[10:], whole.times[10:], whole.key[10:], whole.corners[10:])
    turning = find_turning(part, nobody(part), MATRIX, SIZE)
    assert turning.kind == "turning" and errors(turning, list(cameras[10:, :3, :3])).max() < 0.01
