"""Human3.6M in VideoPose3D's layout: `data_3d_h36m.npz` and a `data_2d_h36m_*.npz`, or any detector's keypoints in the same layout.

3D: {subject: {action: (T,32,3) metres, world}}. 2D: {subject: {action: [four cameras of (T',17,2) pixels, (T',17,3) with the detector's
confidence 0..1 as the third, or DiffPose's (T',17,M,5)]}}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import H36M_17
from engine.datasets.benchmark import PoseClip, PoseClips, Source, Split, choose, make_clip, normalise_screen
from engine.datasets.human36m_cameras import LENSES, PLACES, project, world_to_camera
from engine.datasets.restricted_pickle import load_npz

FPS = 50.0
TRAINING = ("S1", "S5", "S6", "S7", "S8")
TEST = ("S9", "S11")
VALIDATION = ("S8",)
TEST_FRAMES = 543_344  # of S9 and S11 before four cameras, as every complete copy has it
# The 17 joints that the field keeps, by their place among the data set's 32.
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
JOINTS_3D = 32
# That take's motion capture is corrupt: nobody trains or tests on it.
EXCLUDED = frozenset({("S11", "Directions")})
POSES = "data_3d_h36m.npz"
FILES = {
    "gt": "data_2d_h36m_gt.npz",
    "cpn": "data_2d_h36m_cpn_ft_h36m_dbb.npz",
    "gt_gmm": "data_2d_h36m_gt_gmm.npz",
    "cpn_gmm": "data_2d_h36m_cpn_ft_h36m_dbb_gmm.npz",
}
Takes = dict[str, dict[str, Any]]


def load_human36m(source: Source, split: Split) -> PoseClips:
    """The clips of a split: every action of its subjects before all four cameras.

    keypoints: "cpn", "gt", "cpn_gmm", "gt_gmm" or the path of a file of the same layout. Without the file of "gt" the truth is projected,
    which is how that file was made. Keypoints that are longer than the motion capture are cut to it.
    Raises Failure `no_such_file` or `bad_input`, saying which file and what of it is wrong.
    """
    path = keypoints_path(source)
    poses = read_takes(Path(source.path) / POSES, "positions_3d")
    keypoints = None if path is None else read_takes(path, "positions_2d")
    clips: list[PoseClip] = []
    for subject in choose(split, TRAINING, TEST, VALIDATION if source.held_out is None else source.held_out):
        _require(subject, poses, Path(source.path) / POSES)
        if keypoints is not None and path is not None:
            _require(subject, keypoints, path)
        for action, joints in poses[subject].items():
            if (subject, action) in EXCLUDED:
                continue
            world = _seventeen(joints, subject, action)
            if keypoints is None or path is None:
                seen = None
            elif action not in keypoints[subject]:
                raise Failure("bad_input", f"{path} has no {subject} {action}, which {POSES} has; the two files do not belong together.")
            else:
                seen = keypoints[subject][action]
            clips += _cameras(subject, action, world, seen)
    return PoseClips("h36m", source.keypoints, split, H36M_17, tuple(clips))


def keypoints_path(source: Source) -> Path | None:
    """The file of the 2D keypoints; None where the truth is to be projected. Failure where there is none."""
    if source.keypoints in FILES:
        path = Path(source.path) / FILES[source.keypoints]
        return None if source.keypoints == "gt" and not path.is_file() else path
    path = Path(source.keypoints)
    if path.suffix != ".npz":
        names = ", ".join(FILES)
        raise Failure("bad_arguments", f"Human3.6M has the keypoints {names}, or give an .npz of the same layout, not {source.keypoints}.")
    return path


def read_takes(path: Path, key: str) -> Takes:
    """{subject: {action: arrays}} of one of VideoPose3D's files; Failure `no_such_file` or `bad_input`."""
    content = load_npz(path)
    takes = content.get(key)
    if not isinstance(takes, dict) or not all(isinstance(actions, dict) for actions in takes.values()):
        other = "positions_2d" if key == "positions_3d" else "positions_3d"
        hint = (
            f"it holds {other}, so it is the other of the two files" if other in content else f"it holds {', '.join(content) or 'nothing'}"
        )
        raise Failure("bad_input", f"{path} is not a file of Human3.6M's {key} in VideoPose3D's layout: {hint}.")
    return {str(subject): {str(action): take for action, take in actions.items()} for subject, actions in takes.items()}


def _require(subject: str, takes: Takes, path: Path) -> None:
    if not takes.get(subject):
        raise Failure("bad_input", f"{path} has no {subject}, only {', '.join(sorted(takes)) or 'nobody'}; it is an incomplete copy.")


def _seventeen(joints: Any, subject: str, action: str) -> npt.NDArray:
    """(T,17,3) of a take's 32 joints."""
    array = np.asarray(joints)
    if array.ndim != 3 or array.shape[1:] != (JOINTS_3D, 3):
        raise Failure(
            "bad_input", f"{POSES}: {subject} {action} is an array of {array.shape} instead of (frames, {JOINTS_3D}, 3); make the file "
            "again as VideoPose3D's prepare_data_h36m.py does.",
        )  # fmt: skip
    return array[:, KEPT].astype(np.float64)


def _cameras(subject: str, action: str, world: npt.NDArray, seen: Any) -> list[PoseClip]:
    """The take before each of the four cameras."""
    if seen is not None and len(seen) != len(LENSES):
        raise Failure("bad_input", f"{subject} {action} is seen by {len(seen)} cameras in the 2D file instead of {len(LENSES)}.")
    if subject not in PLACES:
        raise Failure("bad_input", f"The cameras of {subject} are not known.")
    clips = []
    for camera, lens in enumerate(LENSES):
        joints = world_to_camera(world, subject, camera)
        kernels = confidence = None
        if seen is None:
            pixels = project(joints, camera)
        else:
            pixels, kernels, confidence = _pixels(np.asarray(seen[camera]), len(joints), f"{subject} {action}, camera {lens.name}")
        points = normalise_screen(pixels, *lens.size)
        if kernels is not None:
            kernels = kernels.astype(np.float64)
            kernels[..., 1:3] = normalise_screen(kernels[..., 1:3], *lens.size)
        clips.append(
            make_clip(
                subject=subject, action=action, camera=lens.name, fps=FPS, keypoints=points, joints=joints, image_size=lens.size,
                kernels=kernels, confidence=confidence,
            )
        )  # fmt: skip
    return clips


def _pixels(array: npt.NDArray, frames: int, name: str) -> tuple[npt.NDArray, npt.NDArray | None, npt.NDArray | None]:
    """(pixels (T,17,2), kernels (T,17,M,5) or None, confidence (T,17) or None), cut to the length of the motion capture."""
    plain = array.ndim == 3 and array.shape[1] == len(H36M_17) and array.shape[2] in (2, 3)
    mixed = array.ndim == 4 and array.shape[1] == len(H36M_17) and array.shape[3] == 5
    if not plain and not mixed:
        raise Failure(
            "bad_input",
            f"{name}: the 2D keypoints are an array of {array.shape} instead of (frames, 17, 2), "
            "(frames, 17, 3) with a confidence, or (frames, 17, M, 5).",
        )
    if len(array) < frames:
        raise Failure(
            "bad_input", f"{name}: {len(array)} frames of 2D keypoints for {frames} of motion capture; the 2D file is incomplete."
        )
    array = array[:frames]
    if not plain:
        return array[:, :, 0, 1:3], array, None
    confidence = array[..., 2] if array.shape[2] == 3 else None
    if confidence is not None and not ((confidence >= 0.0) & (confidence <= 1.0)).all():
        raise Failure("bad_input", f"{name}: the confidence of the keypoints, their third number, must be from 0 to 1.")
    return array[..., :2], None, confidence
