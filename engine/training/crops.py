"""Runs of equal length out of rendered pairs, to train on."""

from __future__ import annotations

import numpy as np
import torch

from contract.failure import Failure
from engine.datasets.detections import Segment
from engine.training.augmentation import Pairs

LENGTH = 48  # frames of a training crop: a little more than the lifter's reach to both sides


def crops(segments: list[Segment], length: int = LENGTH) -> list[Segment]:
    """The segments that a crop fits into."""
    return [s for s in segments if len(s.detected) >= length]


class Crops:
    """The frames of segments one after another on the device, to draw runs of `length` frames from."""

    def __init__(self, segments: list[Segment], length: int = LENGTH, device: torch.device | str = "cpu") -> None:
        segments = crops(segments, length)
        if not segments:
            raise Failure("bad_input", f"No training segment is as long as {length} frames; give more rendered pairs.")
        self.length, self.device = length, torch.device(device)
        self.frames = np.array([len(s.detected) for s in segments])
        self.first = np.cumsum(self.frames) - self.frames
        names = ("rays", "visibility", "world", "detected", "truth")
        self.values = {n: torch.from_numpy(np.concatenate([getattr(s, n) for s in segments])).to(self.device) for n in names}
        self.stature = torch.tensor([s.stature for s in segments], dtype=torch.float32, device=self.device)

    def draw(self, rows: int, rng: np.random.Generator) -> Pairs:
        """A batch of random crops, every frame as likely as another."""
        chosen = rng.choice(len(self.frames), rows, p=self.frames / self.frames.sum())
        starts = self.first[chosen] + rng.integers(0, self.frames[chosen] - self.length + 1)
        frames = torch.from_numpy(starts[:, None] + np.arange(self.length)).to(self.device)
        return Pairs(**{n: v[frames] for n, v in self.values.items()}, stature=self.stature[torch.from_numpy(chosen).to(self.device)])
