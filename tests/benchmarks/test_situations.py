import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import situations
from benchmarks.accuracy import Truth
from benchmarks.situations import Take, judged, matched, up_error, way
from contract.options import CaptureOptions
from contract.skeleton import ARMATURE_24
from engine.cameras.pinhole import camera_matrix, project
from engine.finish import Capture
from engine.kinematics.assemble import build_motion
from engine.kinematics.take import Camera, Performer
from engine.long_takes import Timeline
from tests.engine.kinematics import people

SIZE = (640, 480)
MATRIX = camera_matrix(SIZE, 60.0)
FPS = 30.0


@pytest.fixture(scope="module")
def motion():
    turn = people.camera_rotation(-12.0, 3.0, 20.0)
    truth = (people.walk(2.0, planted=True).body - [0.0, -1.0, 1.3]) @ turn.T + np.array([0, 0, 5.0])
    count = len(truth)
    performer = Performer(
        truth - truth[:, :1], np.zeros((count, 22)), project(truth, MATRIX), np.full((count, 22), 0.95), np.arange(count) / FPS,
        np.ones(count, bool), Timeline.of(count, FPS),
    )  # fmt: skip
    return build_motion(performer, Camera(MATRIX, SIZE), CaptureOptions(height=people.HEIGHT))


def test_a_take_has_the_errors_by_which_its_truth_was_moved(motion):
    chosen = [ARMATURE_24.index(name) for name in (*situations.NAMES, *situations.TOES)]
    camera, world = motion.positions_camera[:, chosen[:-2]].astype(float), motion.positions_world[:, chosen].astype(float)
    tip = np.radians(7.0)
    up = motion.camera_to_world[2, :3] @ np.array([[1, 0, 0], [0, np.cos(tip), -np.sin(tip)], [0, np.sin(tip), np.cos(tip)]])
    assert up_error(motion, up) == pytest.approx(7.0, abs=0.5)
    capture = Capture(motion, {}, None, CaptureOptions())
    take = Take("clip", capture, [], Truth(camera, world + np.array([0.0, 0.0, 0.1]), FPS, people.HEIGHT), up)
    found, away, slide, plain, _ = judged(take)
    assert (float(found), float(away), float(plain)) == (pytest.approx(7.0, abs=0.5), pytest.approx(100.0, abs=1.0), 0.0)
    assert float(slide) < 5.0
    assert judged(Take("clip", Capture(motion, {}, None, CaptureOptions()), [], None, None)) == ["-"] * 5


def test_a_way_is_as_long_as_it_is_and_trembling_adds_nothing():
    still = np.zeros((300, 2, 3))
    still[:, :, 0] = np.linspace(0.0, 3.0, 300)[:, None]
    trembling = still + np.random.default_rng(0).normal(0.0, 0.003, still.shape)
    assert way(still, FPS) == pytest.approx(3.0, abs=0.2) and way(trembling, FPS) < 3.3


def test_a_motion_matches_itself_turned_and_not_one_that_goes_farther(motion):
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = replace(motion, positions_world=motion.positions_world @ turn.T + np.float32(1.5))
    assert matched(turned, motion) == (pytest.approx(0.0, abs=0.01), pytest.approx(1.0), 0.0)
    farther = replace(motion, positions_world=motion.positions_world * np.array([1.2, 1.2, 1.0], np.float32))
    apart, ways, _ = matched(farther, motion)
    assert apart > 50.0 and ways == pytest.approx(1.2, abs=0.01)


def test_what_cannot_be_read_is_a_line_of_the_table(tmp_path, monkeypatch, capsys):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    monkeypatch.setattr(sys, "argv", ["situations.py", str(tmp_path), "--kept", str(tmp_path / "kept")])
    assert situations.main() == 0
    assert "clip" in capsys.readouterr().out
