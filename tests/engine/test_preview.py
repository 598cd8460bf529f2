"""The preview: checked pixel by pixel on pictures that the tests make themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.failure import Failure
from contract.motion_file import EXPECTED, Motion
from contract.skeleton import ARMATURE_24
from engine.preview import LEFT, MIDDLE, RIGHT, Ground, SideView, draw_skeleton, overlay, side_colour, write_preview

WIDTH, HEIGHT, FPS = 320, 240, 25.0
# a person standing, metres: x to the person's left, z up
STAND = {
    "pelvis": (0, 0.95), "spine": (0, 1.2), "chest": (0, 1.35), "neck": (0, 1.5), "head": (0, 1.6), "head_top": (0, 1.75),
    "clavicle": (0.05, 1.45), "shoulder": (0.2, 1.45), "elbow": (0.45, 1.4), "wrist": (0.7, 1.35), "hand": (0.8, 1.33),
    "hip": (0.1, 0.92), "knee": (0.12, 0.5), "ankle": (0.14, 0.08), "toe": (0.14, 0.02),
}  # fmt: skip


def standing() -> np.ndarray:
    """(24,3) metres, Z up; faces the camera at -Y, so the left side is at +X."""
    sign = {"L": 1.0, "R": -1.0}
    return np.array([(STAND[n.split(".")[0]][0] * sign.get(n[-1], 0.0), 0.0, STAND[n.split(".")[0]][1]) for n in ARMATURE_24.joints])


def make_motion(times: list[float], walk: float = 0.0) -> Motion:
    """A person before the camera, `walk` metres further away in every frame."""
    count, joints = len(times), len(ARMATURE_24)
    world = standing()[None] + np.arange(count)[:, None, None] * np.array([0, walk, 0])
    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # columns: right = +X, down = -Z, forward = +Y
    camera_to_world[:3, 3] = (0, -3.5, 0.9)
    camera = (world - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]
    still = np.zeros((count, joints, 4))
    still[..., 0] = 1
    return Motion(
        joint_names=np.array(ARMATURE_24.joints), parents=np.array(ARMATURE_24.parents), fps=FPS, times=np.array(times),
        positions_camera=camera.astype(np.float32), positions_world=world.astype(np.float32),
        rest_offsets=np.zeros((joints, 3), np.float32), rotations=still.astype(np.float32), root_translation=world[:, 0].astype(np.float32),
        image_points=np.zeros((count, joints, 2), np.float32), confidence=np.ones((count, joints), np.float32),
        spread=np.zeros((count, joints), np.float32), contacts=np.ones((count, 2), bool),
        camera_matrix=np.array([[280.0, 0, WIDTH / 2], [0, 280, HEIGHT / 2], [0, 0, 1]]), camera_to_world=camera_to_world,
        image_size=np.array([WIDTH, HEIGHT]), detected=np.ones(count, bool),
    )  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 grey frames; frame k has the grey 30 + 10 k."""
    path = tmp_path_factory.mktemp("video") / "grey.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for k in range(20):
        writer.write(np.full((HEIGHT, WIDTH, 3), 30 + 10 * k, np.uint8))
    writer.release()
    return path


def read(path: Path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, image = capture.read()
        if not there:
            return frames
        frames.append(image)


def shown(frames: list[np.ndarray]) -> list[int]:
    """Which of the video's frames they show, by the grey of a corner; the codec darkens by about 3 each time."""
    return [round((float(frame[10:20, 10:20].mean()) - 24) / 10) for frame in frames]


def at(image: np.ndarray, point: tuple[float, float]) -> tuple[int, ...]:
    """The colour of the pixel in which the point lies; x right, y down."""
    return tuple(int(v) for v in image[int(point[1]), int(point[0])])


def test_sides_have_their_own_colours() -> None:
    assert {side_colour(n) for n in ARMATURE_24.joints if n.endswith(".L")} == {LEFT}
    assert {side_colour(n) for n in ARMATURE_24.joints if n.endswith(".R")} == {RIGHT}
    assert side_colour("neck") == MIDDLE
    # dark and light apart, too: the difference survives in grey
    assert abs(np.dot(LEFT, (0.3, 0.6, 0.1)) - np.dot(RIGHT, (0.3, 0.6, 0.1))) > 40


def test_joints_and_bones_are_drawn_where_they_are_seen() -> None:
    motion = make_motion([0.0])
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    drawn = overlay(image, motion, 0)
    assert (image == 128).all()  # the given picture is left alone
    # by hand: the camera stands 3.5 m before the person, 0.9 m high, with a focal length of 280 pixels
    left_wrist = (160 + 280 * 0.7 / 3.5, 120 - 280 * (1.35 - 0.9) / 3.5)
    assert at(drawn, left_wrist) == LEFT
    assert at(drawn, (WIDTH - left_wrist[0], left_wrist[1])) == RIGHT
    middle_of_forearm = (160 + 280 * 0.575 / 3.5, 120 - 280 * (1.375 - 0.9) / 3.5)
    assert at(drawn, middle_of_forearm) == LEFT
    assert at(drawn, (20, 20)) == (128, 128, 128)


def test_a_lens_that_has_zoomed_draws_larger() -> None:
    lens = np.array([[420.0, 0, 150], [0, 420, 130], [0, 0, 1]])
    zoomed = replace(make_motion([0.0]), camera_lenses=lens[None])
    drawn = overlay(np.full((HEIGHT, WIDTH, 3), 128, np.uint8), zoomed, 0)
    assert at(drawn, (150 + 420 * 0.7 / 3.5, 130 - 420 * 0.45 / 3.5)) == LEFT


def test_the_skeleton_follows_the_pictures_size() -> None:
    drawn = overlay(np.full((2 * HEIGHT, 2 * WIDTH, 3), 128, np.uint8), make_motion([0.0]), 0)
    assert at(drawn, (2 * (160 + 280 * 0.7 / 3.5), 2 * (120 - 280 * 0.45 / 3.5))) == LEFT


def test_an_unsure_joint_is_hollow_and_has_a_ring() -> None:
    names, parents, points = ("pelvis", "hip.L"), (-1, 0), np.array([[40.5, 50.5], [110.5, 50.5]])
    image = np.full((400, 160, 3), 128, np.uint8)  # tall, so that dots are some pixels wide
    sure = image.copy()
    draw_skeleton(sure, points, names, parents, confidence=np.array([1.0, 1.0]))
    assert at(sure, (110, 50)) == LEFT
    unsure = image.copy()
    draw_skeleton(unsure, points, names, parents, confidence=np.array([1.0, 0.1]), radius=np.array([0.0, 30.0]))
    assert at(unsure, (110, 50)) != LEFT
    ring = unsure[50 - 30 - 1 : 50 - 30 + 2, 110].astype(int)
    assert np.abs(ring - LEFT).sum(axis=1).min() < 60
    assert (sure[50 - 30 - 1 : 50 - 30 + 2, 110] == 128).all()


def test_rings_can_be_left_out() -> None:
    motion = make_motion([0.0])
    motion.spread[:] = 0.2
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    plain, ringed = overlay(image, motion, 0, rings=False), overlay(image, motion, 0)
    assert (ringed != 128).any(axis=2).sum() > (plain != 128).any(axis=2).sum() + 200
    motion.provenance["spread"] = EXPECTED  # what is alike for all takes is no news
    assert (overlay(image, motion, 0) == plain).all()
    motion.provenance.clear()
    motion.spread[:] = 0.0
    assert (overlay(image, motion, 0) == plain).all()


def test_what_is_nearer_covers_what_is_farther() -> None:
    names, parents = ("pelvis", "hip.L", "hip.R"), (-1, 0, 0)
    points = np.array([[20.0, 20.0], [80.0, 80.0], [80.0, 80.0]])
    for depths, top in ((np.array([3.0, 2.0, 4.0]), LEFT), (np.array([3.0, 4.0, 2.0]), RIGHT)):
        image = np.zeros((400, 160, 3), np.uint8)
        draw_skeleton(image, points, names, parents, depth=depths)
        assert at(image, (79, 79)) == top


def test_points_far_outside_do_no_harm() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    draw_skeleton(image, np.array([[50.0, 50.0], [1e9, -1e9]]), ("pelvis", "hip.L"), (-1, 0))


def test_side_view_holds_the_whole_path_and_goes_to_the_right() -> None:
    motion = make_motion([k / FPS for k in range(10)], walk=0.3)
    view = SideView(motion, (240, 320))
    columns = []
    for k in (0, 9):
        drawn = view.draw(k).astype(int)
        assert drawn.shape == (320, 240, 3)
        blue = np.abs(drawn - LEFT).sum(axis=2) < 30
        orange = np.abs(drawn - RIGHT).sum(axis=2) < 30
        rows, across = np.nonzero(blue | orange)
        assert len(rows) > 50
        assert rows.min() > 0
        assert rows.max() < 319
        assert across.min() > 0
        assert across.max() < 239
        columns.append(across.mean())
    assert columns[1] > columns[0] + 50  # away from the camera is to the right


def test_a_frame_for_every_frame_of_the_motion(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "preview.mp4"
    write_preview(video, make_motion([k / FPS for k in range(20)]), out)
    frames = read(out)
    assert len(frames) == 20
    assert cv2.VideoCapture(str(out)).get(cv2.CAP_PROP_FPS) == pytest.approx(FPS)
    assert frames[0].shape[0] == HEIGHT
    assert frames[0].shape[1] > WIDTH
    assert shown(frames) == list(range(20))
    assert list(tmp_path.iterdir()) == [out]


def test_frames_are_those_of_the_motions_times(video: Path, tmp_path: Path) -> None:
    """A stretch that was left out, and a start that is not the video's."""
    wanted = [5, 6, 7, 15, 16]
    out = tmp_path / "preview.mp4"
    write_preview(video, make_motion([k / FPS for k in wanted]), out)
    assert shown(read(out)) == wanted


def test_another_video_is_refused(video: Path, tmp_path: Path) -> None:
    motion = make_motion([0.0])
    motion.image_size = np.array([640, 480])
    with pytest.raises(Failure, match="captured") as caught:
        write_preview(video, motion, tmp_path / "preview.mp4")
    assert caught.value.code == "bad_input"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(video: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        write_preview(video, make_motion([0.0]), tmp_path / "nowhere" / "preview.mp4")
    assert caught.value.code == "not_writable"


def test_the_ground_lies_under_the_feet_as_the_camera_sees_it() -> None:
    motion, black = make_motion([0.0, 0.04]), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    drawn = Ground(motion).draw(black, 0)
    rows = np.flatnonzero(drawn.any((1, 2)))
    # the camera is level and 0.9 m up: the horizon is in the middle, and a metre before it the ground is below the picture
    assert black.max() == 0 and HEIGHT / 2 < rows.min() < HEIGHT / 2 + 280 * 0.9 / 3.5 < rows.max()
    # the grid's line through the person's feet: x = 0 at the depth of 3.5 m
    assert drawn[round(HEIGHT / 2 + 280 * 0.9 / 3.5), WIDTH // 2].max() > 0
    # a camera that has turned away from it shows it elsewhere, one that looks up not at all
    turned = np.tile(motion.camera_to_world, (2, 1, 1))
    up = np.radians(80.0)
    turned[1, :3, :3] = turned[1, :3, :3] @ np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]]).T
    moved = Ground(replace(motion, camera_path=turned))
    assert np.array_equal(moved.draw(black, 0), drawn) and not np.array_equal(moved.draw(black, 1), drawn)
