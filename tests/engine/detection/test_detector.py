"""Against rendered people whose joints are known exactly, and against footage with nobody in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.detection import detector, lean_models, model_bundle, segments
from engine.detection.detector import Detections, Detector
from engine.detection.landmarks import LANDMARKS
from engine.footage.video import Frame, VideoInfo, open_video
from engine.person.track import body_points, make_track
from engine.progress import Progress

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(
    not all(model.file.is_file() for model in model_bundle.MODELS.values()), reason="the models have not been made: run the set-up"
)


@pytest.fixture(scope="module")
def found() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def walk(found: Detector, shared: Path) -> tuple[VideoInfo, Detections]:
    clip = open_video(shared / "data" / "videos" / "walk.mp4")
    return clip.info, found.detect(clip.frames(), clip.info, Progress())


@pytest.fixture(scope="module")
def truth(shared: Path) -> dict[str, Any]:
    """Joints by name: `image` (T,2) pixels through the exact camera, `camera` (T,3) metres from the middle of the hips."""
    with np.load(shared / "data" / "videos" / "walk.truth.npz") as file:
        camera, matrix, names = file["camera"].astype(np.float64), file["camera_matrix"], [str(n) for n in file["joint_names"]]
    image = camera @ matrix.T
    image = image[..., :2] / image[..., 2:]
    rooted = camera - (camera[:, [names.index("hip.L")]] + camera[:, [names.index("hip.R")]]) / 2
    return {"names": names, "image": image, "camera": rooted}


def _pictures(*images: np.ndarray, fps: float = 30.0) -> tuple[list[Frame], VideoInfo]:
    height, width = images[0].shape[:2]
    frames = [Frame(k, k / fps, image) for k, image in enumerate(images)]
    return frames, VideoInfo(Path("made.mp4"), width, height, fps, len(images), len(images) / fps, 0, False, None)


def test_landmarks_lie_on_the_true_joints(walk: tuple[VideoInfo, Detections], truth: dict[str, Any]) -> None:
    _, detections = walk
    assert detections.detected.all() and len(detections) == 70
    assert detections.image.shape == (70, 33, 2) and detections.world.shape == (70, 33, 3)
    points, _ = body_points(detections.image, detections.visibility)
    ours = points[:, [BODY_22.index(name) for name in truth["names"]]]
    height = np.ptp(truth["image"], axis=1).max(axis=1).mean()  # about 180 pixels
    error = np.linalg.norm(ours - truth["image"], axis=-1)
    assert error.mean() < 0.03 * height
    by_name = dict(zip(truth["names"], error.mean(axis=0), strict=True))
    assert by_name["neck"] < 0.03 * height  # computed from hips and shoulders
    assert by_name["hip.L"] < 0.05 * height and by_name["ankle.R"] < 0.05 * height


def test_a_tall_picture(found: Detector, shared: Path) -> None:
    """1080x1920, real; the truth is a triangulation from four cameras."""
    clip = open_video(shared / "data" / "videos" / "beam_cam01.mp4")
    detections = found.detect(clip.frames(None, (4.0, "f")), clip.info, Progress())
    with np.load(shared / "data" / "videos" / "beam_cam01.truth.npz") as file:
        image = file["camera"][:4].astype(np.float64) @ file["camera_matrix"].T
        limbs = [k for k, name in enumerate(file["joint_names"]) if str(name)[:-2] in ("knee", "ankle", "elbow", "wrist", "hip")]
        names = [str(file["joint_names"][k]) for k in limbs]
    image = image[:, limbs, :2] / image[:, limbs, 2:]
    ours = body_points(detections.image, detections.visibility)[0][:, [BODY_22.index(name) for name in names]]
    assert np.linalg.norm(ours - image, axis=-1).mean() < 0.04 * 764  # the person's height in pixels


def test_each_row_belongs_to_its_own_frame(walk: tuple[VideoInfo, Detections], truth: dict[str, Any]) -> None:
    """With the rows a frame early or late, ankles and wrists would lie further off."""
    points, _ = body_points(walk[1].image, walk[1].visibility)
    names = ["ankle.L", "ankle.R", "knee.L", "knee.R", "wrist.L", "elbow.L"]
    ours = points[5:-5, [BODY_22.index(name) for name in names]]
    theirs = truth["image"][:, [truth["names"].index(name) for name in names]]
    errors = {k: np.linalg.norm(ours - theirs[5 + k : len(theirs) - 5 + k], axis=-1).mean() for k in (-2, -1, 0, 1, 2)}
    assert min(errors, key=lambda k: errors[k]) == 0, errors


def test_world_landmarks_are_metres_in_their_axes(walk: tuple[VideoInfo, Detections], truth: dict[str, Any]) -> None:
    names = ["ankle.L", "ankle.R", "wrist.L", "wrist.R", "shoulder.L", "shoulder.R", "knee.L", "knee.R"]
    ours = walk[1].world[:, [LANDMARKS.index(name) for name in names]].reshape(-1, 3)
    theirs = truth["camera"][:, [truth["names"].index(name) for name in names]].reshape(-1, 3)
    # x right, y down, z away: each the same way round; MediaPipe's depth is rough
    for axis, least in enumerate((0.9, 0.98, 0.6)):
        assert np.corrcoef(ours[:, axis], theirs[:, axis])[0, 1] > least, axis
    assert 0.7 < np.linalg.norm(ours) / np.linalg.norm(theirs) < 1.4  # metres


def test_times_are_those_of_the_frames(walk: tuple[VideoInfo, Detections]) -> None:
    np.testing.assert_allclose(walk[1].times, np.arange(70) / 25.0, atol=1e-9)
    assert walk[1].visibility.min() >= 0.0 and walk[1].visibility.max() <= 1.0


def test_the_same_again(found: Detector, walk: tuple[VideoInfo, Detections], shared: Path) -> None:
    """One detector does several videos, and nothing of one is left in the next."""
    clip = open_video(shared / "data" / "videos" / "walk.mp4")
    again = found.detect(clip.frames(None, (12.0, "f")), clip.info, Progress())
    np.testing.assert_allclose(again.image, walk[1].image[:12], atol=0.05)


def test_nobody_in_the_first_seconds(found: Detector, shared: Path) -> None:
    clip = open_video(shared / "data" / "videos" / "empty_then_walk.mp4")
    progress = Progress()
    detections = found.detect(clip.frames((1.5, "s"), (5.0, "s")), clip.info, progress)
    assert not detections.detected[:12].any()  # a table's foot is not a person
    assert detections.detected[20:].all()
    assert not detections.image[:12].any() and not detections.visibility[:12].any()
    track = make_track(detections, clip.info, progress)
    assert 2.6 < track.times[0] < 3.5 and track.times[-1] == pytest.approx(4.9)
    assert [code for code, _ in progress.warnings] == ["frames_missing"]


def test_nobody_at_all(found: Detector, shared: Path) -> None:
    clip = open_video(shared / "data" / "videos" / "empty_then_walk.mp4")
    assert not found.detect(clip.frames((1.0, "s"), (2.0, "s")), clip.info, Progress()).detected.any()
    with pytest.raises(Failure, match=r"No person was found in empty_then_walk\.mp4") as failure:
        segments.detect(clip, (1.0, "s"), (2.0, "s"), Progress())
    assert failure.value.code == "no_person"


def test_pictures_without_a_person(found: Detector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 90, 121, 3), np.uint8)
    assert not found.detect(*_pictures(*noise), Progress()).detected.any()


def test_no_frames(found: Detector) -> None:
    _, info = _pictures(np.zeros((8, 8, 3), np.uint8))
    assert not len(found.detect([], info, Progress()))


def test_odd_sizes_and_times_closer_than_a_millisecond(found: Detector, shared: Path, truth: dict[str, Any]) -> None:
    clip = open_video(shared / "data" / "videos" / "walk.mp4")
    odd = np.ascontiguousarray(next(clip.frames((14.0, "f"))).image[:559, :557])
    frames = [Frame(k, k * 1e-4, odd) for k in range(6)]
    detections = found.detect(frames, replace(clip.info, width=557, height=559), Progress())
    assert detections.detected.all()
    points, _ = body_points(detections.image, detections.visibility)
    error = points[:, [BODY_22.index(name) for name in truth["names"]]] - truth["image"][14]
    assert (np.linalg.norm(error, axis=-1).mean(axis=1) < 0.05 * np.ptp(truth["image"][14], axis=0).max()).all()


def test_progress_counts_the_frames(found: Detector) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    progress = Progress(lambda name, fields: events.append((name, fields)))
    found.detect(*_pictures(*np.zeros((4, 64, 64, 3), np.uint8)), progress)
    assert events[0][1]["stage"] == "detect" and events[0][1]["total"] == 4
    assert events[-1][1]["done"] == 4


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 half a model"])
def test_a_bad_model(tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.task"
    if content is not None:
        path.write_bytes(content)
    for name in ("full", "heavy"):
        bad = replace(model_bundle.MODELS[name], file=path)
        monkeypatch.setattr(lean_models, "MODELS", {name: bad})
        monkeypatch.setattr(lean_models, "LEAN", {name: bad})
        with pytest.raises(Failure, match=r"model\.task") as failure:
            Detector(name)
        assert failure.value.code == "bad_installation"


def test_an_error_while_reading_frames_is_passed_on_and_standard_error_is_back(found: Detector, capfd: pytest.CaptureFixture[str]) -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(0, 0.0, np.zeros((64, 64, 3), np.uint8))
        raise Failure("out_of_memory", "There is not enough memory.")

    _, info = _pictures(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(Failure, match="memory"):
        found.detect(frames(), info, Progress())
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_libraries_are_quiet_and_none_is_left_behind(shared: Path) -> None:
    script = (
        "import sys; from engine.detection.detector import Detector; from engine.footage.video import open_video\n"
        "from engine.progress import Progress\n"
        "clip = open_video(sys.argv[1]); d = Detector().detect(clip.frames(None, (5.0, 'f')), clip.info, Progress())\n"
        "assert d.detected.all(); assert 'matplotlib' not in sys.modules\n"
        # of MediaPipe's packages what is needed, and no stand-in in their places
        "assert not [m for m in sys.modules if m == 'mediapipe' or m.startswith('mediapipe.tasks.python.audio')]"
    )
    clip = shared / "data" / "videos" / "walk.mp4"
    done = subprocess.run([sys.executable, "-c", script, str(clip)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_broken_mediapipe_is_a_bad_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mediapipe"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mediapipe", None)  # as if it were not there
    before = "matplotlib" in sys.modules  # another test may have drawn with it
    with pytest.raises(Failure, match=r"cannot be loaded .*mediapipe") as failure:
        detector._import_mediapipe()
    assert failure.value.code == "bad_installation"
    assert ("matplotlib" in sys.modules) == before


def test_a_missing_system_library_is_a_bad_installation(found: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_options: object) -> None:
        raise OSError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(found._mediapipe.tasks.vision.PoseLandmarker, "create_from_options", fails)
    info = VideoInfo(Path("clip.mp4"), 64, 64, 30.0, 1, 1 / 30, 0, False, None)
    with pytest.raises(Failure, match=r"libEGL.*libgles2") as failure:
        found.detect([Frame(0, 0.0, np.zeros((64, 64, 3), np.uint8))], info, Progress())
    assert failure.value.code == "bad_installation"
