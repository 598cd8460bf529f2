"""A wider lens in place of a smaller person: what is written, and that the real capture of it is judged."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import small_people
from benchmarks.accuracy import read_truth
from contract.failure import Failure
from engine.footage.video import open_video

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.mp4"


def test_the_video_stands_in_the_middle_of_a_hall(tmp_path):
    out = tmp_path / "wide.mp4"
    assert small_people.write_wide(SAMPLE, out, 0.5, 3) == 3
    wide, near = (next(open_video(path).frames()).image.astype(float) for path in (out, SAMPLE))
    assert wide.shape == (1080, 1920, 3)
    inside = wide[540 - 120 : 540 + 120, 960 - 160 : 960 + 160]
    assert np.abs(inside - near.reshape(240, 2, 320, 2, 3).mean((1, 3))).mean() < 4
    assert np.abs(wide[:400] - small_people.hall()[:400, :, ::-1]).mean() < 4
    with pytest.raises(Failure, match="does not fit"):
        small_people.write_wide(SAMPLE, out, 5.0, 3)


def test_the_lens_sees_the_person_as_the_video_does():
    """A point off the middle by so many pixels of the video is off by `scale` times as many, at the same angle."""
    focal, _ = small_people.lens_of(SAMPLE.with_suffix(".truth.npz"), read_truth(SAMPLE.with_suffix(".truth.npz")).joints)
    assert focal == pytest.approx(554.26, abs=0.01)
    for scale in (1.0, 0.25):
        wide = small_people.SIZE[0] / 2 / math.tan(math.radians(small_people.wide_lens(focal, scale)) / 2)
        assert math.atan(100 * scale / wide) == pytest.approx(math.atan(100 / focal))


def test_a_truth_without_a_lens_is_refused(tmp_path):
    np.savez(tmp_path / "a.truth.npz", height=1.7)
    with pytest.raises(Failure, match="which lens"):
        small_people.lens_of(tmp_path / "a.truth.npz", np.ones((2, 12, 3)))


def test_small_and_too_small():
    place = SAMPLE.with_suffix(".truth.npz")
    truth = read_truth(place)
    focal, tall = small_people.lens_of(place, truth.joints)
    small = small_people.measure(SAMPLE, truth, focal, tall, 0.4, 40)
    assert small.frames == small.asked == 40 and small.errors[0] < 120 and small.seconds > 0
    nobody = small_people.measure(SAMPLE, truth, focal, tall, 0.16, 20)
    assert nobody.frames == 0 and math.isnan(nobody.errors[0])
