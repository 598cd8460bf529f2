"""The sample clip and its truth: what a clone measures the project by has to be right itself."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
BONES = [(f"{a}.{s}", f"{b}.{s}") for s in "LR"
         for a, b in (("hip", "knee"), ("knee", "ankle"), ("ankle", "toe"), ("shoulder", "elbow"), ("elbow", "wrist"))]  # fmt: skip
BONES += [("hip.L", "hip.R"), ("neck", "head")]


@pytest.fixture(scope="module")
def truth() -> dict[str, npt.NDArray[np.generic]]:
    with np.load(EXAMPLES / "sample.truth.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def frames() -> list[npt.NDArray[np.uint8]]:
    video = cv2.VideoCapture(str(EXAMPLES / "sample.mp4"))
    read = []
    while True:
        there, image = video.read()
        if not there:
            return read
        read.append(image)


def joints(truth: dict, space: str, *names: str) -> npt.NDArray[np.float64]:
    all_names = [str(n) for n in truth["joint_names"]]
    return truth[space][:, [all_names.index(n) for n in names]].astype(float)


def project(truth: dict) -> npt.NDArray[np.float64]:
    seen = truth["camera"].astype(float) @ truth["camera_matrix"].T
    return seen[..., :2] / seen[..., 2:]


def test_every_frame_decodes_and_the_rate_is_the_truths(truth: dict, frames: list) -> None:
    video = cv2.VideoCapture(str(EXAMPLES / "sample.mp4"))
    assert len(frames) == len(truth["camera"]) == len(truth["world"])
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == len(frames)
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(float(truth["fps"]))
    assert 4.0 <= len(frames) / float(truth["fps"]) <= 6.0
    assert all(image.shape == (truth["image_size"][1], truth["image_size"][0], 3) for image in frames)


def test_files_are_small() -> None:
    assert (EXAMPLES / "sample.mp4").stat().st_size < 1_500_000
    assert (EXAMPLES / "sample.truth.npz").stat().st_size < 100_000


def test_the_whole_body_is_in_every_picture(truth: dict) -> None:
    width, height = truth["image_size"]
    points = project(truth)
    assert (truth["camera"][..., 2] > 1).all()
    margin = 20
    assert (points > margin).all()
    assert (points < np.array([width, height]) - margin).all()


def test_the_person_stands_where_the_truth_says(truth: dict, frames: list) -> None:
    """The red shirt is found in the picture without the truth; its middle lies in the trunk that the truth projects."""
    for k in range(0, len(frames), 10):
        image = frames[k].astype(int)
        blue, green, red = image[..., 0], image[..., 1], image[..., 2]
        rows, columns = np.nonzero((red > 90) & (red > 2.2 * green) & (red > 2.2 * blue))
        assert len(rows) > 500
        trunk = project({**truth, "camera": joints(truth, "camera", "hip.L", "hip.R", "shoulder.L", "shoulder.R")[k : k + 1]})[0]
        middle = trunk.mean(axis=0)
        size = np.linalg.norm(trunk[:2].mean(axis=0) - trunk[2:].mean(axis=0))
        assert np.hypot(np.median(columns) - middle[0], np.median(rows) - middle[1]) < 0.4 * size


def test_camera_and_world_are_one_motion(truth: dict) -> None:
    """One rigid transform turns world into camera coordinates in every frame, to the rounding of the file."""
    world, camera = truth["world"].reshape(-1, 3).astype(float), truth["camera"].reshape(-1, 3).astype(float)
    u, _, vt = np.linalg.svd((world - world.mean(0)).T @ (camera - camera.mean(0)))
    turn = u @ vt
    assert np.linalg.det(turn) == pytest.approx(1.0)
    error = (world - world.mean(0)) @ turn + camera.mean(0) - camera
    assert np.abs(error).max() < 2e-4


def test_bones_keep_their_lengths(truth: dict) -> None:
    for a, b in BONES:
        length = np.linalg.norm(joints(truth, "world", a)[:, 0] - joints(truth, "world", b)[:, 0], axis=-1)
        assert np.ptp(length) < 5e-4, (a, b)
        assert 0.05 < length.mean() < 0.6, (a, b)


def test_sides_are_the_persons_own(truth: dict) -> None:
    """Toes point forward from the ankles, so left x up gives forward: a mirrored skeleton would fail."""
    first = truth["world"][:1]
    left = (joints({**truth, "world": first}, "world", "hip.L") - joints({**truth, "world": first}, "world", "hip.R"))[0, 0]
    toes = joints({**truth, "world": first}, "world", "toe.L", "toe.R") - joints({**truth, "world": first}, "world", "ankle.L", "ankle.R")
    assert np.dot(np.cross(left, [0, 0, 1]), toes[0].mean(axis=0)) > 0


def test_the_ground_is_respected(truth: dict) -> None:
    feet = joints(truth, "world", "ankle.L", "ankle.R", "toe.L", "toe.R")[..., 2]
    assert feet.min() > 0.0
    assert feet.min(axis=1).max() < 0.12  # a foot is on the ground in every frame
    head = joints(truth, "world", "head")[..., 2]
    assert 0.6 * float(truth["height"]) < head.min() < head.max() < float(truth["height"])


def test_the_motion_is_lively_and_smooth(truth: dict) -> None:
    fps = float(truth["fps"])
    wrists = joints(truth, "world", "wrist.L", "wrist.R")
    speed = np.linalg.norm(np.diff(wrists, axis=0), axis=-1) * fps
    assert speed.max() > 2.0
    assert speed.max() < 12.0  # faster than any strike: a jump in the data
    hips = joints(truth, "world", "hip.L", "hip.R")
    heading = np.unwrap(np.arctan2(*(hips[:, 0] - hips[:, 1])[:, [1, 0]].T))
    assert np.ptp(heading) > np.radians(120)
