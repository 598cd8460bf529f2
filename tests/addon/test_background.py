"""A capture behind the window: worker, then slices; what a timer of the window calls again and again."""

from __future__ import annotations

import time

import bpy
import pytest
from kinolift_extension.addon import background, leftovers, worker
from kinolift_extension.addon.background import Run
from kinolift_extension.addon.capture import Capture, Placement
from kinolift_extension.addon.placing import placing
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.options import CaptureOptions


@pytest.fixture
def begin(fake_python, tmp_path):
    (tmp_path / "clip.mp4").touch()

    def make(part="fine"):
        fake_python(part, frames=20)
        scene, placement, folder = bpy.context.scene, Placement("match"), leftovers.make_folder()
        capture = Capture(tmp_path / "clip.mp4", CaptureOptions(), detection=folder / "detection.npz")
        return Run(capture, scene, placement, lambda motion, ready: placing(motion, scene, "Walk", placement, ready=ready), folder), folder

    return make


def stepped(run):
    """The take, by steps of a window's timer."""
    while (take := run.step()) is None:
        time.sleep(0.01)
    return take


def test_steps_make_the_take_and_closing_leaves_nothing(begin, monkeypatch):
    monkeypatch.setattr(background, "SLICE", 0.0)  # one step a call
    run, folder = begin()
    take = stepped(run)
    assert take.keys == 1580 and run.captured and run.capture.progress.stage_text == "Building the armature"
    run.close()
    assert not folder.exists() and not worker._alive and take.armature.name == "Walk"


def test_closed_while_it_builds_the_scene_is_as_before(begin, monkeypatch):
    monkeypatch.setattr(background, "SLICE", 0.0)
    run, _ = begin()
    while not run.captured:
        run.step()
        time.sleep(0.01)
    for _ in range(3):
        run.step()
    assert len(bpy.data.armatures) == 1
    run.close()
    assert not bpy.data.armatures and not bpy.data.objects and not bpy.data.collections


def test_the_workers_failure_comes_out_of_a_step(begin):
    run, folder = begin("nobody")
    with pytest.raises(Failure, match="Nobody was found"):
        stepped(run)
    assert not run.captured
    run.close()
    assert not folder.exists()
