"""The ablation of the refiner over windows on made-up pairs: every variant trains, and changes what its name says."""

from __future__ import annotations

import pytest
import torch

from benchmarks.window_ablation import KNOWN, VARIANTS, WHOLE, Bench, DetectorsPose, Drawn, Untold, WholePose, ablate, markdown, residuals
from engine.datasets.detections import load_detections
from engine.datasets.split import Split, split_segments
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from engine.refiner.error_fit import fit
from engine.refiner.layout import WindowConfig
from engine.training.window_refiner import UNKNOWN_ERROR, Fold, WindowLearner, WindowRecipe
from tests.engine.datasets.pairs import write_pairs

CONFIG = WindowConfig(hidden=4, heads=1, width=16, dilations=((1,), (1,)), hints=8)
RECIPE = WindowRecipe(steps=2, batch=2, evaluate_every=2, warm_up=1, transplant=0.0)


@pytest.fixture
def bench(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=6)
    split = split_segments(load_detections(tmp_path))
    torch.manual_seed(0)
    lifter = Lifter(LifterConfig(width=8, dilations=(1,)))
    torch.nn.init.normal_(lifter.leave.weight, std=0.01)  # else it says what the detector says
    fold = Fold(lifter, split.train)
    return Bench([fold], split.validation, lifter, None, RECIPE, CONFIG, [fold])


def test_every_variant_has_a_row(bench):
    rows = ablate(bench, [*VARIANTS, KNOWN], 1)
    assert list(rows) == [*VARIANTS, KNOWN]
    assert all(row[0]["refined_mpjpe"] > 0 for row in rows.values())
    assert rows[KNOWN] == rows[WHOLE]  # here the same lifter
    assert rows["begun with the detector's own pose"][0]["guess_mpjpe"] != rows[WHOLE][0]["guess_mpjpe"]
    assert rows["the lifter trained along"][0]["guess_mpjpe"] != rows[WHOLE][0]["guess_mpjpe"]  # it has learnt
    assert rows["without gravity"][0]["up_degrees"] != rows[WHOLE][0]["up_degrees"]
    table = markdown(rows)
    assert table.count("\n") == len(rows) + 2 and "the lifter's guess" in table


def test_what_variants_show(bench):
    split = Split([], bench.judge)
    plain = WindowLearner(bench.lifter, split, None, RECIPE, folds=bench.folds)
    untold = Untold(bench.lifter, split, None, RECIPE, folds=bench.folds)
    up = torch.nn.functional.normalize(torch.randn(2, 60, 3), dim=-1)
    level = torch.tensor([0.0, -1.0, 0.0]).expand(2, 60, 3)
    told, error = untold.told_up(up, level)
    assert torch.equal(told, level) and float(error.min()) == pytest.approx(UNKNOWN_ERROR)
    drawn = Drawn(bench.lifter, split, None, RECIPE, folds=bench.folds)
    drawn.noise = fit(residuals(bench.folds), 1)
    truth = torch.zeros(2, 30, 22, 5)
    guess = drawn.guessed(truth, truth)
    assert torch.equal(guess[:, :1].expand_as(guess), guess) and float(guess.abs().max()) > 0  # it lasts
    assert plain.guessed(truth, guess) is guess


def test_the_detectors_pose_is_rooted_and_has_no_hints(bench):
    folds = [Fold(DetectorsPose(bench.lifter), bench.folds[0].segments)]
    features, guess = WindowLearner(bench.lifter, Split([], bench.judge), None, RECIPE, folds=folds).draw(2)[:2]
    assert features.shape[:2] == guess.shape[:2] and float(guess[..., 0, :].abs().max()) == 0


def test_an_untrained_network_of_whole_poses_predicts_nothing():
    network = WholePose(CONFIG)
    x = torch.randn(1, 4, 22, 5)
    told = torch.zeros(1, dtype=torch.long), torch.zeros(1, 4, 22, CONFIG.guide), torch.zeros(1, 4, CONFIG.conditions)
    assert torch.equal(network(x, *told), 0 * x)
