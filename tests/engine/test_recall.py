"""Stages that are remembered: what comes out is the same, to the digit, as without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.motion_file import load_motion
from contract.options import CaptureOptions
from engine import finish as finishing
from engine.capture import capture_to_file
from engine.progress import Progress
from engine.recall import FORGOTTEN, RESULTS, OfTake, Recall

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
OPTIONS = CaptureOptions(end="20f")


def test_a_stage_is_made_once_for_what_it_depends_on_and_warns_every_time():
    recall, made = Recall(), []

    def make(progress):
        progress.warning("x", "careful")
        made.append(1)
        return len(made)

    first, second = Progress(), Progress()
    take = OfTake(recall, "dance")
    assert take("lift", (1.8,), make, first) == take("lift", (1.8,), make, second) == 1
    assert first.warnings == second.warnings == [("x", "careful")]
    assert take("lift", (1.7,), make, Progress()) == 2 and OfTake(recall, "walk")("lift", (1.8,), make, Progress()) == 3
    assert FORGOTTEN("lift", (1.8,), make, Progress()) == 4, "remembers nothing"
    for height in range(RESULTS):
        take("lift", (height,), make, Progress())
    assert take("lift", (1.8,), make, Progress()) > 4, "the oldest is forgotten"


def test_a_warning_within_a_stage_within_a_stage_is_told_again_by_both():
    recall, told = Recall(), Progress()
    take = OfTake(recall, "dance")

    def inner(progress):
        progress.warning("x", "careful")
        return 1

    assert take("outer", (), lambda progress: take("inner", (), inner, progress), told) == 1
    again = Progress()
    take("outer", (), lambda progress: pytest.fail("made anew"), again)
    assert again.warnings == told.warnings == [("x", "careful")]


def test_one_thing_of_a_name_is_held():
    recall = Recall()
    first = recall.held("networks", "cpu", object)
    assert recall.held("networks", "cpu", object) is first and recall.held("networks", "cuda", object) is not first


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """(recall, detection, its motion) of a capture of the sample by a worker that stays."""
    folder, recall = tmp_path_factory.mktemp("kept"), Recall()
    capture_to_file(SAMPLE, folder / "take.npz", OPTIONS, Progress(), keep_at=folder / "detection.npz", recall=recall)
    return recall, folder / "detection.npz", load_motion(folder / "take.npz")


@pytest.mark.parametrize(
    ("changed", "anew"),
    [({}, 0), ({"smooth": 0.9}, 0), ({"feet": "never"}, 0), ({"root": "in-place"}, 0), ({"level": "body"}, 0), ({"height": 1.9}, 1),
     ({"seed": 3}, 1), ({"fov": 50.0}, 2), ({"camera_motion": "still"}, 2), ({"end": "12f"}, 2)],
)  # fmt: skip
def test_only_what_an_option_changes_is_done_anew_and_the_motion_is_the_same(kept, changed, anew, tmp_path, monkeypatch):
    recall, detection, _ = kept
    stages = []
    for name in ("_followed", "_seen"):
        plain = getattr(finishing, name)
        monkeypatch.setattr(finishing, name, lambda *args, plain=plain: (stages.append(1), plain(*args))[1])
    options = replace(OPTIONS, **changed)
    capture_to_file(detection, tmp_path / "warm.npz", options, Progress(), recall=recall)
    warm = load_motion(tmp_path / "warm.npz")
    assert len(stages) == anew
    capture_to_file(detection, tmp_path / "cold.npz", options, Progress())
    cold = load_motion(tmp_path / "cold.npz")
    for name in ("positions_world", "rotations", "root_translation", "image_points", "spread", "contacts", "camera_to_world"):
        np.testing.assert_array_equal(getattr(warm, name), getattr(cold, name))
    for told in ("summary", "warnings", "options", "quality"):
        assert warm.provenance[told] == cold.provenance[told]


def test_right_after_the_capture_of_the_video_only_the_motion_is_made(kept, tmp_path, monkeypatch):
    recall, detection, motion = kept
    recall = Recall()
    capture_to_file(SAMPLE, tmp_path / "take.npz", OPTIONS, Progress(), keep_at=detection, recall=recall)
    monkeypatch.setattr(finishing, "_followed", lambda *_: pytest.fail("followed again"))
    monkeypatch.setattr(finishing, "_seen", lambda *_: pytest.fail("lifted again"))
    again = replace(OPTIONS, smooth=0.9)  # as the add-on asks: the options of the take, and the one that is changed
    capture_to_file(detection, tmp_path / "again.npz", again, Progress(), recall=recall)
    assert not np.array_equal(load_motion(tmp_path / "again.npz").positions_world, motion.positions_world)
