"""The mean of several lifters' weights, each trained on from another or from the same one.

    python -m engine.training.average FOLDER FOLDER ... --data PAIRS -o FOLDER

On footage unlike the training pairs, lifters of nearly the same validation error differ by several millimetres, now one way and now the
other. Weights between them waver less and err less (Wortsman et al., "Model soups", ICML 2022): the model card has the figures. The header
says what went in, and how the mean does on the validation pairs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from contract.failure import ExitCode, Failure
from engine.datasets.detections import load_detections
from engine.refiner import weights
from engine.refiner.lifter import Lifter, LifterConfig
from engine.training.lifter import evaluate
from engine.training.split import split_segments

FILE = "lifter.safetensors"
TOLD = ("recipe", "stopped_at", "start", "data")  # of each that went in, where its header has it


def average(folders: Sequence[Path], pairs: Path, out: Path) -> dict[str, Any]:
    """Writes the mean of the folders' lifters into `out`; returns its figures on the validation pairs.

    Raises Failure `bad_arguments` for fewer than two lifters or for different layouts.
    """
    stored = [weights.load_weights(folder / FILE) for folder in folders]
    if len(stored) < 2:
        raise Failure("bad_arguments", "One lifter has no mean with others; name at least two folders of weights.")
    layout = stored[0].header["layout"]
    for folder, each in zip(folders, stored, strict=True):
        if each.header["layout"] != layout:
            raise Failure(
                "bad_arguments", f"The lifter in {folder} has another layout than the one in {folders[0]}; only equal ones have a mean."
            )
    tensors = {name: torch.stack([each.tensors[name] for each in stored]).mean(0) for name in stored[0].tensors}
    model = Lifter(LifterConfig.from_dict(layout))
    model.load_state_dict({name.removeprefix("lifter."): value for name, value in tensors.items()})
    validation = split_segments(load_detections(pairs)).validation
    if not validation:
        raise Failure("bad_input", f"{pairs} lacks validation pairs; both bodies and sources are held apart.")
    figures = evaluate(model, validation)
    origins = [{"sha256": each.sha256} | {name: each.header[name] for name in TOLD if name in each.header} for each in stored]
    out.mkdir(parents=True, exist_ok=True)
    weights.save_weights(out / FILE, tensors, {"layout": layout, "average_of": origins, "validation": figures})
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.average", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", help="folders that `train lifter` wrote, with their SHA256SUMS")
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs, for the figures")
    parser.add_argument("-o", "--out", type=Path, required=True, help=f"folder for {FILE} and its line in SHA256SUMS")
    read = parser.parse_args(arguments)
    try:
        figures = average(read.folders, read.data, read.out)
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    print(
        f"Wrote {read.out / FILE}: MPJPE {figures['lifter_mpjpe']:.1f} mm, PA-MPJPE {figures['lifter_pa']:.1f} mm on the validation pairs."
    )
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
