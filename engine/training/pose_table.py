"""The frames of a benchmark as tensors on the device: what the paper's single-frame networks learn from and are judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.failure import Failure
from contract.skeleton import Skeleton
from engine.datasets.benchmark import PoseClips
from engine.lifter.mirror import mirrored_joints
from engine.refiner.error_fit import APART
from engine.refiner.noise import Frames
from engine.training.metrics import mpjpe, pa_mpjpe


@dataclass(frozen=True)
class PoseTable:
    """N judged frames. keypoints (N,J,2): as the detector gives them; exact (N,J,2): the true joints in the picture, where they are known,
    else the keypoints; poses (N,J,3): metres, camera axes, the root at the origin. times (N,): seconds, clips so far apart that they are
    unrelated. confidence (N,J): the detector's, 0 to 1. kernels (N,J,M,5): the 2D mixture of `PoseClip`. None: not known."""

    skeleton: Skeleton
    keypoints: Tensor
    exact: Tensor
    poses: Tensor
    times: Tensor | None = None
    confidence: Tensor | None = None
    kernels: npt.NDArray[np.float32] | None = None

    @property
    def frames(self) -> Frames:
        """What sampling is told of all frames."""
        return Frames(self.confidence, self.times)

    def __len__(self) -> int:
        return len(self.poses)


def pose_table(clips: PoseClips, exact: PoseClips | None = None, every: int = 1, device: torch.device | str = "cpu") -> PoseTable:
    """Every `every`-th judged frame. exact: the same clips with ground-truth keypoints; Failure `bad_input` where their frames differ."""
    keypoints, poses = clips.stacked_keypoints(), clips.stacked_poses()
    true = keypoints if exact is None else exact.stacked_keypoints()
    if true.shape != keypoints.shape:
        raise Failure("bad_input", f"The exact keypoints have {len(true)} frames and the detected ones {len(keypoints)}.")

    def tensor(values: npt.NDArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values[::every])).to(device)

    confidence, kernels = _stacked(clips, "confidence"), _stacked(clips, "kernels")
    return PoseTable(
        clips.skeleton, tensor(keypoints), tensor(true), tensor(poses), torch.from_numpy(clip_times(clips)[::every]),
        None if confidence is None else tensor(confidence), None if kernels is None else kernels[::every],
    )  # fmt: skip


def clip_times(clips: PoseClips) -> npt.NDArray[np.float64]:
    """(N,) seconds of the judged frames of all clips, one clip after another and APART."""
    begin, parts = 0.0, []
    for clip in clips.clips:
        parts.append(begin + np.flatnonzero(clip.valid) / clip.fps)
        begin += len(clip) / clip.fps + APART
    return np.concatenate(parts)


def _stacked(clips: PoseClips, name: str) -> npt.NDArray[np.float32] | None:
    """The judged frames of what all clips have; None where one has not."""
    parts = [(getattr(clip, name), clip.valid) for clip in clips.clips]
    return None if any(values is None for values, _ in parts) else np.concatenate([values[valid] for values, valid in parts])


def mirror_some(skeleton: Skeleton, chosen: Tensor, parts: tuple[Tensor, ...], signs: tuple[tuple[float, ...], ...]) -> tuple[Tensor, ...]:
    """Tensors (B,J,C) with the rows of `chosen` (B,) as in a mirrored picture."""
    where = chosen[:, None, None]
    return tuple(torch.where(where, mirrored_joints(x, skeleton, s), x) for x, s in zip(parts, signs, strict=True))


def judge(predicted: Tensor, truth: Tensor, name: str) -> dict[str, float]:
    """Mean errors of (N,J,3) poses in metres, all joints, rooted at joint 0: {name_mpjpe, name_pa} in millimetres."""
    p, t = predicted.double().cpu().numpy(), truth.double().cpu().numpy()
    p, t = p - p[:, :1], t - t[:, :1]
    return {f"{name}_mpjpe": float(mpjpe(p, t).mean()), f"{name}_pa": float(pa_mpjpe(p, t).mean())}
