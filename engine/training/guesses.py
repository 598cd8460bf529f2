"""First poses of somebody else: another lifter's, called, or anybody's, stored by clip."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.outputs import written_beside
from engine.datasets.benchmark import PoseClip, PoseClips
from engine.datasets.restricted_pickle import load_npz

Poses = npt.NDArray[np.floating]
Lifter = Callable[[npt.NDArray[np.float32], PoseClip], Poses]


def foreign_guesses(clips: PoseClips, lifter: str | None = None, predictions: Path | None = None) -> list[Poses] | None:
    """The poses (T,J,3) of every clip, metres, the root at the origin, from a file (`stored_poses`) or a lifter (`find_lifter`); None for
    neither. Raises Failure `bad_input` for poses that do not fit the clips."""
    if predictions is not None:
        return stored_poses(predictions, clips)
    if lifter is None:
        return None
    lift = find_lifter(lifter)
    guesses = []
    for clip in clips.clips:
        poses = np.asarray(lift(clip.keypoints, clip), dtype=np.float64)
        if poses.shape != clip.poses.shape:
            raise Failure("bad_input", f"{lifter} gave an array of {poses.shape} for {clip.name} instead of {clip.poses.shape}.")
        guesses.append(poses - poses[:, :1])
    return guesses


def stacked_guesses(clips: PoseClips, guesses: Sequence[Poses]) -> npt.NDArray[np.float32]:
    """(N,J,3): the judged frames of all clips, one after another. Raises Failure `bad_input` for another shape, or no numbers in them."""
    parts = []
    for clip, poses in zip(clips.clips, guesses, strict=True):
        if poses.shape != clip.poses.shape:
            raise Failure("bad_input", f"{clip.name}: the stored poses are an array of {poses.shape} instead of {clip.poses.shape}.")
        judged = poses[clip.valid].astype(np.float32)
        if not np.isfinite(judged).all():
            raise Failure("bad_input", f"{clip.name}: the guessed poses hold NaN or infinity.")
        parts.append(judged)
    return np.concatenate(parts)


def find_lifter(name: str) -> Lifter:
    """`module:callable`, found from the current folder on: (keypoints (T,J,2), clip) to poses (T,J,3) in metres, camera axes."""
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        lifter = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise Failure("bad_arguments", f"There is no lifter {name} ({error}); write --lifter module:callable.") from error
    if not callable(lifter):
        raise Failure("bad_arguments", f"{name} cannot be called; write --lifter module:callable.")
    return lifter


def stored_poses(path: Path, clips: PoseClips) -> list[Poses]:
    """The poses of a file: {"subject / action / camera": (T,J,3) metres}, as `--save` writes them. Failure for one that is missing."""
    content = load_npz(path)
    missing = [clip.name for clip in clips.clips if not isinstance(content.get(clip.name), np.ndarray)]
    if missing:
        raise Failure("bad_input", f"{path} has no poses for {len(missing)} of {len(clips.clips)} clips, first {missing[0]}.")
    return [content[clip.name] - content[clip.name][:, :1] for clip in clips.clips]


def save_poses(path: Path, clips: PoseClips, poses: Sequence[Poses]) -> None:
    """Writes what `stored_poses` reads."""
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **{c.name: p.astype(np.float32) for c, p in zip(clips.clips, poses, strict=True)})  # type: ignore[arg-type]
