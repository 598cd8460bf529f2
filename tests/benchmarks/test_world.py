from pathlib import Path

import numpy as np
import pytest

from benchmarks import world
from benchmarks.world import FPS, judge, over_flat, over_flat_of, summary, track_of, true_world
from contract.failure import ExitCode, Failure
from contract.options import CaptureOptions
from contract.skeleton import ARMATURE_24, BODY_22
from engine.cameras.pinhole import camera_matrix, project, rays
from engine.datasets.detections import PairCamera, Segment, load_detections
from engine.kinematics.assemble import build_motion
from engine.kinematics.take import Camera, Performer
from engine.kinematics.upright import angles
from engine.long_takes import Timeline
from tests.engine.datasets.pairs import write_pairs
from tests.engine.kinematics import people

SHARED = Path(__file__).parents[3] / "shared" / "data" / "detections"
SIZE, FOV, TILT, ROLL = (640, 480), 60.0, -12.0, 3.0
MATRIX = camera_matrix(SIZE, FOV)


def segment(camera: PairCamera | None) -> tuple[Segment, np.ndarray]:
    """A walk before a tilted camera, and its joints in the camera."""
    turn = people.camera_rotation(TILT, ROLL, 20.0)
    truth = (people.walk(2.0, planted=True).body - [0.0, -1.0, 1.3]) @ turn.T + np.array([0, 0, 5.0])
    count = len(truth)
    sight = np.zeros((count, 33, 2), np.float32)
    made = Segment(
        sight, np.ones((count, 33), np.float32), np.zeros((count, 33, 3), np.float32), truth.astype(np.float32), np.ones(count, bool),
        "walks", 0, "somebody", people.HEIGHT, camera,
    )  # fmt: skip
    return made, truth


def test_a_perfect_capture_has_no_error_and_a_tipped_one_has_its_angle() -> None:
    focal = float(MATRIX[0, 0])
    made, truth = segment(PairCamera(focal, SIZE, TILT, ROLL))
    count = len(truth)
    performer = Performer(
        truth - truth[:, :1], np.zeros((count, 22)), project(truth, MATRIX), np.full((count, 22), 0.95), np.arange(count) / FPS,
        np.ones(count, bool), Timeline.of(count, FPS),
    )  # fmt: skip
    motion = build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=people.HEIGHT))
    found = judge(made, motion)
    tilt, roll = angles(motion.camera_to_world[2, :3])
    assert found["tilt"] == pytest.approx(tilt - TILT) and found["roll"] == pytest.approx(roll - ROLL)
    assert found["up"] < 6 and abs(found["fov"]) < 1e-3 and found["world"] < 120
    exact = true_world(made)
    motion.camera_to_world[:3, :3] = np.eye(3)
    motion.positions_world[:, [ARMATURE_24.index(n) for n in BODY_22.joints]] = exact
    perfect = judge(made, motion)
    assert perfect["world"] == pytest.approx(0.0, abs=1e-3) and perfect["slide"] < 15
    assert len(summary([found, perfect])) == 14
    flat = over_flat(motion)
    motion.positions_world[:, [ARMATURE_24.index(f"ankle.{s}") for s in "LR"], 2] += 0.04
    assert over_flat(motion) == pytest.approx(flat + 40, abs=1e-3)
    motion.positions_world[:, [ARMATURE_24.index(f"ankle.{s}") for s in "LR"], 2] -= 0.04
    moves = np.ones((count, 2), bool)
    for frames, shares in ((moves, (1.0, 1.0)), (~moves, (0.0, 0.0))):
        motion.contacts = frames
        said = judge(made, motion)
        assert (said["standing"], said["mistaken"] / said["moving"]) == shares and 0 < said["still"] + said["moving"] < 2 * count
    motion.positions_camera[:, [ARMATURE_24.index(n) for n in BODY_22.joints]] = 1.1 * truth
    large = judge(made, motion)
    assert large["pa"] == pytest.approx(0.0, abs=1e-2) and 30 < large["mpjpe"] < 60  # a tenth of the limbs' distances from the hips


def test_flat_is_as_low_as_heels_get_over_toes_that_stand() -> None:
    truth, still = np.zeros((10, 22, 3)), np.ones((10, 2), bool)
    truth[:, [BODY_22.index(f"ankle.{s}") for s in "LR"], 2] = 0.07
    truth[5:, BODY_22.index("ankle.L"), 2] = 0.12
    still[9] = False
    truth[9, BODY_22.index("ankle.R"), 2] = 0.0
    rise = over_flat_of(truth, still)
    assert rise[:, 0] == pytest.approx([0] * 5 + [50] * 5) and rise[:9, 1] == pytest.approx([0] * 9)


def test_the_ground_of_the_truth_lies_under_its_feet() -> None:
    made, _ = segment(PairCamera(float(MATRIX[0, 0]), SIZE, TILT, ROLL))
    soles = true_world(made)[:, [BODY_22.index(f"toe.{s}") for s in "LR"], 2].min(1) - 0.02 * people.HEIGHT
    assert -0.02 < np.percentile(soles, 10) < 0.05


def test_a_segment_without_its_camera_is_refused() -> None:
    with pytest.raises(Failure, match="cameras"):
        track_of(segment(None)[0])


@pytest.mark.skipif(not SHARED.is_dir(), reason="no rendered pairs here")
def test_cameras_of_the_pairs_are_read_the_right_way_round() -> None:
    """People stand upright: up by the file's angles is near the line from ankles to neck, in many segments on average."""
    made = [s for s in load_detections(SHARED)[:60] if s.camera is not None]
    lean = []
    for one in made:
        truth = true_world(one)
        axis = (truth[:, BODY_22.index("neck")] - truth[:, [BODY_22.index(f"ankle.{s}") for s in "LR"]].mean(1)).mean(0)
        lean.append(np.degrees(np.arctan2(np.linalg.norm(axis[:2]), axis[2])))
        fov = 2 * np.degrees(np.arctan(max(one.camera.size) / 2 / one.camera.focal))
        assert np.allclose(rays(track_of(one).image, camera_matrix(one.camera.size, fov)), one.rays, atol=1e-3)
    assert np.median(lean) < 6


def test_pairs_without_anybody_who_is_held_out_are_told(tmp_path, monkeypatch, capsys) -> None:
    arrays = write_pairs(tmp_path / "p.npz", segments=2)
    np.savez(tmp_path / "p.npz", **(arrays | {"human": np.array(["somebody"] * 2)}))
    monkeypatch.setattr("sys.argv", ["world.py", "--data", str(tmp_path)])
    assert world.main() == ExitCode.BAD_INPUT
    assert "holds no held-out people" in capsys.readouterr().err
