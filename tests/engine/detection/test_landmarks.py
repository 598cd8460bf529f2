import numpy as np

from contract.skeleton import BODY_22
from engine.detection.landmarks import BODY_FROM_LANDMARKS, LANDMARK_JOINT, LANDMARK_MIRROR, LANDMARKS, view_axes


def test_the_detectors_numbering():
    """Indices as MediaPipe documents them."""
    for index, name in {
        0: "nose",
        7: "ear.L",
        8: "ear.R",
        11: "shoulder.L",
        16: "wrist.R",
        19: "index.L",
        23: "hip.L",
        29: "heel.L",
        32: "toe.R",
    }.items():
        assert LANDMARKS[index] == name
    assert len(LANDMARKS) == 33


def test_joints_are_weighted_means_so_that_a_shift_shifts_them_alike():
    assert np.allclose(BODY_FROM_LANDMARKS.sum(1), 1.0)


def test_joints_of_a_person_standing_before_the_camera():
    place = np.zeros((33, 3))
    for name, at in {
        "hip.L": (0.1, 0, 0), "hip.R": (-0.1, 0, 0), "shoulder.L": (0.2, -0.5, 0), "shoulder.R": (-0.2, -0.5, 0), "ear.L": (0.07, -0.7, 0),
        "ear.R": (-0.07, -0.7, 0), "index.L": (0.7, -0.5, 0), "pinky.L": (0.7, -0.46, 0), "toe.L": (0.1, 0.85, -0.15),
    }.items():  # fmt: skip
        place[LANDMARKS.index(name)] = at
    body = dict(zip(BODY_22.joints, BODY_FROM_LANDMARKS @ place, strict=True))
    assert np.allclose(body["pelvis"], 0)
    assert np.allclose(body["neck"], (0, -0.55, 0))
    assert np.allclose(body["spine"], body["neck"] / 2) and np.allclose(body["chest"], 0.75 * body["neck"])
    assert np.allclose(body["hand.L"], (0.7, -0.48, 0)) and np.allclose(body["toe.L"], (0.1, 0.85, -0.15))
    assert body["head_top"][1] < body["head"][1] == -0.7


def test_mirroring_landmarks_mirrors_the_joints():
    rng = np.random.default_rng(0)
    place = rng.normal(size=(33, 3))
    flipped = place[list(LANDMARK_MIRROR)] * [-1, 1, 1]
    assert np.allclose(BODY_FROM_LANDMARKS @ flipped, (BODY_FROM_LANDMARKS @ place)[list(BODY_22.mirror)] * [-1, 1, 1])


def test_landmarks_ride_on_joints_of_their_own_side():
    for name, joint in zip(LANDMARKS, LANDMARK_JOINT, strict=True):
        if LANDMARKS.index(name) > 10:
            assert BODY_22.joints[joint][-2:] == name[-2:]
        else:
            assert BODY_22.joints[joint] == "head"


def test_a_view_looks_along_its_ray_and_is_level():
    rays = np.random.default_rng(0).normal(size=(50, 2))
    turn = view_axes(rays)
    np.testing.assert_allclose(turn @ turn.swapaxes(1, 2), np.broadcast_to(np.eye(3), turn.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turn), 1.0)
    np.testing.assert_allclose(turn[..., 2][:, :2] / turn[..., 2][:, 2:], rays, atol=1e-12)
    np.testing.assert_allclose(turn[:, 1, 0], 0.0, atol=1e-12)  # right stays level
    assert (turn[:, 1, 1] > 0).all()
