"""The table of opened hips, on rendered pairs in miniature."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.stance import judged
from contract.failure import Failure
from engine.datasets.detections import load_detections
from tests.engine.datasets.pairs import standing, write_pairs


@pytest.fixture
def segment(tmp_path):
    """Somebody who stands still, 3 m before a level camera, and looks into it."""
    write_pairs(tmp_path / "p.npz", segments=1)
    one = load_detections(tmp_path)[0]
    level = np.eye(4, dtype=np.float32)
    level[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    level[2, 3] = 0.9
    truth = np.broadcast_to(standing() + np.array([0.0, 0.0, 3.0]), one.truth.shape).astype(np.float32)
    return replace(one, truth=truth, camera_to_world=np.broadcast_to(level, (len(truth), 4, 4)))


def test_of_the_truth_itself_every_degree_is_too_much(segment):
    joints = segment.truth - segment.truth[:, :1]
    found = judged(segment, joints, [0.0, 4.0, 8.0])
    assert found.frames["all"].all() and found.frames["standing"].all() and found.frames["straight"].all()
    none, four, eight = found.errors.mean(1)
    assert none == pytest.approx(0.0, abs=1e-3) and eight == pytest.approx(2 * four, rel=1e-3) and four > 5.0
    assert found.truth == pytest.approx(found.ours, abs=0.1)


def test_without_the_camera_s_place_nothing_can_be_told(segment):
    with pytest.raises(Failure, match="where the camera stood"):
        judged(replace(segment, camera_to_world=None), segment.truth, [0.0])
