from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from engine.lifter.codec import Encoded, encode
from engine.lifter.track_run import TrackRun, box_mean, grid_of, resample
from engine.long_takes import windows
from engine.person.track import Track

MATRIX = np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]])
BEFORE = 7  # frames of an earlier run


def a_track(fps: float, lying: bool = False) -> tuple[Track, slice]:
    """Nobody in particular, moving; the run begins behind another one."""
    rng, count = np.random.default_rng(4), 200
    times = np.concatenate([np.arange(BEFORE), 30 + np.arange(count)]) / fps
    image = np.cumsum(rng.normal(size=(BEFORE + count, 33, 2)), 0) + np.array([300, 200])
    image[:, 11:13, 1] -= 150.0  # the shoulders above the hips
    if lying:
        image = image[..., ::-1]
    world = np.cumsum(0.01 * rng.normal(size=(BEFORE + count, 33, 3)), 0)
    seen = rng.uniform(0.2, 1.0, (BEFORE + count, 33))
    run = slice(BEFORE, BEFORE + count)
    track = Track(
        times, image.astype(np.float32), seen.astype(np.float32), world.astype(np.float32), rng.random(BEFORE + count) > 0.1,
        [slice(0, BEFORE), run], fps, BEFORE + count, BEFORE + count,
    )  # fmt: skip
    return track, run


def at_once(track: Track, run: slice) -> tuple[Encoded, np.ndarray]:
    """The whole run as one, by interpolation of running means written out frame by frame."""
    times = track.times[run]
    same = abs(track.fps / 30.0 - 1.0) < 0.02
    grid = times if same else np.linspace(times[0], times[-1], round((times[-1] - times[0]) * 30.0) + 1)
    half = 0 if same else int(track.fps / 30.0 / 2)
    found = []
    for values in ((track.image[run] - [320, 240]) / 600, track.visibility[run], track.world[run], track.detected[run].astype(float)):
        near = [values[np.clip(np.arange(t - half, t + half + 1), 0, len(times) - 1)].mean(0) for t in range(len(times))]
        flat = np.array(near, float).reshape(len(times), -1)
        at = np.stack([np.interp(grid, times, column) for column in flat.T], 1)
        found.append(at.reshape(len(grid), *values.shape[1:]).astype(np.float32)[None])
    return encode(*found), found[1]


@pytest.mark.parametrize("fps", [30.0, 29.97, 24.0, 60.0, 120.0])
@pytest.mark.parametrize("lying", [False, True])
def test_pieces_are_encoded_as_the_whole_run_is(fps: float, lying: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PIECE", 64)
    track, place = a_track(fps, lying)
    run = TrackRun(track, place, MATRIX)
    whole, visibility = at_once(track, place)
    assert len(run) == whole.features.shape[1]
    for first in range(0, len(run), 23):
        last = min(first + 23, len(run))
        piece, seen = run.encode(first, last)
        np.testing.assert_allclose(seen, visibility[:, first:last], atol=1e-5, rtol=0)
        for name in ("features", "base", "points", "rotation"):
            np.testing.assert_allclose(getattr(piece, name), getattr(whole, name)[:, first:last], atol=2e-4, rtol=1e-4, err_msg=name)


def test_the_running_mean_is_a_box_that_keeps_the_length() -> None:
    values = np.arange(12.0)[:, None]
    assert np.allclose(box_mean(values, 4.0)[4], np.mean(np.arange(2, 7)))
    assert len(box_mean(values, 4.0)) == 12 and box_mean(values, 1.2) is values


def test_a_slow_sine_survives_resampling_there_and_back() -> None:
    times = np.arange(61) / 60.0
    grid = grid_of(times, 60.0)
    assert len(grid) == 31 and math.isclose(grid[-1], times[-1])
    back = resample(grid, np.sin(2 * np.pi * grid)[:, None], times, slice(0, 61))
    assert np.abs(back[:, 0] - np.sin(2 * np.pi * times)).max() < 1e-3
    assert grid_of(times, 29.97) is times


def test_a_long_run_is_resampled_piece_by_piece_as_at_once() -> None:
    times = np.arange(2000) / 50.0
    grid = grid_of(times, 50.0)
    values = np.random.default_rng(0).normal(size=(len(grid), 2))
    at_once = resample(grid, values, times, slice(0, 2000))
    for first in range(0, 2000, 130):
        part = slice(first, min(first + 130, 2000))
        np.testing.assert_allclose(resample(grid, values, times, part), at_once[part], atol=1e-12)


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_columns_of_a_run_come_back_to_the_frames_of_the_track(fps: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PIECE", 64)
    track, place = a_track(fps)
    run = TrackRun(track, place, MATRIX)
    slow, signs = np.sin(run.grid)[:, None].astype(np.float32), np.cos(run.grid).astype(np.float32)
    there, also = run.on_track(slow, signs)
    np.testing.assert_allclose(there[:, 0], np.sin(run.times), atol=1e-5)
    np.testing.assert_allclose(also, np.cos(run.times), atol=1e-3)
    assert {id(column) for column in run.looked_at} == {id(track.image), id(track.visibility), id(track.world)}


def test_a_running_mean_is_that_of_the_frames_looked_at() -> None:
    values = np.arange(12.0)[:, None] ** 2
    seen = np.arange(12) % 2 == 0
    seen[-1] = True
    filled = np.where(seen[:, None], values, -1e6)  # what stands between them must not matter
    mean = box_mean(filled, 2.0, seen)
    assert mean[4, 0] == pytest.approx(16.0) and mean[5, 0] == pytest.approx((16 + 36) / 2)
    assert np.array_equal(box_mean(values, 2.0, np.ones(12, bool)), box_mean(values, 2.0))


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
def test_a_strike_keeps_its_peak_where_every_other_frame_is_looked_at(phase: float) -> None:
    """A hand that gets up to 9 m/s and stops within a fifth of a second, at 60 frames a second, through the networks' rate and back: as
    fast as with every frame looked at, whose running mean takes some of the peak away."""
    times = (np.arange(120) + phase) / 60.0
    place = 0.45 * (1.0 + np.array([math.erf((t - 1.0) / (math.sqrt(2.0) * 0.04)) for t in times]))[:, None]
    seen = np.arange(120) % 2 == 0
    seen[-1] = True
    some = PchipInterpolator(times[seen], place[seen])(times)
    grid = grid_of(times, 60.0)

    def peak(values: np.ndarray) -> float:
        back = resample(grid, np.interp(grid, times, values[:, 0])[:, None], times, slice(0, 120))
        return float(np.abs(np.diff(back[:, 0])).max() * 60.0)

    assert peak(box_mean(some, 2.0, seen)) >= 0.99 * peak(box_mean(place, 2.0))
