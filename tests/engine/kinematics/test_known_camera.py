"""A camera that is known and moves: the motion lies in the world where the person was."""

from __future__ import annotations

import numpy as np
import pytest

from contract.options import CaptureOptions
from engine.cameras.pinhole import camera_matrix, project, to_camera, to_world
from engine.kinematics.assemble import build_motion
from engine.kinematics.take import Camera, Performer
from engine.long_takes import Timeline

from . import people

SIZE = (1280, 720)
MATRIX = camera_matrix(SIZE, 55.0)


def moving_cameras(count: int, fps: float) -> np.ndarray:
    """(T,4,4) a camera that walks along, turns, tilts and rolls, camera to world."""
    t = np.arange(count) / fps
    out = np.tile(np.eye(4), (count, 1, 1))
    for k in range(count):
        out[k, :3, :3] = people.camera_rotation(-5 + 4 * np.sin(2 * t[k]), 3 * np.sin(3 * t[k]), 10 * t[k] - 12).T
        out[k, :3, 3] = 2.0 - 0.3 * t[k], -7.5 - 0.8 * t[k], 1.5 + 0.1 * np.sin(5 * t[k])
    return out


@pytest.mark.parametrize(("fps", "floor"), [(30.0, 0.0), (60.0, 0.0), (30.0, 2.5)])
def test_the_motion_lands_where_the_person_was(fps: float, floor: float) -> None:
    walk = people.walk(fps=fps, planted=True)
    place = np.array([1.5, -2.0, floor])
    truth = walk.body + place
    cameras = moving_cameras(len(truth), fps)
    cameras[:, 2, 3] += floor
    seen = to_camera(truth, cameras)
    assert np.abs(to_world(seen, cameras) - truth).max() < 1e-9
    assert seen[..., 2].min() > 1.0
    rng = np.random.default_rng(0)
    pixels = project(people.points_of(seen), MATRIX) + rng.normal(size=(len(truth), 22, 2))
    joints = seen - seen[:, :1] + 0.01 * rng.normal(size=seen.shape)
    count = len(truth)

    performer = Performer(
        joints, np.zeros((count, 22)), pixels, np.full((count, 22), 0.95), np.arange(count) / fps, np.ones(count, bool),
        Timeline.of(count, fps),
    )  # fmt: skip

    def build(**known: object) -> np.ndarray:
        motion = build_motion(performer, Camera(MATRIX, SIZE, **known), CaptureOptions(height=people.HEIGHT))
        assert np.abs(project(motion.positions_camera[:, people.OF_BODY].astype(float), MATRIX) - pixels).mean() < 12
        return motion.positions_world[:, people.OF_BODY].astype(float)

    error = np.linalg.norm(build(path=cameras) - truth, axis=-1).mean()
    assert error < 0.10
    if floor == 0:
        # taken for a still one, the same footage gives another path, even after it is laid over the truth as well as it goes
        still = build()
        still += (truth - still).mean((0, 1))
        assert np.linalg.norm(still - truth, axis=-1).mean() > 2 * error
