from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.plain_loop import plain_frames, plain_loop, plain_model
from contract.options import DEFAULT_DETECTOR, CaptureOptions
from engine.capture import capture
from engine.detection import model_bundle
from engine.detection.detector import Detector
from engine.footage.video import open_video
from engine.progress import Progress
from engine.refiner.network import Refiner
from engine.torch_networks import TorchNetworks

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"


def test_its_frames_are_those_of_the_video() -> None:
    video = open_video(SAMPLE)
    for plain, ours, _ in zip(plain_frames(video), video.frames(), range(5), strict=False):
        assert plain.index == ours.index and plain.time == pytest.approx(ours.time)
        np.testing.assert_array_equal(plain.image, ours.image)


@pytest.mark.skipif(not model_bundle.MODELS[DEFAULT_DETECTOR].file.is_file(), reason="the model has not been made: run the set-up")
def test_it_gives_the_motion_of_a_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    video, model = open_video(SAMPLE), plain_model("cpu")
    assert isinstance(model.networks, TorchNetworks) and isinstance(model.networks.network, Refiner)
    few = [frame for frame, _ in zip(plain_frames(video), range(40), strict=False)]
    monkeypatch.setattr("benchmarks.plain_loop.plain_frames", lambda _: iter(few))
    monkeypatch.setattr("engine.detection.kept.AROUND", 0.0)  # nothing beyond the 40 frames is looked at, as in the loop
    # the loop looks at the person alone: no lines of the scene tell it which way is up
    plain = plain_loop(video, Detector(whole=True), model, CaptureOptions(level="body"))
    ours = capture(SAMPLE, CaptureOptions(end="40f", level="body"), Progress()).motion
    np.testing.assert_allclose(plain.positions_world, ours.positions_world, atol=2e-3)
