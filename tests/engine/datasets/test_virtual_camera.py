import numpy as np

from engine.datasets.virtual_camera import ELEVATION_MEAN, before_camera, camera_turn


def test_a_drawn_camera_is_a_rotation_with_down_down_and_looks_as_cameras_do():
    rng = np.random.default_rng(0)
    turns = np.stack([camera_turn(rng) for _ in range(2000)])
    np.testing.assert_allclose(turns @ turns.swapaxes(1, 2), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12)
    assert (np.linalg.det(turns) > 0).all()
    up = np.array([0.0, 0.0, 1.0]) @ turns  # camera axes: y down
    assert np.median(up[:, 1]) < -0.9
    # a camera that looks down sees up lean towards it
    assert abs(np.arcsin(-up[:, 2]).mean() - ELEVATION_MEAN) < 0.02
    azimuths = np.arctan2(turns[:, 1, 2], turns[:, 0, 2])
    assert abs(np.exp(1j * azimuths).mean()) < 0.1  # from everywhere


def test_the_pelvis_path_lies_about_its_middle_and_lengths_stay():
    rng = np.random.default_rng(1)
    positions = rng.normal(size=(9, 22, 3))
    seen = before_camera(positions, np.array([0.1, 0.2, 4.0]), rng)
    np.testing.assert_allclose(seen[:, 0].mean(0), [0.1, 0.2, 4.0], atol=1e-12)
    apart = [np.linalg.norm(p[:, 3] - p[:, 9], axis=-1) for p in (positions, seen)]
    np.testing.assert_allclose(*apart, atol=1e-12)
