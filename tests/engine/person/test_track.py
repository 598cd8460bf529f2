"""A made-up person whose landmarks are known at every moment, so that every frame of the track can be checked."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARKS
from engine.footage.video import VideoInfo
from engine.long_takes import windows
from engine.person.track import FILLED_VISIBILITY, body_points, make_track
from engine.progress import Progress

HEIGHT = 300.0  # pixels


def info(fps: float = 30.0, variable: bool = False) -> VideoInfo:
    return VideoInfo(Path("clip.mp4"), 1280, 720, fps, 100, 100 / fps, 0, variable, None)


def person(times: npt.NDArray[np.float64], x: float = 600.0, scale: float = 1.0) -> tuple[npt.NDArray, npt.NDArray]:
    """(image (T,33,2), world (T,33,3)) of a body that walks 150 px/s to the right and sways twice in 3 seconds."""
    body = np.random.default_rng(3).uniform([-0.25, -0.5, -0.2], [0.25, 0.5, 0.2], (33, 3)) * 1.7
    body[0, 1], body[31, 1] = -0.85, 0.85  # nose and toe: the box is 1.7 metres high
    sway = 0.1 * np.sin(2 * np.pi * times / 1.5)[:, None] * np.sign(body[:, 0])
    world = np.repeat(body[None], len(times), axis=0)
    world[..., 1] += sway
    image = world[..., :2] * HEIGHT / 1.7 * scale + np.stack([x + 150 * times, np.full_like(times, 360.0)], axis=1)[:, None]
    return image, world


def detections(times: npt.NDArray[np.float64], found: npt.NDArray[np.bool_] | None = None) -> Detections:
    image, world = person(times)
    found = np.ones(len(times), bool) if found is None else found
    image[~found], world[~found] = 0.0, 0.0
    visibility = np.where(found[:, None], np.linspace(0.5, 1.0, 33), 0.0)
    return Detections(times, image.astype(np.float32), visibility.astype(np.float32), world.astype(np.float32), found)


def without(count: int, *gaps: tuple[int, int]) -> npt.NDArray[np.bool_]:
    found = np.ones(count, bool)
    for a, b in gaps:
        found[a:b] = False
    return found


@pytest.mark.parametrize("fps", [5.0, 25.0, 30000 / 1001, 60.0])
@pytest.mark.parametrize("tick", [1e-9, 1e-3])
def test_a_constant_rate_maps_one_to_one(fps: float, tick: float) -> None:
    found = detections(np.round(np.arange(7, 97) / fps / tick) * tick)  # read from frame 7 on
    track = make_track(found, info(fps), Progress())
    np.testing.assert_array_equal(track.times, np.arange(7, 97) / fps)
    for name in ("image", "visibility", "world"):
        np.testing.assert_allclose(getattr(track, name), getattr(found, name), atol=1e-4)
    assert track.detected.all() and track.runs == [slice(0, 90)]
    assert (track.fps, track.source_frames, track.detected_count, len(track)) == (fps, 90, 90, 90)


def test_a_short_gap_is_filled_and_marked() -> None:
    times = np.arange(90) / 30.0
    progress = Progress()
    track = make_track(detections(times, without(90, (40, 55))), info(), progress)  # half a second
    image, world = person(times)
    np.testing.assert_array_equal(track.times, times)
    np.testing.assert_array_equal(track.detected, without(90, (40, 55)))
    assert track.runs == [slice(0, 90)] and not progress.warnings
    assert (track.source_frames, track.detected_count) == (90, 75)
    assert np.abs(track.image - image)[40:55].max() < 0.06 * HEIGHT
    assert np.abs(track.world - world)[40:55].max() < 0.1
    np.testing.assert_allclose(track.visibility[40:55], np.tile(np.linspace(0.5, 1.0, 33) * FILLED_VISIBILITY, (15, 1)), rtol=1e-5)


def test_a_long_gap_is_left_out_and_told() -> None:
    times = np.arange(120) / 30.0
    progress = Progress()
    track = make_track(detections(times, without(120, (0, 9), (40, 56), (111, 120))), info(), progress)
    np.testing.assert_array_equal(track.times, np.r_[9:40, 56:111] / 30.0)
    assert track.runs == [slice(0, 31), slice(31, 86)]
    assert track.detected.all()
    np.testing.assert_allclose(track.image, person(track.times)[0], atol=1e-3)
    assert progress.warnings == [
        ("frames_missing", "Nobody was found at 0.00-0.30, 1.33-1.87, 3.70-4.00 seconds, too long to fill in: left out of the motion.")
    ]


def test_a_flash_of_a_person_is_a_false_alarm() -> None:
    found = without(150, (0, 20), (25, 60))  # five frames, then nobody for more than a second
    track = make_track(detections(np.arange(150) / 30.0, found), info(), Progress())
    np.testing.assert_array_equal(track.times, np.arange(60, 150) / 30.0)
    found = without(150, (0, 20), (27, 60))  # seven frames are more than 0.2 seconds
    track = make_track(detections(np.arange(150) / 30.0, found), info(), Progress())
    assert track.runs == [slice(0, 7), slice(7, 97)]


def test_a_flickering_detection_is_no_false_alarm() -> None:
    found = np.arange(60) % 2 == 0
    track = make_track(detections(np.arange(60) / 30.0, found), info(), Progress())
    assert track.runs == [slice(0, 59)]
    np.testing.assert_array_equal(track.detected, found[:59])


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("where", ["elsewhere", "larger"])
def test_a_glitch_is_filled_in(length: int, where: str) -> None:
    times = np.arange(60) / 30.0
    found = detections(times)
    wrong = person(times, x=100.0)[0] if where == "elsewhere" else person(times, scale=2.5)[0]
    found.image[30 : 30 + length] = wrong[30 : 30 + length]
    track = make_track(found, info(), Progress())
    np.testing.assert_array_equal(track.detected, without(60, (30, 30 + length)))
    assert np.abs(track.image - person(times)[0]).max() < 0.02 * HEIGHT


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0, 120.0])
def test_gaps_and_glitches_are_measured_in_seconds(fps: float) -> None:
    """At every rate 0.06 seconds elsewhere are a glitch, and 0.4 seconds without anybody are filled in, but 0.6 are not."""
    times = np.arange(round(4 * fps)) / fps
    missing = [(round(1.0 * fps), round(1.4 * fps)), (round(2.0 * fps), round(2.6 * fps))]
    found = detections(times, without(len(times), *missing))
    glitch = slice(round(3.0 * fps), round(3.0 * fps) + max(round(0.06 * fps), 1))
    found.image[glitch] = person(times, x=100.0)[0][glitch]
    track = make_track(found, info(fps), Progress())
    assert [(round(track.times[run][0], 2), round(track.times[run][-1] + 1 / fps, 2)) for run in track.runs] == [
        (0.0, round(missing[1][0] / fps, 2)), (round(missing[1][1] / fps, 2), 4.0)
    ]  # fmt: skip
    filled = track.times[~track.detected]
    wrong = np.r_[np.arange(*missing[0]), np.arange(glitch.start, glitch.stop)] / fps
    np.testing.assert_allclose(filled, wrong, atol=1e-9)
    assert np.abs(track.image - person(track.times)[0]).max() < 0.06 * HEIGHT


def test_fast_motion_is_no_glitch() -> None:
    times = np.arange(60) / 30.0
    found = detections(times)
    found.image[30:] += (150.0, 0.0)  # half the person's height within a frame
    track = make_track(found, info(), Progress())
    assert track.detected.all() and track.runs == [slice(0, 60)]


def test_another_person_is_left_out() -> None:
    times = np.arange(150) / 30.0
    found = detections(times, without(150, (80, 81), (110, 112)))
    found.image[81:110] = person(times, x=-400.0)[0][81:110]  # the detector goes over to somebody else, and back
    progress = Progress()
    track = make_track(found, info(), progress)
    np.testing.assert_array_equal(track.times, np.r_[0:80, 112:150] / 30.0)
    assert [code for code, _ in progress.warnings] == ["other_person"]
    assert "2.67-3.73 seconds" in progress.warnings[0][1]


def test_a_variable_rate_is_put_on_the_grid() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.046, 120))
    times -= times[0]
    fps = 119 / times[-1]
    track = make_track(detections(times), info(fps, variable=True), Progress())
    np.testing.assert_allclose(track.times * fps, np.arange(120), atol=1e-9)
    assert track.detected.all() and track.runs == [slice(0, 120)]
    image, world = person(track.times)
    assert np.abs(track.image - image).max() < 0.01 * HEIGHT  # nearest frames instead would be 3.5 px off
    assert np.abs(track.image - image).mean() < 0.3
    assert np.abs(track.world - world).max() < 0.01


def test_another_rate_is_put_on_the_grid_and_keeps_its_length() -> None:
    times = np.arange(300) / 29.8713
    clip = VideoInfo(Path("clip.mp4"), 1280, 720, 30000 / 1001, 300, 300 / 29.8713, 0, False, None, 29.8713)
    track = make_track(detections(times), clip, Progress())
    np.testing.assert_allclose(track.times * 30000 / 1001, np.arange(301 - 1), atol=1e-9)  # whole frames
    assert abs(track.times[-1] - times[-1]) < 1 / 29 and track.detected.all() and track.runs == [slice(0, len(track))]
    image, world = person(track.times)
    assert np.abs(track.image - image).max() < 0.2 and np.abs(track.world - world).max() < 1e-3


def test_a_pause_of_the_recording_is_a_hole_and_told() -> None:
    times = np.concatenate([np.arange(60), np.arange(300, 360)]) / 30.0
    progress = Progress()
    track = make_track(detections(times), info(variable=True), progress)
    np.testing.assert_allclose(track.times, times)
    assert track.runs == [slice(0, 60), slice(60, 120)] and track.detected.all()
    assert progress.warnings == [("recording_paused", "The recording pauses at 2.00-10.00 seconds: a hole in the motion.")]


def test_a_pause_of_days_takes_no_memory() -> None:
    times = np.concatenate([np.arange(60) / 240.0, 9e5 + np.arange(60) / 240.0])
    tracemalloc.start()
    track = make_track(detections(times), info(240.0, variable=True), Progress())
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert len(track) == 120 and len(track.runs) == 2


def test_a_variable_rate_is_not_interpolated_over_holes() -> None:
    times = np.delete(np.arange(120) / 30.0, np.arange(50, 58))  # eight frames are not in the file, and at 90 nobody is seen
    found = times < 89.5 / 30.0
    found |= times > 110.5 / 30.0
    track = make_track(detections(times, found), info(30.0, variable=True), Progress())
    np.testing.assert_allclose(track.times * 30, np.r_[0:90, 111:120], atol=1e-9)
    assert track.runs == [slice(0, 90), slice(90, 99)]
    np.testing.assert_array_equal(track.detected, without(99, (50, 58)))
    seen = track.detected
    np.testing.assert_allclose(track.image[seen], person(track.times)[0][seen], atol=1e-3)  # frames on the grid are untouched


@pytest.mark.parametrize("variable", [False, True])
def test_a_long_track_is_made_piece_by_piece_as_at_once(variable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.cumsum(np.random.default_rng(2).uniform(0.02, 0.046, 150)) if variable else np.arange(150) / 30.0
    times -= times[0]
    seen = detections(times, without(150, (14, 19), (60, 61), (100, 130)))
    fps = 149 / times[-1]
    at_once = make_track(seen, info(fps, variable), Progress())
    monkeypatch.setattr(windows, "PIECE", 16)
    in_pieces = make_track(seen, info(fps, variable), Progress())
    assert in_pieces.runs == at_once.runs and len(at_once.runs) == 2
    for name in ("times", "image", "visibility", "world", "detected"):
        np.testing.assert_allclose(getattr(in_pieces, name), getattr(at_once, name), rtol=1e-6, atol=1e-5, err_msg=name)
    points = [body_points(track.image, track.visibility) for track in (in_pieces, at_once)]
    for ours, theirs in zip(*points, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("variable", [False, True])
def test_one_frame(variable: bool) -> None:
    found = detections(np.array([0.4]))
    track = make_track(found, info(30.0, variable), Progress())
    assert len(track) == 1 and track.times[0] == pytest.approx(0.4)
    np.testing.assert_array_equal(track.image, found.image)


def test_one_detection_in_a_clip() -> None:
    track = make_track(detections(np.arange(30) / 30.0, without(30, (0, 12), (13, 30))), info(), Progress())
    assert track.times.tolist() == [12 / 30]


def test_nobody() -> None:
    with pytest.raises(Failure, match=r"clip\.mp4") as failure:
        make_track(detections(np.arange(30) / 30.0, np.zeros(30, bool)), info(), Progress())
    assert failure.value.code == "no_person"


def _points(**landmarks: tuple[float, float]) -> npt.NDArray[np.float64]:
    image = np.zeros((1, 33, 2))
    for name, place in landmarks.items():
        image[0, LANDMARKS.index(name.replace("_", "."))] = place
    return image


def test_body_points_where_they_must_lie() -> None:
    image = _points(hip_L=(110, 200), hip_R=(90, 200), shoulder_L=(120, 100), shoulder_R=(80, 100), ear_L=(105, 60), ear_R=(95, 60),
                    index_L=(150, 190), pinky_L=(154, 194), toe_R=(85, 400), wrist_R=(60, 180))  # fmt: skip
    points = dict(zip(BODY_22.joints, body_points(image, np.ones((1, 33)))[0][0].tolist(), strict=True))
    assert points["pelvis"] == [100, 200] and points["hip.L"] == [110, 200] and points["shoulder.R"] == [80, 100]
    assert points["hand.L"] == [152, 192] and points["toe.R"] == [85, 400] and points["wrist.R"] == [60, 180]
    assert points["head"] == [100, 60]
    heights = [points[name][1] for name in ("pelvis", "spine", "chest", "neck", "head", "head_top")]
    assert heights == sorted(heights, reverse=True)
    assert 85 <= points["neck"][1] < 100  # a little above the line of the shoulders
    assert all(abs(points[name][0] - 100) < 1e-4 for name in ("spine", "chest", "neck", "head_top"))


def test_confidence_is_on_one_scale_for_both_networks() -> None:
    """Of the heavy network's words the odds are taken 5.2 times."""
    visibility = np.full((1, 33), 0.25)
    full, heavy = (body_points(np.zeros((1, 33, 2)), visibility, name)[1][0, BODY_22.index("knee.L")] for name in ("full", "heavy"))
    assert full == pytest.approx(0.25)
    assert heavy / (1 - heavy) == pytest.approx(5.2 * 0.25 / 0.75, rel=1e-5)
    for sure in (0.0, 1.0):
        assert body_points(np.zeros((1, 33, 2)), np.full((1, 33), sure), "heavy")[1][0, BODY_22.index("knee.L")] == sure


def test_confidence_is_the_least_of_the_sources() -> None:
    visibility = np.ones((1, 33))
    visibility[0, LANDMARKS.index("hip.L")] = 0.2
    visibility[0, LANDMARKS.index("pinky.R")] = 0.4
    confidence = dict(zip(BODY_22.joints, body_points(np.zeros((1, 33, 2)), visibility)[1][0], strict=True))
    assert confidence["hip.L"] == pytest.approx(0.2) and confidence["hip.R"] == 1.0 and confidence["knee.L"] == 1.0
    assert confidence["pelvis"] < 0.2 and confidence["spine"] < 0.2 and confidence["neck"] < 0.2
    assert 0.3 < confidence["hand.R"] < 0.4 and 0.8 < confidence["hand.L"] < 1.0
    assert 0.8 < confidence["head"] < 1.0


def test_what_is_told_is_of_the_frames_asked_for() -> None:
    times = np.arange(120) / 30.0
    progress = Progress()
    track = make_track(detections(times, without(120, (0, 25), (50, 55), (95, 120))), info(), progress, (1.0, 2.9))
    assert track.kept == slice(5, 63) and track.times[track.kept][[0, -1]].tolist() == [1.0, pytest.approx(87 / 30)]
    assert (track.source_frames, track.detected_count) == (58, 53) and not progress.warnings


def test_nobody_in_the_frames_asked_for() -> None:
    times = np.arange(120) / 30.0
    with pytest.raises(Failure) as failure:
        make_track(detections(times, without(120, (25, 95))), info(), Progress(), (1.0, 2.9))
    assert failure.value.code == "no_person"


def test_the_person_is_that_of_the_frames_asked_for() -> None:
    times = np.arange(120) / 30.0
    found = detections(times)
    found.image[:60] += 5000.0  # somebody else, somewhere else, for longer than the range
    track = make_track(found, info(), Progress(), (2.5, 3.0))
    assert track.times[0] == 2.0 and track.times[track.kept][0] == 2.5
    assert len(track.times[track.kept]) == 16


def test_what_lies_outside_the_picture_is_not_seen() -> None:
    image = np.full((1, 33, 2), 100.0)
    image[0, LANDMARKS.index("ankle.L")] = 100.0, 481.0
    image[0, LANDMARKS.index("wrist.R")] = -1.0, 100.0
    confidence = dict(zip(BODY_22.joints, body_points(image, np.ones((1, 33)), size=(640, 480))[1][0].tolist(), strict=True))
    assert {joint for joint, sure in confidence.items() if sure == 0} >= {"ankle.L", "wrist.R"}
    assert confidence["ankle.R"] == confidence["wrist.L"] == 1.0
    assert body_points(image, np.ones((1, 33)))[1].min() > 0


def looked_at_only(found: Detections, every: int) -> Detections:
    """As the detector gives them where one frame in `every`, and the last, is looked at."""
    skipped = np.arange(len(found)) % every != 0
    skipped[-1] = False
    keep = ~skipped & found.detected
    image, visibility, world = (
        np.where(keep.reshape(-1, *[1] * (a.ndim - 1)), a, 0.0) for a in (found.image, found.visibility, found.world)
    )
    return Detections(found.times, image, visibility, world, keep, found.detector, skipped)


@pytest.mark.parametrize(("fps", "every"), [(60.0, 2), (240.0, 8)])
def test_frames_that_were_not_looked_at_are_read_between_and_are_no_guess(fps: float, every: int) -> None:
    times = np.arange(round(3 * fps)) / fps
    whole = detections(times)
    progress = Progress()
    track = make_track(looked_at_only(whole, every), info(fps), progress)
    assert len(track) == len(times) and track.detected.all() and track.runs == [slice(0, len(times))] and not progress.warnings
    assert (track.source_frames, track.detected_count) == (len(times), len(times))
    assert track.between is not None and np.array_equal(track.between, looked_at_only(whole, every).skipped)
    assert np.abs(track.image - whole.image).max() < 1.0, "pixels, of a person 300 high"
    np.testing.assert_allclose(track.visibility, whole.visibility, atol=1e-6)


def test_where_nobody_was_found_in_a_frame_looked_at_it_is_a_guess_and_frames_around_it_too() -> None:
    times = np.arange(180) / 60.0
    track = make_track(looked_at_only(detections(times, without(180, (80, 81))), 2), info(60.0), Progress())
    assert list(np.flatnonzero(~track.detected)) == [79, 80, 81] and track.detected_count == 177
    assert track.between is not None and not track.between[79:82].any() and track.between[77] and track.between[83]
    assert np.allclose(track.visibility[80], FILLED_VISIBILITY * track.visibility[78], atol=1e-6)
