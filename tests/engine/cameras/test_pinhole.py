from __future__ import annotations

import math

import numpy as np
import pytest

from engine.cameras.pinhole import camera_matrix, field_of_view, project, rays, to_camera, to_world


def test_the_edge_of_the_longer_side_lies_at_half_the_angle() -> None:
    for size in ((1920, 1080), (1080, 1920)):
        matrix = camera_matrix(size, 60.0)
        edge = np.array([math.tan(math.radians(30)), 0.0, 1.0])
        point = edge if size[0] > size[1] else edge[[1, 0, 2]]
        pixel = project(point * 3.0, matrix)
        assert pixel[0 if size[0] > size[1] else 1] == pytest.approx(1920.0)
        assert field_of_view(matrix, size) == pytest.approx(60.0)


def test_angles_that_no_lens_has_are_refused() -> None:
    for angle in (0.0, 180.0, -3.0):
        with pytest.raises(ValueError):
            camera_matrix((640, 480), angle)


def test_rays_are_the_way_back_of_project() -> None:
    matrix = np.array([[900.5, 0, 366.9], [0, 902.6, 363.7], [0, 0, 1]])
    points = np.random.default_rng(0).normal(size=(40, 3)) + np.array([0, 0, 6])
    homogeneous = points @ matrix.T  # the textbook form
    assert np.allclose(project(points, matrix), homogeneous[:, :2] / homogeneous[:, 2:])
    assert np.allclose(rays(project(points, matrix), matrix), points[:, :2] / points[:, 2:])


def test_each_frame_may_have_its_own_lens() -> None:
    lenses = np.array([[[500.0, 0, 300], [0, 510, 200], [0, 0, 1]], [[900.5, 0, 366.9], [0, 902.6, 363.7], [0, 0, 1]]])
    pixels = np.random.default_rng(0).uniform(0, 700, size=(2, 5, 2))
    one_by_one = np.stack([rays(frame, lens) for frame, lens in zip(pixels, lenses, strict=True)])
    assert np.allclose(rays(pixels, lenses[:, None]), one_by_one)


def test_points_behind_the_camera_stay_finite() -> None:
    assert np.isfinite(project(np.array([[1.0, 1.0, -2.0], [0.0, 1.0, 0.0]]), camera_matrix((640, 480), 60))).all()


def test_world_and_camera_are_inverse() -> None:
    rng = np.random.default_rng(1)
    matrix = np.eye(4)
    matrix[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    matrix[:3, 3] = rng.normal(size=3)
    points = rng.normal(size=(5, 4, 3))
    homogeneous = np.concatenate([points, np.ones((5, 4, 1))], -1) @ matrix.T
    assert np.allclose(to_world(points, matrix), homogeneous[..., :3])
    assert np.allclose(to_camera(to_world(points, matrix), matrix), points)
