"""`python3 kinolift.py evaluate`: the field's tables for our weights, any lifter's or anybody's stored poses, beside published figures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from contract.failure import ExitCode, Failure
from contract.options import HIGHEST_SEED, whole
from contract.outputs import add_overwrite_argument, check_outputs
from contract.skeleton import BODY_22, H36M_17
from engine.datasets.benchmark import PoseClip, PoseClips, Source
from engine.datasets.field_joints import NAMES, TAKEN, with_joints_of
from engine.datasets.human36m import TEST_FRAMES
from engine.datasets.registry import LOADERS, load_poses
from engine.refiner.fast.backend import choose_exact
from engine.refiner.noise import Frames, MixtureNoise
from engine.refiner.pose_model import PaperModel, first_guess, load_pose_model, predict
from engine.refiner.sampler import Model
from engine.training.evaluation import Row, Table, table_of
from engine.training.guesses import Poses, foreign_guesses, save_poses
from engine.training.published import Published, peers

DEFAULT_KEYPOINTS = {"h36m": "cpn", "mpi_inf_3dhp": "gt", "mocap": "detected", "detections": "detected"}
PAPER_STEPS = 2


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code. Raises Failure."""
    read = _parser().parse_args(arguments)
    model = None if read.weights is None else load_pose_model(read.weights).to(_device(read.device))
    if read.mode is None:
        read.mode = "paper" if model is None or isinstance(model.noise, MixtureNoise) else "released"
    elif read.mode == "paper" and model is not None and model.refiner is not None and not isinstance(model.noise, MixtureNoise):
        raise Failure("bad_input", f"{read.weights} has no mixture: evaluate it with --mode released, or train with the mode paper.")
    if model is None and read.lifter is None and read.predictions is None:
        raise Failure("bad_arguments", "Nothing to evaluate: give --weights, --lifter or --predictions.")
    if min(read.hypotheses, read.steps, read.every) < 1:
        raise Failure("bad_arguments", "--hypotheses, --steps and --every are at least 1.")
    if read.every > 1 and read.save is not None:
        raise Failure("bad_arguments", "--save wants every frame; leave --every out.")
    keypoints = read.keypoints or DEFAULT_KEYPOINTS[read.data]
    if read.save is not None:
        data = [read.path, *(read.path.rglob("*") if read.path.is_dir() else ())]
        named = [Path(word) for word in (read.weights, read.predictions, read.keypoints) if word is not None]
        (read.save,) = check_outputs([read.save], [*data, *named], (".npz",), read.overwrite)
    # weights of BODY_22 refine BODY_22, and are only judged in other joints
    seen_as = None if model is not None and model.skeleton == BODY_22 else read.skeleton
    clips = load_poses(Source(read.data, read.path, keypoints, universal=not read.own_size, skeleton=seen_as), read.split)
    if model is not None and model.skeleton != clips.skeleton:
        hint = "; give --skeleton H36M_17" if clips.skeleton == BODY_22 and model.skeleton == H36M_17 else ""
        raise Failure("bad_input", f"{read.weights} is for {model.skeleton.name} and the data are {clips.skeleton.name}{hint}.")
    guesses = foreign_guesses(clips, read.lifter, read.predictions)
    if read.every > 1:
        clips = thinned(clips, read.every)
        guesses = None if guesses is None else [g[:: read.every] for g in guesses]
    device = _device(read.device)
    network = None if model is None or model.refiner is None else choose_exact(model.refiner, torch.device(device))
    poses, firsts = [], []
    generator = torch.Generator().manual_seed(read.seed)
    for i, clip in enumerate(clips.clips):
        if sys.stderr.isatty():
            print(f"\r{i + 1}/{len(clips.clips)}", end="", file=sys.stderr, flush=True)
        given = None if guesses is None else guesses[i]
        first, refined = judged_poses(model, network, clip, given, read, device, generator)
        firsts.append(first)
        poses.append(refined)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    unsaved: Failure | None = None
    if read.save is not None:
        try:
            save_poses(read.save, clips, poses)
        except Failure as failure:  # the figures are told all the same
            unsaved = failure
    clips, poses, firsts = in_joints_of(clips, read.skeleton, poses, firsts)
    table, guess = table_of(clips, poses), table_of(clips, firsts) if model is not None and model.refiner is not None else None
    notes = list(table.notes)
    if read.data == "h36m" and read.split == "test" and clips.frames != TEST_FRAMES:
        notes.append(f"not comparable: {clips.frames:,} frames instead of the test set's {TEST_FRAMES:,}")
    if read.split != "test":
        notes.append(f"not comparable: this is the {read.split} split")
    others = peers(read.data, keypoints)
    if read.json:
        print(json.dumps(_plain(read, keypoints, table, guess, others, notes), indent=1))
    else:
        print(as_text(table, guess, others, notes, f"2D: {keypoints}, {_how(read, model)}"))
    if unsaved is not None:
        raise unsaved
    return int(ExitCode.DONE)


def thinned(clips: PoseClips, every: int) -> PoseClips:
    """The clips with one frame of `every`, for a first look."""

    def thin(clip: PoseClip) -> PoseClip:
        names = ("keypoints", "poses", "root", "valid", "kernels", "confidence")
        return replace(clip, **{name: getattr(clip, name)[::every] for name in names if getattr(clip, name) is not None})

    return replace(clips, clips=tuple(thin(clip) for clip in clips.clips))


def in_joints_of(
    clips: PoseClips, skeleton: str | None, poses: list[Poses], firsts: list[Poses]
) -> tuple[PoseClips, list[Poses], list[Poses]]:
    """Clips, poses and first poses in the joints that they are judged in."""
    judged = with_joints_of(clips, skeleton)
    if judged.skeleton == clips.skeleton:
        return clips, poses, firsts
    taken = list(TAKEN)
    return judged, [p[:, taken] for p in poses], [p[:, taken] for p in firsts]


def judged_poses(
    model: PaperModel | None, network: Model | None, clip: PoseClip, given: Poses | None, read: argparse.Namespace, device: str,
    generator: torch.Generator,
) -> tuple[Poses, Poses]:  # fmt: skip
    """(the initial guess, the refined poses) of a clip, both (T,J,3) metres; equal where there is nothing to refine with.

    Frames that are not judged and hold no numbers are lifted as if every joint stood in the middle of the picture.
    """
    if model is None:
        assert given is not None
        return given, given
    points = torch.from_numpy(np.nan_to_num(clip.keypoints)).to(device)
    flip = not read.no_flip
    guess = None if given is None else torch.from_numpy(np.asarray(given, dtype=np.float32)).to(device)
    first = first_guess(model, points, flip=flip and read.mode == "paper") if guess is None else guess
    sure = None if clip.confidence is None else torch.from_numpy(clip.confidence).to(device)
    drawn = read.mode == "paper" and read.hypotheses > 1
    if drawn and sure is None and isinstance(model.noise, MixtureNoise) and len(model.noise.errors.classes) > 1:
        raise Failure(
            "bad_input", f"{read.weights} draws hypotheses by the detector's confidence, and these keypoints have none; use --hypotheses 1."
        )
    frames = Frames(sure, torch.arange(len(points), dtype=torch.float64) * (read.every / clip.fps))
    refined = predict(
        model, points, read.mode, guess=first, hypotheses=read.hypotheses, steps=read.steps, flip=flip, generator=generator, frames=frames,
        network=network,
    )  # fmt: skip
    return first.cpu().numpy(), refined.cpu().numpy()


def _device(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise Failure("no_cuda", "There is no CUDA device; leave --device out.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _how(read: argparse.Namespace, model: PaperModel | None) -> str:
    if model is None or model.refiner is None:
        return "no refiner"
    flip = "no flip" if read.no_flip else "flip averaging"
    return f"released mode, {flip}" if read.mode == "released" else f"paper mode, {read.hypotheses} hypotheses, {read.steps} steps, {flip}"


def as_text(table: Table, guess: Table | None, others: Sequence[Published], notes: Sequence[str], how: str) -> str:
    """The table as a person reads it; the average that is used is marked, and the others' figures stand under ours."""
    width = max(len(name) for name in [*(r.name for r in (*table.rows, *table.averages)), *(o.method for o in others), "this run"]) + 2

    def line(name: str, figures: dict[str, float], last: str = "") -> str:
        cells = "".join(f"{figures[c]:>10.2f}" if c in figures else f"{'-':>10}" for c in table.columns)
        return f"{name:<{width}}{cells}  {last}".rstrip()

    lines = [f"{table.title}, {how}", f"{'':<{width}}" + "".join(f"{c:>10}" for c in table.columns) + "  frames"]
    lines += [line(r.name, r.figures, f"{r.frames:,}") for r in table.rows]
    lines += [line(r.name, r.figures, f"{r.frames:,}" + ("  <- used" if r.name == table.used else "")) for r in table.averages]
    if guess is not None:
        lines += ["", line("initial guess", guess.result.figures, guess.used)]
    if others:
        lines += ["", "Published, same 2D (frames seen; source)", line("this run", table.result.figures)]
        lines += [line(o.method, o.figures, f"{o.frames}; {o.source}") for o in others]
    lines += [f"Note: {note}." for note in notes]
    return "\n".join(lines)


def _plain(
    read: argparse.Namespace, keypoints: str, table: Table, guess: Table | None, others: Sequence[Published], notes: Sequence[str]
) -> dict[str, Any]:
    def rows(given: Sequence[Row]) -> list[dict[str, Any]]:
        return [{"name": r.name, "frames": r.frames, **r.figures} for r in given]

    settings = {k: getattr(read, k) for k in ("data", "split", "mode", "hypotheses", "steps", "seed")}
    return {
        **settings, "keypoints": keypoints, "flip": not read.no_flip, "rows": rows(table.rows), "averages": rows(table.averages),
        "used": table.used, "initial_guess": None if guess is None else rows([guess.result])[0], "published": [asdict(o) for o in others],
        "notes": list(notes),
    }  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 kinolift.py evaluate", description=__doc__)
    parser.add_argument("--data", required=True, choices=sorted(LOADERS))
    parser.add_argument("--path", type=Path, required=True, help="the data set's folder")
    parser.add_argument("--weights", type=Path, help="a pose model (.safetensors) that `train` wrote: lifter, refiner or both")
    parser.add_argument("--keypoints", help="h36m: cpn, gt, cpn_gmm, gt_gmm; 3dhp: gt; mocap: detected, gt; or any detector's .npz")
    parser.add_argument("--lifter", help="another lifter, module:callable, (keypoints (T,J,2), clip) -> (T,J,3) metres")
    parser.add_argument("--predictions", type=Path, help='.npz of poses by clip ("subject / action / camera"): judged, or refined first')
    parser.add_argument("--save", type=Path, help="write the judged poses there (.npz), as --predictions reads them")
    add_overwrite_argument(parser)
    parser.add_argument("--mode", choices=("released", "paper"), help="as the published code, or as the paper says (default: as trained)")
    parser.add_argument("--hypotheses", type=whole(None, 1000), default=1,
        help="drawn and averaged in the paper's mode (default: %(default)s)")  # fmt: skip
    parser.add_argument(
        "--steps", type=whole(None, 50), default=PAPER_STEPS, help="of the reverse diffusion in the paper's mode (default: %(default)s)"
    )
    parser.add_argument("--no-flip", action="store_true", help="leave out the mirrored picture")
    parser.add_argument("--split", choices=("test", "validation", "train"), default="test")
    parser.add_argument("--every", type=whole(None, 10**6), default=1,
        help="judge one frame of so many, for a first look (default: %(default)s)")  # fmt: skip
    parser.add_argument("--own-size", action="store_true", help="MPI-INF-3DHP: annot3, the person's own size, instead of univ_annot3")
    parser.add_argument("--skeleton", choices=NAMES, help="mocap, detections: in whose joints they are judged (default: BODY_22)")
    parser.add_argument("--seed", type=whole(0, HIGHEST_SEED), default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    return parser
