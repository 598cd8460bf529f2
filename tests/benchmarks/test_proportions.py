from __future__ import annotations

import numpy as np
import pytest

from benchmarks.proportions import medians, rows, scaled
from contract.skeleton import BODY_22
from engine.kinematics.proportions import CHAIN, TYPICAL
from tests.engine.kinematics.people import HEIGHT, walk


def test_the_medians_are_the_lengths_of_the_bones():
    found = dict(zip(TYPICAL, medians(walk().body) / HEIGHT, strict=True))
    assert found["knee.L"] == pytest.approx(TYPICAL["knee.L"], rel=0.01) and len(found) < len(BODY_22)


def test_a_reading_that_says_nothing_is_told_from_one_that_says_all():
    rng = np.random.default_rng(0)
    true = np.array(list(TYPICAL.values())) * (1 + 0.05 * rng.normal(size=(60, len(TYPICAL))))
    other = np.array(list(TYPICAL.values())) * (1 + 0.05 * rng.normal(size=(60, len(TYPICAL))))
    knee = list(TYPICAL).index("knee.L")
    told, guessed = (rows(read, true, true)[knee] for read in (true, other))
    assert told[5:7] == ["1.00", "1.00"] and told[7] == "0.0"
    assert abs(float(guessed[5])) < 0.4 and float(guessed[7]) > float(guessed[8]) > 0
    chain = [list(TYPICAL).index(name) for name in CHAIN]
    assert np.ptp(scaled(true)[:, chain].sum(1)) < 1e-9
