import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.lifter.layout import LifterConfig
from engine.training import augmentation
from engine.training.lifter import LifterRecipe, loop_recipe, pose_loss, train_lifter
from engine.training.loop import learning_rate
from engine.training.pose_losses import JOINT_WEIGHT
from tests.engine.datasets.pairs import write_pairs
from tests.engine.training.test_pose_losses import bent, straight

SMALL = LifterConfig(width=24, dilations=(1, 2))
QUICK = LifterRecipe(steps=40, batch=4, learning_rate=3e-3, warm_up=5, ema=0.9, evaluate_every=20)


@pytest.fixture
def split(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    return split_segments(load_detections(tmp_path))


def test_training_learns_and_is_the_same_twice(split, tmp_path, monkeypatch):
    """Without the errors that augmentation adds, so that few steps show it."""
    for name in ("WORLD_TURN_SIGMA", "WORLD_SCALE_SIGMA", "WORLD_DEPTH_SIGMA", "WORLD_OFFSET_SIGMA", "POINT_OFFSET_SIGMA", "HIDDEN_SHARE"):
        monkeypatch.setattr(augmentation, name, 0.0)
    model, info = train_lifter(split, None, QUICK, SMALL, tmp_path / "log.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40]
    assert lines[1]["loss"] < 0.9 * lines[0]["loss"]
    assert info["validation"]["lifter_mpjpe"] < info["validation"]["base_mpjpe"]
    again, _ = train_lifter(split, None, QUICK, SMALL, tmp_path / "again.jsonl")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_training_goes_on_from_given_weights(split, tmp_path):
    """With a rate of zero the result is where it started, which is not where an untrained network starts."""
    first, _ = train_lifter(split, None, QUICK, SMALL, tmp_path / "log.jsonl")
    still = replace(QUICK, steps=3, learning_rate=0.0)
    second, _ = train_lifter(split, None, still, SMALL, tmp_path / "log.jsonl", first.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert any(bool(value.any()) for value in second.leave.state_dict().values())


def test_the_loss_of_a_known_error():
    truth = torch.zeros(1, 5, len(BODY_22), 3)
    moving = truth.clone()
    moving[..., 0] = 0.1 * torch.arange(5)[None, :, None]  # a tenth of a stature a frame, bones as they were
    weight = float(np.mean(JOINT_WEIGHT))
    placed = LifterRecipe(velocity=0.0, bone=0.0, direction=0.0, flexion=0.0)
    assert float(pose_loss(moving, truth, placed)) == pytest.approx(1.7 * 0.2 * weight, rel=1e-5)
    assert float(pose_loss(moving, truth, replace(placed, velocity=1.0, bone=5.0))) == pytest.approx(1.7 * (0.2 + 0.1) * weight, rel=1e-5)


def test_turned_bones_and_bent_limbs_cost_beside_the_places_of_their_joints():
    """By what the recipe says: a bent knee is a chord of one bone in 21 and its angle of one hinge in four."""
    truth, bent_one = (pose.expand(1, 3, -1, -1) for pose in (straight(), bent(60.0)))
    none = LifterRecipe(velocity=0.0, bone=0.0, direction=0.0, flexion=0.0)
    cost = [float(pose_loss(bent_one, truth, replace(none, **more))) for more in ({}, {"direction": 0.5}, {"flexion": 0.5})]
    assert cost[1] - cost[0] == pytest.approx(0.5 / len(BODY_22.edges), rel=1e-4)  # the chord of 60 degrees is 1
    assert cost[2] - cost[0] == pytest.approx(0.5 * np.pi / 3 / 4, rel=1e-3)


def test_the_learning_rate_rises_then_falls():
    recipe = loop_recipe(LifterRecipe(steps=1000, warm_up=100, learning_rate=1e-3))
    rates = [learning_rate(s, recipe) for s in range(1000)]
    assert rates[0] == pytest.approx(1e-5) and max(rates) == pytest.approx(1e-3) and rates.index(max(rates)) in (99, 100)
    assert rates[550] == pytest.approx(1e-3 * (0.01 + 0.99 * 0.5), rel=0.01) and rates[-1] < 1.2e-5
