"""Made-up motions on the floor: bones keep their lengths, joints bend as they can, and nothing sticks in the floor."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.datasets.floor_motion import THICK, draw_floor_motion, joints, numbers_of, put_on_floor, turn_of
from engine.datasets.floor_poses import NEIGHBOURS, POSES, SHARES
from engine.datasets.motion_kind import FLOOR, LOW, classify
from engine.training.metrics import LIMBS, flexion

PARENTS = np.array(BODY_22.parents)


def placed(kind: str, seed: int) -> np.ndarray:
    """(22,3) of a pose of that kind on the floor."""
    pose = POSES[kind](np.random.default_rng(seed))
    return put_on_floor(joints(numbers_of(pose)) @ turn_of(pose).T, np.array([pose.carried]))[0]


def height(places: np.ndarray, *names: str) -> float:
    return float(np.mean([places[BODY_22.index(name), 2] for name in names]))


def test_bones_keep_their_lengths_and_nothing_sticks_in_the_floor():
    """A limb that lies down quickly may sink for a few frames, and be fast: that is rare."""
    random = np.random.default_rng(0)
    thick = np.array([THICK[name.split(".")[0]] for name in BODY_22.joints])
    lengths, sunk, fastest = [], [], []
    for _ in range(40):
        motion = draw_floor_motion(70, random)
        assert motion.shape == (70, 22, 3)
        lengths.append(np.linalg.norm(motion[:, 1:] - motion[:, PARENTS[1:]], axis=-1))
        sunk.append((thick - motion[..., 2]).max(1))
        fastest.append(np.linalg.norm(np.diff(motion, axis=0), axis=-1).max(1))
    assert np.ptp(np.concatenate(lengths), axis=0).max() < 1e-6
    assert np.percentile(sunk, 98) < 0.03 and np.max(sunk) < 0.2
    assert np.percentile(fastest, 98) < 0.15 and np.max(fastest) < 0.4  # metres a frame


def test_what_carries_somebody_is_on_the_floor():
    """Where four points are not in one plane it passes between them."""
    for kind, ends in (("plank", ("wrist.L", "wrist.R")), ("forearms", ("elbow.L", "elbow.R")), ("bear", ("wrist.L", "wrist.R"))):
        places = [placed(kind, seed) for seed in range(30)]
        assert np.median([height(one, *ends) for one in places]) < 0.13, kind
        assert min(height(one, "pelvis") for one in places) > 0.2, kind
    for seed in range(30):
        assert height(placed("supine", seed), "pelvis", "chest") < 0.3
        assert height(placed("prone", seed), "pelvis") < 0.25


def test_who_lies_on_the_back_looks_up_and_who_lies_on_the_belly_down():
    """By the cross product of the shoulder line and the trunk, which is independent of how the pose was turned."""
    for seed in range(20):
        for kind, sign in (("supine", 1.0), ("prone", -1.0), ("plank", -1.0), ("all fours", -1.0), ("bridge", 1.0)):
            places = placed(kind, seed)
            at = {name: places[BODY_22.index(name)] for name in ("shoulder.L", "shoulder.R", "pelvis", "neck")}
            front = np.cross(at["shoulder.R"] - at["shoulder.L"], at["neck"] - at["pelvis"])
            assert -sign * front[2] > 0, (kind, seed)


def test_knees_and_elbows_bend_by_what_the_pose_says():
    """Flexion as the benchmarks measure it, of the body before it is laid on the floor."""
    for seed in range(20):
        pose = POSES["all fours"](np.random.default_rng(seed))
        found = flexion(joints(numbers_of(pose))[:, list(LIMBS)])[0]
        assert found[:2] == pytest.approx([leg.knee for leg in pose.legs], abs=0.1)
        assert found[2:] == pytest.approx([arm.elbow for arm in pose.arms], abs=0.1)


def test_most_of_it_is_on_the_floor():
    random = np.random.default_rng(1)
    kinds = np.concatenate([classify(draw_floor_motion(60, random)) for _ in range(60)])
    assert (kinds == FLOOR).mean() > 0.7 and np.isin(kinds, (FLOOR, LOW)).mean() > 0.85


def test_every_kind_has_a_share_and_neighbours_that_are_there():
    assert set(POSES) == set(SHARES) == set(NEIGHBOURS) and sum(SHARES.values()) == pytest.approx(1.0)
    assert {name for near in NEIGHBOURS.values() for name in near} <= set(POSES)


def test_the_same_seed_gives_the_same_motion():
    one, other = (draw_floor_motion(50, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
