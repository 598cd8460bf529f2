"""Training of the refiner over time: its losses, the ups and states it is shown, and that it goes on where it stopped."""

import math

import numpy as np
import pytest
import torch

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.detections import load_detections
from engine.datasets.split import Split
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from engine.refiner.layout import WindowConfig
from engine.training.loop import Run
from engine.training.window_refiner import (
    UNKNOWN_ERROR,
    Fold,
    WindowLearner,
    WindowRecipe,
    evaluate,
    train_window,
    window_loss,
    wrong_up,
)
from tests.engine.datasets.pairs import write_pairs

CONFIG = WindowConfig(hidden=4, heads=1, width=16, dilations=((1,), (1,)), hints=8)
RECIPE = WindowRecipe(steps=4, batch=4, evaluate_every=4, warm_up=1)


@pytest.fixture
def split(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    segments = load_detections(tmp_path)
    return Split(segments[:3], segments[3:])


@pytest.fixture
def lifter():
    torch.manual_seed(0)
    return Lifter(LifterConfig(width=8, dilations=(1,)))


def test_the_loss_of_the_truth_is_zero_and_rises_with_every_fault():
    truth = torch.randn(2, 5, 22, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert float(window_loss(truth, truth, RECIPE)) == pytest.approx(0.0, abs=1e-12)
    moved = truth + torch.tensor([0.0, 0.0, 0.3, 0.0, 0.0])
    assert float(window_loss(moved, truth, RECIPE)) == pytest.approx(0.0, abs=1e-12)  # the root may be anywhere
    bent = truth.clone()
    bent[..., BODY_22.index("ankle.L"), 4] += 0.1
    assert float(window_loss(bent, truth, RECIPE)) > float(window_loss(bent, truth, WindowRecipe(flexion=0.0, direction=0.0))) > 0.0


def test_wrong_ups_are_off_by_what_they_claim():
    up = torch.nn.functional.normalize(torch.randn(4000, 1, 3, generator=torch.Generator().manual_seed(2)), dim=-1)
    level = torch.tensor([0.0, -1.0, 0.0]).expand_as(up)
    wrong, claim = wrong_up(up, level, torch.Generator().manual_seed(3))
    unknown = claim[:, 0] == UNKNOWN_ERROR
    assert 0.11 < float(unknown.float().mean()) < 0.19 and torch.equal(wrong[unknown], level[unknown])
    angle = torch.arccos((wrong * up).sum(-1).clamp(-1, 1))[~unknown, 0]
    # two of the three components of the turn move a vector: the root mean square is sqrt(2) of the error an axis
    ratio = float((angle / claim[~unknown, 0]).square().mean().sqrt())
    assert ratio == pytest.approx(math.sqrt(2) * math.exp(0.3**2), rel=0.1)


def test_states_begin_at_the_guess_or_on_the_way_to_it(split, lifter):
    learner = WindowLearner(lifter, split, None, WindowRecipe(seed=1))
    truth, guess = torch.zeros(300, 2, 22, 5), torch.ones(300, 2, 22, 5)
    noisy, t = learner._noisy(truth, guess)
    size = noisy[:, 0, 0, 0]
    start = t == learner.start_step
    assert 0.3 < float(start.float().mean()) < 0.7
    earlier = t < learner.start_step
    sigma = [learner.schedule.sigma(int(step)) / learner.schedule.sigma(learner.start_step) for step in t[earlier]]
    assert np.allclose(size[earlier], sigma, atol=1e-5)  # towards the truth as far as the step's noise is smaller
    assert bool((t[~start & ~earlier] > learner.start_step).all()) and bool((size[~start & ~earlier] >= 1.0).all())


def test_it_trains_evaluates_and_goes_on_bit_for_bit(split, lifter, tmp_path):
    def run(folder, **more):
        return Run(file=tmp_path / folder, save_every=2, **more)

    whole, start, info = train_window(lifter, split, None, RECIPE, CONFIG, tmp_path / "log", run=run("a"))
    assert start >= 0 and {"guess_mpjpe", "refined_mpjpe", "known_up_bend", "up_degrees"} <= info["validation"].keys()
    with pytest.raises(Failure, match="Stopped"):
        train_window(lifter, split, None, RECIPE, CONFIG, tmp_path / "log", run=run("b", stop_at=2))
    again, _, _ = train_window(lifter, split, None, RECIPE, CONFIG, tmp_path / "log", run=run("b", resume=True))
    for (name, a), (_, b) in zip(whole.state_dict().items(), again.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    figures = evaluate(lifter, whole, split.validation, start)
    assert figures["guess_mpjpe"] == pytest.approx(info["validation"]["guess_mpjpe"])


def test_each_fold_is_lifted_by_the_lifter_that_has_not_seen_it(split, lifter):
    """Runs of either fold come with the guesses of its own lifter; one fold of everything is a training without folds."""
    torch.manual_seed(1)
    other = Lifter(LifterConfig(width=8, dilations=(1,)))
    plain = WindowLearner(lifter, split, None, WindowRecipe(seed=1))
    same = WindowLearner(lifter, split, None, WindowRecipe(seed=1), folds=[Fold(lifter, split.train)])
    for one, two in zip(plain.draw(2), same.draw(2), strict=True):
        assert torch.equal(one, two)
    folds = [Fold(lifter, split.train[:1]), Fold(other, split.train[1:])]
    both = WindowLearner(lifter, split, None, WindowRecipe(seed=1), folds=folds)
    assert both.shares == pytest.approx([1 / 3, 2 / 3], abs=0.15)
    features, guess = both.draw(2)[:2]
    assert features.shape[0] == guess.shape[0] == 2
