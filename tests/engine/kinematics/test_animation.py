"""A take in windows gives what the whole take at once gives."""

from __future__ import annotations

import numpy as np
import pytest

from contract.motion_file import Motion
from contract.options import CaptureOptions
from engine.cameras.pinhole import camera_matrix, project
from engine.kinematics.assemble import build_motion
from engine.kinematics.take import Camera, Performer
from engine.long_takes import Timeline, windows

from . import people

SIZE = (1280, 720)
MATRIX = camera_matrix(SIZE, 60.0)


def film(seconds: float, **options: object) -> Motion:
    """A walk to and fro with errors of the pose and of the points, a part of it out of sight, in two runs."""
    walk = people.walk(seconds=seconds)
    count = len(walk.positions)
    way = 2.0 * np.sin(np.arange(count) / 90.0)
    body = walk.body - walk.body[:, :1] * [0, 1, 0] + np.stack([way, 0 * way, 0 * way], 1)[:, None]
    camera = (body - [0.0, -1.0, 1.2]) @ people.camera_rotation(-6, 0, 20.0).T + np.array([0, 0, 6.0])
    rng = np.random.default_rng(3)
    points, confidence = project(people.points_of(camera), MATRIX) + rng.normal(size=(count, 22, 2)), np.full((count, 22), 0.9)
    confidence[count // 3 : count // 2, 8:] = 0.2
    joints = camera - camera[:, :1] + 0.02 * rng.normal(size=camera.shape)
    times = np.arange(count) / 30.0
    cut = count * 3 // 5
    times[cut:] += 4.0
    face = np.tile(people.camera_rotation(-6, 0, 20.0) @ [0.0, -1.0, 0.0], (count, 1))
    timeline = Timeline([slice(0, cut), slice(cut, count)], 30.0)
    performer = Performer(joints, np.full((count, 22), 0.01), points, confidence, times, np.ones(count, bool), timeline, face)
    return build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=people.HEIGHT, **options))


@pytest.mark.parametrize("root", ["motion", "in-place"])
def test_a_long_take_in_windows_is_the_same_as_at_once(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    monkeypatch.setattr(windows, "PIECE", 10**6)
    at_once = film(40.0, root=root)
    monkeypatch.setattr(windows, "PIECE", 400)
    in_windows = film(40.0, root=root)
    for name in ("positions_world", "positions_camera", "rotations", "root_translation"):
        np.testing.assert_allclose(getattr(in_windows, name), getattr(at_once, name), atol=3e-4, err_msg=name)
    np.testing.assert_array_equal(in_windows.contacts, at_once.contacts)
    ours, theirs = (m.provenance["quality"] for m in (in_windows, at_once))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name] == (pytest.approx(value, rel=0.02, abs=0.02) if isinstance(value, float) else value), name
    # from frame to frame no quaternion changes its sign
    assert ((in_windows.rotations[1:] * in_windows.rotations[:-1]).sum(-1) > 0).all()
