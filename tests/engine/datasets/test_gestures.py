"""Arms put together from poses: where the angles say they are, from the body's own trunk, and everything else as it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contract.skeleton import BODY_22
from engine.datasets.flexion import angle_between
from engine.datasets.gestures import ALIKE, WAVER, draw_gestures, with_arms
from tests.engine.datasets.pairs import standing

ARM = [BODY_22.index(f"{joint}.{side}") for side in "LR" for joint in ("elbow", "wrist", "hand")]


@pytest.fixture
def people() -> np.ndarray:
    """(40,22,3) of somebody who stands and leans every way."""
    turns = Rotation.random(40, random_state=2).as_matrix()
    one = np.asarray(standing(), dtype=float).reshape(-1, len(BODY_22), 3)[0]
    return one @ np.swapaxes(turns, -1, -2)


def at(poses: np.ndarray, name: str) -> np.ndarray:
    return poses[:, BODY_22.index(name)]


def angles(hand: tuple[float, float], elbow: float, elbow_out: float = 30.0, frames: int = 40) -> np.ndarray:
    return np.tile([*hand, elbow, elbow_out], (frames, 2, 1)).astype(float)


def test_bones_keep_their_lengths_and_all_but_the_arms_stays(people: np.ndarray) -> None:
    moved = with_arms(people, draw_gestures(40, np.random.default_rng(1)))
    others = [j for j in range(len(BODY_22)) if j not in ARM]
    assert np.array_equal(moved[:, others], people[:, others]) and not np.allclose(moved[:, ARM], people[:, ARM])
    for joint in ARM:
        before, after = (np.linalg.norm(x[:, joint] - x[:, BODY_22.parents[joint]], axis=-1) for x in (people, moved))
        assert np.allclose(before, after)


def test_a_t_pose_lies_along_the_shoulders(people: np.ndarray) -> None:
    moved = with_arms(people, angles((0.0, 90.0), 0.0))
    left = at(people, "shoulder.L") - at(people, "shoulder.R")
    assert np.degrees(angle_between(at(moved, "hand.L") - at(moved, "shoulder.L"), left)).max() < 1e-4
    assert np.degrees(angle_between(at(moved, "hand.R") - at(moved, "shoulder.R"), -left)).max() < 1e-4


@pytest.mark.parametrize(("elbow", "hand"), [(15.0, (0.0, 5.0)), (90.0, (30.0, 10.0)), (130.0, (140.0, 0.0))])
def test_an_elbow_is_bent_by_what_is_asked_whatever_the_lengths(people: np.ndarray, elbow: float, hand: tuple[float, float]) -> None:
    moved = with_arms(people, angles(hand, elbow))
    for side in "LR":
        upper, fore = (at(moved, f"{b}.{side}") - at(moved, f"{a}.{side}") for a, b in (("shoulder", "elbow"), ("elbow", "wrist")))
        assert np.allclose(np.degrees(angle_between(upper, fore)), elbow, atol=1e-5)


def test_arms_turn_with_the_body(people: np.ndarray) -> None:
    drawn, turn = draw_gestures(40, np.random.default_rng(5)), Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()
    assert np.allclose(with_arms(people @ turn.T, drawn), with_arms(people, drawn) @ turn.T)


def test_draws_are_reproducible_gentle_and_mostly_alike_on_both_sides() -> None:
    runs = [draw_gestures(90, np.random.default_rng(seed)) for seed in range(200)]
    assert np.array_equal(runs[7], draw_gestures(90, np.random.default_rng(7)))
    drawn = np.stack(runs)
    assert np.abs(np.diff(drawn, axis=1)).max() < 30.0  # degrees a frame: from hanging to over the head in a third of a second
    apart = np.abs(drawn[:, 0, 0] - drawn[:, 0, 1]).max(-1)
    assert (apart < 4 * WAVER).mean() == pytest.approx(ALIKE, abs=0.1)  # and a few of those who do otherwise, by chance
