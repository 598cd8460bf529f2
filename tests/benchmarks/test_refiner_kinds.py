"""Which errors are counted under which kind, on rendered pairs in miniature whose detector stands on the joints."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import refiner_kinds
from benchmarks.refiner_kinds import NAMES, POINTS, STAGES, by_segment, frames_by_kind, joints_by_kind, judged, rows
from engine.datasets.detections import PairCamera, load_detections
from engine.training.metrics import rooted_at_hips
from tests.engine.datasets.pairs import standing, write_pairs


@pytest.fixture
def segment(tmp_path):
    """Somebody who stands still, 3 m before the camera, and looks into it."""
    write_pairs(tmp_path / "p.npz", segments=1)
    one = load_detections(tmp_path)[0]
    truth = np.broadcast_to(standing() + np.array([0.0, 0.0, 3.0]), one.truth.shape).astype(np.float32)
    return replace(one, truth=truth, visibility=np.ones_like(one.visibility))


def test_frames_are_told_apart_by_where_they_are_seen_from_and_by_their_knees(segment):
    kinds = frames_by_kind(segment)
    assert kinds["from the front"].all() and not kinds["from behind"].any()
    assert "standing" not in kinds  # nobody knows where that camera stood
    turned = replace(segment, truth=segment.truth * np.array([-1, 1, -1], np.float32) + np.array([0, 0, 6], np.float32))
    assert frames_by_kind(turned)["from behind"].all()
    sat = segment.truth.copy()
    sat[:, [k for k, name in enumerate(refiner_kinds.BODY_22.joints) if name.startswith("ankle")]] += np.array([0, -0.3, 0.4], np.float32)
    assert kinds["knees straight"].all() and frames_by_kind(replace(segment, truth=sat))["knees bent"].all()


def test_where_the_camera_stood_tells_what_somebody_does(segment):
    level = np.eye(4, dtype=np.float32)
    level[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # the picture's down is the world's
    level[2, 3] = 0.9
    kinds = frames_by_kind(replace(segment, camera_to_world=np.broadcast_to(level, (len(segment.detected), 4, 4))))
    assert kinds["standing"].all() and not kinds["floor"].any()


def test_hidden_is_what_the_detector_does_not_see_and_what_the_edge_cuts_off(segment):
    unseen = segment.visibility.copy()
    unseen[:, POINTS[NAMES.index("wrist.L")]] = 0.2
    kinds = joints_by_kind(replace(segment, visibility=unseen))
    assert kinds["hidden joints"].sum(0).tolist() == [len(unseen) if name == "wrist.L" else 0 for name in NAMES]
    assert (kinds["seen joints"] == ~kinds["hidden joints"]).all() and not kinds["fast joints"].any()
    cut = replace(segment, camera=PairCamera(500.0, (640, 240), 0.0, 0.0))  # shoulders lie 83 px above its middle, ankles 138 below
    hidden = {name for k, name in enumerate(NAMES) if joints_by_kind(cut)["hidden joints"][:, k].all()}
    assert hidden == {"ankle.L", "ankle.R"}


def test_a_fast_hand_is_fast(segment):
    truth = segment.truth.copy()
    truth[:, refiner_kinds.BODY_22.index("wrist.R"), 0] += 0.1 * np.arange(len(truth), dtype=np.float32)  # 3 m/s
    kinds = joints_by_kind(replace(segment, truth=truth))
    assert kinds["fast joints"].sum(0).tolist() == [len(truth) if name == "wrist.R" else 0 for name in NAMES]


def test_errors_are_those_of_a_known_offset(segment):
    """All joints but the hips are off by 12 mm, one of them, which is hidden, by 60: and the refiner halves it all."""
    truth = rooted_at_hips(segment.truth).astype(float)
    off = np.zeros_like(truth)
    off[:, 2:, 1] = 0.012
    off[:, NAMES.index("wrist.L"), 1] = 0.06
    unseen = segment.visibility.copy()
    unseen[:, POINTS[NAMES.index("wrist.L")]] = 0.0
    poses = {stage: truth + off for stage in STAGES} | {"refined": truth + off / 2}
    found = rows([judged(replace(segment, visibility=unseen), poses, np.zeros(len(truth)))] * 2)
    assert found["hidden joints"].mpjpe["guess"] == pytest.approx(60) and found["hidden joints"].change == pytest.approx((-30, -30, -30))
    assert found["seen joints"].mpjpe["guess"] == pytest.approx(12 * 9 / 11)
    assert found["all"].mpjpe["refined"] == pytest.approx((12 * 9 + 60) / 24) and found["all"].count == 2 * len(truth)
    assert found["all"].aligned["guess"] > found["all"].aligned["refined"] > 0
    assert "from behind" not in found  # nobody was


def test_the_interval_is_that_of_segments(segment):
    """One of two segments gains 20 mm a joint and the other nothing: drawn anew, it is anything from nothing to 20."""
    truth = rooted_at_hips(segment.truth).astype(float)
    off = np.array([0.02, 0.0, 0.0])
    gains = {stage: truth + off for stage in STAGES} | {"refined": truth}
    same = {stage: truth + off for stage in STAGES}
    both = [judged(segment, poses, np.zeros(len(truth))) for poses in (gains, same)]
    assert rows(both)["all"].change == pytest.approx((-10, -20, 0), abs=1e-9)
    better, middle = by_segment(both)
    assert better == 1 and (middle["guess"], middle["refined"]) == pytest.approx((20, 10))


def test_the_table_is_printed_and_kept(tmp_path, capsys):
    write_pairs(tmp_path / "p.npz", segments=2)
    assert refiner_kinds.main([str(tmp_path), "--json", str(tmp_path / "kinds.json")]) == 0
    out = capsys.readouterr().out
    assert "knees straight" in out and "2 segments" in out
    assert json.loads((tmp_path / "kinds.json").read_text())["all"]["count"] == 120
    assert refiner_kinds.main([str(tmp_path), "--json", str(tmp_path / "p.npz")]) == 2
    assert refiner_kinds.main([str(tmp_path / "nothing")]) == 3
