"""From refined joints in the camera to the finished motion, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.motion_file import Motion
from contract.skeleton import ARMATURE_24, BODY_22
from engine.cameras.pinhole import field_of_view, rays, to_camera, to_world
from engine.kinematics import ground, quality
from engine.kinematics.animation import animate
from engine.kinematics.bones import settle, towards_sight
from engine.kinematics.contacts import seen_speed
from engine.kinematics.feet import plant_feet
from engine.kinematics.points import point_offsets
from engine.kinematics.proportions import Proportions, fit_proportions
from engine.kinematics.rotations import fit_pose
from engine.kinematics.smoothing import cutoff, liveliness, smooth_runs, velocity
from engine.kinematics.trajectory import FramePath, frame_path, smooth_path, turned_path
from engine.kinematics.upright import straighten
from engine.kinematics.world import ANKLES, TOES, Up, find_stand, find_up, find_world
from engine.long_takes.scratch import let_go, long_array
from engine.long_takes.windows import pieces, windows

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Stored = npt.NDArray[Any]  # float32: what is as long as the take is kept in half the memory
Flags = npt.NDArray[np.bool_]

_HEAD = BODY_22.index("head")
# Heads turn no faster than this, and the face's landmarks tremble (hertz).
FACE_HZ = 4.0
# Hypotheses that disagree by this much (m) halve a joint's weight in the smoothing.
SPREAD_SCALE = 0.05
# Accelerations (m/s^2) that double a joint's weight in the smoothing. In motion capture hands and feet have 6 in the median and 25
# to 55 in the hardest hundredth. Arms strike; legs do so more rarely, and their stillness matters more. Chosen by benchmarks/strikes.py
# and tests/engine/kinematics/test_strikes.py, not on the development clips: without errors a jab of 3.5 m/s keeps 0.95 of its speed.
_ARMS = [name.split(".")[0] in ("shoulder", "elbow", "wrist", "hand") for name in BODY_22.joints]
LIVELY = np.where(_ARMS, 6.0, 40.0)
# Rounds of: path -> ground -> contacts -> path with standing feet.
_WORLD_ROUNDS = 3


def build_motion(
    joints: Floats,
    spread: Floats,
    image_points: Floats,
    confidence: Floats,
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
    rooted, sure = long_array(joints.shape), long_array(confidence.shape)
    for part in pieces(len(joints), joints, confidence, rooted, sure):
        rooted[part], sure[part] = joints[part] - joints[part, :1], np.clip(confidence[part], 0.0, 1.0)
    spread, image_points, confidence = np.asarray(spread, np.float32), np.asarray(image_points, np.float32), sure
    matrix = np.asarray(camera_matrix, float)
    count = len(joints)

    # what is smoothed over time is smoothed where nothing but the person moves: in the world if it is known, else as the camera sees it
    views = np.broadcast_to(np.eye(4), (count, 4, 4)) if cameras is None else np.asarray(cameras, float)
    turn = views[:, :3, :3]

    body = fit_proportions(rooted, confidence, height, fps)
    if face is not None:
        face = _calm_face(face, turn, confidence, runs, fps, min(cutoff(smooth), FACE_HZ))
    settled = rooted  # in the same memory
    for part in pieces(count, settled, confidence):
        settled[part] = settle(rooted[part] * body.scale, 0.1 + confidence[part], body)
    del rooted
    frames = _frames(settled, image_points, confidence, matrix, views, height)
    path = smooth_path(frames, runs, fps)
    for part in pieces(count, path, cameras):
        path[part] = to_camera(path[part, None], views[part])[:, 0]
    speed = long_array(settled.shape[:2])
    for window in windows(runs, fps, settled, speed):
        moving = velocity(settled[window.reach].astype(float), window.runs, fps)
        speed[window.kept] = np.linalg.norm(moving, axis=-1)[window.inner]
    for part in pieces(count, settled, confidence, image_points, path, speed, cameras):
        # where the detector saw the joints is surer than where the lifter has them
        near = settled[part].astype(float)
        near += towards_sight(near, path[part], image_points[part], confidence[part], matrix, height, speed[part])
        settled[part] = (near - near[:, :1]) @ turn[part].swapaxes(1, 2)
    del speed
    # which feet stand is told by their speed
    steady = _smoothed(settled, confidence, spread, runs, fps, smooth, [*ANKLES, *TOES])
    up = _up(steady, frames, image_points, confidence, body, matrix, views, runs, fps, cameras is not None)
    del steady
    for part in pieces(count, settled, confidence, path, cameras):
        near = straighten(settled[part].astype(float), up.read, up.lean, turn[part, :, 2]) @ turn[part]
        near = settle(near, 0.1 + confidence[part], body, path[part]) @ turn[part].swapaxes(1, 2)
        settled[part] = near - near[:, :1]
    settled = _smoothed(settled, confidence, spread, runs, fps, smooth)
    relative, fit_error = long_array(settled.shape), 0.0
    for window in windows(runs, fps, settled, relative, face):
        pose = fit_pose(
            settled[window.reach].astype(float), body.rest_offsets, window.runs, fps, None if face is None else face[window.reach]
        )
        relative[window.kept] = (pose.body - pose.root[:, None])[window.inner]
        fit_error += float(np.linalg.norm(pose.body[window.inner] - settled[window.kept], axis=-1).sum())
    del settled

    frames = _frames(relative, image_points, confidence, matrix, views, height, turn)
    path = smooth_path(frames, runs, fps)
    seen = _seen_speed(image_points, confidence, path, matrix, views, runs, fps)
    for _ in range(_WORLD_ROUNDS):
        world = find_world(relative, path, confidence, body, runs, fps, seen, up.believed if cameras is None else None)
        path = smooth_path(frames, runs, fps, find_stand(relative, path, world, body))
    del frames
    world = find_world(relative, path, confidence, body, runs, fps, seen, up.believed if cameras is None else None)
    camera_to_world, contacts = world.camera_to_world, world.contacts

    targets = relative  # in the same memory
    for part in pieces(count, targets, path):
        targets[part] = to_world(relative[part] + path[part, None], camera_to_world)
    del relative, path
    planted = plant_feet(targets, contacts, body, runs, fps, feet, seen)
    targets, contacts = planted.joints, planted.contacts
    del planted, seen
    if face is not None:
        for part in pieces(count, face):
            face[part] = face[part] @ camera_to_world[:3, :3].T
    done = animate(targets, image_points, face, body, runs, fps, matrix, camera_to_world, cameras, root)
    del targets
    figures = quality.report(
        done.on_the_ground, contacts, detected, runs, fps, done.pixel_errors, confidence, image_points,
        fit_error / confidence.size, spread, np.asarray(track_times, float),
    )  # fmt: skip
    camera = done.camera_to_world @ views[0]
    figures |= _setting(body, camera, matrix, image_size)
    return Motion(
        joint_names=np.array(ARMATURE_24.joints),
        parents=np.array(ARMATURE_24.parents, dtype=np.int64),
        fps=float(fps),
        times=np.asarray(track_times, float),
        positions_camera=done.camera,
        positions_world=done.world,
        rest_offsets=body.rest_offsets.astype(np.float32),
        rotations=done.rotations,
        root_translation=done.root,
        image_points=with_clavicles(image_points),
        confidence=with_clavicles(confidence),
        spread=with_clavicles(spread),
        contacts=contacts,
        camera_matrix=matrix,
        camera_to_world=camera,
        image_size=np.array(image_size, dtype=np.int64),
        detected=np.asarray(detected, bool),
        provenance={"quality": figures},
    )


def _frames(
    joints: Stored, image_points: Stored, confidence: Stored, matrix: Array, views: Array, height: float, turn: Array | None = None
) -> FramePath:
    """What each frame says of the root's path, in the axes of the world of the cameras `views` (T,4,4).

    joints (T,22,3) relative to the pelvis: in camera axes, or in the world's, where `turn` (T,3,3) is the cameras' rotation.
    """
    translation, information = (long_array((len(joints), *shape), np.float64) for shape in ((3,), (3, 3)))
    for part in pieces(len(joints), joints, image_points, confidence, translation, information):
        seen = joints[part].astype(float)
        seen = seen if turn is None else seen @ turn[part]
        path = frame_path(seen + point_offsets(seen, height), image_points[part], confidence[part], matrix)
        path = turned_path(path, views[part])
        translation[part], information[part] = path.translation, path.information
    return FramePath(translation, information)


def _up(
    joints: Stored, frames: FramePath, image_points: Stored, confidence: Stored, body: Proportions, matrix: Array, views: Array,
    runs: list[slice], fps: float, known: bool,
) -> Up:  # fmt: skip
    """Up in the axes of joints (T,22,3), which is Z where it is `known`."""
    path = smooth_path(frames, runs, fps)
    seen = _seen_speed(image_points, confidence, path, matrix, views, runs, fps)
    if known:
        sight = sum((views[part, :3, 2].sum(0) for part in pieces(len(views), views)), np.zeros(3))
        return find_up(joints, path, confidence, body, runs, fps, seen, sight / np.linalg.norm(sight), np.array([0.0, 0.0, 1.0]))
    # the feet that stand on the ground of a first reading make the path of a second one surer
    first = find_up(joints, path, confidence, body, runs, fps, seen).believed
    stand = find_stand(joints, path, find_world(joints, path, confidence, body, runs, fps, seen, first), body)
    return find_up(joints, smooth_path(frames, runs, fps, stand), confidence, body, runs, fps, seen)


def _seen_speed(
    image_points: Stored, confidence: Stored, path: Array, matrix: Array, views: Array, runs: list[slice], fps: float
) -> Stored:
    """(T,2,2) m/s: see contacts.seen_speed."""
    seen, ends = long_array((len(path), 2, 2)), [ANKLES, TOES]
    for window in windows(runs, fps, image_points, confidence, path, views, seen):
        points, cameras = image_points[window.reach][:, ends], views[window.reach]
        directions = np.concatenate([rays(points, matrix), np.ones((*points.shape[:-1], 1))], -1)
        depth = to_camera(path[window.reach, None], cameras)[:, 0, 2]
        sure = confidence[window.reach][:, ends]
        seen[window.kept] = seen_speed(directions, depth, sure, cameras, window.runs, fps)[window.inner]
    return seen


def with_clavicles(values: Floats) -> Floats:
    """(T,22,...) of BODY_22 to (T,24,...) of ARMATURE_24; a clavicle, which nothing measures, lies between neck and shoulder."""
    out = long_array((len(values), len(ARMATURE_24), *values.shape[2:]), values.dtype)
    for part in pieces(len(values), values, out):
        out[part, [ARMATURE_24.index(name) for name in BODY_22.joints]] = values[part]
        for side in "LR":
            pair = [BODY_22.index("neck"), BODY_22.index(f"shoulder.{side}")]
            out[part, ARMATURE_24.index(f"clavicle.{side}")] = values[part, pair].mean(1)
    return out


def _calm_face(face: Array, turn: Array, confidence: Stored, runs: list[slice], fps: float, hertz: float) -> Array:
    """(T,3) where the face looks, in the axes that the cameras' rotations `turn` (T,3,3) lead to, without what is faster than `hertz`."""
    out = long_array(face.shape, np.float64)
    for window in windows(runs, fps, face, turn, confidence, out):
        near = np.einsum("tij,tj->ti", turn[window.reach], face[window.reach])
        out[window.kept] = smooth_runs(near[:, None], confidence[window.reach][:, [_HEAD]], window.runs, fps, hertz)[window.inner, 0]
    return out


def _smoothed(
    joints: Stored,
    confidence: Stored,
    spread: Stored,
    runs: list[slice],
    fps: float,
    smooth: float,
    chosen: Sequence[int] = range(len(BODY_22)),
) -> Stored:
    """(T,22,3): the joints, the `chosen` ones of them smoothed over time, each by how sure it is."""
    if smooth <= 0:
        return joints
    places = list(chosen)

    def sureness(frames: slice) -> Array:
        return (0.05 + confidence[frames][:, places].astype(float)) / (1 + (spread[frames][:, places] / SPREAD_SCALE) ** 2)

    sure = long_array((len(places), len(joints)))
    for part in pieces(len(joints), confidence, spread, sure):
        sure[:, part] = sureness(part).T
    usual = np.empty(len(places))
    for place, one in enumerate(sure):
        usual[place] = max(float(np.median(one)), 1e-6)
        let_go(sure)
    out = long_array(joints.shape)
    for window in windows(runs, fps, joints, confidence, spread, out):
        near = joints[window.reach][:, places].astype(float)
        weights = np.clip(sureness(window.reach) / usual, 0.02, 2.0)
        lively = liveliness(near, weights, window.runs, fps, LIVELY[places])
        out[window.kept] = joints[window.kept]
        out[window.kept, places] = smooth_runs(near, weights * lively, window.runs, fps, cutoff(smooth))[window.inner]
    return out


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
