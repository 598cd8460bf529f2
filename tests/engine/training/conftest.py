"""Pairs in which a made-up detector is exactly right, so that what a variation does to them can be checked exactly."""

import numpy as np
import pytest
import torch

from engine.datasets.detections import load_detections
from engine.detection.landmarks import LANDMARK_JOINT
from engine.lifter.codec import WORLD_TO_STATURE, view_rotation
from engine.training.augmentation import Pairs
from tests.engine.datasets.pairs import write_pairs
from tests.threads import one_thread  # noqa: F401 - pytest finds it here

MARKS = list(LANDMARK_JOINT)


@pytest.fixture
def pairs(tmp_path):
    """Runs whose landmarks stand exactly on the joints, the world landmarks in the detector's own scale and axes."""
    write_pairs(tmp_path / "p.npz", segments=8)
    segments = load_detections(tmp_path)
    truth = torch.from_numpy(np.stack([s.truth for s in segments])).double()
    root = truth[:, :, :1]
    view = view_rotation(root[:, :, 0, :2] / root[:, :, 0, 2:])
    world = ((truth - root) @ view / 1.7 / WORLD_TO_STATURE)[:, :, MARKS]
    ones = torch.ones(8, 60, dtype=torch.float64)
    return Pairs(
        (truth[..., :2] / truth[..., 2:])[:, :, MARKS],
        ones[..., None].expand(-1, -1, 33),
        world,
        ones,
        truth,
        torch.full((8,), 1.7, dtype=torch.float64),
        torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64).expand(8, 60, 3),
    )
