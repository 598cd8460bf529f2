import numpy as np
import torch

from contract.skeleton import BODY_22
from engine.landmarks import LANDMARK_JOINT
from engine.training.transplant import Motions, transplant
from tests.engine.datasets.pairs import standing

MARKS = list(LANDMARK_JOINT)


def test_another_motion_takes_over_the_detectors_errors(pairs):
    """Landmarks that stood on the joints stand on the joints of the new body too, which is where the old one was."""
    motions = Motions([np.cumsum(np.random.default_rng(i).normal(0, 0.01, (70, 22, 3)), 0) + standing_up() for i in range(3)])
    changed = transplant(pairs, motions, 1.0, np.random.default_rng(0))
    assert (changed.truth - pairs.truth).norm(dim=-1).mean() > 0.05
    assert torch.allclose(changed.rays, (changed.truth[..., :2] / changed.truth[..., 2:])[:, :, MARKS], atol=1e-6)
    assert torch.allclose(changed.truth[:, :, 0].mean(1), pairs.truth[:, :, 0].mean(1), atol=0.3)
    up = changed.truth[:, :, BODY_22.index("head_top"), 1] - changed.truth[:, :, BODY_22.index("ankle.L"), 1]
    assert (up < 0).all()  # y down
    bones = [(f"{a}.{side}", f"{b}.{side}") for side in "LR" for a, b in (("hip", "knee"), ("knee", "ankle"))]
    legs = sum((changed.truth[:, :, BODY_22.index(a)] - changed.truth[:, :, BODY_22.index(b)]).norm(dim=-1).mean(1) for a, b in bones) / 2
    assert torch.allclose(legs / changed.stature, torch.tensor(0.491, dtype=torch.float64), atol=1e-3)
    assert transplant(pairs, motions, 0.0, np.random.default_rng(0)) is pairs


def standing_up():
    """(22,3) the standing person with Z up."""
    return standing()[:, [0, 2, 1]] * [1, 1, -1] + [0, 0, 0.9]
