"""Which errors are counted where, on rendered pairs in miniature whose detector stands on the joints."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import generalisation
from contract.skeleton import BODY_22
from engine.datasets.detections import load_detections
from engine.detection.landmarks import LANDMARK_MIRROR
from engine.lifter.network import load_lifter
from engine.poses import LIFTER_FILE
from engine.training.metrics import rooted_at_hips
from tests.engine.datasets.pairs import write_pairs


@pytest.fixture
def segments(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    return load_detections(tmp_path)


def test_segments_are_sorted_by_what_was_learnt_from(segments):
    one = segments[0]
    cases = {
        ("teen", "snu_tiling"): "learnt body, learnt motion", ("teen", "cmu_mocap6"): "learnt body, new motion",
        ("adult_f", "snu_tiling"): "new body, learnt motion", ("adult_f+adult_m_tall", "cmu_actions"): "new body, new motion",
        ("adult_f+teen", "cmu_actions"): None,
    }  # fmt: skip
    for (human, source), expected in cases.items():
        assert generalisation.kind(replace(one, human=human, source=source)) == expected
    many = [replace(one, human="teen", source="snu_tiling", clip=k) for k in range(9)]
    assert [s.clip for s in generalisation.sorted_out(many, 3)["learnt body, learnt motion"]] == [0, 4, 8]
    assert len(generalisation.sorted_out(many, 0)["learnt body, learnt motion"]) == 9


def test_errors_are_those_of_a_known_offset(segments):
    """Wrists 30 mm off are 5 mm over twelve joints; nothing off is nothing."""

    def off(segment):
        joints = rooted_at_hips(segment.truth).copy()
        joints[:, -2:, 0] += 0.03
        return joints

    assert generalisation.errors(lambda s: rooted_at_hips(s.truth), segments) == pytest.approx((0.0, 0.0), abs=1e-3)
    assert generalisation.errors(off, segments)[0] == pytest.approx(5.0, abs=1e-3)


def test_both_ways_do_not_mind_which_way_the_picture_is_mirrored(segments):
    lift = generalisation.both_ways(load_lifter(LIFTER_FILE))
    one = segments[0]
    marks, joints = list(LANDMARK_MIRROR), list(BODY_22.mirror)
    twin = replace(
        one, rays=one.rays[:, marks] * [-1, 1], visibility=one.visibility[:, marks], world=one.world[:, marks] * [-1, 1, 1],
        truth=one.truth[:, joints] * [-1, 1, 1],
    )  # fmt: skip
    twin = replace(twin, rays=twin.rays.astype(np.float32), world=twin.world.astype(np.float32))
    order = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]  # left and right of metrics.LIMBS
    np.testing.assert_allclose(lift(twin)[:, order] * [-1, 1, 1], lift(one), atol=1e-5)


def test_the_table_is_printed(tmp_path, capsys):
    write_pairs(tmp_path / "p.npz", segments=4)
    assert generalisation.main([str(tmp_path), "--mirrored"]) == 0
    out = capsys.readouterr().out
    assert "both ways" in out and "motion" in out
    assert generalisation.main([str(tmp_path / "nothing")]) == 4 or "Error" in capsys.readouterr().err
