"""Motion capture as a benchmark: each clip before a virtual still camera, its 2D exact or spoilt as a detector spoils it.

Everything random comes from the clip's own name, so that every reader of the same folder judges on the same numbers.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.benchmark import PoseClip, PoseClips, Source, Split, choose, make_clip
from engine.datasets.mocap import MocapClip
from engine.datasets.motions import load_motions
from engine.datasets.rendered import SCREEN, SIZE
from engine.datasets.split import HELD_OUT_SOURCES
from engine.datasets.virtual_camera import NEAREST, before_camera

DEPTHS = (3.0, 6.0)  # metres from the camera to the middle of the pelvis's path; more where the path needs it
# Deviation of MediaPipe's 2D a axis, in metres at the person, and its correlation from frame to frame: the medians over the rendered
# pairs (47,112 frames of pairs_1.npz, BODY_FROM_LANDMARKS times the landmarks minus the truth, times depth over stature), 1.7 m tall.
ERRORS = {
    "pelvis": (0.012, 0.97), "spine": (0.010, 0.98), "chest": (0.017, 0.99), "neck": (0.011, 0.97), "head": (0.014, 0.98),
    "head_top": (0.018, 0.98), "shoulder": (0.011, 0.96), "elbow": (0.012, 0.93), "wrist": (0.013, 0.89), "hand": (0.022, 0.91),
    "hip": (0.015, 0.97), "knee": (0.012, 0.93), "ankle": (0.009, 0.89), "toe": (0.015, 0.91),
}  # fmt: skip
# In that share of the frames a limb's error is many times as large: the detector has lost the limb. The last makes the whole's
# deviation that of the pairs (0.03 at the wrist instead of 0.013).
LOST_SHARE, LOST_FRAMES, LOST_FACTOR = 0.07, 12, 7.0
LIMBS = ("elbow", "wrist", "hand", "knee", "ankle", "toe")


def load_motion_benchmark(source: Source, split: Split) -> PoseClips:
    """Clips of a folder of motion capture, any format that `load_motions` reads. keypoints: "detected" or "gt".

    Nobody is in two splits. Where the folder holds the sources that the shipped weights never saw, those are the test; else every fifth
    subject is. `held_out` names the subjects that validate; by default every fifth of the others.
    """
    if source.keypoints not in ("detected", "gt"):
        raise Failure("bad_arguments", f"Motion capture has the keypoints detected and gt, not {source.keypoints}.")
    clips = load_motions(source.path)
    training, test = _subjects(clips)
    held_out = tuple(training[1::5] or training[:1]) if source.held_out is None else source.held_out
    names = set(choose(split, training, test, held_out))
    chosen = [clip for clip in clips if clip.subject in names]
    if not chosen:
        raise Failure(
            "bad_input", f"{source.path} has too few people for a {split} split: {', '.join(sorted({c.subject for c in clips}))}."
        )
    return PoseClips("mocap", source.keypoints, split, BODY_22, tuple(_clip(c, source.keypoints) for c in chosen))


def _subjects(clips: list[MocapClip]) -> tuple[list[str], list[str]]:
    """(training, test) subjects."""
    everyone = sorted({clip.subject for clip in clips})
    unseen = sorted({clip.subject for clip in clips if clip.source in HELD_OUT_SOURCES})
    test = unseen if unseen and len(unseen) < len(everyone) else everyone[::5]
    return [name for name in everyone if name not in test], test


def _clip(clip: MocapClip, keypoints: str) -> PoseClip:
    rng = np.random.default_rng(zlib.crc32(f"{clip.source}/{clip.index}/{clip.name}".encode()))
    joints = place(clip.positions, rng)
    seen = SCREEN * joints[..., :2] / joints[..., 2:]
    if keypoints == "detected":
        seen = seen + SCREEN * detector_errors(len(joints), clip.fps, rng) / joints[:, :1, 2:]
    return make_clip(
        subject=clip.subject, action=clip.name, camera=f"{clip.source} {clip.index}", fps=clip.fps, keypoints=seen, joints=joints,
        image_size=SIZE,
    )  # fmt: skip


def place(positions: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
    """(T,22,3) Z up, metres, to camera axes before a random still camera that nobody walks into."""
    joints = before_camera(positions, np.array([0.0, 0.0, rng.uniform(*DEPTHS)]), rng)
    return joints + np.array([0.0, 0.0, max(0.0, 2 * NEAREST - float(joints[..., 2].min()))])


def detector_errors(frames: int, fps: float, rng: np.random.Generator) -> npt.NDArray:
    """(T,22,2) metres at the person: errors that persist over frames, as ERRORS has it, larger in spells where a limb is lost."""
    deviation, persistence = np.array([ERRORS[joint.split(".")[0]] for joint in BODY_22.joints]).T
    persistence = persistence ** (30.0 / fps)  # measured at 30 frames a second
    innovation = rng.standard_normal((frames, len(BODY_22), 2)) * np.sqrt(1 - persistence[:, None] ** 2)
    innovation[0] = rng.standard_normal((len(BODY_22), 2))  # as large as any later error
    errors = np.stack([lfilter([1.0], [1.0, -p], innovation[:, joint], axis=0) for joint, p in enumerate(persistence)], axis=1)
    limb = np.array([joint.split(".")[0] in LIMBS for joint in BODY_22.joints])
    starts = rng.random((frames, len(BODY_22))) < LOST_SHARE / LOST_FRAMES
    lost = np.zeros_like(starts)
    for t, joint in zip(*np.nonzero(starts), strict=True):
        lost[t : t + LOST_FRAMES, joint] = True
    return errors * deviation[:, None] * np.where(lost & limb, LOST_FACTOR, 1.0)[..., None]
