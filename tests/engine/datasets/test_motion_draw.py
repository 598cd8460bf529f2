"""What is drawn to be rendered is what people do: a training set that crouches must not come back unnoticed."""

from __future__ import annotations

import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets.distribution import Distribution, measure
from engine.datasets.human import joints
from engine.datasets.mixed_motion import Mixing
from engine.datasets.mocap import load_mocap
from engine.datasets.motion_draw import SHARES, MotionDraw, draw_motion
from engine.datasets.motion_kind import FLOOR, KINDS, LOW, STANDING, UPRIGHT, WALKING
from engine.datasets.shot import draw_pose
from engine.datasets.split import HELD_OUT_SOURCES
from tests.engine.datasets import figures


@pytest.fixture(scope="module")
def motions():
    return MotionDraw(figures.clips())


def drawn(human, motions, count, seed=0):
    random = np.random.default_rng(seed)
    return measure([joints(human, draw_pose(human, motions, random)[0]) for _ in range(count)])


def people_of(found: Distribution) -> None:
    """The issue's bounds."""
    assert found.kinds[[STANDING, WALKING]].sum() >= 0.5
    assert 0.03 < found.kinds[FLOOR] < 0.2 and found.kinds[LOW] > 0.03
    assert (found.straighter_knee < 8).mean() >= 1 / 3
    assert (found.elbows < 8).mean() >= 1 / 3


def test_what_is_drawn_from_crouching_motions_stands(human, motions):
    """The made-up motions stand with knees bent by 15 degrees: the draw straightens as it bends."""
    people_of(drawn(human, motions, 150))


def test_what_is_drawn_from_recorded_motions_stands(human, shared):
    folder = shared / "data" / "mocap"
    if not folder.is_dir():
        pytest.skip("shared/data/mocap is not there")
    found = drawn(human, MotionDraw([clip for clip in load_mocap(folder) if clip.source not in HELD_OUT_SOURCES][::4]), 120)
    people_of(found)
    standing = found.straighter_knee[found.kind == STANDING]
    assert np.median(standing) < 8 and np.percentile(standing, 90) > 8  # people who stand with bent knees are there too
    low, middle, high = np.percentile(found.hips, (5, 50, 95))
    assert -3 < middle < 9 and low < -8 and high > 13  # hips as open as those of a man who was filmed, and closed ones too


def test_a_clip_is_drawn_by_its_kind_whatever_its_length():
    long = [figures.clip(figures.standing(2000, 100.0), "squats for a minute"), figures.clip(figures.standing(120), "stands")]
    draw, random = MotionDraw(long), np.random.default_rng(0)
    kinds = np.array([draw.kind(random) for _ in range(600)])
    share = SHARES["standing"] / (SHARES["standing"] + SHARES["low"])
    assert (kinds == STANDING).mean() == pytest.approx(share, abs=0.06) and set(kinds) == {STANDING, LOW}


def test_bending_straightens_as_often_as_it_bends(motions):
    """The legs' own bends, against the recorded 15 degrees of somebody who stands; trunk and arms as recorded."""
    random, bent = np.random.default_rng(1), []
    only = MotionDraw(figures.clips(), ["standing"])
    for _ in range(120):
        places, kind, (clip, _, _) = draw_motion(only, 60, random, Mixing(0, 0, 0, 0))
        assert kind == STANDING and clip.name == "stands"
        bent.append(np.median(measure([places]).knees))
    assert 0.05 < np.mean(np.array(bent) > 15.5) < 0.5 and np.mean(np.array(bent) < 14.5) > 0.4 and min(bent) < 4


def test_who_lies_keeps_hands_and_knees(motions):
    random = np.random.default_rng(0)
    lying = MotionDraw(figures.clips(), ["floor"])
    places, kind, _ = draw_motion(lying, 60, random, Mixing(0, 0, 0, 0))
    assert kind == FLOOR
    assert measure([places]).knees == pytest.approx(15.0, abs=0.5)


def test_stretches_are_as_long_as_asked_or_the_clip(motions):
    random = np.random.default_rng(0)
    for frames in (42, 100, 200, 400):
        places, (clip, first, _) = motions.stretch(WALKING, frames, random)
        assert len(places) == min(frames, 200 - first) and len(places) >= 42 and clip.name == "walks"


def test_kinds_that_no_clip_has_are_refused():
    with pytest.raises(Failure, match="No clip of the motion capture has 42 frames of upright"):
        MotionDraw(figures.clips(), [KINDS[UPRIGHT]])
    with pytest.raises(Failure, match="give longer ones"):
        MotionDraw([figures.clip(figures.standing(30), "short")])
