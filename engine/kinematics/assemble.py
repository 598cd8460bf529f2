"""From refined joints in the camera to the finished motion, on one page."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contract.motion_file import Motion
from contract.skeleton import ARMATURE_24, BODY_22
from engine.camera import field_of_view, rays, to_camera, to_world
from engine.kinematics import ground, quality
from engine.kinematics.bones import settle, towards_sight
from engine.kinematics.contacts import seen_speed
from engine.kinematics.feet import plant_feet
from engine.kinematics.forward import forward
from engine.kinematics.proportions import Proportions, fit_proportions
from engine.kinematics.rotations import Pose, fit_pose
from engine.kinematics.smoothing import cutoff, liveliness, smooth_runs
from engine.kinematics.trajectory import frame_path, reprojection_errors, smooth_path, turned_path
from engine.kinematics.world import ANKLES, TOES, find_stand, find_world

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_HEAD = BODY_22.index("head")
# Heads turn no faster than this, and the face's landmarks tremble (hertz).
FACE_HZ = 4.0
# Hypotheses that disagree by this much (m) halve a joint's weight in the smoothing.
SPREAD_SCALE = 0.05
# Accelerations (m/s^2) that double a joint's weight in the smoothing. In motion capture hands and feet have 6 in the median and 25
# to 55 in the hardest hundredth. Arms strike; legs do so more rarely, and their stillness matters more. A punch of 2.6 m/s keeps
# 0.94 to 0.97 of its peak (0.84 to 0.86 with 20 for the arms), for 1 to 5 % more error of the accelerations on the development clips.
_ARMS = [name.split(".")[0] in ("shoulder", "elbow", "wrist", "hand") for name in BODY_22.joints]
LIVELY = np.where(_ARMS, 8.0, 40.0)
# Rounds of: path -> ground -> contacts -> path with standing feet.
_WORLD_ROUNDS = 3


def build_motion(
    joints: Array,
    spread: Array,
    image_points: Array,
    confidence: Array,
    track_times: Array,
    detected: Flags,
    runs: list[slice],
    fps: float,
    camera_matrix: Array,
    image_size: tuple[int, int],
    height: float,
    smooth: float = 0.5,
    root: str = "motion",
    face: Array | None = None,
    feet: str = "auto",
    cameras: Array | None = None,
) -> Motion:
    """The motion of one person, complete, in the joints of ARMATURE_24.

    joints (T,22,3): BODY_22 in metres, camera axes, relative to the pelvis; spread (T,22) metres; image_points (T,22,2) px with
    confidence (T,22) 0..1; track_times (T,) seconds; detected (T,); runs: stretches of frames without a hole in time;
    camera_matrix (3,3); image_size (width, height); height: the person's stature in metres; smooth 0..1; root: "motion" or
    "in-place"; face (T,3): where the face looks, camera axes, where known; feet: "auto",
    "always" or "never" hold standing feet still; cameras (T,4,4): where a known camera stood at each frame, camera to world, Z up. Then
    the motion lies in that world, the file's camera is that of the first frame, and only `root` "in-place" moves the person away.
    The quality report stands in provenance["quality"].
    """
    joints = np.asarray(joints, float)
    joints, spread = joints - joints[:, :1], np.asarray(spread, float)
    image_points, confidence = np.asarray(image_points, float), np.clip(np.asarray(confidence, float), 0.0, 1.0)
    matrix = np.asarray(camera_matrix, float)

    # what is smoothed over time is smoothed where nothing but the person moves: in the world if it is known, else as the camera sees it
    views = np.tile(np.eye(4), (len(joints), 1, 1)) if cameras is None else np.asarray(cameras, float)
    turn = views[:, :3, :3]

    body = fit_proportions(joints, confidence, height, fps)
    if face is not None:
        face = np.einsum("tij,tj->ti", turn, face)
        face = smooth_runs(np.asarray(face, float)[:, None], confidence[:, [_HEAD]], runs, fps, min(cutoff(smooth), FACE_HZ))[:, 0]
    firmness = 0.1 + confidence
    settled = settle(joints * body.scale, firmness, body)
    frames = turned_path(frame_path(settled, image_points, confidence, matrix), views)
    path = to_camera(smooth_path(frames, runs, fps)[:, None], views)[:, 0]
    # where the detector saw the limbs is surer than where the lifter has them
    settled += towards_sight(settled, path, image_points, confidence, matrix)
    settled = settle(settled, firmness, body, path)
    settled = settled @ turn.swapaxes(1, 2)
    steady = _smoothed(settled - settled[:, :1], confidence, spread, runs, fps, smooth)
    pose = fit_pose(steady, body.rest_offsets, runs, fps, face)
    relative = pose.body - pose.root[:, None]
    fit_errors = np.linalg.norm(pose.body - steady, axis=-1)

    frames = turned_path(frame_path(relative @ turn, image_points, confidence, matrix), views)
    path = smooth_path(frames, runs, fps)
    ends = [ANKLES, TOES]
    directions = np.concatenate([rays(image_points, matrix), np.ones((*confidence.shape, 1))], -1)[:, ends]
    seen = seen_speed(directions, to_camera(path[:, None], views)[:, 0, 2], confidence[:, ends], views, runs, fps)
    for _ in range(_WORLD_ROUNDS):
        world = find_world(relative, path, confidence, body, runs, fps, seen, cameras is not None)
        path = smooth_path(frames, runs, fps, find_stand(relative, path, world, body))
    world = find_world(relative, path, confidence, body, runs, fps, seen, cameras is not None)
    camera_to_world, contacts = world.camera_to_world, world.contacts

    world_targets = to_world(relative + path[:, None], camera_to_world)
    planted = plant_feet(world_targets, contacts, body, runs, fps, feet)
    world_targets, contacts = planted.joints, planted.contacts
    world_face = None if face is None else np.asarray(face, float) @ camera_to_world[:3, :3].T
    final = fit_pose(world_targets, body.rest_offsets, runs, fps, world_face)
    pixel_errors = reprojection_errors(to_camera(final.body, camera_to_world @ views), image_points, matrix)
    # holding the feet may have moved the start; a known world stays where it is
    start = np.array([*final.root[0, :2], 0.0]) if cameras is None else camera_to_world[:3, 3].copy()
    camera_to_world[:3, 3] -= start
    root_path = final.root - start
    if root == "in-place":
        root_path[:, :2] = 0.0
    views = camera_to_world @ views
    positions, _ = forward(ARMATURE_24.parents, body.rest_offsets, final.rotations, root_path)
    figures = quality.report(
        final.positions, contacts, detected, runs, fps, pixel_errors, confidence, image_points, fit_errors,
        spread, np.asarray(track_times, float),
    )  # fmt: skip
    figures |= _setting(body, views[0], matrix, image_size)
    return Motion(
        joint_names=np.array(ARMATURE_24.joints),
        parents=np.array(ARMATURE_24.parents, dtype=np.int64),
        fps=float(fps),
        times=np.asarray(track_times, float),
        positions_camera=to_camera(positions, views).astype(np.float32),
        positions_world=positions.astype(np.float32),
        rest_offsets=body.rest_offsets.astype(np.float32),
        rotations=final.rotations.astype(np.float32),
        root_translation=root_path.astype(np.float32),
        image_points=with_clavicles(image_points).astype(np.float32),
        confidence=with_clavicles(confidence).astype(np.float32),
        spread=with_clavicles(spread).astype(np.float32),
        contacts=contacts,
        camera_matrix=matrix,
        camera_to_world=views[0],
        image_size=np.array(image_size, dtype=np.int64),
        detected=np.asarray(detected, bool),
        provenance={"quality": figures},
    )


def with_clavicles(values: Array) -> Array:
    """(T,22,...) of BODY_22 to (T,24,...) of ARMATURE_24; a clavicle, which nothing measures, lies between neck and shoulder."""
    out = np.zeros((len(values), len(ARMATURE_24), *values.shape[2:]))
    out[:, [ARMATURE_24.index(name) for name in BODY_22.joints]] = values
    for side in "LR":
        pair = [BODY_22.index("neck"), BODY_22.index(f"shoulder.{side}")]
        out[:, ARMATURE_24.index(f"clavicle.{side}")] = values[:, pair].mean(1)
    return out


def _smoothed(joints: Array, confidence: Array, spread: Array, runs: list[slice], fps: float, smooth: float) -> Array:
    """(T,22,3) joints smoothed over time, each by how sure it is."""
    if smooth <= 0:
        return joints
    weights = (0.05 + confidence) / (1 + (spread / SPREAD_SCALE) ** 2)
    weights = weights / np.maximum(np.median(weights, axis=0), 1e-6)
    weights = np.clip(weights, 0.02, 2.0)
    return smooth_runs(joints, weights * liveliness(joints, weights, runs, fps, LIVELY), runs, fps, cutoff(smooth))


def _setting(body: Proportions, camera_to_world: Array, matrix: Array, image_size: tuple[int, int]) -> dict[str, Any]:
    tilt, roll = ground.tilt_and_roll(camera_to_world)
    return {
        "stature_m": round(body.stature, 3),
        "bones_observed": round(body.observed, 3),
        "fov_degrees": round(field_of_view(matrix, image_size), 1),
        "camera_tilt_degrees": round(tilt, 1),
        "camera_roll_degrees": round(roll, 1),
        "camera_height_m": round(float(camera_to_world[2, 3]), 2),
    }


__all__ = ["Pose", "build_motion", "with_clavicles"]
