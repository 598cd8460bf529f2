"""Runs of equal length out of rendered pairs, to train on."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from contract.failure import Failure
from engine.datasets.detections import Segment
from engine.training.augmentation import Pairs

LENGTH = 48  # frames of a training crop: a little more than the lifter's reach to both sides


def crops(segments: list[Segment], length: int = LENGTH) -> list[Segment]:
    """The segments that a crop fits into."""
    return [s for s in segments if len(s.detected) >= length]


def segment_up(segment: Segment) -> npt.NDArray[np.float32]:
    """(T,3) up, unit, in camera axes, at every frame; of a camera that the file does not name, that of one held level."""
    frames = len(segment.detected)
    if segment.camera_to_world is not None:
        return segment.camera_to_world[:, 2, :3].astype(np.float32)
    tilt, roll = (0.0, 0.0) if segment.camera is None else (math.radians(a) for a in (segment.camera.tilt, segment.camera.roll))
    up = [math.cos(tilt) * math.sin(roll), -math.cos(tilt) * math.cos(roll), math.sin(tilt)]
    return np.tile(np.array(up, np.float32), (frames, 1))


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
        self.values["up"] = torch.from_numpy(np.concatenate([segment_up(s) for s in segments])).to(self.device)
        self.stature = torch.tensor([s.stature for s in segments], dtype=torch.float32, device=self.device)

    def draw(self, rows: int, rng: np.random.Generator) -> Pairs:
        """A batch of random crops, every frame as likely as another."""
        chosen = rng.choice(len(self.frames), rows, p=self.frames / self.frames.sum())
        starts = self.first[chosen] + rng.integers(0, self.frames[chosen] - self.length + 1)
        frames = torch.from_numpy(starts[:, None] + np.arange(self.length)).to(self.device)
        return Pairs(**{n: v[frames] for n, v in self.values.items()}, stature=self.stature[torch.from_numpy(chosen).to(self.device)])
