"""Crops of rendered pairs: their frames, and the up that goes with them."""

from dataclasses import replace

import numpy as np
import torch

from engine.datasets.detections import PairCamera, load_detections
from engine.training.crops import Crops, segment_up
from tests.engine.datasets.pairs import write_pairs


def test_up_of_a_named_camera_is_that_of_its_pose(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=1)
    (segment,) = load_detections(tmp_path)
    assert np.allclose(segment_up(segment), [0.0, -1.0, 0.0])
    looking_down = replace(segment, camera=PairCamera(1000.0, (640, 480), -30.0, 0.0))
    assert np.allclose(segment_up(looking_down)[0], [0.0, -np.cos(np.pi / 6), -0.5])  # up leans away from where it looks
    rolled = replace(segment, camera=PairCamera(1000.0, (640, 480), 0.0, 90.0))
    assert np.allclose(segment_up(rolled)[0], [1.0, 0.0, 0.0], atol=1e-7)
    place = np.tile(np.eye(4, dtype=np.float32), (60, 1, 1))
    place[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # level: right, down and forward of the camera in the world
    assert np.allclose(segment_up(replace(looking_down, camera_to_world=place)), [0.0, -1.0, 0.0])


def test_a_crop_holds_neighbouring_frames_of_one_segment(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=3)
    segments = load_detections(tmp_path)
    pairs = Crops(segments, 48).draw(20, np.random.default_rng(0))
    assert pairs.truth.shape == (20, 48, 22, 3) and pairs.up.shape == (20, 48, 3)
    whole = [torch.from_numpy(s.truth).unfold(0, 48, 1).permute(0, 3, 1, 2) for s in segments]
    for run in pairs.truth:
        assert any(bool((windows == run).flatten(1).all(1).any()) for windows in whole)
