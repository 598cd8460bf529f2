import json

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from engine.refiner.error_fit import Fit
from engine.refiner.network import RefinerConfig
from engine.refiner.sampler import Ddim
from engine.refiner.sequence import SequenceRefiner
from engine.refiner.state import GUIDE_SIGNS
from engine.training.crops import LENGTH
from engine.training.refiner import StateTable, fit_noise, keep_the_guess, run_times
from engine.training.sequence_refiner import SequenceLearner, SequenceRecipe, judge_runs, refined_runs, train_sequence
from tests.engine.datasets.pairs import write_pairs

TINY = RefinerConfig(hidden=8, layers=2, heads=2, dropout=0.0, attention_dropout=0.0, conv_dropout=0.0, guide_signs=GUIDE_SIGNS)
QUICK = SequenceRecipe(steps=6, batch=3, warm_up=2, ema=0.5, components=1, classes=1, pool=1, evaluate_every=3)


@pytest.fixture
def split(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    return split_segments(load_detections(tmp_path))


@pytest.fixture
def lifter():
    return Lifter(LifterConfig(width=16, dilations=(1, 2))).eval()


def made_up(runs=(30, 20)):
    g = torch.Generator().manual_seed(0)
    truth = 0.3 * torch.randn(sum(runs), len(BODY_22), 5, generator=g)
    truth[:, 0, 2:] = 0
    guess = truth + 0.04 * torch.randn(truth.shape, generator=g)
    guess[:, 0, 2:] = 0
    return StateTable(guess, truth, torch.zeros(sum(runs), len(BODY_22), 6), run_times(runs))


def test_runs_are_refined_each_by_itself():
    """As when each run is handed over alone."""
    torch.manual_seed(0)
    model = SequenceRefiner(BODY_22, TINY, reach=3).eval()
    for parameter in model.over_time.parameters():
        parameter.data = 0.1 * torch.randn(parameter.shape)
    poses = made_up()
    noise = fit_noise(poses, Fit(1, 1))
    with torch.inference_mode():
        both = refined_runs(model, noise, poses)
        for part in (slice(0, 30), slice(30, 50)):
            torch.testing.assert_close(both[part], refined_runs(model, noise, poses[part]))
        states, step = noise.start(poses.guess[:30], 1, 0.0)
        alone = Ddim(noise.schedule).sample(model, states, poses.guide[None, :30], noise.schedule.times(step, 1))[0]
    torch.testing.assert_close(both[:30], alone)


def test_who_keeps_the_guess_has_its_errors():
    model = SequenceRefiner(BODY_22, TINY, reach=3)
    keep_the_guess(model.refiner)
    poses = made_up()
    figures = judge_runs(model, fit_noise(poses, Fit(1, 1)), poses)
    for name in ("mpjpe", "pa"):
        # no noise predicted leaves the pose but for the scale of its step
        assert figures[f"refined_{name}"] == pytest.approx(figures[f"guess_{name}"], rel=0.05)
    assert figures["guess_mpjpe"] > 50


def test_batches_are_whole_runs_with_one_step_each(split, lifter):
    learner = SequenceLearner(lifter, split, QUICK)
    h, t, guide, eps = learner.draw(5)
    assert h.shape == eps.shape == (5, LENGTH, 22, 5) and guide.shape == (5, LENGTH, 22, 6) and t.shape == (5,)
    kept, sigma = (values.view(5, 1, 1, 1) for values in learner.noise.schedule.coefficients(t, h[:, 0]))
    truth = (h - sigma * eps) / kept
    runs = learner.pool.truth.unflatten(0, (-1, LENGTH))
    for row in truth:
        assert (row - runs).abs().amax((1, 2, 3)).min() < 1e-3


def test_training_goes_on_from_a_single_frame_refiner_and_repeats(split, lifter, tmp_path):
    start = SequenceRefiner(BODY_22, TINY).refiner.state_dict()
    model, _, start_step, info = train_sequence(lifter, split, QUICK, TINY, tmp_path / "log.jsonl", start)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6] and np.isfinite(lines[-1]["loss"])
    assert set(info["validation"]) == {f"{who}_{what}" for who in ("guess", "refined") for what in ("mpjpe", "pa", "accel")}
    assert any(bool(layer.attention.out.weight.abs().max() > 0) for layer in model.over_time)
    again, _, _, _ = train_sequence(lifter, split, QUICK, TINY, tmp_path / "again.jsonl", start)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert start_step > 0
