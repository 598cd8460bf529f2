"""Trains the lifter, the refiner, its sequence form, or the model of the detector that the lifter's training may use.

  kinolift.py train lifter  --data h36m --path FOLDER --keypoints cpn --config paper_cpn -o runs/cpn
  kinolift.py train refiner --data h36m --path FOLDER --keypoints cpn --config paper_cpn -o runs/cpn

h36m, mpi_inf_3dhp, mocap, detections: the paper's single-frame networks, validated on training subjects that are held out; the refiner
needs a lifter's guesses: those of the weights in the same folder or of --lifter, or another lifter's by --lifter module:callable or
--predictions. pairs: the product's networks, which see MediaPipe's landmarks over time; `train window` learns to refine windows of two
seconds and to find up; `train sequence` puts attention over time between the single-frame refiner's blocks; `train detector` learns what
MediaPipe gets wrong.
FOLDER/lifter.pt and FOLDER/refiner.pt are checkpoints, NETWORK.safetensors the weights, log/ is for TensorBoard. Under torchrun:
`torchrun --nproc-per-node 2 -m engine train ...`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from contract.failure import ExitCode, Failure
from contract.options import HIGHEST_SEED, whole
from contract.outputs import add_overwrite_argument, check_folder, check_outputs
from engine import torch_weights
from engine.datasets.benchmark import PoseClips, Source, Split
from engine.datasets.detections import load_detections
from engine.datasets.field_joints import NAMES
from engine.datasets.mocap import load_mocap
from engine.datasets.posture import held_as_people_do
from engine.datasets.registry import LOADERS, load_poses
from engine.datasets.split import FOLDS, HELD_OUT_HUMANS, HELD_OUT_SOURCES, clips_of, split_segments, training_motions
from engine.datasets.split import Split as PairsSplit
from engine.lifter.layout import LifterConfig
from engine.lifter.network import load_lifter
from engine.refiner.graph_lifter import GraphLifter, GraphLifterConfig, lift
from engine.refiner.layout import WindowConfig
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import FixedNoise
from engine.refiner.pose_model import PaperModel, load_pose_model, save_pose_model
from engine.refiner.schedule import Schedule
from engine.training import lifter as product_lifter
from engine.training import refiner as product_refiner
from engine.training.detector_model import DetectorConfig, DetectorRecipe, load_detector_model, train_detector_model
from engine.training.diffusion import Sampling
from engine.training.display import Display, TensorBoardLog, peak_of
from engine.training.guesses import foreign_guesses, stacked_guesses
from engine.training.loop import LoopRecipe, Run, lines_into, train
from engine.training.pose_lifter import PoseLifterLearner
from engine.training.pose_refiner import DiffusionRecipe, PoseRefinerLearner, make_noise
from engine.training.pose_table import PoseTable, pose_table
from engine.training.processes import join
from engine.training.sequence_refiner import SequenceRecipe, train_sequence
from engine.training.settings import fill, read_toml
from engine.training.transplant import Motions
from engine.training.window_refiner import Fold, WindowRecipe, from_store, to_store, train_window
from engine.weights_file import Weights

_POSTURE_SEED: Final = 0  # the same motions whichever seed trains on them

NETWORKS = ("lifter", "refiner", "window", "sequence", "detector")
PAIRS = "pairs"
TABLES = (
    "lifter", "lifter_layout", "refiner", "refiner_layout", "window", "window_layout", "sequence", "diffusion", "sampling", "detector",
    "detector_layout",
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code. Raises Failure."""
    return run(_parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kinolift.py train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--data", choices=(PAIRS, *LOADERS), required=True)
    parser.add_argument("--path", type=Path, required=True, help="the data's folder")
    parser.add_argument("--keypoints", default="gt", help="which 2D: gt, cpn, detected ... or a file (default: %(default)s)")
    parser.add_argument("--exact", help="the true 2D of the same frames, for the mixture in (u, v): gt, or a file")
    parser.add_argument("--skeleton", choices=NAMES, help="mocap, detections: whose joints (default: BODY_22)")
    parser.add_argument("--every", type=whole(1, 10**6), default=1, help="use one frame of so many")
    parser.add_argument("--mocap", type=Path, help="pairs: a folder of motion capture that is seen too")
    parser.add_argument("--config", type=Path, help="settings: a .toml, or the name of one in engine/training/configs: paper_cpn ...")
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"), help="folder of all that is written (default: %(default)s)")
    parser.add_argument(
        "--lifter", help="refiner: weights (default: lifter.safetensors in the out folder), or module:callable as for evaluate"
    )
    parser.add_argument("--predictions", type=Path, help="refiner: an .npz of first poses by clip, as for evaluate")
    parser.add_argument(
        "--held-out", nargs="+", metavar="NAME", help="subjects that validate; of pairs, bodies or sources (default: the data's own)"
    )
    parser.add_argument("--fold", type=int, choices=range(FOLDS), help="of --mocap only that half, as for pairs rendered with --fold")
    parser.add_argument(
        "--unseen", nargs=2, type=Path, action="append", default=[], metavar=("PAIRS", "LIFTER"),
        help="window: learn from these pairs as this lifter has them, which has not learnt from them; may be repeated; --path validates",
    )  # fmt: skip
    parser.add_argument("--detector", type=Path, help="lifter of pairs: what `train detector` wrote, for the motion of --mocap")
    parser.add_argument("--start", type=Path, help="pairs: a folder of weights to train on from, with its SHA256SUMS")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--save-every", type=whole(1, 10**9), help="steps between two checkpoints (default: between two validations)")
    parser.add_argument("--steps", type=whole(1, 10**9), help="instead of the settings' own")
    parser.add_argument(
        "--until", type=whole(None, 10**9), help="stop early, after this step of the settings' schedule, with weights as at the end"
    )
    parser.add_argument("--batch", type=whole(1, 10**6), help="instead of the settings' own; of all processes together")
    parser.add_argument("--seed", type=whole(0, HIGHEST_SEED), help="instead of the settings' own")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=whole(1, 1024), help="of the CPU")
    add_overwrite_argument(parser)
    return parser


@dataclass(frozen=True)
class Order:
    """What was asked for, read and checked. `settings`: the tables of the settings file."""

    read: argparse.Namespace
    settings: dict[str, dict[str, Any]]
    run: Run
    device: torch.device

    def recipe(self, kind: type, network: str) -> Any:
        """The network's recipe: the file's, then the command's words."""
        given = {name: getattr(self.read, name) for name in ("steps", "batch", "seed") if getattr(self.read, name) is not None}
        return fill(kind, self.settings[network] | given, network)


def run(read: argparse.Namespace) -> int:
    """Trains and writes the weights."""
    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if read.device == "auto" else read.device
    if read.threads:
        torch.set_num_threads(read.threads)
    settings = {name: {} for name in TABLES} if read.config is None else read_toml(read.config, TABLES)
    processes, device = join(device=wanted)
    try:
        if read.until is not None and read.until < 1:
            raise Failure("bad_arguments", f"--until is {read.until}; give at least 1.")
        check_folder(read.out)
        check_outputs([read.out / f"{read.network}.safetensors", read.out / f"{read.network}.jsonl"], files_read(read), overwrite=True)
        check_outputs([read.out / f"{read.network}.safetensors"], overwrite=read.overwrite)
        file = read.out / f"{read.network}.pt"
        run = Run(device, file, read.resume, read.save_every, read.until, processes=processes)
        order = Order(read, settings, run, device)
        (_train_pairs if read.data == PAIRS else _train_poses)(order)
    except BaseException:
        processes.close(failed=True)
        raise
    processes.close()
    return int(ExitCode.DONE)


def files_read(read: argparse.Namespace) -> list[Path]:
    """The files that the words of the command name, by themselves or as the weights in a folder."""
    words = (read.keypoints, read.exact, read.config, read.lifter, read.predictions, read.detector, *(lifter for _, lifter in read.unseen))
    begins = "refiner" if read.network == "sequence" else read.network
    return [*(Path(word) for word in words if word is not None), *([read.start / f"{begins}.safetensors"] if read.start else [])]


def watched(order: Order, steps: int) -> tuple[Run, Display, TensorBoardLog | None]:
    """The run with everybody who listens; the leader alone shows and logs."""
    peak = peak_of(torch.cuda.get_device_name()) if order.device.type == "cuda" else None
    display = Display(steps, peak=peak)
    if not order.run.processes.leads:
        return order.run, display, None
    log = TensorBoardLog(order.read.out / "log" / order.read.network)
    written = lines_into(order.read.out / f"{order.read.network}.jsonl")
    return replace(order.run, on_line=(display.line, log.line, written), on_step=(display.step,)), display, log


def _train_poses(order: Order) -> None:
    """The paper's single-frame networks."""
    read, device = order.read, order.device
    if read.mocap is not None or read.start is not None or read.detector is not None or read.network in ("window", "sequence", "detector"):
        raise Failure(
            "bad_arguments", "--mocap, --start, --detector and the networks `window`, `sequence` and `detector` belong to --data pairs."
        )
    if read.network == "lifter" and (read.lifter is not None or read.predictions is not None):
        raise Failure("bad_arguments", "--lifter and --predictions belong to the refiner, which starts from their poses.")
    source = Source(
        read.data, read.path, read.keypoints, held_out=None if read.held_out is None else tuple(read.held_out), skeleton=read.skeleton
    )
    exact = None if read.exact is None else replace(source, keypoints=read.exact)
    splits: tuple[Split, Split] = ("train", "validation")
    clips = [load_poses(source, split) for split in splits]
    tables = [
        pose_table(part, None if exact is None else load_poses(exact, split), read.every, device)
        for part, split in zip(clips, splits, strict=True)
    ]
    data = {"data": read.data, "keypoints": read.keypoints, "frames": len(tables[0]), "validation_frames": len(tables[1])}
    data["validated_on"] = ", ".join(sorted({clip.subject for clip in clips[1].clips}))
    recipe: LoopRecipe = order.recipe(LoopRecipe, read.network)
    if read.network == "lifter":
        _pose_lifter(order, tables, recipe, data)
    else:
        guesses, lifter = first_guesses(order, clips, tables)
        if lifter is None:
            data["first_poses"] = read.lifter if read.predictions is None else read.predictions.name
        _pose_refiner(order, tables, guesses, lifter, recipe, data)


def _pose_lifter(order: Order, tables: list[PoseTable], recipe: LoopRecipe, data: dict[str, Any]) -> None:
    skeleton = tables[0].skeleton
    config = fill(GraphLifterConfig, order.settings["lifter_layout"], "lifter_layout")
    torch.manual_seed(recipe.seed)
    model = GraphLifter(skeleton, config).to(order.device)
    learner = PoseLifterLearner(tables[0], tables[1], recipe.seed)
    layout = {"network": "lifter", "skeleton": skeleton.name, **config.to_dict(), **data}
    run, display, log = watched(order, recipe.steps)
    with display:
        done = train(learner, model, recipe, layout=layout, run=run)
    if log is not None:
        log.close()
        header = {"recipe": asdict(recipe), "data": data, "curve": [line.to_dict() for line in done.lines]}
        save_pose_model(order.read.out / "lifter.safetensors", PaperModel(skeleton, done.model, None, FixedNoise(Schedule(), 0)), header)


def first_guesses(order: Order, clips: list[PoseClips], tables: list[PoseTable]) -> tuple[list[Tensor], GraphLifter | None]:
    """The poses that the refiner starts from, (N,J,3) a table, and the lifter that made them where it is one of ours."""
    read, skeleton = order.read, tables[0].skeleton
    called = read.lifter if read.lifter is not None and ":" in read.lifter and not Path(read.lifter).is_file() else None
    if called is not None or read.predictions is not None:
        found = []
        for part in clips:
            poses = foreign_guesses(part, called, read.predictions)
            assert poses is not None
            found.append(torch.from_numpy(stacked_guesses(part, poses)[:: read.every]).to(order.device))
        return found, None
    path = Path(read.lifter) if read.lifter is not None else read.out / "lifter.safetensors"
    lifter = load_pose_model(path).lifter
    if lifter is None or lifter.skeleton != skeleton:
        raise Failure("bad_input", f"{path} holds no lifter of {skeleton.name}; train one with the same data first.")
    lifter.to(order.device)
    return [lift(lifter, skeleton, table.keypoints) for table in tables], lifter


def _pose_refiner(
    order: Order, tables: list[PoseTable], guesses: list[Tensor], lifter: GraphLifter | None, recipe: LoopRecipe, data: dict[str, Any]
) -> None:
    skeleton = tables[0].skeleton
    diffusion = fill(DiffusionRecipe, order.settings["diffusion"], "diffusion")
    sampling = fill(Sampling, order.settings["sampling"], "sampling")
    config = fill(RefinerConfig, order.settings["refiner_layout"], "refiner_layout")
    # subjects that the lifter was not trained on: on its own it errs less than it will
    noise = make_noise(tables[1], guesses[1], diffusion, recipe.seed)
    torch.manual_seed(recipe.seed)
    model = Refiner(skeleton, config)
    if not config.released:
        product_refiner.keep_the_guess(model)
    learner = PoseRefinerLearner(tables[0], guesses[0], tables[1], guesses[1], noise, diffusion, sampling, recipe.seed)
    layout = {"network": "refiner", "skeleton": skeleton.name, **config.to_dict(), **data}
    layout |= {**asdict(diffusion), "start_step": noise.start_step}
    run, display, log = watched(order, recipe.steps)
    with display:
        done = train(learner, model.to(order.device), recipe, layout=layout, run=run)
    if log is not None:
        log.close()
        header = {"recipe": asdict(recipe), "diffusion": asdict(diffusion), "data": data, "curve": [line.to_dict() for line in done.lines]}
        save_pose_model(order.read.out / "refiner.safetensors", PaperModel(skeleton, lifter, done.model, noise), header)


def _train_pairs(order: Order) -> None:
    """The product's networks."""
    read = order.read
    if read.predictions is not None or read.exact is not None or read.skeleton is not None:
        raise Failure("bad_arguments", "--predictions, --exact and --skeleton belong to the paper's networks, not to --data pairs.")
    held_out = tuple(read.held_out or ())
    split = split_segments(load_detections(read.path), held_out)
    if not (split.train or read.unseen) or not split.validation:
        raise Failure("bad_input", f"{read.path} lacks training or validation pairs; both bodies and sources are held apart.")
    begins = "refiner" if read.network == "sequence" else read.network  # the sequence form, with a single-frame refiner
    stored_start = None if read.start is None else torch_weights.load_weights(read.start / f"{begins}.safetensors")
    start = None if stored_start is None else from_store(stored_start) if begins == "window" else stored_start.part(begins)
    log_file = read.out / f"{read.network}.jsonl"
    if read.unseen and read.network != "window":
        raise Failure("bad_arguments", "--unseen belongs to the network `window`, which learns from what lifters make of pairs.")
    if read.fold is not None and read.mocap is None:
        raise Failure("bad_arguments", "--fold says which half of --mocap is seen; give both.")
    if read.detector is not None and (read.network != "lifter" or read.mocap is None):
        raise Failure("bad_arguments", "--detector says how the motion of --mocap is read while a lifter is trained; give both.")
    if read.network == "detector":
        recipe = order.recipe(DetectorRecipe, "detector")
        shape = fill(DetectorConfig, order.settings["detector_layout"], "detector_layout")
        run, display, log = watched(order, recipe.steps)
        with display:
            trained, info = train_detector_model(split, recipe, shape, log_file, start, without_lines(run))
        tensors = {f"detector.{name}": value.cpu() for name, value in trained.state_dict().items()}
        header = {"layout": asdict(shape), **info}
    elif read.network == "lifter":
        recipe = order.recipe(product_lifter.LifterRecipe, "lifter")
        layout = fill(LifterConfig, order.settings["lifter_layout"], "lifter_layout")
        motions = _motions(read, held_out, recipe.mixed)
        detector = None if read.detector is None else load_detector_model(read.detector)
        run, display, log = watched(order, recipe.steps)
        with display:
            model, info = product_lifter.train_lifter(split, motions, recipe, layout, log_file, start, without_lines(run), detector)
        tensors = {f"lifter.{name}": value.cpu() for name, value in model.state_dict().items()}
        used = {} if read.detector is None else {"detector": torch_weights.load_weights(read.detector).origin("recipe", "start")}
        header = {"layout": asdict(layout), **info, **used}
    elif read.network == "window":
        lifter_file = Path(read.lifter) if read.lifter else read.out / "lifter.safetensors"
        recipe = order.recipe(WindowRecipe, "window")
        over = fill(WindowConfig, order.settings["window_layout"], "window_layout")
        motions = _motions(read, held_out, recipe.mixed)
        folds = [Fold(load_lifter(lifter), split_segments(load_detections(pairs), held_out).train) for pairs, lifter in read.unseen]
        run, display, log = watched(order, recipe.steps)
        with display:
            both, first, info = train_window(
                load_lifter(lifter_file), split, motions, recipe, over, log_file, start, without_lines(run), folds
            )
        tensors, layouts = to_store(both)
        header = {**layouts, "start_step": first, "lifter": torch_weights.load_weights(lifter_file).sha256, **info}
        if folds:
            split = PairsSplit([segment for fold in folds for segment in fold.segments], split.validation)
            header["lifters"] = [torch_weights.load_weights(lifter).sha256 for _, lifter in read.unseen]
    else:
        lifter_file = Path(read.lifter) if read.lifter else read.out / "lifter.safetensors"
        network = load_lifter(lifter_file)
        kind = SequenceRecipe if read.network == "sequence" else product_refiner.RefinerRecipe
        recipe = order.recipe(kind, read.network)
        config = fill(RefinerConfig, order.settings["refiner_layout"], "refiner_layout")
        motions = _motions(read, held_out, recipe.mixed)
        teach: Any = train_sequence if read.network == "sequence" else product_refiner.train_refiner
        run, display, log = watched(order, recipe.steps)
        with display:
            refiner, mixture, first, info = teach(network, split, recipe, config, log_file, start, without_lines(run), motions)
        tensors = {f"{read.network}.{name}": value.cpu() for name, value in refiner.state_dict().items()} | mixture.to_tensors()
        header = {"layout": refiner.config.to_dict(), "start_step": first, "lifter": torch_weights.load_weights(lifter_file).sha256, **info}
    if log is not None:
        log.close()
        early = {} if read.until is None or read.until >= recipe.steps else {"stopped_at": read.until}
        header |= early | _origin(split, held_out, stored_start)
        torch_weights.save_weights(read.out / f"{read.network}.safetensors", tensors, header)


def _motions(read: argparse.Namespace, held_out: tuple[str, ...], mixed: float) -> Motions | None:
    """What may be learnt from of the motion capture of --mocap and --fold, if it is given."""
    if read.mocap is None:
        return None
    random = np.random.default_rng(_POSTURE_SEED)  # hips as in the pairs, or the two would teach against each other
    clips = load_mocap(read.mocap) if read.fold is None else clips_of(load_mocap(read.mocap), read.fold)
    clips = [replace(clip, positions=held_as_people_do(clip.positions, random).astype(np.float32)) for clip in clips]
    return Motions(training_motions(clips, held_out), mixed)


def _origin(split: PairsSplit, held_out: tuple[str, ...], start: Weights | None) -> dict[str, Any]:
    """What the header says of the data, and of the weights that training went on from, so that the whole way can be gone again."""
    data = {
        "train_segments": len(split.train), "train_frames": sum(len(s.detected) for s in split.train),
        "validation_segments": len(split.validation), "validation_frames": sum(len(s.detected) for s in split.validation),
        "held_out_humans": sorted(HELD_OUT_HUMANS), "held_out_sources": sorted(HELD_OUT_SOURCES),
    } | ({"validated_on": sorted(held_out)} if held_out else {})  # fmt: skip
    if start is None:
        return {"data": data}
    return {"data": data, "start": start.origin("recipe", "stopped_at", "start", "average_of", "shares")}


def without_lines(run: Run) -> Run:
    """Without the writer of lines, which the product's trainings bring themselves."""
    return replace(run, on_line=run.on_line[:2])
