from __future__ import annotations

from dataclasses import fields

import numpy as np

from contract.options import CaptureOptions
from engine.cameras.pinhole import camera_matrix
from engine.kinematics.take import Camera, Performer, Take
from engine.long_takes import Timeline

SIZE = (640, 480)
MATRIX = camera_matrix(SIZE, 60.0)
FRAMES = 10


def performer() -> Performer:
    """Ten frames of anything, in two runs."""
    rng = np.random.default_rng(0)
    return Performer(
        rng.normal(size=(FRAMES, 22, 3)), rng.uniform(size=(FRAMES, 22)), rng.normal(size=(FRAMES, 22, 2)),
        rng.uniform(-0.5, 1.5, (FRAMES, 22)), np.arange(FRAMES) / 30, np.arange(FRAMES) > 3,
        Timeline([slice(0, 6), slice(6, FRAMES)], 30.0), rng.normal(size=(FRAMES, 3)), slice(2, 8),
    )  # fmt: skip


def test_a_take_stands_at_the_pelvis_in_half_the_memory() -> None:
    seen = performer()
    who = Take.of(seen, Camera(MATRIX, SIZE), CaptureOptions()).who
    np.testing.assert_allclose(who.joints, seen.joints - seen.joints[:, :1], atol=1e-6)
    assert who.confidence.min() == 0.0 and who.confidence.max() == 1.0
    assert {column.dtype for column in (who.joints, who.spread, who.points, who.confidence)} == {np.dtype(np.float32)}
    assert seen.confidence.min() < 0.0, "what was seen stays as it is"


def test_what_is_in_memory_as_it_is_wanted_is_not_copied() -> None:
    seen = performer().rooted()
    who = Take.of(seen, Camera(MATRIX, SIZE, path=np.tile(np.eye(4), (FRAMES, 1, 1))), CaptureOptions()).who
    assert all(getattr(who, name) is getattr(seen, name) for name in ("spread", "points", "times", "detected", "face"))


def test_a_part_of_a_take_is_a_view_of_all_its_columns() -> None:
    turns, too_fast = np.tile(np.eye(3), (FRAMES, 1, 1)), np.arange(FRAMES) == 4
    take = Take.of(performer(), Camera(MATRIX, SIZE, turns=turns, too_fast=too_fast), CaptureOptions())
    part = take.cut(take.who.kept)
    for one, whole in ((part.who, take.who), (part.camera, take.camera)):
        for name in (f.name for f in fields(one)):
            if name not in ("timeline", "kept", "matrix", "size") and getattr(whole, name) is not None:
                np.testing.assert_array_equal(getattr(one, name), getattr(whole, name)[2:8])
                assert np.shares_memory(getattr(one, name), getattr(whole, name))
    assert part.who.timeline == Timeline([slice(0, 4), slice(4, 6)], 30.0) and part.who.kept == slice(None)
    assert len(part.views) == 6


def test_where_the_camera_stood_is_its_path_or_how_it_turned_or_where_it_stays() -> None:
    turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    path, turns = np.tile(np.eye(4), (FRAMES, 1, 1)), np.tile(turned, (FRAMES, 1, 1))
    path[:, 0, 3] = np.arange(FRAMES)
    known, turning, still = Camera(MATRIX, SIZE, path, turns), Camera(MATRIX, SIZE, turns=turns), Camera(MATRIX, SIZE)
    assert known.views(FRAMES) is path and known.known and not turning.known and not still.known
    views = turning.views(FRAMES)
    assert (views[:, :3, :3] == turned).all() and not views[:, :3, 3].any() and (views[:, 3] == [0, 0, 0, 1]).all()
    assert (still.views(FRAMES) == np.eye(4)).all() and still.views(FRAMES).shape == path.shape
    moves = [Take.of(performer(), camera, CaptureOptions()).moves for camera in (known, turning, still)]
    assert moves == [True, False, False], "one that always looks the same way does not move"
