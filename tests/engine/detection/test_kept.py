from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.detection_file import load_detection, save_detection
from contract.failure import Failure
from contract.motion_file import Motion, load_motion
from contract.options import CaptureOptions
from engine import capture as capturing
from engine import loading
from engine.capture import capture_to_file
from engine.detection import kept
from engine.progress import Progress

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample.mp4"
QUICK = CaptureOptions(detector="full", end="12f")


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the first frames of the sample: take.npz and its detection.npz."""
    folder = tmp_path_factory.mktemp("kept")
    capture_to_file(SAMPLE, folder / "take.npz", QUICK, Progress(), keep_at=folder / "detection.npz")
    yield folder


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at a video any more."""
    monkeypatch.setattr(capturing, "detect_video", lambda *_: pytest.fail("it was detected again"))


def plain(motion: Motion) -> dict[str, object]:
    """All of it that does not tell how long it took."""
    arrays = {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in vars(motion).items()}
    return arrays | {"provenance": {name: value for name, value in motion.provenance.items() if name != "timings"}}


@pytest.mark.usefixtures("blind")
def test_the_motion_from_the_file_is_that_of_the_capture_to_the_last_bit(taken: Path, tmp_path: Path) -> None:
    capture_to_file(taken / "detection.npz", tmp_path / "again.npz", CaptureOptions(), Progress())
    assert plain(load_motion(tmp_path / "again.npz")) == plain(load_motion(taken / "take.npz"))


def test_what_a_motion_says_of_itself_makes_the_same_motion_again(taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the video, its name and options read from the motion file alone."""
    told = load_motion(taken / "take.npz").provenance
    monkeypatch.setenv("KINOLIFT_CORES", str(told["cores"]))
    assert kept.content_hash(SAMPLE) == told["source"]["sha256"] and SAMPLE.name == told["source"]["name"]
    capture_to_file(SAMPLE, tmp_path / "again.npz", CaptureOptions(**told["options"]), Progress())
    assert plain(load_motion(tmp_path / "again.npz")) == plain(load_motion(taken / "take.npz"))


@pytest.mark.usefixtures("blind")
def test_all_that_comes_behind_the_detection_can_be_done_otherwise(taken: Path, tmp_path: Path) -> None:
    options = CaptureOptions(height=1.87, smooth=0.9, feet="never", fov=50.0, root="in-place", refiner="window")
    (done,), _ = capture_to_file(taken / "detection.npz", tmp_path / "other.npz", options, Progress())
    first, other = load_motion(taken / "take.npz"), load_motion(tmp_path / "other.npz")
    assert done.summary["frames"] == 12 and done.summary["fov_from"] == "option"
    assert other.provenance["options"]["height"] == 1.87 and other.provenance["options"]["detector"] == "full"
    assert other.provenance["source"] == first.provenance["source"]
    assert np.abs(other.positions_world - first.positions_world).max() > 0.05
    np.testing.assert_array_equal(other.detected, first.detected)


def test_what_fits_is_used_and_what_does_not_is_detected_again(taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = tmp_path / "detection.npz"
    shutil.copy(taken / "detection.npz", at)
    assert kept.fitting(at, SAMPLE, QUICK) and kept.fitting(at, SAMPLE, replace(QUICK, height=1.5))
    assert not kept.fitting(at, SAMPLE, replace(QUICK, end="13f")) and not kept.fitting(at, SAMPLE, replace(QUICK, detector="heavy"))
    assert not kept.fitting(tmp_path / "none.npz", SAMPLE, QUICK) and not kept.fitting(taken / "take.npz", SAMPLE, QUICK)
    video = tmp_path / "sample.mp4"
    video.write_bytes(SAMPLE.read_bytes()[:-1] + b"\1")  # another video of that name and size
    assert not kept.fitting(at, video, QUICK)
    at.write_bytes(at.read_bytes()[:-200])
    assert not kept.fitting(at, SAMPLE, QUICK)

    seen: list[Path] = []
    real = capturing.detect_video
    monkeypatch.setattr(capturing, "detect_video", lambda video, *rest: (seen.append(video.info.path), real(video, *rest))[1])
    for _ in range(2):  # the damaged one is made again, and then used
        capture_to_file(SAMPLE, tmp_path / "take.npz", QUICK, Progress(), overwrite=True, keep_at=at)
    assert seen == [SAMPLE]
    np.testing.assert_array_equal(load_detection(at).rows, load_detection(taken / "detection.npz").rows)


@pytest.mark.usefixtures("blind")
def test_a_part_of_what_was_kept_can_be_asked_for(taken: Path, tmp_path: Path) -> None:
    capture_to_file(taken / "detection.npz", tmp_path / "part.npz", CaptureOptions(start="4f", end="0.3"), Progress())
    part, whole = load_motion(tmp_path / "part.npz"), load_motion(taken / "take.npz")
    assert part.frame_numbers.tolist() == [4, 5, 6, 7, 8]
    np.testing.assert_array_equal(part.image_points, whole.image_points[4:9])
    for start, end in (("5", ""), ("", "2"), ("13f", ""), ("", "40f"), ("5f", "5f")):
        with pytest.raises(Failure, match=r"from 0\.00 to 0\.37 seconds") as failure:
            kept.read_kept(taken / "detection.npz", CaptureOptions(start=start, end=end), Progress())
        assert failure.value.code == "bad_arguments"


def test_what_does_not_go_together_is_told_in_a_sentence(taken: Path, tmp_path: Path) -> None:
    at, out = taken / "detection.npz", tmp_path / "take.npz"
    detection = load_detection(at)
    save_detection(replace(detection, facts=replace(detection.facts, detector="lidar")), tmp_path / "lidar.npz")
    save_detection(replace(detection, facts=replace(detection.facts, detector="heavy")), tmp_path / "heavy.npz")
    for source, options, said in (
        (tmp_path / "heavy.npz", QUICK, "with the heavy network"),
        (tmp_path / "lidar.npz", CaptureOptions(), "a detector that there is not"),
        (taken / "take.npz", CaptureOptions(), "its schema is 'kinolift.motion/1'"),
        (tmp_path / "none.npz", CaptureOptions(), "There is no detection file"),
    ):
        with pytest.raises(Failure, match=said):
            kept.read_kept(source, options, Progress())
    for more, said in (
        ({"preview": tmp_path / "look.mp4"}, "a preview is drawn over the video"), ({"keep_at": tmp_path / "more.npz"}, "kept already"),
    ):  # fmt: skip
        with pytest.raises(Failure, match=said):
            capture_to_file(at, out, CaptureOptions(), Progress(), **more)
    with pytest.raises(Failure, match="is an input"):
        capture_to_file(at, at, CaptureOptions(), Progress(), overwrite=True)
    with pytest.raises(Failure, match="named twice"):
        capture_to_file(SAMPLE, out, QUICK, Progress(), keep_at=out)
    assert not out.exists()


def test_what_cannot_be_read_is_told_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_load_model", lambda _: pytest.fail("the networks were loaded"))
    (tmp_path / "a.mp4").write_bytes(b"no video")
    (tmp_path / "a.npz").write_bytes(b"no detection")
    for name in ("a.mp4", "a.npz", "b.mp4"):
        with pytest.raises(Failure):
            capture_to_file(tmp_path / name, tmp_path / "take.npz", CaptureOptions(), Progress())
