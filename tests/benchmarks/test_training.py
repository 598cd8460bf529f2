from benchmarks.training import BF16, ROWS, STRAIGHT, measure, one_by_one, table
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.lifter.layout import LifterConfig
from engine.training.lifter import LifterLearner, LifterRecipe
from tests.engine.datasets.pairs import write_pairs


def test_every_row_trains_the_same_batches(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=4)
    split, recipe = split_segments(load_detections(tmp_path)), LifterRecipe(batch=3)
    learner = LifterLearner(split, None, recipe)
    assert [part.shape for part in one_by_one(learner, 3)] == [part.shape for part in learner.draw(3)]
    speeds = measure(split, recipe, LifterConfig(width=8, dilations=(1,)), steps=1, rounds=2)
    assert tuple(speeds) == ROWS and all(len(values) == 2 and min(values) > 0 for values in speeds.values())


def test_the_ratio_is_that_of_the_rounds():
    """Both are twice as slow in the second round; the ratio is 3 in each."""
    speeds = {STRAIGHT: [10.0, 5.0, 10.0], BF16: [30.0, 15.0, 30.0]}
    last = table(speeds, 2e9, 1e12).splitlines()[-1]
    assert "| 3.00 |" in last and "60.0 (6.0 % of peak)" in last
