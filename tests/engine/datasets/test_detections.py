import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.detections import MAX_GAP, load_detections
from engine.detection.landmarks import LANDMARK_JOINT

from .pairs import write_pairs


def test_segments_are_read_in_the_skeletons_own_order(tmp_path):
    write_pairs(tmp_path / "pairs_1.npz")
    segments = load_detections(tmp_path)
    assert [len(s.detected) for s in segments] == [60] * 4
    s = segments[1]
    assert (s.source, s.human, s.stature) == ("cmu_mocap6", "adult_f", pytest.approx(1.7))
    # The made-up detector's landmarks stand on the joints, so the picture and the truth must agree joint by joint.
    seen = s.truth[:, list(LANDMARK_JOINT), :2] / s.truth[:, list(LANDMARK_JOINT), 2:]
    assert np.abs(seen - s.rays).max() < 2e-3
    assert np.abs(s.truth[:, list(LANDMARK_JOINT)] - s.truth[:, :1] - s.world).max() < 2.1e-3
    assert np.all(s.truth[:, BODY_22.index("head_top"), 1] < s.truth[:, BODY_22.index("toe.L"), 1])  # y down


def test_the_network_that_looked_is_the_one_the_file_names(tmp_path):
    write_pairs(tmp_path / "p.npz")
    assert {s.detector for s in load_detections(tmp_path)} == {"full"}
    with np.load(tmp_path / "p.npz") as file:
        np.savez(tmp_path / "p.npz", **dict(file), detector=np.array("heavy"))
    assert {s.detector for s in load_detections(tmp_path)} == {"heavy"}


def test_short_gaps_are_filled_and_marked(tmp_path):
    write_pairs(tmp_path / "p.npz", missing=(20, 21, 22))
    s = load_detections(tmp_path)[0]
    assert list(np.flatnonzero(~s.detected)) == [20, 21, 22]
    assert np.allclose(s.rays[21], (s.rays[19] + s.rays[23]) / 2, atol=1e-6)
    assert s.visibility[21, 0] == pytest.approx(s.visibility[19, 0] / 2)


def test_long_gaps_split_and_the_ends_are_left_out(tmp_path):
    gap = tuple(range(25, 25 + MAX_GAP + 1))
    write_pairs(tmp_path / "p.npz", segments=1, frames=80, missing=(0, 1, *gap, 79))
    assert [len(s.detected) for s in load_detections(tmp_path)] == [23, 79 - 25 - len(gap)]


def test_who_reaches_past_the_camera_splits_a_segment(tmp_path):
    """A joint at no depth has no place in the picture: one such frame made a whole training's loss no number."""
    arrays = write_pairs(tmp_path / "p.npz", segments=1, frames=80)
    arrays["truth"][40, BODY_22.index("hand.L"), 2] = 0
    np.savez(tmp_path / "p.npz", **arrays)
    segments = load_detections(tmp_path)
    assert [len(s.detected) for s in segments] == [40, 39]
    assert all(np.isfinite(s.truth[..., :2] / s.truth[..., 2:]).all() for s in segments)


def test_what_is_not_such_a_file_is_said(tmp_path):
    with pytest.raises(Failure, match="no detections"):
        load_detections(tmp_path)
    arrays = write_pairs(tmp_path / "p.npz")
    whole = (tmp_path / "p.npz").read_bytes()
    changes = {
        "names": {"joint_names": np.array([f"j{i}" for i in range(22)])},
        "short": {"segment_start": np.array([0, 60, 120, 180, 250])},
    }
    for change in changes.values():
        np.savez(tmp_path / "p.npz", **(arrays | change))
        with pytest.raises(Failure, match="documented layout"):
            load_detections(tmp_path)
    (tmp_path / "p.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Failure, match="documented layout"):
        load_detections(tmp_path)


def test_the_real_pairs(shared):
    """The projection of the truth lies on the detector's landmarks, to a few pixels, over a whole file."""
    segments = load_detections(shared / "data" / "detections")
    frames = sum(len(s.detected) for s in segments)
    assert frames > 120_000
    ankle = BODY_22.index("ankle.L")
    off = np.concatenate([s.truth[:, ankle, :2] / s.truth[:, ankle, 2:] - s.rays[:, 27] for s in segments])
    assert np.median(np.abs(off)) < 0.02
