from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract.motion_file import Motion, load_motion, save_motion
from contract.options import CaptureOptions
from contract.skeleton import ARMATURE_24
from engine.cameras.pinhole import camera_matrix, project
from engine.kinematics.assemble import build_motion, with_clavicles
from engine.kinematics.take import Camera, Performer
from engine.long_takes import Timeline

from . import people

SIZE = (1280, 720)
MATRIX = camera_matrix(SIZE, 60.0)


def film(tilt: float = -6, roll: float = 0, noise: float = 0.0, fps: float = 30.0, **options: object) -> tuple[Motion, people.Walk]:
    """A walk seen by a camera, with slow and fast errors of the pose, through build_motion."""
    walk = people.walk(fps=fps)
    turn = people.camera_rotation(tilt, roll, 20.0)
    camera = (walk.body - [0.0, -1.0, 1.2]) @ turn.T + np.array([0, 0, 6.0])
    rng = np.random.default_rng(0)
    count = len(camera)
    t = np.arange(count) / fps
    slow = np.sin(2 * np.pi * 0.7 * t[:, None, None] + rng.uniform(0, 6, (1, 22, 3)))
    joints = camera - camera[:, :1] + noise * (slow + 0.3 * rng.normal(size=camera.shape))
    pixels = project(people.points_of(camera), MATRIX) + noise * 100 * rng.normal(size=(count, 22, 2))
    performer = Performer(
        joints, np.zeros((count, 22)), pixels, np.full((count, 22), 0.95), t, np.ones(count, bool),
        Timeline(options.pop("runs", [slice(0, count)]), fps),
    )  # fmt: skip
    return build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=people.HEIGHT, **options)), walk


def aligned_error(motion: Motion, walk: people.Walk) -> float:
    """Mean distance, m, after one turn about the vertical and one level shift."""
    a, b = motion.positions_world.reshape(-1, 3).astype(float), walk.positions.reshape(-1, 3)
    pa, pb = a[:, :2] - a[:, :2].mean(0), b[:, :2] - b[:, :2].mean(0)
    u, _, vt = np.linalg.svd(pa.T @ pb)
    turned = pa @ (u @ np.diag([1, np.sign(np.linalg.det(u @ vt))]) @ vt)
    return float(np.linalg.norm(np.column_stack([turned - pb, a[:, 2] - b[:, 2]]), axis=-1).mean())


@pytest.mark.parametrize(("tilt", "roll"), [(-6, 0), (8, 90), (-25, 0)])
def test_a_clean_walk_comes_back_in_the_world(tilt: float, roll: float) -> None:
    motion, walk = film(tilt, roll, smooth=0.1)
    assert aligned_error(motion, walk) < 0.09
    quality = motion.provenance["quality"]
    assert quality["camera_tilt_degrees"] == pytest.approx(tilt, abs=5)
    assert quality["camera_roll_degrees"] == pytest.approx(roll, abs=5)


def test_noise_is_borne() -> None:
    motion, walk = film(noise=0.02)
    assert aligned_error(motion, walk) < 0.12
    assert motion.provenance["quality"]["acceleration"] < 12


def test_forward_kinematics_gives_the_positions() -> None:
    motion, _ = film(noise=0.02)
    w, x, y, z = np.moveaxis(motion.rotations.astype(float), -1, 0)
    matrices = np.stack([
        np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    ], -2)  # fmt: skip
    local = {n: matrices[:, i] for i, n in enumerate(ARMATURE_24.joints)}
    positions, _ = people.naive_forward(motion.rest_offsets.astype(float), local, motion.root_translation.astype(float))
    assert np.abs(positions - motion.positions_world).max() < 1e-4
    inverse = np.linalg.inv(motion.camera_to_world)
    camera = motion.positions_world @ inverse[:3, :3].T + inverse[:3, 3]
    assert np.abs(camera - motion.positions_camera).max() < 1e-4


def test_the_file_is_complete(tmp_path: Path) -> None:
    motion, _ = film()
    save_motion(motion, tmp_path / "m.npz")
    again = load_motion(tmp_path / "m.npz")
    assert list(again.joint_names) == list(ARMATURE_24.joints)
    assert again.provenance["quality"]["frames"] == len(motion)


def test_the_world_begins_at_the_pelvis_and_faces_the_camera() -> None:
    motion, _ = film()
    assert np.abs(motion.root_translation[0, :2]).max() < 1e-5
    # the camera stands on the side of -Y and looks along +Y
    assert motion.camera_to_world[1, 3] < -2
    assert abs(motion.camera_to_world[0, 2]) < 1e-6 and motion.camera_to_world[1, 2] > 0.7
    assert motion.positions_world[..., 2].min() > -0.03


def test_in_place_keeps_the_height_only() -> None:
    motion, _ = film()
    still, _ = film(root="in-place")
    assert np.abs(still.root_translation[:, :2]).max() == 0
    assert np.allclose(still.root_translation[:, 2], motion.root_translation[:, 2])
    assert np.allclose(still.rotations, motion.rotations)


def test_more_smoothing_is_calmer() -> None:
    free, held = (
        [film(noise=0.02, smooth=s, feet=feet)[0].provenance["quality"]["jerk"] for s in (0.0, 0.5, 1.0)] for feet in ("never", "auto")
    )
    assert free[0] > 2 * free[1] > 2 * free[2]
    # what is left where feet are held is how they are put down and lifted
    assert held[0] > 2 * held[1] > 1.9 * held[2]


@pytest.mark.parametrize("fps", [10.0, 60.0])
def test_other_frame_rates(fps: float) -> None:
    motion, walk = film(noise=0.01, fps=fps)
    assert aligned_error(motion, walk) < 0.12


def test_holes_and_single_frames_are_borne() -> None:
    motion, _ = film(runs=[slice(0, 1), slice(1, 3), slice(3, 50), slice(50, 90)])
    assert np.isfinite(motion.positions_world).all()


def test_clavicles_lie_between_neck_and_shoulder() -> None:
    values = np.random.default_rng(0).normal(size=(2, 22, 2))
    out = with_clavicles(values)
    assert np.allclose(out[:, ARMATURE_24.index("clavicle.L")], (values[:, 3] + values[:, 6]) / 2)
    assert np.allclose(out[:, ARMATURE_24.index("toe.R")], values[:, 21])


@pytest.mark.parametrize("fps", [15.0, 24.0, 30.0, 60.0])
def test_every_frame_rate_gives_the_same_motion(fps: float) -> None:
    fine, _ = film(fps=120.0)
    motion, _ = film(fps=fps)
    flat = fine.positions_world.reshape(len(fine), -1).astype(float)
    expected = np.stack([np.interp(motion.times, fine.times, column) for column in flat.T], 1).reshape(motion.positions_world.shape)
    assert np.linalg.norm(motion.positions_world - expected, axis=-1).mean() < 0.03


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_a_punch_keeps_its_peak_and_a_standing_person_stands_still(fps: float) -> None:
    """A standing person punches once: 0.45 m there and back in 0.3 s each, with the tremble of a detector on everything."""
    t = np.arange(round(4 * fps)) / fps
    reach = np.clip((t - 2.0) / 0.3, 0, 1) - np.clip((t - 2.6) / 0.3, 0, 1)
    bend = 110.0 * (1 - (1 - np.cos(np.pi * reach)) / 2)
    local = {f"{joint}.{side}": people.about("x", 0 * t) for joint in ("hip", "knee", "ankle") for side in "LR"}
    local["shoulder.L"] = people.about("z", -80.0 + 0 * t)
    local["elbow.L"] = people.about("z", -bend)
    positions, _ = people.naive_forward(people.rest_offsets(), local, np.zeros((len(t), 3)))
    positions[..., 2] -= positions[0, ARMATURE_24.index("ankle.L"), 2] - 0.05 * people.HEIGHT
    truth = positions[:, people.OF_BODY]
    turn = people.camera_rotation(-6, 0, 20)
    camera = (truth - [0.0, 0.0, 1.0]) @ turn.T + np.array([0, 0, 5.0])
    rng = np.random.default_rng(0)
    count = len(t)
    performer = Performer(
        camera - camera[:, :1] + 0.006 * rng.normal(size=camera.shape), np.zeros((count, 22)),
        project(people.points_of(camera), MATRIX) + 1.0 * rng.normal(size=(count, 22, 2)), np.full((count, 22), 0.95), t,
        np.ones(count, bool), Timeline.of(count, fps),
    )  # fmt: skip
    motion = build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=people.HEIGHT))
    hand = ARMATURE_24.index("wrist.L")

    def speed(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.diff(points[:, hand].astype(float), axis=0), axis=-1) * fps

    assert speed(motion.positions_world).max() == pytest.approx(speed(positions).max(), rel=0.10)
    still = slice(0, round(1.5 * fps))
    wander = motion.positions_world[still].std(0)  # the pose alone trembles by 6 mm along each axis
    assert wander.mean() < 0.003 and wander.max() < 0.008
    assert motion.contacts[still].all()
