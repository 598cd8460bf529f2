from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from benchmarks import corpus


def test_there_are_over_a_hundred_and_fifty_and_each_has_a_name_of_its_own() -> None:
    videos = corpus.Corpus(0).videos
    names = [name for _, name, _ in videos]
    assert len(videos) >= 150 and len(set(names)) == len(names) and len({kind for kind, _, _ in videos}) >= 14


def test_the_plain_ones_are_videos_and_the_cut_ones_are_shorter(tmp_path: Path) -> None:
    made = {name: make for _, name, make in corpus.Corpus(0).videos}
    for name in ("frames_5.mp4", "cut_50.mp4", "fps_60.mp4", "link.mp4"):
        made[name](tmp_path / name)
    video = cv2.VideoCapture(str(tmp_path / "fps_60.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == corpus.FRAMES and video.get(cv2.CAP_PROP_FPS) == 60
    assert (tmp_path / "link.mp4").is_symlink()
    assert (tmp_path / "cut_50.mp4").stat().st_size < (tmp_path / "link.mp4").stat().st_size


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("names", {"status": "done", "quality": {"unsure_percent": 0.0}}, "take"),
        ("nobody", {"status": "done", "quality": {"unsure_percent": 0.0}}, "sure of nobody"),
        ("nobody", {"status": "failed", "code": "no_person", "message": "Nobody."}, "no_person"),
        ("names", {"status": "failed", "code": "not_a_video", "message": "A line\nmore."}, "no sentence"),
        ("names", {"status": "failed", "code": "internal", "message": "Oh."}, "crash"),
        ("names", {"status": "failed", "code": "worker_died", "message": "a.mp4 was not captured within the time."}, "hang"),
    ],
)
def test_the_verdict(kind: str, row: dict[str, object], said: str) -> None:
    assert corpus.verdict(kind, row) == said
