"""Kinds of motion: made-up people whose kind is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.datasets.mocap import load_mocap_file
from engine.datasets.motion_kind import FLOOR, KINDS, LOW, STANDING, WALKING, classify, trunk_lean
from tests.engine.datasets import figures


@pytest.mark.parametrize(
    ("positions", "kind"),
    [
        (figures.standing(90), STANDING), (figures.standing(90, 5.0), STANDING), (figures.walking(90), WALKING),
        (figures.walking(90, 0.7), WALKING), (figures.standing(90, 100.0), LOW), (figures.lying(90), FLOOR),
    ],
)  # fmt: skip
def test_kinds_of_made_up_people(positions, kind):
    assert (classify(positions) == kind).all()


def test_a_clip_that_changes_is_two_kinds():
    both = np.concatenate([figures.standing(60), figures.lying(60)])
    assert (classify(both)[:50] == STANDING).all() and (classify(both)[-50:] == FLOOR).all()


def test_lean_is_measured_from_upright():
    assert trunk_lean(figures.standing(3)) == pytest.approx(5.0)
    assert trunk_lean(figures.lying(3)) == pytest.approx(95.0)


def test_recorded_walks_and_stands_are_found(shared):
    path = shared / "data" / "mocap" / "snu_biped_walk.npz"
    if not path.is_file():
        pytest.skip("shared/data/mocap is not there")
    kinds = np.concatenate([classify(clip.positions) for clip in load_mocap_file(path)])
    assert np.bincount(kinds, minlength=len(KINDS))[[STANDING, WALKING]].sum() > 0.95 * len(kinds)
