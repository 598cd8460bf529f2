import torch

from contract.skeleton import BODY_22
from engine.detection.landmarks import LANDMARK_MIRROR
from engine.lifter.codec import encode
from engine.lifter.mirror import mirrored_joints
from engine.refiner.state import GUIDE_SIGNS, METRES, guides, pose_of, states


def landmarks(frames=6):
    g = torch.Generator().manual_seed(0)
    rays = 0.2 * torch.randn(1, 1, 33, 2, generator=g) + 0.01 * torch.randn(1, frames, 33, 2, generator=g)
    return rays, torch.rand(1, frames, 33, generator=g), 0.3 * torch.randn(1, frames, 33, 3, generator=g), torch.ones(1, frames)


def test_the_pose_of_a_state_is_the_pose_that_made_it():
    encoded = encode(*landmarks())
    pose = encoded.base + 0.1
    state = states(encoded, pose)
    assert state.shape == (6, len(BODY_22), 5)
    assert torch.allclose(pose_of(state), (pose - pose[..., :1, :])[0], atol=1e-6)
    assert torch.allclose(state[..., :2], METRES * encoded.points[0])


def test_mirrored_landmarks_make_the_mirrored_state_and_context():
    rays, visibility, world, detected = landmarks()
    order, x = list(LANDMARK_MIRROR), torch.tensor([-1.0, 1.0, 1.0])
    plain = encode(rays, visibility, world, detected, torch.zeros(1))
    other = encode(rays[:, :, order] * x[:2], visibility[:, :, order], world[:, :, order] * x, detected, torch.zeros(1))
    assert torch.allclose(states(other, other.base), mirrored_joints(states(plain, plain.base), BODY_22), atol=1e-5)
    assert torch.allclose(
        guides(other, visibility[:, :, order]), mirrored_joints(guides(plain, visibility), BODY_22, GUIDE_SIGNS), atol=1e-5
    )  # fmt: skip
