from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.proportions import CHAIN_OF_STATURE, TYPICAL, fit_proportions, weighted_median

from .people import HEIGHT, walk


def lengths_of(joints: np.ndarray) -> dict[str, float]:
    return {n: float(np.median(np.linalg.norm(joints[:, i] - joints[:, BODY_22.parents[i]], axis=-1)))
            for i, n in enumerate(BODY_22.joints) if i}  # fmt: skip


def test_bones_of_a_known_person_come_back() -> None:
    w = walk()
    body = fit_proportions(w.body - w.body[:, :1], np.ones((len(w.body), 22)), HEIGHT, w.fps)
    truth = lengths_of(w.body)
    for name, length in truth.items():
        assert body.lengths[name] == pytest.approx(length, rel=0.02), name
    assert body.stature == pytest.approx(HEIGHT)
    assert body.scale == pytest.approx(1.0, rel=0.01)


def test_a_part_of_a_clip_has_the_bones_of_the_whole() -> None:
    """What the networks read of a bone goes with how it is seen: in one half of the clip thighs are 10 % short, in the other 10 % long, and
    arms too. Of that a fifth is believed, so the halves differ by little, and so does either from the whole."""
    w = walk()
    middle, ones = len(w.body) // 2, np.ones((len(w.body), 22))
    joints = w.body - w.body[:, :1]
    for side in "LR":
        for upper, lower in (("hip", "knee"), ("shoulder", "elbow")):
            a, b = BODY_22.index(f"{upper}.{side}"), BODY_22.index(f"{lower}.{side}")
            joints[:middle, b] -= 0.1 * (joints[:middle, b] - joints[:middle, a])
            joints[middle:, b] += 0.1 * (joints[middle:, b] - joints[middle:, a])
    first, last, whole = (
        fit_proportions(joints[rows], ones[rows], HEIGHT, w.fps) for rows in (slice(middle), slice(middle, None), slice(None))
    )
    for name in ("knee.L", "elbow.L"):
        assert 0.0 < last.lengths[name] - first.lengths[name] < 0.05 * TYPICAL[name] * HEIGHT
        assert abs(whole.lengths[name] - last.lengths[name]) < 0.03 * TYPICAL[name] * HEIGHT


def test_sides_are_equal_and_wild_values_do_not_count() -> None:
    w = walk()
    rng = np.random.default_rng(0)
    noisy = w.body + rng.normal(size=w.body.shape) * 0.01
    noisy[::7, BODY_22.index("knee.L")] += 0.6
    body = fit_proportions(noisy, np.ones(noisy.shape[:2]), HEIGHT, w.fps)
    truth = lengths_of(w.body)
    for name in ("knee", "ankle", "elbow", "wrist"):
        assert body.lengths[f"{name}.L"] == body.lengths[f"{name}.R"]
        assert body.lengths[f"{name}.L"] == pytest.approx(truth[f"{name}.L"], rel=0.04)


def test_metres_come_from_the_height_whatever_the_units() -> None:
    w = walk()
    ones = np.ones((len(w.body), 22))
    tall = fit_proportions(w.body * 37.0, ones, 2.0, w.fps)
    assert tall.stature == pytest.approx(2.0)
    assert tall.scale == pytest.approx(2.0 / HEIGHT / 37.0, rel=0.01)


def test_legs_that_are_not_seen_are_an_average_body_s() -> None:
    w = walk()
    joints, confidence = w.body.copy(), np.ones((len(w.body), 22))
    legs = [i for i, n in enumerate(BODY_22.joints) if n.startswith(("knee", "ankle", "toe"))]
    joints[:, legs] *= 3.0
    confidence[:, legs] = 0.0
    body = fit_proportions(joints, confidence, HEIGHT, w.fps)
    assert body.lengths["ankle.L"] == pytest.approx(TYPICAL["ankle.L"] * HEIGHT, rel=0.03)


def test_the_t_pose_stands_and_faces_minus_y() -> None:
    w = walk()
    body = fit_proportions(w.body, np.ones((len(w.body), 22)), HEIGHT, w.fps)
    rest = dict(zip(ARMATURE_24.joints, body.rest_offsets, strict=True))
    assert rest["knee.L"][2] < 0 and abs(rest["knee.L"][0]) < 1e-9
    assert rest["elbow.L"][0] > 0 > rest["elbow.R"][0]
    assert rest["toe.R"][1] < 0 and rest["toe.R"][2] < 0
    assert np.linalg.norm(rest["toe.R"]) == pytest.approx(body.lengths["toe.R"])
    shoulder = rest["clavicle.L"] + rest["shoulder.L"] - rest["neck"]
    assert np.linalg.norm(shoulder) == pytest.approx(body.lengths["shoulder.L"], rel=1e-6)
    assert 0.9 < CHAIN_OF_STATURE < 1


def test_weighted_median() -> None:
    values = np.array([5.0, 1.0, 3.0, 100.0])
    assert weighted_median(values, np.array([1.0, 1.0, 1.0, 0.0])) == 3.0
    assert weighted_median(values, np.zeros(4)) == 4.0
