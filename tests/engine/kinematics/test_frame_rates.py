"""One person with one set of errors, filmed at 15 to 120 frames a second: everything behind the networks says the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from contract.motion_file import Motion
from contract.options import CaptureOptions
from engine.cameras.pinhole import camera_matrix, project
from engine.kinematics.assemble import build_motion
from engine.kinematics.forward import rotation_matrices
from engine.kinematics.take import Camera, Performer
from engine.long_takes import Timeline

from . import people

SIZE = (1280, 720)
MATRIX = camera_matrix(SIZE, 60.0)
FINEST = 120.0


@lru_cache
def filmed(fps: float) -> Motion:
    """A walk over planted toes with errors of 2 cm that are the same at every instant, whatever the rate, and a doubt of half a second."""
    walk = people.walk(3.0, FINEST, planted=True)
    camera = (walk.body - [0.0, -1.0, 1.2]) @ people.camera_rotation(-6, 0, 20.0).T + np.array([0, 0, 6.0])
    t = np.arange(len(camera)) / FINEST
    rng = np.random.default_rng(4)
    rates, phases = rng.uniform(0.5, 4.0, (2, 22, 3)), rng.uniform(0, 2 * np.pi, (2, 22, 3))
    error, tremble = 0.02 * np.sin(2 * np.pi * rates * t[:, None, None, None] + phases).swapaxes(0, 1)
    joints, points = camera - camera[:, :1] + error, project(people.points_of(camera) + 0.3 * tremble, MATRIX)
    confidence = np.full((len(t), 22), 0.95)
    confidence[(t >= 1.5) & (t < 2.0), 10:] = 0.3
    every = round(FINEST / fps)
    count = len(t[::every])
    performer = Performer(
        joints[::every], np.full((count, 22), 0.01), points[::every], confidence[::every], t[::every], np.ones(count, bool),
        Timeline.of(count, fps),
    )  # fmt: skip
    return build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=people.HEIGHT))


@pytest.fixture(params=[15.0, 24.0, 30.0, 60.0])
def both(request: pytest.FixtureRequest) -> tuple[Motion, Motion, int]:
    """The motion at a lower rate, at the finest, and how many frames of the finest make one of its."""
    return filmed(request.param), filmed(FINEST), round(FINEST / request.param)


def test_positions(both: tuple[Motion, Motion, int]) -> None:
    motion, finest, every = both
    a, b = motion.positions_world, finest.positions_world[::every]
    assert np.linalg.norm(a - b, axis=-1).mean() < 0.03  # most of it is the distance from the camera
    pose = np.linalg.norm((a - a[:, :1]) - (b - b[:, :1]), axis=-1)
    # at 15 frames a second, which frames a foot stands in is told less well, and with it over which feet the weight is
    assert pose.mean() < (0.009 if motion.fps < 20 else 0.006) and np.percentile(pose, 99) < 0.05


def test_rotations(both: tuple[Motion, Motion, int]) -> None:
    motion, finest, every = both
    a, b = rotation_matrices(motion.rotations), rotation_matrices(finest.rotations[::every])
    off = np.degrees(np.arccos(np.clip((np.einsum("tjab,tjab->tj", a, b) - 1) / 2, -1, 1)))
    assert off.mean() < 1.5 and np.percentile(off, 99) < 12


def test_contacts(both: tuple[Motion, Motion, int]) -> None:
    motion, finest, every = both
    assert (motion.contacts == finest.contacts[::every]).mean() > 0.93
    assert 0.2 < finest.contacts.mean() < 0.9  # both happen


def test_the_quality_report(both: tuple[Motion, Motion, int]) -> None:
    mine, finest = (m.provenance["quality"] for m in both[:2])
    assert mine["fit_mm"] == pytest.approx(finest["fit_mm"], abs=0.3)
    assert mine["reprojection_px"] == pytest.approx(finest["reprojection_px"], abs=0.5)
    assert mine["camera_tilt_degrees"] == pytest.approx(finest["camera_tilt_degrees"], abs=0.5)
    assert mine["foot_slide_cm_s"] == pytest.approx(finest["foot_slide_cm_s"], abs=2.5)
    assert [u["reason"] for u in mine["unsure"]] == [u["reason"] for u in finest["unsure"]]
    assert all(abs(a[end] - b[end]) < 0.1 for a, b in zip(mine["unsure"], finest["unsure"], strict=True) for end in ("start", "end"))
