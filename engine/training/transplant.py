"""Other motions under the detector's real errors: a run's truth is replaced by a stretch of motion capture before a virtual camera.

What the detector got wrong about the rendered person, in the picture and in depth, is laid over the new motion: as it was, or where a model
of the detector is given, changed as much as the pose changes it. Only a few bodies and an hour of motion were rendered; this shows the
lifter the rest of the motion capture, with errors of the right size and persistence.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.mixed_motion import Mixing, Parts, Take, choose_parts
from engine.datasets.virtual_camera import NEAREST, camera_turn
from engine.training.augmentation import Pairs, carried
from engine.training.detector_model import DetectorModel, reread
from engine.training.mixtures import Stretch, gather

Array = npt.NDArray[np.floating]

LEG_SHARE = 0.491  # (thigh + shin) / stature, the motion capture's own proportion


class Motions:
    """Stretches of motion capture to draw from, long clips as often as they are long. The frames lie on `device`."""

    def __init__(self, clips: list[Array], mixed: float = 0.0, device: torch.device | str = "cpu", mixing: Mixing | None = None) -> None:
        """clips: (T,22,3) metres, Z up; mixed: share of the draws that put parts of several motions together, as `mixing` says."""
        self.mixed, self.mixing = mixed, mixing or Mixing()
        self.lengths = np.array([len(c) for c in clips], dtype=np.float64)
        self.first = (np.cumsum(self.lengths) - self.lengths).astype(int)
        self.frames = torch.from_numpy(np.concatenate(clips)).to(device)

    def to(self, device: torch.device | str) -> Motions:
        """The same motions on another device."""
        other = copy.copy(self)
        other.frames = self.frames.to(device)
        return other

    def pick(self, frames: int, rng: np.random.Generator) -> Parts[Stretch]:
        """What `gather` makes a run of `frames` frames of. Raises Failure `bad_input` where no clip is long enough for an unmixed one."""
        if self.mixed and rng.random() < self.mixed:
            return choose_parts(lambda count: self.stretch(count, rng), frames, self.mixing, rng)
        if frames > self.lengths.max():
            raise Failure("bad_input", f"No motion is as long as {frames} frames; give longer clips of motion capture.")
        return Parts(Take(self.stretch(frames, rng), frames, 1.0))

    def gather(self, picks: Sequence[Parts[Stretch]], frames: int) -> Tensor:
        """(len(picks),frames,22,3) on the device."""
        return gather(self.frames, picks, frames)

    def stretch(self, frames: int, rng: np.random.Generator) -> Stretch:
        """A stretch of one clip that is long enough; fewer frames where none is."""
        frames = min(frames, int(self.lengths.max()))
        usable = np.where(self.lengths >= frames, self.lengths, 0.0)
        clip = int(rng.choice(len(self.lengths), p=usable / usable.sum()))
        return Stretch(int(self.first[clip] + rng.integers(0, int(self.lengths[clip]) - frames + 1)), frames)


def stature_of(positions: Tensor) -> Tensor:
    """(B,) metres, from the mean length of the legs of (B,T,22,3) joints."""
    legs = torch.zeros_like(positions[:, 0, 0, 0])
    for side in "LR":
        hip, knee, ankle = (positions[:, :, BODY_22.index(f"{j}.{side}")] for j in ("hip", "knee", "ankle"))
        legs = legs + (hip - knee).norm(dim=-1).mean(1) + (knee - ankle).norm(dim=-1).mean(1)
    return legs / 2 / LEG_SHARE


def transplant(pairs: Pairs, motions: Motions, share: float, rng: np.random.Generator, detector: DetectorModel | None = None) -> Pairs:
    """The pairs with `share` of the runs (drawn) moved to other motions, all on the pairs' device, where motions and `detector` lie too.

    A run stays as it is where the motion would come too near to the camera. The detector's errors are those of the old motion, or where
    `detector` is given what that foresees of the new one, and what it did not foresee of the old.
    """
    batch, frames = pairs.detected.shape
    chosen = np.flatnonzero(rng.random(batch) < share)
    if not len(chosen):
        return pairs
    rows = torch.from_numpy(chosen).to(pairs.truth.device)
    picks, cameras = zip(*((motions.pick(frames, rng), camera_turn(rng)) for _ in chosen), strict=True)
    drawn = motions.gather(picks, frames).to(pairs.truth.dtype)
    turns = torch.from_numpy(np.stack(cameras)).to(drawn)
    seen = drawn @ turns[:, None]
    placed = seen - seen[:, :, :1].mean(1, keepdim=True) + pairs.truth[rows][:, :, :1].mean(1, keepdim=True)
    free = placed[..., 2].amin((1, 2)) > NEAREST
    truth, stature, up = pairs.truth.clone(), pairs.stature.clone(), pairs.up.clone()
    truth[rows] = torch.where(free[:, None, None, None], placed, truth[rows])
    stature[rows] = torch.where(free, stature_of(drawn).to(stature.dtype), stature[rows])
    up[rows] = torch.where(free[:, None, None], turns[:, 2].to(up.dtype)[:, None].expand(-1, frames, -1), up[rows])
    pairs = replace(pairs, up=up)
    if detector is None:
        return carried(pairs, truth, stature)
    anew = reread(pairs.runs(rows), truth[rows], stature[rows], detector)
    landmarks = {n: getattr(pairs, n).index_copy(0, rows, getattr(anew, n)) for n in ("rays", "world", "visibility")}
    return replace(pairs, truth=truth, stature=stature, **landmarks)
