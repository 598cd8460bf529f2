"""The loop on a problem whose answer is known: a linear map."""

import json
import signal

import pytest
import torch
from torch import nn

from contract.failure import Failure
from engine.training import loop
from engine.training.loop import Draws, Ema, LoopRecipe, Run, learning_rate, lines_into, pose_flops, train

TRUE = torch.tensor([[1.0, -2.0, 0.5]])
QUICK = LoopRecipe(steps=20, batch=8, learning_rate=0.1, warm_up=2, ema=0.5, precision="float32", validate_every=10)


class Linear:
    """Learns `TRUE` from noisy products; drawing uses both generators."""

    frames = 3

    def __init__(self, seed=0):
        self.draws = Draws(seed)
        self.judged = []

    def draw(self, rows):
        x = torch.randn(rows, 3, generator=self.draws.generator)
        return x, x @ TRUE.T + 0.01 * torch.from_numpy(self.draws.rng.standard_normal((rows, 1))).float()

    def loss(self, forward, batch):
        return (forward(batch[0]) - batch[1]).square().mean()

    def validate(self, model):
        assert not model.training
        self.judged.append(model[0].weight.detach().clone())
        return {"error": float((model[0].weight.detach() - TRUE).norm())}

    def state(self):
        return self.draws.state()

    def load_state(self, state):
        self.draws.load_state(state)


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 1, bias=False), nn.Dropout(0.1))


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_learns_the_known_answer():
    done = train(Linear(), nn.Sequential(nn.Linear(3, 1, bias=False)), LoopRecipe(**{**vars(QUICK), "steps": 200}), layout={})
    assert (done.model[0].weight - TRUE).norm() < 0.05
    assert done.lines[-1].step == 200 and done.figures["error"] < done.lines[0].figures["error"]
    assert done.lines[-1].poses_per_second > 0


def test_twenty_steps_are_ten_and_ten_more_bit_for_bit(tmp_path):
    """Dropout, noise, optimiser, moving average and the curve all go on where they stopped."""
    whole = train(Linear(), model(), QUICK, layout={"a": 1})
    file = tmp_path / "c.pt"
    with pytest.raises(Failure, match="after 10 of 20 steps; the same command with --resume") as stopped:
        train(Linear(), model(), QUICK, layout={"a": 1}, run=Run(file=file, stop_at=10))
    assert stopped.value.exit_code == 130
    again = train(Linear(seed=5), nn.Sequential(nn.Linear(3, 1, bias=False), nn.Dropout(0.1)), QUICK, layout={"a": 1},
                  run=Run(file=file, resume=True))  # fmt: skip
    assert same(whole.model, again.model) and same(whole.raw, again.raw)
    assert [line.loss for line in whole.lines] == [line.loss for line in again.lines]
    assert not same(whole.model, whole.raw)


def test_the_moving_average_is_what_is_judged_and_given(tmp_path):
    learner = Linear()
    done = train(learner, model(), QUICK, layout={})
    assert torch.equal(learner.judged[-1], done.model[0].weight)
    assert not torch.equal(learner.judged[-1], done.raw[0].weight)


def test_the_average_against_its_formula():
    module = nn.Linear(2, 2)
    ema, expected = Ema(module, 0.9), module.weight.detach().double().clone()
    for step in range(30):
        with torch.no_grad():
            module.weight.add_(torch.randn(2, 2))
        ema.update(module, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * module.weight.detach().double()
    assert torch.allclose(ema.values["weight"].double(), expected, atol=1e-5)


def test_a_checkpoint_of_another_layout_is_refused_and_left_alone(tmp_path):
    file = tmp_path / "c.pt"
    with pytest.raises(Failure):
        train(Linear(), model(), QUICK, layout={"hidden": 48}, run=Run(file=file, stop_at=10))
    before = file.read_bytes()
    with pytest.raises(Failure, match=r"another layout \(hidden 48, not 96\)") as other:
        train(Linear(), model(), QUICK, layout={"hidden": 96}, run=Run(file=file, resume=True))
    assert other.value.code == "bad_input"
    with pytest.raises(Failure, match=r"another recipe \(steps 20, not 30\)"):
        train(Linear(), model(), LoopRecipe(**{**vars(QUICK), "steps": 30}), layout={"hidden": 48}, run=Run(file=file, resume=True))
    with pytest.raises(Failure, match="already holds a training; go on with --resume"):
        train(Linear(), model(), QUICK, layout={"hidden": 48}, run=Run(file=file))
    assert file.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_after_the_step_with_a_checkpoint(tmp_path, number):
    file = tmp_path / "c.pt"
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def end(done, _speed):
        if done == 7:
            signal.raise_signal(number)

    with pytest.raises(Failure, match="Stopped after 7 of 20"):
        train(Linear(), model(), QUICK, layout={}, run=Run(file=file, on_step=(end,)))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    again = train(Linear(), model(), QUICK, layout={}, run=Run(file=file, resume=True))
    assert same(again.model, train(Linear(), model(), QUICK, layout={}).model)


def test_an_impossible_batch_is_passed_over():
    class Once(Linear):
        count = 0

        def loss(self, forward, batch):
            self.count += 1
            return super().loss(forward, batch) * (1e6 if self.count == 15 else 1.0)

    calm, wild = (
        train(Once(), model(), LoopRecipe(**{**vars(QUICK), "spike": spike, "clip": 1e9, "optimiser": "adam"}), layout={}).raw[0].weight
        for spike in (2.5, 0.0)
    )
    assert (calm - TRUE).norm() < (wild - TRUE).norm()


def test_a_loss_that_is_no_number_is_told():
    class Broken(Linear):
        def loss(self, forward, batch):
            return super().loss(forward, batch) * float("nan")

    with pytest.raises(Failure, match="no number after 10 steps"):
        train(Broken(), model(), QUICK, layout={})


def test_the_rates_against_torchs_own_schedulers():
    recipe = LoopRecipe(steps=100, warm_up=20, learning_rate=2e-3, decay="one_cycle")
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=100, pct_start=0.2)
    for step in range(100):
        assert learning_rate(step, recipe) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        optimiser.step()
        if step < 99:
            cycle.step()
    stairs = LoopRecipe(decay="stairs", learning_rate=1.0, stair_factor=0.9, stair_steps=60)
    assert [learning_rate(s, stairs) for s in (0, 59, 60, 120)] == pytest.approx([1.0, 1.0, 0.9, 0.81])


def test_operations_are_counted_and_nothing_is_moved():
    """A product (rows,3) @ (3,1) costs 6 operations a row forward and 6 for the weight's gradient; the input needs none."""
    learner, module = Linear(), nn.Sequential(nn.Linear(3, 1, bias=False))
    before = learner.state()["rng"]
    assert pose_flops(learner, module, torch.device("cpu")) == pytest.approx(12 / Linear.frames)
    assert learner.state()["rng"] == before and module[0].weight.grad is None


def test_lines_are_json(tmp_path):
    train(Linear(), model(), QUICK, layout={}, run=Run(on_line=(lines_into(tmp_path / "log.jsonl"),)))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20] and all(line["error"] > 0 for line in lines)


@pytest.mark.parametrize(("name", "value"), [("decay", "steep"), ("precision", "int4"), ("optimiser", "sgd"), ("steps", 0), ("ema", 1.0)])
def test_a_recipe_that_cannot_be_is_refused(name, value):
    with pytest.raises(Failure, match=name):
        loop.LoopRecipe(**{name: value})
