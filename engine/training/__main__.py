"""`python -m engine.training lifter|refiner --data FOLDER`: trains the shipped weights; the lifter first, the refiner on its output."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from contract.failure import ExitCode, Failure
from engine.datasets.detections import load_detections
from engine.datasets.mocap import load_mocap
from engine.refiner import weights
from engine.refiner.lifter import Lifter, LifterConfig
from engine.refiner.network import RefinerConfig
from engine.training.lifter import LifterRecipe, train_lifter
from engine.training.refiner import RefinerRecipe, train_refiner
from engine.training.split import HELD_OUT_HUMANS, HELD_OUT_SOURCES, Split, split_segments, training_motions
from engine.training.transplant import Motions

# The refiner sees each pose once or twice and never the same noise: dropout only slows it.
REFINER_LAYOUT = RefinerConfig(dropout=0.0, attention_dropout=0.0, conv_dropout=0.0)


def main() -> int:
    """Trains one network and writes its weights."""
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("network", choices=("lifter", "refiner"))
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs (*.npz)")
    parser.add_argument(
        "--mocap", type=Path, help="folder of motion capture (*.npz) for the lifter; without it only the rendered motions are learnt"
    )
    parser.add_argument(
        "--weights", type=Path, default=weights.FOLDER, help="folder of the weights (default: the shipped ones, overwritten)"
    )
    parser.add_argument("--start", type=Path, help="folder of the weights to train on from (default: from scratch)")
    parser.add_argument("--log", type=Path, default=Path("training.jsonl"), help="figures, a line an evaluation (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for field in {f.name: f for recipe in (LifterRecipe, RefinerRecipe) for f in fields(recipe)}.values():
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=None)
    read = parser.parse_args()
    torch.set_num_threads(read.threads)
    try:
        split = split_segments(load_detections(read.data))
        if read.network == "lifter":
            _lifter(read, split)
        else:
            _refiner(read, split)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return int(ExitCode.DONE)


def _given(read: argparse.Namespace, recipe: type) -> dict[str, Any]:
    return {f.name: getattr(read, f.name) for f in fields(recipe) if getattr(read, f.name) is not None}


def _data(split: Split) -> dict[str, object]:
    return {
        "train_segments": len(split.train), "train_frames": sum(len(s.detected) for s in split.train),
        "validation_segments": len(split.validation), "validation_frames": sum(len(s.detected) for s in split.validation),
        "held_out_humans": sorted(HELD_OUT_HUMANS), "held_out_sources": sorted(HELD_OUT_SOURCES),
    }  # fmt: skip


def _start(read: argparse.Namespace, name: str) -> weights.Weights | None:
    """The weights that training goes on from."""
    return None if read.start is None else weights.load_weights(read.start / f"{name}.safetensors")


def _origin(start: weights.Weights | None) -> dict[str, object]:
    """What the header says of them: their sum and their own recipe, so that the whole way can be gone again."""
    return {} if start is None else {"start": {"sha256": start.sha256, "recipe": start.header["recipe"]}}


def _lifter(read: argparse.Namespace, split: Split) -> None:
    config = LifterConfig()
    motions = None if read.mocap is None else Motions(training_motions(load_mocap(read.mocap)))
    start, recipe = _start(read, "lifter"), LifterRecipe(**_given(read, LifterRecipe))
    model, info = train_lifter(split, motions, recipe, config, read.log, start.part("lifter") if start else None)
    tensors = {f"lifter.{name}": value for name, value in model.state_dict().items()}
    header = {"layout": asdict(config), "data": _data(split), **_origin(start), **info}
    weights.save_weights(read.weights / "lifter.safetensors", tensors, header)


def _refiner(read: argparse.Namespace, split: Split) -> None:
    stored = weights.load_weights(read.weights / "lifter.safetensors")
    lifter = Lifter(LifterConfig.from_dict(stored.header["layout"]))
    weights.load_into(lifter, stored.part("lifter"), "lifter")
    recipe = RefinerRecipe(**_given(read, RefinerRecipe))
    start = _start(read, "refiner")
    model, mixture, start_step, info = train_refiner(
        lifter.eval(), split, recipe, REFINER_LAYOUT, read.log, start.part("refiner") if start else None
    )
    tensors = {f"refiner.{name}": value for name, value in model.state_dict().items()} | mixture.to_tensors()
    header = {"layout": model.config.to_dict(), "start_step": start_step, "lifter": stored.sha256, "data": _data(split)}
    header |= {**_origin(start), **info}
    weights.save_weights(read.weights / "refiner.safetensors", tensors, header)


if __name__ == "__main__":
    sys.exit(main())
