"""Mixed motions (engine/datasets/mixed_motion.py) of a whole batch at once, on the device where the motion capture lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.datasets.bent_motion import ARMS, CHEST, PELVIS, UPPER_BODY, Carrier, bend
from engine.datasets.mixed_motion import Parts, Take, carry


@dataclass(frozen=True)
class Stretch:
    """`length` frames from `start` on, in all clips one after another."""

    start: int
    length: int


def gather(joined: Tensor, runs: Sequence[Parts[Stretch]], frames: int) -> Tensor:
    """(len(runs),frames,22,3) of the clips one after another (F,22,3), on their device."""
    motion = _played(joined, [run.motion for run in runs], frames)
    both = (*ARMS["L"], *ARMS["R"])
    _carry(motion, joined, [run.trunk for run in runs], UPPER_BODY, PELVIS)
    _carry(motion, joined, [run.arms for run in runs], both, CHEST)
    for side in "LR":
        _carry(motion, joined, [run.arm if run.side == side else None for run in runs], ARMS[side], CHEST)
    turned = {row: run.angles for row, run in enumerate(runs) if run.angles is not None}
    if turned:
        rows = torch.tensor(list(turned)).to(motion.device)
        motion[rows] = bend(motion[rows], torch.from_numpy(np.stack(list(turned.values()))).to(motion))
    return motion


def _played(joined: Tensor, takes: Sequence[Take[Stretch]], frames: int) -> Tensor:
    low, share = (np.stack(part) for part in zip(*(take.at(frames, take.what.length) for take in takes), strict=True))
    low += np.array([take.what.start for take in takes])[:, None]
    rows, weight = torch.from_numpy(low).to(joined.device), torch.from_numpy(share).to(joined)[..., None, None]
    return torch.lerp(joined[rows], joined[rows + 1], weight)


def _carry(motion: Tensor, joined: Tensor, takes: Sequence[Take[Stretch] | None], joints: Sequence[int], carrier: Carrier) -> None:
    """Puts the takes' `joints`, turned as the carrier is, into the runs of `motion` (R,T,22,3) that have one; bones keep their lengths."""
    chosen = [run for run, take in enumerate(takes) if take is not None]
    if not chosen:
        return
    rows = torch.tensor(chosen).to(motion.device)
    other, mine = _played(joined, [take for take in takes if take is not None], motion.shape[1]), motion[rows]
    motion[rows] = carry(mine, other, joints, carrier)
