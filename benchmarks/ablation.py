"""What each part of the paper's method is worth, on the mocap benchmark: people apart, 2D with a detector's errors.

    python benchmarks/ablation.py --mocap FOLDER [--seeds 2] [--steps 1000] [--json ablation.json]
    python benchmarks/ablation.py --pairs FOLDER --only whole confidence

--pairs takes rendered pairs with MediaPipe's real 2D instead; they also hold how sure it was. --only: the variants with one of these words.

One lifter is trained and shared. Every variant of the network and of the noise is then trained alike, once a seed, and judged on people
whom neither network saw; hypotheses, steps, moving average and flip averaging are varied on the whole method's weights. Errors are MPJPE
and PA-MPJPE over all joints, rooted at the pelvis, in millimetres; +- is half the range over the seeds. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from contract.failure import ExitCode, Failure  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from engine.datasets.benchmark import Source, Split  # noqa: E402
from engine.datasets.registry import load_poses  # noqa: E402
from engine.lifter.mirror import POINT_SIGNS  # noqa: E402
from engine.refiner.graph_lifter import GraphLifter, GraphLifterConfig, lift  # noqa: E402
from engine.refiner.network import Refiner, RefinerConfig  # noqa: E402
from engine.training.diffusion import Noise, Sampling, refine_guess  # noqa: E402
from engine.training.loop import LoopRecipe, train  # noqa: E402
from engine.training.pose_lifter import PoseLifterLearner  # noqa: E402
from engine.training.pose_refiner import MATCHED, DiffusionRecipe, PoseRefinerLearner, guessed_states, make_noise  # noqa: E402
from engine.training.pose_table import PoseTable, judge, pose_table  # noqa: E402
from engine.training.refiner import keep_the_guess  # noqa: E402

WHOLE = "the whole method"


@dataclass(frozen=True)
class Variant:
    """A change to the network or to the noise that asks for a training of its own."""

    name: str
    network: dict[str, Any] = field(default_factory=dict)
    diffusion: dict[str, Any] = field(default_factory=dict)


VARIANTS = (
    Variant(WHOLE),
    Variant("without CCE (a node a joint, 5 channels)", {"use_cce": False}),
    Variant("without CAG", {"use_cag": False}),
    Variant("without bridge edges", {"use_bridges": False}),
    Variant("without the mixture (the published fixed noise)", {}, {"mode": "released", "start_step": MATCHED}),
    Variant("half of the noise the lifter's own whole residuals (the product's recipe)", {}, {"real_share": 0.5}),
)

# Only where the data hold the detector's confidence; elsewhere it is the whole method.
BY_CONFIDENCE = Variant("one mixture a joint for any confidence", {}, {"classes": 1})

# On the weights of the whole method, which itself takes one step and one hypothesis.
SAMPLINGS = {
    "hypotheses 5": Sampling(hypotheses=5),
    "hypotheses 20": Sampling(hypotheses=20),
    "steps 2": Sampling(steps=2),
    "steps 5": Sampling(steps=5),
    "without flip averaging": Sampling(flip=False),
}


@dataclass(frozen=True)
class Setting:
    """The size of the experiment. every: of the frames of the three splits one in so many is used."""

    steps: int = 1000
    lifter_steps: int = 2500
    batch: int = 64
    hidden: int = 32
    layers: int = 3
    heads: int = 2
    learning_rate: float = 2e-3
    every: tuple[int, int, int] = (6, 25, 12)
    precision: str = "float32"  # at this width bf16 is slower on a CPU
    device: str = "cpu"

    def recipe(self, steps: int, seed: int) -> LoopRecipe:
        """Of every training here."""
        return LoopRecipe(
            steps=steps, batch=self.batch, learning_rate=self.learning_rate, warm_up=min(50, steps // 4), ema=0.99,
            precision=self.precision, validate_every=steps, seed=seed,
        )  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """The three splits with the shared lifter's guesses."""

    tables: dict[str, PoseTable]
    guesses: dict[str, Tensor]


def read_tables(source: Source, setting: Setting) -> dict[str, PoseTable]:
    """The splits: detected keypoints beside the exact ones."""
    splits: tuple[Split, ...] = ("train", "validation", "test")
    return {
        split: pose_table(
            load_poses(replace(source, keypoints="detected"), split), load_poses(replace(source, keypoints="gt"), split), every,
            setting.device,
        )
        for split, every in zip(splits, setting.every, strict=True)
    }  # fmt: skip


def train_guess(tables: dict[str, PoseTable], setting: Setting) -> Bench:
    """The lifter that all variants share, and what it makes of every frame."""
    skeleton = tables["train"].skeleton
    torch.manual_seed(0)
    model = GraphLifter(skeleton, GraphLifterConfig(setting.hidden, setting.layers, setting.heads, 0.0, 0.0, 0.0)).to(setting.device)
    learner = PoseLifterLearner(tables["train"], tables["validation"])
    done = train(learner, model, setting.recipe(setting.lifter_steps, 0), layout={})
    return Bench(tables, {split: lift(done.model, skeleton, table.keypoints) for split, table in tables.items()})


def train_variant(bench: Bench, variant: Variant, setting: Setting, seed: int) -> tuple[nn.Module, nn.Module, Noise]:
    """(moving average, raw weights, noise) of one training. The noise is that of validation's subjects, unknown to the lifter."""
    tables, guesses = bench.tables, bench.guesses
    skeleton = tables["train"].skeleton
    diffusion = DiffusionRecipe(**variant.diffusion)
    noise = make_noise(tables["validation"], guesses["validation"], diffusion, seed)
    torch.manual_seed(seed)
    config = RefinerConfig(setting.hidden, setting.layers, setting.heads, 0.0, 0.0, 0.0, **variant.network)
    model = Refiner(skeleton, config).to(setting.device)
    keep_the_guess(model)
    learner = PoseRefinerLearner(
        tables["train"], guesses["train"], tables["validation"], guesses["validation"], noise, diffusion, seed=seed
    )
    done = train(learner, model, setting.recipe(setting.steps, seed), layout={})
    return done.model, done.raw, noise


def judged(bench: Bench, model: nn.Module, noise: Noise, sampling: Sampling) -> dict[str, float]:
    """Test errors {mpjpe, pa} and, with several hypotheses, the correlation of their spread with the error."""
    table = bench.tables["test"]
    guess = guessed_states(table, bench.guesses["test"])
    refined = refine_guess(model, noise, table.skeleton, guess, table.keypoints, POINT_SIGNS, sampling, frames=table.frames)
    figures = judge(refined.pose[..., 2:], table.poses, "refined")
    if sampling.hypotheses > 1:
        error = (refined.pose[..., 2:] - table.poses).norm(dim=-1)[:, 1:]
        figures["spread"] = float(torch.corrcoef(torch.stack([refined.spread[:, 1:].flatten(), error.flatten()]))[0, 1])
    return {name.removeprefix("refined_"): value for name, value in figures.items()}


Rows = dict[str, list[dict[str, float]]]


def variants_of(tables: dict[str, PoseTable], words: list[str] | None = None) -> tuple[Variant, ...]:
    """The variants that mean something for the data, those with one of `words` in their name."""
    found = VARIANTS if tables["train"].confidence is None else (*VARIANTS, BY_CONFIDENCE)
    return tuple(v for v in found if words is None or any(word in v.name for word in words))


def ablate(
    bench: Bench, setting: Setting, seeds: int, told: Callable[[Rows], None] = lambda rows: None, variants: tuple[Variant, ...] = VARIANTS
) -> Rows:
    """Name of the row -> figures of every seed. `told` hears of the rows after each training."""
    guess = judge(bench.guesses["test"], bench.tables["test"].poses, "guess")
    rows: Rows = {"the lifter's guess": [{"mpjpe": guess["guess_mpjpe"], "pa": guess["guess_pa"]}]}
    for seed in range(seeds):
        for variant in variants:
            model, raw, noise = train_variant(bench, variant, setting, seed)
            rows.setdefault(variant.name, []).append(judged(bench, model, noise, Sampling()))
            if variant.name == WHOLE:
                for name, sampling in SAMPLINGS.items():
                    rows.setdefault(name, []).append(judged(bench, model, noise, sampling))
                rows.setdefault("without EMA (the last step's weights)", []).append(judged(bench, raw, noise, Sampling()))
            told(rows)
    return rows


def markdown(rows: Rows) -> str:
    """The table; the difference is to the whole method of the same seed, so that what the seeds share cancels."""
    lines = ["| | MPJPE mm | PA-MPJPE mm | MPJPE against the whole method |", "|---|---|---|---|"]
    whole = rows.get(WHOLE, [])
    for name, figures in rows.items():
        cells = [spread([f[key] for f in figures]) for key in ("mpjpe", "pa")]
        same = figures * len(whole) if len(figures) == 1 else figures  # the lifter's guess has no seed
        pairs = [f["mpjpe"] - w["mpjpe"] for f, w in zip(same, whole, strict=False)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {spread(pairs, sign=True) if pairs and name != WHOLE else ''} |")
    return "\n".join(lines)


def spread(values: list[float], sign: bool = False) -> str:
    """Mean and half the range."""
    mean = f"{np.mean(values):{'+' if sign else ''}.2f}"
    return mean if len(values) < 2 else f"{mean} ± {(max(values) - min(values)) / 2:.2f}"


def main() -> int:
    """Runs the experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--mocap", type=Path, help="folder of motion capture")
    data.add_argument("--pairs", type=Path, help="folder of rendered pairs")
    parser.add_argument("--only", nargs="+", help="the variants with one of these words in their name")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--json", type=Path, default=Path("ablation.json"), help="figures of every seed, written after each training")
    add_overwrite_argument(parser)
    parser.add_argument("--threads", type=int, default=1)
    for name in ("steps", "lifter_steps", "batch", "hidden", "layers", "heads", "device"):
        default = getattr(Setting(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    read = parser.parse_args()
    torch.set_num_threads(read.threads)
    setting = Setting(**{name: getattr(read, name) for name in ("steps", "lifter_steps", "batch", "hidden", "layers", "heads", "device")})
    try:
        (read.json,) = check_outputs([read.json], kinds=(".json",), overwrite=read.overwrite)
        source = Source("mocap", read.mocap) if read.pairs is None else Source("detections", read.pairs)
        tables = read_tables(source, setting)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    began, chosen = time.monotonic(), variants_of(tables, read.only)

    def told(rows: Rows) -> None:
        count = sum(len(rows.get(variant.name, [])) for variant in chosen)
        print(f"{time.monotonic() - began:.0f} s, {count} trainings", file=sys.stderr, flush=True)
        frames = {split: len(table) for split, table in tables.items()}
        write_text(json.dumps({"setting": asdict(setting), "frames": frames, "rows": rows}, indent=1) + "\n", read.json)

    rows = ablate(train_guess(tables, setting), setting, read.seeds, told, chosen)
    print(markdown(rows))
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
