"""The mean of several trainings' weights, each of which went on from another or from the same one.

    python -m engine.training.average [--network refiner|window] FOLDER FOLDER ... --data PAIRS -o FOLDER

On footage unlike the training pairs, networks of nearly the same validation error differ by several millimetres, now one way and now the
other. Weights between them waver less and err less (Wortsman et al., "Model soups", ICML 2022): the model card has the figures. The header
says what went in, and how the mean does on the validation pairs. Of refiners only the networks have a mean; the noise, and where sampling
begins, are the last folder's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from contract.failure import ExitCode, Failure
from contract.outputs import add_overwrite_argument, check_folder, check_outputs
from contract.skeleton import BODY_22
from engine import torch_weights
from engine.datasets.detections import load_detections
from engine.datasets.split import Split, split_segments
from engine.lifter.gravity import GravityNetwork
from engine.lifter.layout import GravityLayout, LifterConfig
from engine.lifter.network import Lifter, load_lifter
from engine.poses import LIFTER_FILE
from engine.refiner.error_model import ErrorModel
from engine.refiner.layout import WindowConfig
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import MixtureNoise
from engine.refiner.schedule import Schedule
from engine.refiner.window import WindowRefiner
from engine.training import lifter as product_lifter
from engine.training import refiner as product_refiner
from engine.training.window_refiner import WindowNetworks, evaluate, from_store
from engine.weights_file import Weights

TOLD = (
    "recipe",
    "stopped_at",
    "start",
    "data",
    "lifter",
    "lifters",
    "detector",
    "average_of",
    "shares",
)  # of each that went in, where its header has it
JUDGED = {"lifter": "lifter", "refiner": "refined", "window": "refined"}  # what a network's own figures are called
PARTS = {"window": ("gravity", "window")}  # of a file that holds more than one network, which all have a mean


def average(
    network: str,
    folders: Sequence[Path],
    pairs: Path,
    out: Path,
    lifter: Path = LIFTER_FILE,
    shares: Sequence[float] | None = None,
    overwrite: bool = False,
) -> dict[str, float]:
    """Writes the mean of the folders' networks ("lifter", "refiner" or "window") into `out`; returns its figures on the validation pairs,
    for which a refiner of either kind gets the guesses of `lifter`. shares: how much each folder counts, all alike where it is None.

    Nothing is written over the networks that go in, nor, without `overwrite`, over a file that is not ours.

    Raises Failure `bad_arguments` for fewer than two networks, different layouts or shares that do not fit, `bad_input` for
    pairs without validation.
    """
    file = f"{network}.safetensors"
    stored = [torch_weights.load_weights(folder / file) for folder in folders]
    if len(stored) < 2:
        raise Failure("bad_arguments", "One network has no mean with others; name at least two folders of weights.")
    counts = [1.0] * len(stored) if shares is None else list(shares)
    if len(counts) != len(stored) or min(counts) <= 0:
        raise Failure("bad_arguments", f"--shares wants a number above 0 for each of the {len(stored)} folders.")
    part = torch.tensor(counts) / sum(counts)
    last = stored[-1]
    for folder, each in zip(folders, stored, strict=True):
        if any(each.header.get(name) != last.header.get(name) for name in ("layout", "gravity_layout")):
            raise Failure("bad_arguments", f"The {network} in {folder} has another layout than that in {folders[-1]}; such have no mean.")
    split = split_segments(load_detections(pairs))
    if not split.validation:
        raise Failure("bad_input", f"{pairs} lacks validation pairs; both bodies and sources are held apart.")
    check_folder(out)
    check_outputs([out / file], [*(folder / file for folder in folders), lifter], overwrite=overwrite)
    own = [name for name in last.tensors if name.split(".")[0] in PARTS.get(network, (network,))]
    means = {name: torch.einsum("k,k...->...", part, torch.stack([each.tensors[name] for each in stored])) for name in own}
    header: dict[str, Any] = {name: last.header[name] for name in ("layout", "gravity_layout", "start_step") if name in last.header}
    header["average_of"] = told_once([each.origin(*TOLD) for each in stored])
    if shares is not None:
        header["shares"] = counts
    tensors = last.tensors | means
    figures = _judge(network, tensors, header, split, lifter)
    torch_weights.save_weights(out / file, tensors, header | {"validation": figures})
    return figures


def told_once(origins: Any, told: set[str] | None = None) -> Any:
    """What headers say of where weights come from, with nothing said twice: of weights that were told of before it names the sum alone.

    Else every mean of trainings that went on from one another repeats all that came before, as often as there are trainings.
    """
    told = set() if told is None else told
    if isinstance(origins, list):
        return [told_once(each, told) for each in origins]
    if not isinstance(origins, dict):
        return origins
    if "sha256" in origins:
        if origins["sha256"] in told:
            return {"sha256": origins["sha256"]}
        told.add(origins["sha256"])
    return {name: told_once(value, told) for name, value in origins.items()}


def _judge(network: str, tensors: dict[str, Tensor], header: dict[str, Any], split: Split, lifter_file: Path) -> dict[str, float]:
    """The figures that training would give such weights."""
    own = {name.removeprefix(f"{network}."): value for name, value in tensors.items() if name.startswith(f"{network}.")}
    if network == "lifter":
        lifter = Lifter(LifterConfig.from_dict(header["layout"]))
        lifter.load_state_dict(own)
        return product_lifter.judge_lifter(lifter, split.validation)
    if network == "window":
        gravity = GravityNetwork(GravityLayout.from_dict(header["gravity_layout"]))
        both = WindowNetworks(gravity, WindowRefiner(WindowConfig.from_dict(header["layout"])))
        both.load_state_dict(from_store(Weights(tensors, header, "")))
        return evaluate(load_lifter(lifter_file), both, split.validation, int(header["start_step"]))
    refiner = Refiner(BODY_22, RefinerConfig.from_dict(header["layout"]))
    refiner.load_state_dict(own)
    noise = MixtureNoise(Schedule(), int(header["start_step"]), ErrorModel.from_tensors(tensors))
    return product_refiner.judge_refiner(refiner, noise, product_refiner.validation_poses(load_lifter(lifter_file), split))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.average", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", help="folders that `train` wrote, with their SHA256SUMS")
    parser.add_argument("--network", choices=tuple(JUDGED), default="lifter", help="which (default: %(default)s)")
    parser.add_argument("--shares", type=float, nargs="+", help="how much each folder counts (default: all alike)")
    parser.add_argument(
        "--lifter", type=Path, default=LIFTER_FILE, help="refiner, window: whose guesses it is judged on (default: the shipped one)"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs, for the figures")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the weights and their line in SHA256SUMS")
    add_overwrite_argument(parser)
    read = parser.parse_args(arguments)
    try:
        figures = average(read.network, read.folders, read.data, read.out, read.lifter, read.shares, read.overwrite)
    except Failure as failure:
        print(f"Error: {failure.message}", file=sys.stderr)
        return int(failure.exit_code)
    plain, aligned = (figures[f"{JUDGED[read.network]}_{measure}"] for measure in ("mpjpe", "pa"))
    print(f"Wrote the {read.network} to {read.out}: MPJPE {plain:.1f} mm, PA-MPJPE {aligned:.1f} mm on the validation pairs.")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
