from dataclasses import replace

import numpy as np
import pytest

from engine.detection.landmarks import LANDMARK_MIRROR, LANDMARKS
from engine.long_takes import windows
from engine.person.swaps import undo_swaps
from engine.person.track import Track

LEGS_FROM = LANDMARKS.index("hip.L")


def a_walker(frames=90, fps=30.0, noise=0.0):
    """A person whose arms and legs swing past each other, seen half from the side: 640 px high, with the detector's kind of noise."""
    rng = np.random.default_rng(1)
    time = np.arange(frames) / fps
    world = np.zeros((frames, 33, 3))
    for i, name in enumerate(LANDMARKS):
        side = {"L": 1.0, "R": -1.0}.get(name[-1], 0.0) if name[-2:-1] == "." else 0.0
        height = {"hip": 0.0, "kne": 0.42, "ank": 0.82, "hee": 0.86, "toe": 0.88, "sho": -0.5, "elb": -0.25, "wri": 0.0}.get(
            name[:3], -0.65
        )
        swing = {"kne": 0.2, "ank": 0.4, "hee": 0.4, "toe": 0.4, "elb": -0.12, "wri": -0.25}.get(name[:3], 0.0)
        world[:, i] = np.stack([0.14 * side + 0 * time, height + 0 * time, side * swing * np.sin(2 * np.pi * time)], -1)
    turn = np.radians(60)
    world = world @ np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    world += noise * rng.normal(size=world.shape)
    image = 300 + 350 * world[..., :2] + 350 * noise * rng.normal(size=(frames, 33, 2))
    ones = np.ones((frames, 33), np.float32)
    return Track(
        time, image.astype(np.float32), ones, world.astype(np.float32), np.ones(frames, bool), [slice(0, frames)], fps, frames, frames
    )


def exchange(track, frames, marks):
    image, world = track.image.copy(), track.world.copy()
    mirrored = [LANDMARK_MIRROR[m] for m in marks]
    for f in frames:
        image[f, marks], world[f, marks] = track.image[f, mirrored], track.world[f, mirrored]
    return replace(track, image=image, world=world)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_limbs_that_pass_each_other_keep_their_names(noise):
    track = a_walker(noise=noise)
    repaired, exchanged = undo_swaps(track)
    assert not exchanged.any()
    assert np.array_equal(repaired.image, track.image)


@pytest.mark.parametrize("fps", [15.0, 24.0, 60.0, 120.0])
@pytest.mark.parametrize("seconds", [(1.3, 1.8), (0.0, 0.2), (2.0, 2.0)])
def test_every_frame_rate_finds_the_same_exchanges(fps, seconds):
    """Half a second, the beginning, and a single frame; and limbs that pass each other keep their names."""
    track = a_walker(round(3 * fps), fps, noise=0.01)
    frames = range(round(seconds[0] * fps), max(round(seconds[1] * fps), round(seconds[0] * fps) + 1))
    repaired, exchanged = undo_swaps(exchange(track, frames, list(range(LEGS_FROM, 33))))
    assert list(np.flatnonzero(exchanged[:, 1])) == list(frames) and not exchanged[:, 0].any()
    assert np.array_equal(repaired.image, track.image)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("frames", [range(40, 55), [50], [20, 22, 23, 24, 30], range(0, 6), range(80, 90)])
def test_exchanged_stretches_are_found_exactly_and_undone(part, frames):
    track = a_walker(noise=0.01)
    marks = list(range(LEGS_FROM)) if part == 0 else list(range(LEGS_FROM, 33))
    repaired, exchanged = undo_swaps(exchange(track, frames, marks))
    assert list(np.flatnonzero(exchanged[:, part])) == list(frames)
    assert not exchanged[:, 1 - part].any()
    assert np.array_equal(repaired.image, track.image) and np.array_equal(repaired.world, track.world)


def test_runs_are_judged_apart_and_one_frame_is_left_as_it_is():
    track = a_walker(20)
    track = replace(exchange(track, range(10, 20), list(range(33))), runs=[slice(0, 10), slice(10, 19), slice(19, 20)])
    assert not undo_swaps(track)[1].any()  # nothing within a run speaks against the detector's names


def test_the_real_clip_with_exchanges(shared):
    """beam_cam02, as the full network reads it: against the truth's own projection the legs are exchanged in 24 of 100 frames;
    afterwards in none."""
    from engine.detection.detector import Detector
    from engine.footage.video import open_video
    from engine.person.track import make_track
    from engine.progress import Progress

    video = open_video(shared / "data" / "videos" / "beam_cam02.mp4")
    progress = Progress()
    detections = Detector("full").detect(video.frames(None, (80.0, "f")), video.info, progress)
    track, exchanged = undo_swaps(make_track(detections, video.info, progress))
    assert exchanged.any()
    truth = np.load(shared / "data" / "videos" / "beam_cam02.truth.npz")
    names = [str(n) for n in truth["joint_names"]]
    joints = [f"{j}.{s}" for j in ("hip", "knee", "ankle") for s in "LR"]
    seen = truth["camera"][: len(track.times), [names.index(j) for j in joints]] @ truth["camera_matrix"].T
    seen = seen[..., :2] / seen[..., 2:]
    marks = [LANDMARKS.index(j) for j in joints]
    as_named = np.linalg.norm(track.image[:, marks] - seen, axis=-1).mean(1)
    otherwise = np.linalg.norm(track.image[:, [LANDMARK_MIRROR[m] for m in marks]] - seen, axis=-1).mean(1)
    assert (as_named < otherwise).mean() >= 0.97


def test_a_long_take_is_looked_through_piece_by_piece(monkeypatch):
    monkeypatch.setattr(windows, "PIECE", 13)
    track = a_walker(noise=0.01)
    broken = exchange(track, range(20, 30), list(range(LEGS_FROM, len(LANDMARKS))))
    repaired, exchanged = undo_swaps(broken)
    assert np.array_equal(np.flatnonzero(exchanged[:, 1]), np.arange(20, 30)) and not exchanged[:, 0].any()
    assert np.array_equal(repaired.image, track.image) and np.array_equal(repaired.world, track.world)


@pytest.mark.parametrize(("fps", "every"), [(60.0, 2), (120.0, 4)])
def test_frames_between_an_exchanged_one_and_another_are_no_mixture_of_both_sides(fps, every):
    whole = a_walker(round(3 * fps), fps)
    wrong = exchange(whole, range(round(1.3 * fps), round(1.8 * fps)), list(range(33)))
    between = np.arange(len(whole)) % every != 0
    between[-1] = False
    columns = {name: getattr(wrong, name).copy() for name in ("image", "world")}
    for rows in columns.values():  # straight between those looked at, as the track has it more smoothly
        seen = np.flatnonzero(~between)
        for k in np.flatnonzero(between):
            b = int(np.searchsorted(seen, k))
            share = (k - seen[b - 1]) / (seen[b] - seen[b - 1])
            rows[k] = (1 - share) * rows[seen[b - 1]] + share * rows[seen[b]]
    repaired, exchanged = undo_swaps(replace(wrong, **columns, between=between))
    assert exchanged.any() and len(repaired) == len(whole) and np.array_equal(repaired.times, whole.times)
    assert np.abs(repaired.image - whole.image).max() < 3.0, "pixels, of a person 640 high; the sides are 240 apart"
    assert np.allclose(repaired.visibility, 1.0) and np.array_equal(repaired.between, between)
