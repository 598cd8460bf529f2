"""From refined joints in the camera to the finished motion, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.alternatives import columns_of
from contract.motion_file import Motion
from contract.options import CaptureOptions
from contract.skeleton import ARMATURE_24, BODY_22
from engine.cameras.pinhole import field_of_view, rays, to_camera, to_world
from engine.kinematics import ground, quality
from engine.kinematics.alternatives import find_alternatives
from engine.kinematics.animation import Animation, animate
from engine.kinematics.bones import SIZE_KNOWN, Floor, settle, size_of, towards_sight
from engine.kinematics.contacts import seen_speed
from engine.kinematics.feet import Planted, plant_feet
from engine.kinematics.levelling import Levelled, levelled
from engine.kinematics.plausible import find_implausible
from engine.kinematics.points import point_offsets
from engine.kinematics.proportions import Proportions, fit_proportions
from engine.kinematics.resting import FLESH, GROUND_DOUBT
from engine.kinematics.rotations import fit_pose
from engine.kinematics.smoothing import cutoff, liveliness, smooth_runs, velocity
from engine.kinematics.stance import open_hips
from engine.kinematics.take import Camera, Performer, Take
from engine.kinematics.trajectory import ACCELERATION, LYING_ACCELERATION, FramePath, frame_path, smooth_path, turned_path
from engine.kinematics.turns import direction
from engine.kinematics.upright import SIGHT, straighten
from engine.kinematics.world import ANKLES, TOES, Lean, Up, World, find_lean, find_stand, find_up, find_world
from engine.long_takes import Timeline, gathered, mapped, mapped_over_time

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


def build_motion(performer: Performer, camera: Camera, options: CaptureOptions) -> Motion:
    """The motion of one person, complete, in the joints of ARMATURE_24, as that camera saw her.

    Of the options it asks for height, smooth, feet, root and level. Where the camera is known the motion lies in its world, the file's
    camera is that of the first frame, and only `root` "in-place" moves the person away. The quality report stands in provenance["quality"].
    """
    return _motion(_made(performer, camera, options))


@dataclass(frozen=True)
class _Made:
    """What the motion is made of: the animation, its contacts (T,2), how far the bones moved the joints (metres), the take, the body, and
    how up is known."""

    done: Animation
    contacts: Flags
    fit_error: float
    take: Take
    body: Proportions
    told: Levelled


def _made(performer: Performer, camera: Camera, options: CaptureOptions) -> _Made:
    """The way of a take to its animation; what is needed on it alone is gone behind it."""
    take = Take.of(performer, camera, options)
    body = fit_proportions(take.who.joints, take.who.confidence, options.height, take.who.timeline.fps)
    face = _calm_face(take)
    posed, path, frames = _on_sight(take, body)
    # which feet stand is told by their speed
    up, told, lean = _up(_smoothed(posed, take, [*ANKLES, *TOES]), frames, take, body)
    posed = _smoothed(_straightened(posed, path, up, lean, 1.0 - told.lies, take, body), take)
    posed, fit_error = _on_bones(posed, face, take, body)
    path, world, pace = _walk(posed, up, told.lies, take, body)
    if told.lies > 0.0:  # where the ground is tells the depths of what would be below it
        posed, fit_error = _on_bones(_over_the_ground(posed, path, world, told.lies, take, body), face, take, body)
        path, world, pace = _walk(posed, up, told.lies, take, body)
    planted = _planted(posed, path, world, pace, take, body, told.lies)
    kept = performer.kept
    take, face = take.cut(kept), None if face is None else face[kept]
    done = _animated(planted.joints[kept], face, world, take, body)
    return _Made(done, planted.contacts[kept], fit_error, take, body, told)


def _on_sight(take: Take, body: Proportions) -> tuple[Stored, Array, FramePath]:
    """The joints with the body's bones and on the detector's lines of sight (T,22,3), relative to the pelvis, in the axes of the world; the
    root's first path (T,3) in camera axes, and what each frame says of it. What is smoothed over time is smoothed where nothing but the
    person moves: in the world if it is known, else as the camera sees it."""

    def of_bones(near: Stored, sure: Stored) -> Array:
        return settle(near * body.scale, 0.1 + sure, body)

    def pace(near: Timeline, at: Stored) -> Array:
        return np.asarray(np.linalg.norm(velocity(at.astype(float), near.runs, near.fps), axis=-1))

    def on_sight(at: Stored, sure: Stored, points: Stored, path: Array, speed: Stored, views: Array) -> Array:
        # where the detector saw the joints is surer than where the lifter has them
        near = at.astype(float)
        near += towards_sight(near, path, points, sure, take.camera.matrix, take.options.height, speed)
        return (near - near[:, :1]) @ views[:, :3, :3].swapaxes(1, 2)

    settled = mapped(of_bones, take.who.joints, take.who.confidence)
    frames = _frames(settled, take, in_camera=True)
    path = smooth_path(frames, take.who.timeline.runs, take.who.timeline.fps)
    path = mapped(lambda place, views: to_camera(place[:, None], views)[:, 0], path, take.views, dtype=np.float64)
    speed = mapped_over_time(pace, take.who.timeline, settled)
    return mapped(on_sight, settled, take.who.confidence, take.who.points, path, speed, take.views), path, frames


def _straightened(posed: Stored, path: Array, up: Up, lean: Lean, upright: float, take: Take, body: Proportions) -> Stored:
    """(T,22,3): the joints without what wrong depths make them lean and sit, the bones of the body's lengths again. `upright`: how much the
    person is, 0..1."""

    def straight(at: Stored, path: Array, views: Array, read: Stored, lean: Stored) -> Array:
        turn = views[:, :3, :3]
        near = straighten(at.astype(float), read, lean, turn[:, :, 2]) @ turn
        return open_hips(near, up.believed @ turn, direction(path))  # of who stands

    near = mapped(straight, posed, path, take.views, lean.read, lean.lean)
    # who leans less in depth is as long in the picture only if she is farther away: else her bones would make her lean and sit again
    found = gathered(lambda at, sure: size_of(at, sure, body), near, take.who.confidence)
    size = 1.0 + SIZE_KNOWN * upright * (float(np.median(found)) - 1.0)

    def whole(near: Stored, path: Array, sure: Stored, views: Array) -> Array:
        return _of_its_lengths(size * near.astype(float), sure, body, size * path, views[:, :3, :3])

    return mapped(whole, near, path, take.who.confidence, take.views)


def _of_its_lengths(near: Array, sure: Stored, body: Proportions, path: Array, turn: Array, floor: Floor | None = None) -> Array:
    """(T,22,3): joints `near` the pelvis on its `path`, both in camera axes, with the body's bones again (see `settle`); relative to the
    pelvis, in the axes that `turn` (T,3,3) turns them to."""
    near = settle(near, 0.1 + sure, body, path, floor) @ turn.swapaxes(1, 2)
    return near - near[:, :1]


def _on_bones(posed: Stored, face: Array | None, take: Take, body: Proportions) -> tuple[Stored, float]:
    """(T,22,3): the joints where the armature's bones put them, relative to the pelvis; and how far they have moved, metres."""

    def fitted(near: Timeline, at: Stored, face: Array | None) -> tuple[Array, Array]:
        pose = fit_pose(at.astype(float), body.rest_offsets, near.runs, near.fps, face)
        return pose.body - pose.root[:, None], np.linalg.norm(pose.body - at, axis=-1).mean(1)

    relative, off = mapped_over_time(fitted, take.who.timeline, posed, face)
    return relative, float(off.mean(dtype=np.float64))


def _walk(posed: Stored, up: Up, lies: float, take: Take, body: Proportions) -> tuple[Array, World, Stored]:
    """The root's path (T,3) in the axes of the joints, the world that it leads through, and how fast the feet are seen to move (T,2,2).
    `lies`: how much the person does, 0..1."""
    runs, fps = take.who.timeline.runs, take.who.timeline.fps
    frames = _frames(posed, take)
    acceleration = ACCELERATION * (LYING_ACCELERATION / ACCELERATION) ** lies
    path = smooth_path(frames, runs, fps, acceleration=acceleration)
    pace, believed = _seen_speed(path, take), None if take.camera.known else up.believed
    world = find_world(posed, path, take.who.confidence, body, runs, fps, pace, believed, lies)
    for _ in range(_WORLD_ROUNDS):
        path = smooth_path(frames, runs, fps, find_stand(posed, path, world, body, fps), acceleration)
        world = find_world(posed, path, take.who.confidence, body, runs, fps, pace, believed, lies)
    return path, world, pace


def _over_the_ground(posed: Stored, path: Array, world: World, lies: float, take: Take, body: Proportions) -> Stored:
    """(T,22,3): the joints of who `lies` (0..1) with nothing far below the ground on which she does, the bones of the body's lengths
    again."""
    axis, over = world.camera_to_world[2, :3], float(world.camera_to_world[2, 3])
    least = FLESH * take.options.height - GROUND_DOUBT

    def raised(at: Stored, path: Array, sure: Stored, views: Array) -> Array:
        turn, places = views[:, :3, :3], views[:, :3, 3]
        floor = Floor(axis @ turn, places @ axis + over, least, lies)
        return _of_its_lengths(at.astype(float) @ turn, sure, body, to_camera(path[:, None], views)[:, 0], turn, floor)

    return mapped(raised, posed, path, take.who.confidence, take.views)


def _planted(posed: Stored, path: Array, world: World, pace: Stored, take: Take, body: Proportions, lies: float) -> Planted:
    """The joints of BODY_22 in the world, the feet that stand held still."""
    targets = mapped(lambda at, place: to_world(at + place[:, None], world.camera_to_world), posed, path)
    runs, fps = take.who.timeline.runs, take.who.timeline.fps
    return plant_feet(targets, world.contacts, body, runs, fps, take.options.feet, pace, lies)


def _animated(targets: Floats, face: Array | None, world: World, take: Take, body: Proportions) -> Animation:
    """The armature's bones where the joints are; `face` in the axes of the take."""
    turn, runs, fps = world.camera_to_world, take.who.timeline.runs, take.who.timeline.fps
    face = None if face is None else mapped(lambda way: way @ turn[:3, :3].T, face, dtype=np.float64)
    camera, root = take.camera, take.options.root
    return animate(targets, take.who.points, face, body, runs, fps, camera.matrix, turn, take.views, camera.known, root)


def _motion(made: _Made) -> Motion:
    """The motion with its quality report, and the other readings of its limbs."""
    done, contacts, take, body = made.done, made.contacts, made.take, made.body
    who, camera, runs, fps = take.who, take.camera, take.who.timeline.runs, take.who.timeline.fps
    first = done.camera_to_world @ take.views[0]
    path = mapped(lambda views: done.camera_to_world @ views, take.views, dtype=np.float64) if take.moves else None
    figures = quality.report(
        done.on_the_ground, contacts, who.detected, runs, fps, done.pixel_errors, who.confidence, who.points, made.fit_error, who.spread,
        who.times, camera.too_fast,
    )  # fmt: skip
    others = find_alternatives(done.on_the_ground, done.rotations, contacts, done.ground_camera, take.views, body, take.who.timeline)
    figures["implausible"] = find_implausible(done.on_the_ground, done.rotations, runs, fps, who.times, take.options.height)
    return Motion(
        joint_names=np.array(ARMATURE_24.joints),
        parents=np.array(ARMATURE_24.parents, dtype=np.int64),
        fps=float(fps),
        times=who.times,
        positions_camera=done.camera,
        positions_world=done.world,
        rest_offsets=body.rest_offsets.astype(np.float32),
        rotations=done.rotations,
        root_translation=done.root,
        image_points=with_clavicles(who.points),
        confidence=with_clavicles(who.confidence),
        spread=with_clavicles(who.spread),
        contacts=contacts,
        camera_matrix=camera.matrix,
        camera_to_world=first,
        image_size=np.array(camera.size, dtype=np.int64),
        detected=who.detected,
        provenance={"quality": figures | _setting(body, first, camera.matrix, camera.size, made.told)},
        camera_path=path,
        **columns_of(others),
    )


def _frames(joints: Stored, take: Take, in_camera: bool = False) -> FramePath:
    """What each frame says of the root's path, in the axes of the world.

    joints (T,22,3) relative to the pelvis, in the world's axes or `in_camera` axes.
    """

    def one(at: Stored, points: Stored, sure: Stored, views: Array) -> tuple[Array, Array]:
        seen = at.astype(float)
        seen = seen if in_camera else seen @ views[:, :3, :3]
        path = turned_path(frame_path(seen + point_offsets(seen, take.options.height), points, sure, take.camera.matrix), views)
        return path.translation, path.information

    return FramePath(*mapped(one, joints, take.who.points, take.who.confidence, take.views, dtype=np.float64))


def _up(posed: Stored, frames: FramePath, take: Take, body: Proportions) -> tuple[Up, Levelled, Lean]:
    """Up in the axes of the joints (T,22,3), which is Z where it is known; how it is known; and what wrong depths make the person lean."""
    runs, fps = take.who.timeline.runs, take.who.timeline.fps
    path = smooth_path(frames, runs, fps)
    pace = _seen_speed(path, take)
    sight = SIGHT
    if take.moves or take.camera.known:
        sight = gathered(lambda views: views[:, :3, 2].sum(0)[None], take.views).sum(0)
        sight = sight / np.linalg.norm(sight)
    if take.camera.known:
        up = find_up(posed, path, take.who.confidence, body, runs, fps, pace, sight, np.array([0.0, 0.0, 1.0]))
        lean = find_lean(posed, path, take.who.confidence, up.believed, runs, fps, pace, sight)
        return up, Levelled(up.believed, "known camera"), lean
    # the feet that stand on the ground of a first reading make the path of a second one surer
    first = _levelled(find_up(posed, path, take.who.confidence, body, runs, fps, pace, sight), take).up
    stand = find_stand(posed, path, find_world(posed, path, take.who.confidence, body, runs, fps, pace, first), body, fps)
    path = smooth_path(frames, runs, fps, stand)
    found = find_up(posed, path, take.who.confidence, body, runs, fps, pace, sight)
    told = _levelled(found, take)
    up = found if told.up is found.believed else Up(found.read, told.up)
    lean = find_lean(posed, path, take.who.confidence, up.believed, runs, fps, pace, sight)
    # of who lies nothing of how she leans is an error of her depths
    return up, told, replace(lean, lean=(1.0 - told.lies) * lean.lean)


def _levelled(found: Up, take: Take) -> Levelled:
    return levelled(found, take.camera.gravity, take.camera.lines, take.options.level)


def _seen_speed(path: Array, take: Take) -> Stored:
    """(T,2,2) m/s: see contacts.seen_speed; path (T,3) in the axes of the world."""
    ends = [ANKLES, TOES]

    def pace(near: Timeline, points: Stored, sure: Stored, path: Array, views: Array) -> Array:
        slopes = rays(points[:, ends], take.camera.matrix)
        directions = np.concatenate([slopes, np.ones((*slopes.shape[:-1], 1))], -1)
        return seen_speed(directions, to_camera(path[:, None], views)[:, 0, 2], sure[:, ends], views, near.runs, near.fps)

    return mapped_over_time(pace, take.who.timeline, take.who.points, take.who.confidence, path, take.views)


def with_clavicles(values: Floats) -> Floats:
    """(T,22,...) of BODY_22 to (T,24,...) of ARMATURE_24; a clavicle, which nothing measures, lies between neck and shoulder."""

    def filled(some: Floats) -> Floats:
        out = np.zeros((len(some), len(ARMATURE_24), *some.shape[2:]), some.dtype)
        out[:, [ARMATURE_24.index(name) for name in BODY_22.joints]] = some
        for side in "LR":
            pair = [BODY_22.index("neck"), BODY_22.index(f"shoulder.{side}")]
            out[:, ARMATURE_24.index(f"clavicle.{side}")] = some[:, pair].mean(1)
        return out

    return mapped(filled, values, dtype=values.dtype)


def _calm_face(take: Take) -> Array | None:
    """(T,3) where the face looks, from camera axes to those of the take, without what is faster than a head turns."""
    if take.who.face is None:
        return None
    hertz = min(cutoff(take.options.smooth), FACE_HZ)

    def calm(near: Timeline, face: Array, views: Array, sure: Stored) -> Array:
        turned = np.einsum("tij,tj->ti", views[:, :3, :3], face)
        return smooth_runs(turned[:, None], sure[:, [_HEAD]], near.runs, near.fps, hertz)[:, 0]

    return mapped_over_time(calm, take.who.timeline, take.who.face, take.views, take.who.confidence, dtype=np.float64)


def _smoothed(joints: Stored, take: Take, chosen: Sequence[int] = range(len(BODY_22))) -> Stored:
    """(T,22,3): the joints, the `chosen` ones of them smoothed over time, each by how sure it is."""
    smooth = take.options.smooth
    if smooth <= 0:
        return joints
    places = list(chosen)

    def sureness(sure: Stored, spread: Stored) -> Array:
        return np.asarray((0.05 + sure.astype(float)) / (1 + (spread / SPREAD_SCALE) ** 2))

    def of_joint(place: int) -> Array:
        return gathered(lambda sure, spread: sureness(sure[:, place], spread[:, place]), take.who.confidence, take.who.spread)

    usual = np.array([max(float(np.median(of_joint(place))), 1e-6) for place in places])

    def calm(near: Timeline, at: Stored, sure: Stored, spread: Stored) -> Stored:
        moving = at[:, places].astype(float)
        weights = np.clip(sureness(sure[:, places], spread[:, places]) / usual, 0.02, 2.0)
        lively = liveliness(moving, weights, near.runs, near.fps, LIVELY[places])
        out = at.copy()
        out[:, places] = smooth_runs(moving, weights * lively, near.runs, near.fps, cutoff(smooth))
        return out

    return mapped_over_time(calm, take.who.timeline, joints, take.who.confidence, take.who.spread)


def _setting(body: Proportions, camera_to_world: Array, matrix: Array, image_size: tuple[int, int], told: Levelled) -> dict[str, Any]:
    tilt, roll = ground.tilt_and_roll(camera_to_world)
    return {
        "stature_m": round(body.stature, 3),
        "bones_observed": round(body.observed, 3),
        "fov_degrees": round(field_of_view(matrix, image_size), 1),
        "camera_tilt_degrees": round(tilt, 1),
        "camera_roll_degrees": round(roll, 1),
        "level_from": told.known_from,
        "level_apart_degrees": round(told.apart, 1),
        "camera_height_m": round(float(camera_to_world[2, 3]), 2),
    }
