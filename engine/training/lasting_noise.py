"""Gives a refiner's weights the time constants of its errors, so that the hypotheses of a capture last over frames; trains nothing.

    python -m engine.training.lasting_noise --data PAIRS --weights FOLDER -o FOLDER

Weights that were trained before the noise knew of time hold a mixture alone, of which every frame is drawn anew. The mixture, the network
and the poses of a single hypothesis stay as they are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from contract.failure import ExitCode, Failure
from engine.datasets.detections import load_detections
from engine.refiner import weights
from engine.refiner.error_fit import LASTING_FRAMES, lasting
from engine.refiner.pose import PoseModel
from engine.training.lifter import LENGTH
from engine.training.loop import Draws
from engine.training.refiner import POOL_RUNS, RefinerRecipe, pool_of_poses
from engine.training.split import split_segments

BATCHES = -(-LASTING_FRAMES // (POOL_RUNS * LENGTH))  # of augmented crops: as many frames as the constants are measured on


def add_time_constants(pairs: Path, source: Path, out: Path, seed: int = 0) -> None:
    """Writes refiner.safetensors of the folder `source` into `out`, with the constants of the training pairs' residuals."""
    split = split_segments(load_detections(pairs))
    if not split.train:
        raise Failure("bad_input", f"{pairs} lacks training pairs; both bodies and sources are held apart.")
    model, draws = PoseModel("cpu", source / "lifter.safetensors", source / "refiner.safetensors"), Draws(seed)
    seen = pool_of_poses(model.lifter, split, RefinerRecipe(pool=BATCHES), draws.rng, draws.generator)
    residuals = (seen.guess - seen.truth).double().numpy()
    errors = lasting(model.noise.errors, residuals, seen.confidence.double().numpy(), seen.times.numpy())
    stored = model.refiner_weights
    out.mkdir(parents=True, exist_ok=True)
    header = stored.header | {"time_constants": {"frames": min(LASTING_FRAMES, len(residuals)), "seed": seed, "without": stored.sha256}}
    weights.save_weights(out / "refiner.safetensors", stored.tensors | errors.to_tensors(), header)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.lasting_noise", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs")
    parser.add_argument("--weights", type=Path, default=weights.FOLDER, help="folder of lifter and refiner (default: the shipped ones)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for refiner.safetensors and its line in SHA256SUMS")
    read = parser.parse_args(arguments)
    try:
        add_time_constants(read.data, read.weights, read.out)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
