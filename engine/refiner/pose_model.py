"""The paper's model of one skeleton, in one weights file: the single-frame lifter, the refiner and the noise it was trained with.

Two modes. `released`: what the published code does: fixed noise scales, the guess itself at step 6, DDIM 6 to 0, everything once more on
the mirrored picture and averaged; more hypotheses change nothing. `paper`: what the paper describes: hypotheses drawn from the mixture
around the guess, K steps, their mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from contract.failure import Failure
from contract.outputs import written_beside
from contract.reading import DAMAGE, parse_json, reason
from contract.skeleton import SKELETONS, Skeleton
from engine.refiner.error_model import ErrorModel
from engine.refiner.graph_lifter import GraphLifter, GraphLifterConfig, lift
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import AMPLITUDE, UNKNOWN, FixedNoise, Frames, MixtureNoise
from engine.refiner.sampler import Ddim, Model, refine
from engine.refiner.schedule import Schedule, released_times

ModeName = Literal["released", "paper"]
FORMAT = "kinolift.pose-model/1"


@dataclass(frozen=True)
class PaperModel:
    """`lifter` turns (N,J,2) screen-normalised joints into (N,J,3) metres about the root; `refiner` predicts the noise of a guess.

    Either may be missing: another lifter's poses can be refined, a lifter can be judged alone.
    """

    skeleton: Skeleton
    lifter: GraphLifter | None
    refiner: Refiner | None
    noise: FixedNoise | MixtureNoise

    def to(self, device: torch.device | str) -> PaperModel:
        """The same on another device."""
        for network in (self.lifter, self.refiner):
            if network is not None:
                network.to(device)
        return self


def save_pose_model(path: Path, model: PaperModel, header: Mapping[str, Any] | None = None) -> None:
    """Writes the model in single precision, whole or not at all. `header`: more to say of it (recipe, figures), plain values."""
    tensors: dict[str, Tensor] = {}
    said: dict[str, Any] = {"format": FORMAT, "skeleton": model.skeleton.name, "start_step": model.noise.start_step}
    for name, network in (("lifter", model.lifter), ("refiner", model.refiner)):
        if network is not None:
            tensors |= {f"{name}.{key}": value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
            said[name] = network.config.to_dict()
    if isinstance(model.noise, MixtureNoise):
        tensors |= model.noise.errors.to_tensors()
    with written_beside(path) as beside:
        save_file(tensors, beside, metadata={"kinolift": json.dumps({**(header or {}), **said}, sort_keys=True)})
        beside.chmod(0o644)  # safetensors makes files that only their owner may read


def load_pose_model(path: Path) -> PaperModel:
    """Reads what `save_pose_model` wrote. Raises Failure `no_such_file`, or `bad_input` for another file or a damaged one."""
    if not path.is_file():
        raise Failure("no_such_file", f"There are no weights {path}; check the path.")
    try:
        tensors = load_file(path)
        with safetensors.safe_open(path, framework="pt") as file:
            header = parse_json((file.metadata() or {})["kinolift"])
        if header.get("format") != FORMAT:
            raise ValueError(f"its format is {header.get('format', 'that of the capture weights')}, not {FORMAT}")
        skeleton = SKELETONS[header["skeleton"]]
        lifter = GraphLifter(skeleton, GraphLifterConfig.from_dict(header["lifter"])).eval() if "lifter" in header else None
        refiner = Refiner(skeleton, RefinerConfig.from_dict(header["refiner"])).eval() if "refiner" in header else None
        for name, network in (("lifter", lifter), ("refiner", refiner)):
            if network is not None:
                network.load_state_dict({k[len(name) + 1 :]: v for k, v in tensors.items() if k.startswith(name + ".")})
        schedule, start = Schedule(), int(header["start_step"])
        mixed = "mixture.weights" in tensors
        noise = MixtureNoise(schedule, start, ErrorModel.from_tensors(tensors)) if mixed else FixedNoise(schedule, start)
    except (safetensors.SafetensorError, *DAMAGE) as error:
        why = reason(error)
        raise Failure("bad_input", f"{path} holds no pose model of this version ({why}); give the file that `train` wrote.") from error
    return PaperModel(skeleton, lifter, refiner, noise)


@torch.inference_mode()
def first_guess(model: PaperModel, keypoints: Tensor, flip: bool = True) -> Tensor:
    """(N,J,2) to (N,J,3): what the model's own lifter says, see `graph_lifter.lift`. Raises Failure `bad_input` where it has none."""
    if model.lifter is None:
        raise Failure("bad_input", "The weights hold no lifter; give --lifter or --predictions.")
    return lift(model.lifter, model.skeleton, keypoints, flip)


@torch.inference_mode()
def predict(
    model: PaperModel,
    keypoints: Tensor,
    mode: ModeName,
    *,
    guess: Tensor | None = None,
    hypotheses: int = 1,
    steps: int = 2,
    flip: bool = True,
    generator: torch.Generator | None = None,
    frames: Frames = UNKNOWN,
    network: Model | None = None,
) -> Tensor:
    """(N,J,2) keypoints to refined poses (N,J,3), metres about the root.

    guess: (N,J,3) another lifter's poses; None asks the model's own.
    frames: the detector's confidence and the frames' times, so that hypotheses are drawn as they are likely and last over a sequence.
    hypotheses, steps: of the `paper` mode; `released` knows two steps and hypotheses that are all equal.
    network: what runs the model's refiner, one of `backend`'s; None runs the network as it was trained.
    """
    if model.refiner is None:
        return first_guess(model, keypoints, flip) if guess is None else guess
    if mode == "released":
        # the lifter is not asked about the mirrored picture: its one guess is mirrored, as published
        first = first_guess(model, keypoints, flip=False) if guess is None else guess
        states = torch.cat([keypoints, first], -1)[None]
        times, sampler = released_times(), Ddim(Schedule())
    else:
        first = first_guess(model, keypoints, flip) if guess is None else guess
        noise = model.noise
        amplitude = AMPLITUDE if hypotheses > 1 else 0.0
        states, start = noise.start(torch.cat([keypoints, first], -1), hypotheses, amplitude, generator, frames)
        times, sampler = noise.schedule.times(start, steps), Ddim(noise.schedule)
    run = model.refiner if network is None else network
    return refine(run, model.skeleton, sampler, states, keypoints, times, flip=flip, generator=generator).pose[..., 2:]
