from __future__ import annotations

import numpy as np
import pytest

from engine.kinematics.doubt import LIMBS, Doubt, find_doubts


def sure(count: int) -> dict[str, np.ndarray]:
    return {
        "detected": np.ones(count, bool), "confidence": np.ones((count, 22)), "pixel_errors": np.full((count, 22), 2.0),
        "spread": np.zeros((count, 22)),
    }  # fmt: skip


def doubts(values: dict[str, np.ndarray], fps: float = 30.0, runs: list[slice] | None = None) -> list[Doubt]:
    first = (values[name] for name in ("detected", "confidence", "pixel_errors"))
    return find_doubts(*first, 400.0, values["spread"], runs or [slice(0, len(values["spread"]))], fps)


@pytest.mark.parametrize("fps", [15.0, 30.0, 120.0])
def test_every_reason_is_found_where_it_is(fps: float) -> None:
    n = round(fps)
    values = sure(10 * n)
    assert doubts(values, fps) == []
    values["detected"][n : 2 * n] = False
    values["confidence"][3 * n : 4 * n, LIMBS[:5]] = 0.2
    values["pixel_errors"][5 * n : 6 * n] = 30.0
    values["spread"][7 * n : 8 * n] = 0.1
    reasons = ["filled", "hidden", "off the picture", "hypotheses differ"]
    assert doubts(values, fps) == [Doubt(slice(k * n, (k + 1) * n), r) for k, r in zip((1, 3, 5, 7), reasons, strict=True)]


def test_near_stretches_are_one_and_short_ones_none_but_never_across_a_hole() -> None:
    values = sure(90)
    values["detected"][[*range(10, 20), *range(23, 30), 60]] = False
    assert doubts(values) == [Doubt(slice(10, 30), "filled")]
    assert doubts(values, runs=[slice(0, 22), slice(22, 90)]) == [Doubt(slice(10, 20), "filled"), Doubt(slice(23, 30), "filled")]


def test_a_hidden_joint_that_is_off_says_nothing() -> None:
    values = sure(30)
    values["pixel_errors"][:, LIMBS[:2]], values["confidence"][:, LIMBS[:2]] = 500.0, 0.1
    assert doubts(values) == []


def test_one_limb_outside_the_picture_is_enough() -> None:
    values = sure(90)
    values["confidence"][30:60, LIMBS[0]] = 0.0
    assert doubts(values) == [Doubt(slice(30, 60), "outside the picture")]
