"""How many poses a second the product's lifter is trained with, against a straightforward loop, ingredient by ingredient.

    python benchmarks/training.py --pairs FOLDER [--steps 4] [--rounds 5] [--threads 2] [--device cpu] [--json training.json]

The straightforward loop is what one writes first: a data set that makes one augmented crop at a time, its items stacked, single precision,
AdamW and a moving average that go through the parameters one by one. Each row below it adds one thing; the last is `train`'s own loop.
Rounds take turns, so that a busy machine slows all rows alike; the figures are medians over the rounds with their range.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from engine.datasets.detections import load_detections  # noqa: E402
from engine.datasets.split import Split, split_segments  # noqa: E402
from engine.lifter.layout import LifterConfig  # noqa: E402
from engine.lifter.network import Lifter  # noqa: E402
from engine.training.augmentation import Pairs, augment  # noqa: E402
from engine.training.display import peak_of  # noqa: E402
from engine.training.lifter import CLIP, LifterLearner, LifterRecipe, loop_recipe  # noqa: E402
from engine.training.loop import Batch, Ema, make_optimiser, pose_flops, train  # noqa: E402

STRAIGHT, BATCHED, FUSED, BF16 = "straightforward", "+ the batch made at once", "+ fused optimiser and average", "+ bf16 (`train`)"
ROWS = (STRAIGHT, BATCHED, FUSED, BF16)
Steps = Callable[[int], None]


class Unjudged(LifterLearner):
    """Validation is not what is measured."""

    def validate(self, model: Lifter) -> dict[str, float]:
        return {}


def one_by_one(learner: LifterLearner, rows: int) -> Batch:
    """A batch whose crops are drawn and augmented one at a time and then stacked."""
    items = []
    for _ in range(rows):
        pairs, roll = augment(learner.crops.draw(1, learner.draws.rng), learner.draws.generator)
        items.append((*(getattr(pairs, field.name) for field in fields(Pairs) if field.name != "up"), roll))
    return tuple(torch.cat(parts) for parts in zip(*items, strict=True))


class SlowEma:
    """The moving average, one tensor after another."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, _step: int) -> None:
        """See `Ema.update`."""
        for name, value in model.state_dict().items():
            self.values[name].mul_(self.decay).add_(value, alpha=1 - self.decay)


def make_steps(row: str, split: Split, recipe: LifterRecipe, layout: LifterConfig, device: str) -> Steps:
    """A function that trains so many steps of that row's loop."""
    torch.manual_seed(0)
    model = Lifter(layout).to(device).train()
    learner = Unjudged(split, None, recipe, device)
    settings = loop_recipe(recipe)
    if row == BF16:

        def whole(count: int) -> None:
            train(learner, model, loop_recipe(replace_steps(recipe, count)), layout={})

        return whole
    fused = row == FUSED
    optimiser = make_optimiser(model, settings) if fused else torch.optim.AdamW(model.parameters(), foreach=False)
    average = Ema(model, settings.ema) if fused else SlowEma(model, settings.ema)

    def plain(count: int) -> None:
        for step in range(count):
            batch = one_by_one(learner, recipe.batch) if row == STRAIGHT else learner.draw(recipe.batch)
            loss: Tensor = learner.loss(model, batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP, foreach=fused)
            optimiser.step()
            average.update(model, step)
            float(loss.detach())

    return plain


def replace_steps(recipe: LifterRecipe, steps: int) -> LifterRecipe:
    """The recipe with another length and no validation in between."""
    return LifterRecipe(**{**vars(recipe), "steps": steps, "evaluate_every": steps})


def measure(
    split: Split, recipe: LifterRecipe, layout: LifterConfig, steps: int, rounds: int, device: str = "cpu"
) -> dict[str, list[float]]:
    """Poses a second of every row and round."""
    loops = {row: make_steps(row, split, recipe, layout, device) for row in ROWS}
    for loop in loops.values():
        loop(1)  # the first step pays for allocations
    speeds: dict[str, list[float]] = {row: [] for row in ROWS}
    for _ in range(rounds):
        for row, loop in loops.items():
            if device == "cuda":
                torch.cuda.synchronize()
            began = time.perf_counter()
            loop(steps)
            if device == "cuda":
                torch.cuda.synchronize()
            speeds[row].append(steps * recipe.batch * LifterLearner.frames / (time.perf_counter() - began))
    return speeds


def table(speeds: dict[str, list[float]], flops: float, peak: float | None) -> str:
    """In Markdown."""
    lines = ["| loop | poses/s | range | times the straightforward | GFLOP/s |", "|---|---|---|---|---|"]
    # the ratio of each round, then its median: what a busy moment does to both cancels
    for row, values in speeds.items():
        median = statistics.median(values)
        ratio = statistics.median(a / b for a, b in zip(values, speeds[STRAIGHT], strict=True))
        share = f" ({100 * median * flops / peak:.1f} % of peak)" if peak else ""
        done = f"{median * flops / 1e9:.1f}{share}"
        lines.append(f"| {row} | {median:,.0f} | {min(values):,.0f} to {max(values):,.0f} | {ratio:.2f} | {done} |")
    return "\n".join(lines)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of rendered pairs")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path)
    add_overwrite_argument(parser)
    read = parser.parse_args()
    torch.set_num_threads(read.threads)
    try:
        if read.json is not None:
            (read.json,) = check_outputs([read.json], kinds=(".json",), overwrite=read.overwrite)
        split = split_segments(load_detections(read.pairs))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    recipe, layout = LifterRecipe(), LifterConfig()
    speeds = measure(split, recipe, layout, read.steps, read.rounds, read.device)
    flops = pose_flops(Unjudged(split, None, recipe, read.device), Lifter(layout).to(read.device), torch.device(read.device))
    print(table(speeds, flops, peak_of(torch.cuda.get_device_name()) if read.device == "cuda" else None))
    if read.json is not None:
        write_text(json.dumps({"poses_per_second": speeds, "flops_per_pose": flops}, indent=1) + "\n", read.json)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
