"""What is said of joints for which one hypothesis was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from contract.motion_file import EXPECTED
from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.expected_error import CONFIDENCES, expected_error, with_expected_error
from tests.engine.test_preview import make_motion


def test_it_grows_as_the_confidence_falls_and_with_the_person():
    confidence = np.repeat(np.linspace(1, 0, 50)[:, None], len(BODY_22), axis=1)
    errors = expected_error(confidence, 1.8)
    assert errors.shape == (50, len(BODY_22)) and np.isfinite(errors).all()
    assert (np.diff(errors, axis=0) >= 0).all() and (errors[:, 0] == 0).all(), "the pelvis is what all is seen from"
    assert (errors[:, 1:] > 0.01).all() and errors.max() < 0.6
    np.testing.assert_allclose(expected_error(confidence, 0.9), errors / 2, rtol=1e-6)


def test_both_sides_are_alike_and_ends_are_less_sure_than_the_trunk():
    errors = dict(zip(BODY_22.joints, expected_error(np.full((1, len(BODY_22)), 0.9), 1.8)[0], strict=True))
    for name in BODY_22.joints:
        if name.endswith(".L"):
            assert errors[name] == errors[f"{name[:-1]}R"]
    assert errors["wrist.L"] > errors["spine"] and errors["ankle.R"] > errors["hip.R"]


@pytest.mark.parametrize("place", range(len(CONFIDENCES) - 1))
def test_between_the_table_s_confidences_it_goes_straight(place):
    low, high = CONFIDENCES[place : place + 2]
    at = np.full((3, len(BODY_22)), [[low], [(low + high) / 2], [high]])
    below, middle, above = expected_error(at, 1.0)
    np.testing.assert_allclose(middle, (below + above) / 2, rtol=1e-5)


def test_a_motion_says_what_its_spread_is():
    motion = make_motion([0.0, 0.1])
    motion.confidence[1] = 0.1
    known = with_expected_error(motion, 1.8)
    assert known.provenance["spread"] == EXPECTED and "spread" not in motion.provenance
    assert known.spread.shape == motion.spread.shape == (2, len(ARMATURE_24))
    assert (known.spread[1] >= known.spread[0]).all() and known.spread[1].sum() > known.spread[0].sum()
