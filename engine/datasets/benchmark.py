"""What every benchmark's data set looks like to training and evaluation: clips of 2D keypoints beside 3D poses, in three splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import Skeleton

Array = npt.NDArray[np.float32]
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

LEAST_TORSO, LARGEST_TORSO = 0.1, 10.0  # metres from the root to the farthest joint: outside, the file's unit is another


@dataclass(frozen=True)
class Source:
    """Which data to read.

    data: the name in `engine.datasets.registry.LOADERS`. path: its folder. keypoints: which 2D, a name that the data set knows
    ("cpn", "gt", ...) or a file. universal: MPI-INF-3DHP's truth scaled to one skeleton (the field's habit) instead of the person's own.
    held_out: the training subjects that validation is judged on, None for the data set's own choice, () to train on everything.
    skeleton: H36M_17 for Human3.6M's joints out of a data set of BODY_22; None for the data set's own.
    """

    data: str
    path: Path
    keypoints: str = "gt"
    universal: bool = True
    held_out: tuple[str, ...] | None = None
    skeleton: str | None = None


@dataclass(frozen=True)
class PoseClip:
    """One person before one camera, T frames of J joints.

    keypoints (T,J,2): screen-normalised, u to the right, v down: pixels times 2 / width, minus (1, height / width).
    poses (T,J,3): metres, camera axes (x right, y down, z forward), the root (joint 0) at the origin.
    root (T,3): the root's place before the camera, metres. valid (T,): the frames that are judged.
    kernels (T,J,M,5) or None: a 2D mixture a joint, (weight, mean u, mean v, scale u, scale v), of which `keypoints` is the first mean.
    confidence (T,J) or None: how sure the detector is of each keypoint, 0 to 1.
    """

    subject: str
    action: str
    camera: str
    fps: float
    keypoints: Array
    poses: Array
    root: Array
    valid: npt.NDArray[np.bool_]
    image_size: tuple[int, int]
    kernels: Array | None = None
    confidence: Array | None = None

    @property
    def name(self) -> str:
        """Names the clip among all others of its data set."""
        return f"{self.subject} / {self.action} / {self.camera}"

    def __len__(self) -> int:
        return len(self.poses)


@dataclass(frozen=True)
class PoseClips:
    """The clips of one split, in a fixed order. `data` and `keypoints` say what was read."""

    data: str
    keypoints: str
    split: Split
    skeleton: Skeleton
    clips: tuple[PoseClip, ...]

    @property
    def frames(self) -> int:
        """Frames of all clips, judged or not."""
        return sum(len(clip) for clip in self.clips)

    def stacked_keypoints(self) -> Array:
        """(N,J,2) the judged frames of all clips, one after another."""
        return np.concatenate([clip.keypoints[clip.valid] for clip in self.clips])

    def stacked_poses(self) -> Array:
        """(N,J,3) the judged frames of all clips, one after another."""
        return np.concatenate([clip.poses[clip.valid] for clip in self.clips])


Loader = Callable[[Source, Split], PoseClips]


def make_clip(
    *,
    subject: str,
    action: str,
    camera: str,
    fps: float,
    keypoints: npt.NDArray,
    joints: npt.NDArray,
    image_size: tuple[int, int],
    valid: npt.NDArray | None = None,
    kernels: npt.NDArray | None = None,
    confidence: npt.NDArray | None = None,
) -> PoseClip:
    """A checked clip from normalised keypoints (T,J,2) and joints (T,J,3) in camera axes, absolute, metres.

    Raises Failure `bad_input` for unequal lengths, numbers that are not finite in a judged frame, or lengths that are not metres.
    """
    name = f"{subject} / {action} / {camera}"
    if len(keypoints) != len(joints) or keypoints.shape[1] != joints.shape[1]:
        raise Failure(
            "bad_input",
            f"{name}: the 2D keypoints are {keypoints.shape[0]} frames of {keypoints.shape[1]} joints and the 3D poses {joints.shape[0]} "
            f"of {joints.shape[1]}; the two files do not belong together.",
        )
    judged = np.ones(len(joints), dtype=bool) if valid is None else np.asarray(valid, dtype=bool).reshape(-1)
    for what, values in (("3D pose", joints), ("2D keypoints", keypoints)):
        bad = ~np.isfinite(values).all(axis=(1, 2)) & judged
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise Failure("bad_input", f"{name}: the {what} of {int(bad.sum())} frames holds NaN or infinity, first in frame {first}.")
    poses = joints - joints[:, :1]
    if judged.any():
        reach = float(np.median(np.linalg.norm(poses[judged], axis=-1).max(axis=1)))
        if not LEAST_TORSO < reach < LARGEST_TORSO:
            raise Failure("bad_input", f"{name}: joints are up to {reach:.3g} from the root, which are not metres; check the file's unit.")
    return PoseClip(
        subject, action, camera, float(fps), keypoints.astype(np.float32), poses.astype(np.float32),
        joints[:, 0].astype(np.float32), judged, image_size, None if kernels is None else kernels.astype(np.float32),
        None if confidence is None else confidence.astype(np.float32),
    )  # fmt: skip


def normalise_screen(pixels: npt.NDArray, width: int, height: int) -> npt.NDArray:
    """(..,2) pixels to [-1, 1] across the width, the aspect kept: X * 2 / w - (1, h / w) (VideoPose3D's convention)."""
    return pixels * (2.0 / width) - np.array([1.0, height / width])


def choose(split: Split, training: Sequence[str], test: Sequence[str], held_out: Sequence[str]) -> tuple[str, ...]:
    """The subjects of a split: `held_out` of the training subjects validate, the rest trains. Failure for a subject of neither."""
    unknown = sorted(set(held_out) - set(training))
    if unknown:
        raise Failure("bad_arguments", f"{', '.join(unknown)} cannot be held out; the training subjects are {', '.join(training)}.")
    if split == "test":
        return tuple(test)
    return tuple(s for s in training if (s in held_out) == (split == "validation"))
