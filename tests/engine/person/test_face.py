import numpy as np
from scipy.spatial.transform import Rotation

from engine.cameras.pinhole import camera_matrix
from engine.detection.landmarks import LANDMARKS
from engine.person.face import face_direction
from engine.person.track import Track


def a_head(turns, at):
    """Faces turned by `turns` degrees about the vertical (0: to the camera), whose heads are seen at `at` (slopes x/z, y/z)."""
    world = np.zeros((len(turns), 33, 3))
    for name, place in {
        "nose": (0, 0.02, -0.12),
        "eye.L": (0.03, -0.01, -0.09),
        "eye.R": (-0.03, -0.01, -0.09),
        "ear.L": (0.07, 0, 0),
        "ear.R": (-0.07, 0, 0),
    }.items():
        world[:, LANDMARKS.index(name)] = Rotation.from_euler("y", np.reshape(turns, (-1, 1)), degrees=True).apply(place)
    matrix = camera_matrix((640, 480), 60.0)
    image = np.tile((matrix @ [*at, 1.0])[:2], (len(turns), 33, 1))
    ones = np.ones((len(turns), 33))
    track = Track(
        np.arange(len(turns)) / 30, image, ones, world, np.ones(len(turns), bool), [slice(0, len(turns))], 30.0, len(turns), len(turns)
    )
    return face_direction(track, matrix)


def test_a_face_before_the_camera_looks_into_it_and_turns_with_the_head():
    faces = a_head([0.0, 90.0, -45.0], (0.0, 0.0))
    assert np.allclose(np.linalg.norm(faces, axis=1), 1.0)
    wanted = Rotation.from_euler("y", [[0.0], [90.0], [-45.0]], degrees=True).apply((0, 0, -1))
    assert np.allclose(faces, wanted, atol=0.05)


def test_at_the_edge_the_detectors_axes_are_turned_to_the_cameras():
    face = a_head([0.0], (0.5, 0.0))[0]
    assert np.allclose(face, -np.array([0.5, 0.0, 1.0]) / np.linalg.norm([0.5, 1.0]), atol=0.03)
