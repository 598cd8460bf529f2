"""The frames of a benchmark as tensors on the device: what the paper's single-frame networks learn from and are judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from contract.failure import Failure
from contract.skeleton import Skeleton
from engine.datasets.benchmark import PoseClips
from engine.refiner.sampler import mirrored
from engine.training.metrics import mpjpe, pa_mpjpe

POSE_SIGNS = (-1.0, 1.0, 1.0)
POINT_SIGNS = (-1.0, 1.0)


@dataclass(frozen=True)
class PoseTable:
    """N judged frames. keypoints (N,J,2): as the detector gives them; exact (N,J,2): the true joints in the picture, where they are known,
    else the keypoints; poses (N,J,3): metres, camera axes, the root at the origin."""

    skeleton: Skeleton
    keypoints: Tensor
    exact: Tensor
    poses: Tensor

    def __len__(self) -> int:
        return len(self.poses)


def pose_table(clips: PoseClips, exact: PoseClips | None = None, every: int = 1, device: torch.device | str = "cpu") -> PoseTable:
    """Every `every`-th judged frame. exact: the same clips with ground-truth keypoints; Failure `bad_input` where their frames differ."""
    keypoints, poses = clips.stacked_keypoints(), clips.stacked_poses()
    true = keypoints if exact is None else exact.stacked_keypoints()
    if true.shape != keypoints.shape:
        raise Failure("bad_input", f"The exact keypoints have {len(true)} frames and the detected ones {len(keypoints)}.")
    parts = (torch.from_numpy(np.ascontiguousarray(part[::every])).to(device) for part in (keypoints, true, poses))
    return PoseTable(clips.skeleton, *parts)


def mirror_some(skeleton: Skeleton, chosen: Tensor, parts: tuple[Tensor, ...], signs: tuple[tuple[float, ...], ...]) -> tuple[Tensor, ...]:
    """Tensors (B,J,C) with the rows of `chosen` (B,) as in a mirrored picture."""
    where = chosen[:, None, None]
    return tuple(torch.where(where, mirrored(x, skeleton, s), x) for x, s in zip(parts, signs, strict=True))


def judge(predicted: Tensor, truth: Tensor, name: str) -> dict[str, float]:
    """Mean errors of (N,J,3) poses in metres, all joints, rooted at joint 0: {name_mpjpe, name_pa} in millimetres."""
    p, t = predicted.double().cpu().numpy(), truth.double().cpu().numpy()
    p, t = p - p[:, :1], t - t[:, :1]
    return {f"{name}_mpjpe": float(mpjpe(p, t).mean()), f"{name}_pa": float(pa_mpjpe(p, t).mean())}
