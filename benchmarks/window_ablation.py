"""What each part of the refiner over windows is worth, on people and motions that nothing was trained on.

    python benchmarks/window_ablation.py --unseen PAIRS LIFTER [--unseen PAIRS LIFTER] --judge PAIRS [--mocap FOLDER] [--steps 300]

--unseen: rendered pairs, and a lifter that has not learnt from them (docs/data.md); --judge: pairs of held-out people. Every variant is
trained from nothing, alike and with the same seed, and judged with the shipped lifter, or with --lifter. Errors over the twelve limb joints
rooted at the middle of the hips, mm, and of the flexion of knees and elbows, degrees; of a small training they say which way a part pulls,
not what it brings in the end. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from benchmarks.ablation import spread  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.outputs import add_overwrite_argument, check_outputs, write_text  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.mocap import load_mocap  # noqa: E402
from engine.datasets.split import Split, split_segments, training_motions  # noqa: E402
from engine.lifter.codec import Encoded, encode, encode_truth  # noqa: E402
from engine.lifter.gravity import GravityNetwork  # noqa: E402
from engine.lifter.layout import GravityLayout  # noqa: E402
from engine.lifter.network import Lifter, load_lifter  # noqa: E402
from engine.poses import LIFTER_FILE  # noqa: E402
from engine.refiner.error_fit import fit  # noqa: E402
from engine.refiner.error_model import ErrorModel  # noqa: E402
from engine.refiner.layout import WindowConfig  # noqa: E402
from engine.refiner.mixture import Mixture  # noqa: E402
from engine.refiner.state import states  # noqa: E402
from engine.refiner.window import WindowRefiner  # noqa: E402
from engine.training.augmentation import Pairs  # noqa: E402
from engine.training.lifter import LifterRecipe, pose_loss  # noqa: E402
from engine.training.loop import Batch, Forward, train  # noqa: E402
from engine.training.refiner import point_frame, true_state  # noqa: E402
from engine.training.transplant import Motions  # noqa: E402
from engine.training.window_refiner import (  # noqa: E402
    UNKNOWN_ERROR,
    Fold,
    WindowLearner,
    WindowNetworks,
    WindowRecipe,
    evaluate,
    loop_recipe,
)

WHOLE = "as it ships"
FITTED = 400  # frames a segment at most that noise is fitted to


class DetectorsPose(nn.Module):
    """In a lifter's place what the detector itself says of the pose; without hints."""

    def __init__(self, lifter: Lifter) -> None:
        super().__init__()
        self.config = lifter.config

    def with_hints(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """See `Lifter.with_hints`."""
        return self.read(encoded.features, encoded.base)

    def read(self, features: Tensor, base: Tensor) -> tuple[Tensor, Tensor]:
        """See `Lifter.read`."""
        return base - base[..., :1, :], torch.zeros(*base.shape[:2], self.config.width, dtype=base.dtype)


class WholePose(WindowRefiner):
    """Predicts the pose itself, not by how much the state has to be changed."""

    def forward(self, x: Tensor, t: Tensor, guide: Tensor, conditions: Tensor) -> Tensor:
        """See `WindowRefiner.forward`."""
        return super().forward(x, t, guide, conditions) - x


class Blind(nn.Module):
    """In the place of the network that finds up: the camera's own level, and that nothing is known."""

    def forward(self, features: Tensor, guess: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """See `GravityNetwork.forward`."""
        return level, torch.full(level.shape[:-1], UNKNOWN_ERROR, dtype=level.dtype)


class Untold(WindowLearner):
    """Up is never told."""

    def told_up(self, up: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """See `WindowLearner.told_up`."""
        return level, torch.full(up.shape[:2], UNKNOWN_ERROR, dtype=up.dtype)


class Drawn(WindowLearner):
    """Guesses are the truth and noise that was drawn for each joint by itself, from a mixture or a Gaussian, and lasts for the run; what a
    lifter really got wrong is not shown."""

    noise: Mixture

    def guessed(self, truth: Tensor, guess: Tensor) -> Tensor:
        """See `WindowLearner.guessed`."""
        mean, deviate = ErrorModel.of(self.noise).draw((len(truth),), truth, self.draws.generator)
        return truth + (mean + deviate)[:, None]


class Along(WindowLearner):
    """The lifter is trained along: from what it has learnt on, by its own error and by what the refiner makes of its guess and its hints.
    What it is shown it learns by heart, as no lifter of a fold does."""

    trained: Lifter

    @torch.no_grad()
    def draw(self, rows: int) -> Batch:
        """See `WindowLearner.draw`: the runs as they are, for the lifter to see them with its gradient."""
        _, pairs, roll = self.runs(rows)
        return *(getattr(pairs, part.name) for part in fields(Pairs)), roll

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """See `WindowLearner.loss`; and the lifter's own error."""
        *parts, roll = batch
        pairs = Pairs(*parts)
        encoded = encode(pairs.rays, pairs.visibility, pairs.world, pairs.detected, roll)
        shown = self.shown(self.trained, pairs, encoded)
        exact = encode_truth(pairs.truth, encoded.rotation, pairs.stature)
        own = LifterRecipe(velocity=self.recipe.velocity, bone=self.recipe.bone, direction=0.0, flexion=0.0)
        return super().loss(forward, shown) + pose_loss(shown[1], exact, own)


class Together(WindowNetworks):
    """With the lifter that is trained along."""

    def __init__(self, gravity: GravityNetwork, refiner: WindowRefiner, lifter: Lifter) -> None:
        super().__init__(gravity, refiner)
        self.lifter = lifter


@dataclass(frozen=True)
class Variant:
    """A change to the recipe, the network or what is shown. noise: components of the mixture that guesses are drawn from."""

    recipe: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    learner: type[WindowLearner] = WindowLearner
    refiner: type[WindowRefiner] = WindowRefiner
    detector: bool = False
    noise: int = 0


VARIANTS = {
    WHOLE: Variant(),
    "begun with the detector's own pose": Variant(detector=True),
    "the whole pose, not its change": Variant(refiner=WholePose),
    "without gravity": Variant(learner=Untold),
    "single frames": Variant(config={"dilations": ((), ())}),
    "guesses drawn from the mixture": Variant(learner=Drawn, noise=3),
    "guesses drawn from a Gaussian": Variant(learner=Drawn, noise=1),
    "the lifter trained along": Variant(learner=Along),
    "loss of joints alone": Variant(recipe={"direction": 0.0, "flexion": 0.0}),
    "loss of joints and bones' directions": Variant(recipe={"flexion": 0.0}),
    "loss of joints and flexion": Variant(recipe={"direction": 0.0}),
}
KNOWN = "guesses of a lifter that knows the people"


@torch.no_grad()
def residuals(folds: Sequence[Fold]) -> Tensor:
    """(N,22,5) what lifters get wrong about the pairs of their folds: state less the true one."""
    found = []
    for lifter, segments in folds:
        for one in segments:
            part = [torch.from_numpy(getattr(one, name)[None, :FITTED]) for name in ("rays", "visibility", "world", "detected", "truth")]
            encoded = encode(*part[:4])
            guess, _ = lifter.with_hints(encoded)
            stature = torch.tensor([one.stature])
            exact = true_state(encoded, part[4], stature, point_frame(encoded, part[0]))
            found.append((states(encoded, guess) - exact).double())
    return torch.cat(found)


@dataclass(frozen=True)
class Bench:
    """What all variants share. known: folds whose lifters have learnt from them, where such were given."""

    folds: list[Fold]
    judge: list[Segment]
    lifter: Lifter
    motions: Motions | None
    recipe: WindowRecipe
    config: WindowConfig
    known: list[Fold]


def judged(bench: Bench, variant: Variant, seed: int, folds: Sequence[Fold]) -> dict[str, float]:
    """One training, and its figures on the pairs to judge by."""
    recipe = replace(bench.recipe, seed=seed, **variant.recipe)
    config = replace(bench.config, hints=bench.lifter.config.width, **variant.config)
    lifter: Any = DetectorsPose(bench.lifter) if variant.detector else bench.lifter
    folds = [Fold(DetectorsPose(fold.lifter), fold.segments) for fold in folds] if variant.detector else list(folds)  # type: ignore[arg-type]
    torch.manual_seed(seed)
    model = WindowNetworks(GravityNetwork(GravityLayout()), variant.refiner(config))
    learner = variant.learner(lifter, Split([], bench.judge), bench.motions, recipe, folds=folds)
    if isinstance(learner, Along):
        learner.trained = copy.deepcopy(bench.lifter)
        model = Together(model.gravity, model.refiner, learner.trained)
    if isinstance(learner, Drawn):
        learner.noise = fit(residuals(folds), variant.noise, seed)
    done = train(learner, model, replace(loop_recipe(recipe), validate_every=recipe.steps), layout={})
    trained: WindowNetworks = done.model
    if variant.learner is Untold:
        trained.gravity = Blind()  # type: ignore[assignment]
    return evaluate(trained.lifter if isinstance(trained, Together) else lifter, trained, bench.judge, learner.start_step)


Rows = dict[str, list[dict[str, float]]]


def ablate(bench: Bench, names: Sequence[str], seeds: int, told: Callable[[Rows], None] = lambda rows: None) -> Rows:
    """Name of the row -> figures of every seed. `told` hears of the rows after each training."""
    rows: Rows = {}
    for seed in range(seeds):
        for name in names:
            found = judged(bench, VARIANTS.get(name, Variant()), seed, bench.known if name == KNOWN else bench.folds)
            rows.setdefault(name, []).append(found)
            told(rows)
    return rows


def markdown(rows: Rows) -> str:
    """The table; the guess is the first row's."""
    lines = ["| | MPJPE mm | PA-MPJPE mm | bend, degrees |", "|---|---|---|---|"]
    kinds = ("mpjpe", "pa", "bend")
    if rows:
        first = next(iter(rows.values()))
        lines.append("| the lifter's guess | " + " | ".join(spread([f[f"guess_{kind}"] for f in first[:1]]) for kind in kinds) + " |")
    for name, figures in rows.items():
        lines.append(f"| {name} | " + " | ".join(spread([f[f"refined_{kind}"] for f in figures]) for kind in kinds) + " |")
    return "\n".join(lines)


def held_out(folders: Sequence[Path]) -> list[Segment]:
    """Who of the pairs in these folders is held out. Raises Failure."""
    judge = [one for folder in folders for one in load_detections(folder) if not split_segments([one]).train]
    if not judge:
        raise Failure("bad_input", f"{', '.join(map(str, folders))} holds nobody who is held out.")
    return judge


def read_bench(read: argparse.Namespace) -> Bench:
    """What the words name. Raises Failure."""
    motions = None if read.mocap is None else Motions(training_motions(load_mocap(read.mocap)))
    recipe = WindowRecipe(steps=read.steps, learning_rate=read.learning_rate, warm_up=30, transplant=0.25 if motions else 0.0)
    judge = held_out([read.judge])
    folds, known = (
        [Fold(load_lifter(lifter), split_segments(load_detections(pairs)).train) for pairs, lifter in given]
        for given in (read.unseen, read.known)
    )
    return Bench(folds, judge, load_lifter(read.lifter), motions, recipe, WindowConfig(dropout=0.1), known)


def main() -> int:
    """Runs the experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = ("PAIRS", "LIFTER")
    parser.add_argument("--unseen", nargs=2, type=Path, action="append", metavar=words, required=True)
    parser.add_argument("--known", nargs=2, type=Path, action="append", metavar=words, default=[], help=f"adds a row: {KNOWN}")
    parser.add_argument("--judge", type=Path, required=True, help="pairs of held-out people")
    parser.add_argument("--lifter", type=Path, default=LIFTER_FILE, help="whose guesses are judged (default: the shipped one)")
    parser.add_argument("--mocap", type=Path, help="folder of motion capture that is seen too")
    parser.add_argument("--only", nargs="+", help="the variants with one of these words in their name")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("window_ablation.json"), help="figures of every seed")
    add_overwrite_argument(parser)
    read = parser.parse_args()
    torch.set_num_threads(read.threads)
    began = time.monotonic()

    def told(rows: Rows) -> None:
        print(f"{time.monotonic() - began:.0f} s, {sum(map(len, rows.values()))} trainings", file=sys.stderr, flush=True)
        write_text(json.dumps({"steps": read.steps, "rows": rows}, indent=1) + "\n", read.json)

    try:
        both = [*read.unseen, *read.known]
        folders = (read.judge, *(pairs for pairs, _ in both), *([read.mocap] if read.mocap else []))
        given = [read.lifter, *(lifter for _, lifter in both), *(path for folder in folders for path in folder.glob("*.npz"))]
        (read.json,) = check_outputs([read.json], given, (".json",), read.overwrite)
        bench = read_bench(read)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    names = [*VARIANTS, *([KNOWN] if bench.known else [])]
    chosen = [name for name in names if read.only is None or any(word in name for word in read.only)]
    print(markdown(ablate(bench, chosen, read.seeds, told)))
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
