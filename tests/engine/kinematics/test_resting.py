"""The ground under a body that does not stand on its feet."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.kinematics.ground import ground_height
from engine.kinematics.proportions import fit_proportions
from engine.kinematics.resting import ground_under
from engine.kinematics.world import find_world
from tests.engine.kinematics import people

STATURE = 1.7
GROUND = -0.8
FEET = [BODY_22.index(f"{end}.{side}") for end in ("ankle", "toe") for side in "LR"]


def lying(frames: int = 60) -> np.ndarray:
    """(T,22) heights of a body on its back, whose limbs lie or are a little raised; over a ground at GROUND."""
    heights = np.full((frames, len(BODY_22)), 0.10)
    for name, height in {"knee": 0.09, "ankle": 0.07, "toe": 0.16, "elbow": 0.07, "wrist": 0.06, "hand": 0.05, "shoulder": 0.12}.items():
        for side in "LR":
            heights[:, BODY_22.index(f"{name}.{side}")] = height
    heights[:, BODY_22.index("wrist.L")] += 0.3 * (1 + np.sin(np.arange(frames) / 9))
    return heights + GROUND


def misread(heights: np.ndarray, seed: int) -> np.ndarray:
    """With errors that last over the take, the larger the farther from the pelvis."""
    far = {"toe": 0.11, "ankle": 0.09, "knee": 0.05, "hand": 0.08, "wrist": 0.08, "elbow": 0.05, "shoulder": 0.03, "head": 0.04}
    size = np.array([far.get(name.split(".")[0], 0.02) for name in BODY_22.joints])
    return heights + np.random.default_rng(seed).normal(size=len(size)) * size


def test_of_a_lying_body_the_ground_is_where_most_of_it_rests() -> None:
    off, by_feet = [], []
    for seed in range(8):
        heights = misread(lying(), seed)
        heights[:, FEET] -= 0.2  # by the feet the ground would lie a hand's breadth or two lower
        sure = np.full(heights.shape, 0.9)
        found = ground_under(heights, sure, STATURE)
        assert ground_under(heights * 2, sure, 2 * STATURE) == pytest.approx(2 * found, abs=0.02)
        off.append(abs(found - GROUND))
        by_feet.append(abs(ground_height(heights[:, FEET[2:]], None, sure[:, FEET[2:]]) - GROUND))
    assert max(off) < 0.1 and np.mean(off) < 0.75 * np.mean(by_feet)


@pytest.mark.parametrize("seed", range(4))
def test_of_who_leans_on_hands_and_feet_it_is_under_these(seed: int) -> None:
    heights = np.full((60, len(BODY_22)), 0.45) + 0.1 * np.sin(np.arange(60) / 8)[:, None] + GROUND
    for names, height in ((("hand", "toe"), 0.04), (("wrist", "ankle"), 0.07), (("knee", "elbow"), 0.25)):
        heights[:, [BODY_22.index(f"{name}.{side}") for name in names for side in "LR"]] = height + GROUND
    small = misread(heights, seed) * 0.4 + heights * 0.6
    assert ground_under(small, np.full(heights.shape, 0.9), STATURE) == pytest.approx(GROUND, abs=0.1)


def test_the_world_of_who_does_not_stand_lies_under_the_body() -> None:
    body = people.walk(2.0).body
    flat = np.stack([body[..., 0] - body[:, :1, 0], body[..., 2] - body[:, :1, 2], 0.1 + 0.3 * (body[..., 1] - body[:, :1, 1])], -1)
    flat[:, FEET, 2] -= 0.3
    path, sure = np.tile([0.0, 0.0, 5.0], (len(flat), 1)), np.full(flat.shape[:2], 0.9)
    relative = flat - flat[:, :1]
    proportions = fit_proportions(relative, sure, people.HEIGHT, 30.0)
    camera = relative @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).T  # Z up becomes y down
    up = np.array([0.0, -1.0, 0.0])
    runs = [slice(0, len(flat))]
    by_feet, between, by_body = (
        find_world(camera, path, sure, proportions, runs, 30.0, None, up, lies).camera_to_world[2, 3] for lies in (0.0, 0.5, 1.0)
    )
    assert by_body < by_feet - 0.1 and between == pytest.approx((by_feet + by_body) / 2)
