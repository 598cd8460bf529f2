"""What the paper's lifter learns: the 3D pose of a single frame from its 2D joints."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.lifter.mirror import POINT_SIGNS, POSE_SIGNS
from engine.refiner.graph_lifter import lift
from engine.training.loop import Batch, Drawing, Draws, Forward
from engine.training.pose_table import PoseTable, judge, mirror_some


class PoseLifterLearner(Drawing):
    """See `engine.training.loop.Learner`. Half of the rows are mirrored; the loss is the mean distance of the joints."""

    frames = 1

    def __init__(self, table: PoseTable, held_out: PoseTable, seed: int = 0) -> None:
        self.table, self.held_out = table, held_out
        self.draws = Draws(seed, table.poses.device)

    def draw(self, rows: int) -> Batch:
        table, generator = self.table, self.draws.generator
        device = table.poses.device
        chosen = torch.randint(0, len(table), (rows,), generator=generator, device=device)
        flips = torch.rand(rows, generator=generator, device=device) < 0.5
        return mirror_some(table.skeleton, flips, (table.keypoints[chosen], table.poses[chosen]), (POINT_SIGNS, POSE_SIGNS))

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        keypoints, poses = batch
        return (forward(keypoints).float() - poses).norm(dim=-1).mean()

    def validate(self, model: nn.Module) -> dict[str, float]:
        guess = lift(model, self.held_out.skeleton, self.held_out.keypoints)
        return judge(guess, self.held_out.poses, "lifter")
