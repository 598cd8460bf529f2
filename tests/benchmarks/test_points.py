from __future__ import annotations

import numpy as np
import pytest

from benchmarks.points import by_visibility, equations, fit
from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.detections import PairCamera, Segment
from engine.detection.landmarks import LANDMARKS
from engine.person.track import body_points
from tests.engine.kinematics import people


def segment(camera: PairCamera | None, shift: float) -> Segment:
    """A walk whose ankles the detector sees that share of the stature too far down the shin."""
    turn = people.camera_rotation(-10, 0, 25.0)
    truth = (people.walk(2.0).body - [0.0, -1.0, 1.3]) @ turn.T + np.array([0, 0, 5.0])
    sight = np.zeros((len(truth), len(LANDMARKS), 2), np.float32)
    for name in ("ankle.L", "ankle.R"):
        j = BODY_22.index(name)
        shin = truth[:, j] - truth[:, BODY_22.parents[j]]
        point = truth[:, j] + shift * people.HEIGHT * shin / np.linalg.norm(shin, axis=-1, keepdims=True)
        sight[:, LANDMARKS.index(name)] = point[:, :2] / point[:, 2:]
    return Segment(
        sight, np.ones(sight.shape[:2], np.float32), np.zeros((*sight.shape[:2], 3), np.float32), truth.astype(np.float32),
        np.ones(len(truth), bool), "walks", 0, "somebody", people.HEIGHT, camera,
    )  # fmt: skip


@pytest.mark.parametrize("shift", [-0.018, 0.0, 0.03])
def test_a_known_offset_comes_back(shift: float) -> None:
    made = segment(PairCamera(800.0, (640, 480), -10.0, 0.0), shift)
    assert body_points(made.rays, made.visibility)[0].shape == (len(made.truth), 22, 2)
    offset, before, after = fit([equations(made, "ankle")], "ankle")
    assert offset == pytest.approx([1000 * shift, 0, 0], abs=0.3)
    assert after < 0.5 and (before > 3 or shift == 0)


def test_points_are_sorted_by_their_visibility() -> None:
    """The ankles, 30 thousandths too far down the shin, are the only points that are hardly seen."""
    made = segment(PairCamera(800.0, (640, 480), -10.0, 0.0), 0.03 - 0.018)
    made.visibility[:, [LANDMARKS.index(f"ankle.{side}") for side in "LR"]] = 0.08
    hidden, seen = by_visibility([made])
    assert hidden[:2] == ["0.05-0.10", "0.250"] and seen[:2] == ["0.97-1.00", "0.750"]
    assert 15 < float(hidden[2]) <= 30.5  # across the line of sight it is less


def test_a_segment_without_its_camera_is_refused() -> None:
    with pytest.raises(Failure, match="cameras"):
        equations(segment(None, 0.0), "ankle")
