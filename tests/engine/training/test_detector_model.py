import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine import torch_weights
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.lifter.codec import encode, encode_truth
from engine.training import detector_model
from engine.training.augmentation import CARRIER, viewed
from engine.training.crops import Crops
from engine.training.detector_model import (
    IMAGE,
    VISIBILITY,
    WORLD,
    DetectorConfig,
    DetectorModel,
    DetectorRecipe,
    load_detector_model,
    read,
    reread,
    train_detector_model,
)
from engine.training.transplant import Motions, transplant
from tests.engine.datasets.pairs import standing, write_pairs

SMALL = DetectorConfig(width=24, dilations=(1,), dropout=0.0)
QUICK = DetectorRecipe(steps=150, batch=4, learning_rate=1e-2, warm_up=5, ema=0.9, build=0.0, evaluate_every=75)


@pytest.fixture
def split(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    return split_segments(load_detections(tmp_path))


@pytest.fixture
def crops(split):
    return Crops(split.train).draw(6, np.random.default_rng(0))


def moved(pairs):
    """The same people with both arms put elsewhere, the landmarks left behind."""
    truth = pairs.truth.clone()
    for side in "LR":
        truth[:, :, BODY_22.index(f"wrist.{side}"), 1] -= 0.3
    return replace(pairs, truth=truth)


def test_a_reading_and_its_errors_are_the_same_thing(crops):
    """Errors of nothing put every landmark on its joint, in the picture and in the detector's own space."""
    seen = read(crops)
    projected = (crops.truth[..., :2] / crops.truth[..., 2:])[:, :, CARRIER]
    exact = replace(crops, rays=projected, world=viewed(crops.truth, crops.stature)[:, :, CARRIER] / detector_model.WORLD_TO_STATURE)
    errors = read(exact).errors
    assert errors[..., WORLD].abs().max() < 1e-5
    assert errors[..., IMAGE].abs().max() < 1e-5
    torch.testing.assert_close(seen.errors[..., VISIBILITY].sigmoid(), crops.visibility.clamp(0.01, 0.99))
    # by the other route: the networks' own coding, where the virtual camera looks at the pelvis as well
    encoded = encode(crops.rays, crops.visibility, crops.world, crops.detected, torch.zeros(len(crops.stature)))
    lengths = encode_truth(crops.truth, encoded.rotation, crops.stature).norm(dim=-1)
    torch.testing.assert_close(viewed(crops.truth, crops.stature).norm(dim=-1), lengths)


def test_an_untrained_model_leaves_the_errors_as_they_were(crops):
    """It foresees nothing, so what the detector got wrong stays, at the pose's new place."""
    new = moved(crops)
    torch.testing.assert_close(
        read(reread(crops, new.truth, new.stature, DetectorModel(SMALL))).errors, read(crops).errors, atol=1e-4, rtol=1e-4
    )


def test_what_is_foreseen_changes_with_the_pose(crops):
    """A model whose error is known in closed form: the first landmark lies as much too deep as the left wrist is high."""

    class HighWrist(torch.nn.Module):
        def forward(self, pose, depth):
            mean = torch.zeros(*pose.shape[:2], detector_model.VALUES)
            mean[..., 2] = pose[:, :, BODY_22.index("wrist.L"), 1]
            return mean, torch.zeros_like(mean)

    new = moved(crops)
    before, after = read(crops), read(reread(crops, new.truth, new.stature, HighWrist()))
    change = after.errors - before.errors
    rise = viewed(new.truth, new.stature) - viewed(crops.truth, crops.stature)
    expected = torch.zeros_like(change)
    expected[..., 2] = detector_model.WORLD_UNIT * rise[:, :, BODY_22.index("wrist.L"), 1]
    torch.testing.assert_close(change, expected, atol=1e-4, rtol=1e-4)
    assert expected.abs().max() > 0.005


def test_where_the_new_pose_is_less_sure_the_rest_grows(crops):
    class LessSure(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, pose, depth):
            spread = torch.full((*pose.shape[:2], detector_model.VALUES), 0.5 * self.calls)
            self.calls += 1
            return torch.zeros_like(spread), spread

    grown = read(reread(crops, crops.truth, crops.stature, LessSure())).errors[..., WORLD]
    torch.testing.assert_close(grown, float(np.exp(0.5)) * read(crops).errors[..., WORLD], atol=1e-4, rtol=1e-4)


def test_training_foresees_errors_that_follow_from_the_pose(split, tmp_path):
    """Landmarks too deep by as much as the pelvis is turned. Two people turn by less than a circle here, so they are judged themselves."""

    def wrong(segment):
        hips = segment.truth[:, BODY_22.index("hip.L")] - segment.truth[:, BODY_22.index("hip.R")]
        world = segment.world.copy()
        world[..., 2] += (0.2 * hips[:, 2] / np.linalg.norm(hips, axis=-1))[:, None]
        return replace(segment, world=world)

    turned = [wrong(s) for s in split.train]
    taught = replace(split, train=turned, validation=turned)
    model, info = train_detector_model(taught, QUICK, SMALL, tmp_path / "log.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [75, 150]
    assert lines[1]["loss"] < lines[0]["loss"]
    assert info["validation"]["foreseen_world"] > 0.3
    again, _ = train_detector_model(taught, QUICK, SMALL, tmp_path / "again.jsonl")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_weights_are_read_back_and_used_by_transplants(split, crops, tmp_path):
    model, info = train_detector_model(split, replace(QUICK, steps=5), SMALL, tmp_path / "log.jsonl")
    tensors = {f"detector.{name}": value for name, value in model.state_dict().items()}
    layout = {"width": 24, "dilations": [1], "dropout": 0.0}
    torch_weights.save_weights(tmp_path / "detector.safetensors", tensors, {"layout": layout, **info})
    stored = load_detector_model(tmp_path / "detector.safetensors")
    motions = Motions([np.tile(standing(1.0), (60, 1, 1)) @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) for _ in range(2)])
    plain, changed = (transplant(crops, motions, 0.5, np.random.default_rng(3), detector) for detector in (None, stored))
    assert torch.equal(plain.truth, changed.truth)
    rows = (plain.truth != crops.truth).flatten(1).any(1)
    assert 0 < rows.sum() < len(rows)
    assert torch.equal(changed.world[~rows], crops.world[~rows])  # who was not moved is read as before
    assert (changed.world[rows] - plain.world[rows]).abs().mean() > 1e-5
    assert torch.isfinite(changed.rays).all()
