from __future__ import annotations

import json

import numpy as np
import pytest

from contract.skeleton import ARMATURE_24
from engine.kinematics.quality import _median, acceleration, foot_slide, jerk, report, under_ground
from engine.long_takes import windows

RUN = [slice(0, 60)]


def moving(per_second: tuple[float, float, float], fps: float = 30.0) -> np.ndarray:
    t = np.arange(60) / fps
    return np.zeros((60, 24, 3)) + (t[:, None] * per_second)[:, None]


def test_acceleration_and_jerk_of_known_motions() -> None:
    t = np.arange(60) / 30
    assert acceleration(moving((1, 2, 3)), RUN, 30.0) == pytest.approx(0, abs=1e-9)
    falling = np.zeros((60, 24, 3))
    falling[..., 2] = -0.5 * 9.81 * t[:, None] ** 2
    assert acceleration(falling, RUN, 30.0) == pytest.approx(9.81)
    cubic = np.zeros((60, 24, 3))
    cubic[..., 0] = 2 * t[:, None] ** 3
    assert jerk(cubic, RUN, 30.0) == pytest.approx(12)


def test_slide_counts_standing_feet_only() -> None:
    positions, contacts = moving((0.3, 0.4, 0.0)), np.zeros((60, 2), bool)
    assert foot_slide(positions, contacts, RUN, 30.0) == 0
    contacts[10:20] = True
    assert foot_slide(positions, contacts, RUN, 30.0) == pytest.approx(50)
    # a heel that rises over a toe at rest is no slide
    positions[:, [ARMATURE_24.index("toe.L"), ARMATURE_24.index("toe.R")]] = 0
    assert foot_slide(positions, contacts, RUN, 30.0) == pytest.approx(0)


def test_depth_under_the_ground() -> None:
    positions = np.ones((60, 24, 3))
    positions[:, ARMATURE_24.index("toe.L"), 2] = -0.02
    assert under_ground(positions) == pytest.approx(5.0)


def test_the_report_is_plain_json() -> None:
    positions = moving((0, 0, 0))
    points = np.random.default_rng(0).uniform(0, 500, (60, 22, 2))
    detected = np.ones(60, bool)
    detected[5:8] = False
    errors, sure = np.full((60, 22), 4.0), np.ones((60, 22))
    none, times = np.zeros((60, 22)), 2 + np.arange(60) / 30
    out = report(positions, np.ones((60, 2), bool), detected, RUN, 30.0, errors, sure, points, 0.004, none, times)
    assert json.loads(json.dumps(out, allow_nan=False)) == out
    assert out["frames"] == 60 and out["detected"] == 57 and out["filled"] == 3
    assert out["reprojection_px"] == 4.0 and out["fit_mm"] == 4.0
    assert out["unsure"] == [{"first_frame": 65, "last_frame": 67, "start": 2.167, "end": 2.267, "reason": "filled"}]
    assert out["unsure_percent"] == 5.0


@pytest.mark.parametrize("frames", [1, 7, 8, 300])
@pytest.mark.parametrize("alike", [False, True])
def test_the_median_is_numpy_s_without_sorting_the_take(monkeypatch: pytest.MonkeyPatch, frames: int, alike: bool) -> None:
    monkeypatch.setattr(windows, "PIECE", 50)
    rng = np.random.default_rng(frames)
    values, confidence = (rng.random((frames, 3)).astype(np.float32) for _ in range(2))
    values *= 40
    if alike:
        values = np.round(values / 20)
    confidence[0] = 1.0
    for least in (0.0, 0.5):
        assert _median(values, confidence, least) == pytest.approx(float(np.median(values[confidence >= least])), abs=1e-6)
