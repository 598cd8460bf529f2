"""Other readings of limbs, against reflections worked out by hand: from far away they are what a mirror behind the shoulder shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from contract.alternatives import LIMBS, Alternative, alternatives_of
from contract.motion_file import Motion
from contract.options import CaptureOptions
from contract.skeleton import ARMATURE_24
from engine.cameras.pinhole import camera_matrix, project, to_camera
from engine.kinematics.alternatives import find_alternatives, taken
from engine.kinematics.assemble import build_motion
from engine.kinematics.forward import forward, quaternions_of
from engine.kinematics.proportions import fit_proportions
from engine.kinematics.take import Camera, Performer
from engine.long_takes import Timeline, windows

from . import people
from .people import about

Array = npt.NDArray[np.float64]

FPS, FRAMES = 30.0, 60
A = {name: i for i, name in enumerate(ARMATURE_24.joints)}
# 50 degrees in the middle, none at both ends
LIFT = 50 * np.sin(np.pi * np.arange(FRAMES) / (FRAMES - 1)) ** 2
MIDDLE = FRAMES // 2
HANGING = {"shoulder.L": about("y", 80 + 0 * LIFT), "shoulder.R": about("y", -80 + 0 * LIFT)}
BODY = fit_proportions(people.walk(0.2).body, np.ones((6, 22)), people.HEIGHT, FPS)
VIEWS = np.broadcast_to(np.eye(4), (FRAMES, 4, 4))


def before(distance: float, height: float = 1.4) -> Array:
    """(4,4) a level camera before somebody who faces it."""
    camera = np.eye(4)
    camera[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    camera[:3, 3] = 0, -distance, height
    return camera


@dataclass
class Shown:
    """Somebody on the spot, and the alternatives that were found."""

    positions: Array
    rotations: Array
    found: list[Alternative]

    def joints(self, one: Alternative) -> Array:
        """(T,24,3) with that alternative."""
        rotations = self.rotations.copy()
        rotations[one.frames, [A[joint] for joint in LIMBS[one.limb]]] = one.rotations
        return forward(ARMATURE_24.parents, BODY.rest_offsets, rotations, self.positions[:, 0])[0]

    def of(self, limb: str) -> list[Array]:
        return [self.joints(one) for one in self.found if one.limb == limb]


def shown(local: dict[str, Array], camera: Array, contacts: tuple[bool, bool] = (True, True)) -> Shown:
    positions, _ = people.naive_forward(BODY.rest_offsets, HANGING | local, np.tile([0.0, 0, 0.95], (FRAMES, 1)))
    rotations = np.tile([1.0, 0, 0, 0], (FRAMES, 24, 1))
    for name, turn in (HANGING | local).items():
        rotations[:, A[name]] = quaternions_of(turn)
    stands = np.tile(contacts, (FRAMES, 1))
    return Shown(positions, rotations, find_alternatives(positions, rotations, stands, camera, VIEWS, BODY, Timeline.of(FRAMES, FPS)))


def test_an_arm_that_points_at_the_camera_may_point_away_from_it() -> None:
    """From 60 m away, the camera at the shoulder's height: the reflection in the plane through the shoulder, to within 4 cm."""
    found = shown({"shoulder.L": about("x", -LIFT) @ about("y", 80 + 0 * LIFT)}, before(60.0))
    assert {one.limb for one in found.found} == {"arm.L"}
    mirrored = found.positions[MIDDLE].copy()
    mirrored[:, 1] = 2 * mirrored[A["shoulder.L"], 1] - mirrored[:, 1]
    arm = [A["elbow.L"], A["wrist.L"]]
    nearest = min(found.of("arm.L"), key=lambda joints: float(np.abs(joints[MIDDLE, arm] - mirrored[arm]).max()))
    np.testing.assert_allclose(nearest[MIDDLE, arm], mirrored[arm], atol=0.04)
    assert found.positions[MIDDLE, A["wrist.L"], 1] < -0.35 and nearest[MIDDLE, A["wrist.L"], 1] > 0.35
    # and the elbow alone behind, the forearm as it is: the hand is before the hip
    other = next(joints for joints in found.of("arm.L") if joints is not nearest)
    assert other[MIDDLE, A["elbow.L"], 1] > 0.15 and abs(other[MIDDLE, A["wrist.L"], 1]) < 0.05


@pytest.mark.parametrize("distance", [2.5, 4.0, 60.0])
def test_it_looks_the_same_begins_and_ends_as_it_was_and_moves_nothing_else(distance: float) -> None:
    arm, leg = about("x", -LIFT) @ about("y", 80 + 0 * LIFT), about("x", -LIFT)
    found = shown({"shoulder.L": arm, "hip.R": leg}, before(distance), (True, False))
    assert {"arm.L", "leg.R"} <= {one.limb for one in found.found}
    matrix = camera_matrix((1920, 1080), 50.0)

    def pixels(joints: Array) -> Array:
        return project(to_camera(joints, before(distance)), matrix)

    person = np.ptp(pixels(found.positions)[..., 1], axis=1).max()
    for one in found.found:
        joints = found.joints(one)
        moved = [A[joint] for joint in LIMBS[one.limb][1:]]
        assert np.linalg.norm(pixels(joints)[:, moved] - pixels(found.positions)[:, moved], axis=-1).max() < 0.025 * person
        apart = np.linalg.norm(joints - found.positions, axis=-1)
        end = A["hand" + one.limb[-2:]] if one.limb.startswith("arm") else A["toe" + one.limb[-2:]]
        others = [joint for joint in range(24) if joint not in (*moved, end)]
        assert apart[:, others].max() < 1e-6 and apart[one.frames, moved].mean(1).max() > 0.08
        outside = np.delete(apart, np.arange(FRAMES)[one.frames], axis=0)
        assert outside.max(initial=0.0) < 1e-6 and np.abs(np.diff(apart[:, moved], axis=0)).max() < 0.08
        if one.frames.start > 0:  # from close by, arms that hang are not across the line of sight where the take begins
            assert apart[one.frames.start, moved].max() < 0.03


def test_an_arm_across_the_line_of_sight_has_one_reading() -> None:
    assert shown({"shoulder.L": about("y", 80 - LIFT)}, before(5.0)).found == []


def test_no_elbow_and_no_knee_bends_backwards() -> None:
    """The forearm of a hanging arm lifted to the front, and the shin to the back: their reflections nobody can do."""
    assert shown({"elbow.L": about("z", -LIFT)}, before(60.0)).of("arm.L") == []
    assert shown({"knee.L": about("x", LIFT)}, before(60.0), (False, False)).of("leg.L") == []


def test_no_leg_goes_far_behind() -> None:
    """Lifted by 50 degrees to the front, straight: the knee may be bent, but 50 degrees behind the trunk nobody's leg goes."""
    found = shown({"hip.L": about("x", -LIFT)}, before(60.0), (False, True))
    assert found.of("leg.L") and all(joints[MIDDLE, A["knee.L"], 1] < 0 for joints in found.of("leg.L"))


def test_a_foot_that_stands_stays() -> None:
    lunge = {"hip.L": about("x", -LIFT), "knee.L": about("x", 0.4 * LIFT)}
    assert shown(lunge, before(60.0), (False, True)).of("leg.L")
    assert shown(lunge, before(60.0), (True, True)).of("leg.L") == []


def test_no_hand_goes_through_the_trunk() -> None:
    """Held before the belly: the same behind it would be within the body."""
    arm = about("x", -20 + 0 * LIFT) @ about("y", 75 + 0 * LIFT)
    found = shown({"shoulder.L": arm, "elbow.L": about("z", -2.2 * LIFT)}, before(60.0))
    for joints in found.of("arm.L"):
        between = joints[MIDDLE, A["wrist.L"]] - joints[MIDDLE, A["spine"]]
        assert np.linalg.norm(between[:2]) > 0.09


def test_a_hole_in_time_parts_stretches() -> None:
    local = HANGING | {"shoulder.L": about("x", -50 + 0 * LIFT) @ about("y", 80 + 0 * LIFT)}
    whole = shown(local, before(60.0))
    assert [one.frames for one in whole.found] == [slice(0, FRAMES)] * len(whole.found)
    timeline = Timeline([slice(0, 25), slice(25, FRAMES)], FPS)
    stands = np.ones((FRAMES, 2), bool)
    parts = find_alternatives(whole.positions, whole.rotations, stands, before(60.0), VIEWS, BODY, timeline)
    assert sorted((one.frames.start, one.frames.stop) for one in parts) == [(0, 25)] * len(whole.found) + [(25, FRAMES)] * len(whole.found)


def walked(**options: object) -> Motion:
    """A captured walk towards the camera."""
    walk = people.walk(4.0)
    turn = people.camera_rotation(-6, 0, 0.0)
    camera = (walk.body - [0.0, -1.0, 1.2]) @ turn.T + np.array([0, 0, 8.0])
    matrix, count = camera_matrix((1280, 720), 60.0), len(camera)
    points, times = project(people.points_of(camera), matrix), np.arange(count) / 30.0
    performer = Performer(
        camera - camera[:, :1], np.zeros((count, 22)), points, np.full((count, 22), 0.95), times, np.ones(count, bool),
        Timeline.of(count, 30.0),
    )  # fmt: skip
    return build_motion(performer, Camera(matrix, (1280, 720)), CaptureOptions(height=people.HEIGHT, **options))


def test_a_motion_has_them_wherever_its_root_is_and_taking_one_leaves_the_picture() -> None:
    motion, in_place = walked(), walked(root="in-place")
    ours, theirs = alternatives_of(motion), alternatives_of(in_place)
    assert ours and [(one.limb, one.frames) for one in ours] == [(one.limb, one.frames) for one in theirs]
    one = max(ours, key=lambda each: np.abs(taken(motion, each).positions_camera - motion.positions_camera).max())
    changed = taken(motion, one)
    assert alternatives_of(changed) == []
    ends = [A[joint] for joint in LIMBS[one.limb][1:]]
    off = np.abs(changed.positions_camera[:, ends] - motion.positions_camera[:, ends])
    assert off[..., 2].max() > 0.1 and off[..., :2].max() < 0.12
    pixels = [project(m.positions_camera[:, ends].astype(float), motion.camera_matrix) for m in (motion, changed)]
    assert np.linalg.norm(pixels[0] - pixels[1], axis=-1).mean() < 3


def test_in_windows_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PIECE", 10**6)
    at_once = alternatives_of(walked())
    monkeypatch.setattr(windows, "PIECE", 40)
    in_windows = alternatives_of(walked())
    assert [one.limb for one in in_windows] == [one.limb for one in at_once]
    for one, other in zip(in_windows, at_once, strict=True):
        assert one.frames == other.frames
        assert np.abs(one.rotations - other.rotations).max() < 2e-3
