import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.lifter.codec import encode
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from engine.refiner.error_fit import Fit
from engine.refiner.network import RefinerConfig
from engine.refiner.state import CONFIDENCE, METRES, pose_of
from engine.training.crops import LENGTH
from engine.training.refiner import (
    RefinerRecipe,
    StateTable,
    fit_noise,
    noisy,
    point_frame,
    pool_of_poses,
    run_times,
    train_refiner,
    true_state,
    validation_poses,
)
from engine.training.transplant import Motions
from tests.engine.datasets.pairs import standing, write_pairs

TINY = RefinerConfig(hidden=8, layers=2, heads=2, dropout=0.0, attention_dropout=0.0, conv_dropout=0.0)


@pytest.fixture
def split(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    return split_segments(load_detections(tmp_path))


def made_up_poses(count=400):
    g = torch.Generator().manual_seed(0)
    truth = 0.3 * torch.randn(count, len(BODY_22), 5, generator=g)
    truth[:, 0, 2:] = 0
    guess = truth + 0.04 * torch.randn(truth.shape, generator=g)
    guess[:, 0, 2:] = 0
    guide = torch.zeros(count, len(BODY_22), 6)
    guide[..., CONFIDENCE] = torch.rand(count, len(BODY_22), generator=g) - 0.5
    return StateTable(guess, truth, guide, torch.arange(count, dtype=torch.float64) / 30.0)


def test_the_true_state_lies_on_the_points_of_a_detector_that_is_right(split):
    """The made-up detector stands on the joints, so for limb joints guess and truth agree in the picture."""
    s = split.validation[0]
    rays, visibility, world, detected, truth = (
        torch.from_numpy(getattr(s, n))[None] for n in ("rays", "visibility", "world", "detected", "truth")
    )
    encoded = encode(rays, visibility, world, detected)
    state = true_state(encoded, truth, torch.tensor([s.stature]), point_frame(encoded, rays))
    limbs = [BODY_22.index(f"{j}.{side}") for j in ("knee", "ankle", "shoulder", "wrist", "toe") for side in "LR"]
    assert torch.allclose(state[:, limbs, :2], METRES * encoded.points[0][:, limbs], atol=0.02)
    rooted = (s.truth - s.truth[:, :1]) / s.stature
    assert torch.allclose(pose_of(state) @ encoded.rotation[0].transpose(-1, -2), torch.from_numpy(rooted), atol=1e-5)


def test_at_the_start_step_the_noise_is_as_large_as_the_guesses_error():
    poses = made_up_poses()
    noise = fit_noise(poses, Fit(2, 1))
    rmse = float((poses.guess - poses.truth)[:, 1:, 2:].square().mean().sqrt())
    assert noise.schedule.sigma(noise.start_step) == pytest.approx(rmse, rel=0.15)
    t = torch.full((len(poses.truth),), noise.start_step)
    h, _ = noisy(poses, noise, t, 0.0, torch.Generator().manual_seed(0))
    assert float((h - poses.truth).std()) == pytest.approx(float((poses.guess - poses.truth).std()), rel=0.1)


def test_the_lifters_own_residual_is_the_noise_of_the_real_share():
    poses = made_up_poses()
    noise = fit_noise(poses, Fit(1, 1))
    t = torch.full((len(poses.truth),), noise.start_step)
    h, eps = noisy(poses, noise, t, 1.0, torch.Generator().manual_seed(0))
    assert torch.allclose(h, poses.guess, atol=1e-6)
    kept, sigma = noise.schedule.coefficients(t, h)
    assert torch.allclose((h - sigma * eps) / kept, poses.truth, atol=1e-5)


def test_the_unsure_get_the_noise_of_the_unsure():
    """Half of the rows err three times as far and are less sure: so does their noise."""
    poses = made_up_poses(4000)
    unsure = poses.confidence < 0.5
    guess = poses.truth + torch.where(unsure[..., None], 3.0, 1.0) * (poses.guess - poses.truth)
    poses = StateTable(guess, poses.truth, poses.guide, poses.times)
    noise = fit_noise(poses, Fit(1, 2))
    t = torch.full((len(poses.truth),), noise.start_step)
    h, _ = noisy(poses, noise, t, 0.0, torch.Generator().manual_seed(0))
    for rows, size in ((unsure, 0.12), (~unsure, 0.04)):
        assert float((h - poses.truth)[:, 1:][rows[:, 1:]].std()) == pytest.approx(size, rel=0.05)
    assert float(noise.errors.deviate_seconds.max()) < 0.02  # drawn frame by frame


def test_runs_are_far_apart():
    times = run_times([3, 2])
    assert times[:3].tolist() == pytest.approx([0, 1 / 30, 2 / 30]) and times[3] - times[2] > 100 and times[4] - times[3] < 0.04


def test_training_starts_at_the_guess_learns_and_is_the_same_twice(split, tmp_path):
    lifter = Lifter(LifterConfig(width=8, dilations=(1,))).eval()
    recipe = RefinerRecipe(steps=30, batch=64, warm_up=5, components=1, pool=2, evaluate_every=15, ema=0.8, learning_rate=3e-3)
    model, errors, start_step, info = train_refiner(lifter, split, recipe, TINY, tmp_path / "log.jsonl")
    again, *_ = train_refiner(lifter, split, recipe, TINY, tmp_path / "again.jsonl")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert 0 <= start_step < 51 and errors.classes[0].weights.shape == (len(BODY_22), 1)
    assert np.isfinite(list(info["validation"].values())).all()
    assert len(validation_poses(lifter, split).guess) == sum(-(-len(s.detected) // 4) for s in split.validation)


def test_crops_are_moved_to_other_motions(split):
    """A motion whose shins are half as long tells itself apart."""
    lifter = Lifter(LifterConfig(width=8, dilations=(1,))).eval()
    knee, ankle, hip = (BODY_22.index(f"{name}.L") for name in ("knee", "ankle", "hip"))
    body = standing() @ np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    for side in "LR":
        above, below = (BODY_22.index(f"{name}.{side}") for name in ("knee", "ankle"))
        body[below] = body[above] + 0.5 * (body[below] - body[above])
    motions = Motions([np.tile(body, (60, 1, 1))])

    def ratios(share):
        recipe = RefinerRecipe(pool=2, transplant=share)
        poses = pool_of_poses(lifter, split, recipe, np.random.default_rng(0), torch.Generator().manual_seed(0), motions)
        joints = poses.truth[..., 2:]
        assert poses.guess.shape == poses.truth.shape == (2 * 32 * LENGTH, 22, 5)
        return ((joints[:, ankle] - joints[:, knee]).norm(dim=-1) / (joints[:, hip] - joints[:, knee]).norm(dim=-1)).median()

    assert float(ratios(1.0) / ratios(0.0)) == pytest.approx(0.5, rel=0.15)  # builds vary by some per cent
