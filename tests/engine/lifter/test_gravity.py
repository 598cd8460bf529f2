"""The network that finds up: what it gives before it is trained, how its frames are averaged, and that it can learn."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from engine.lifter.codec import FEATURES, camera_up, view_rotation
from engine.lifter.gravity import LARGEST_ERROR, LEAST_ERROR, GravityNetwork, gravity_loss, mean_up
from engine.lifter.layout import GravityLayout

SMALL = GravityLayout(width=16, dilations=(1, 2))


def test_untrained_it_says_what_a_level_camera_says():
    torch.manual_seed(0)
    level = torch.nn.functional.normalize(torch.randn(2, 9, 3), dim=-1)
    up, error = GravityNetwork(SMALL)(torch.randn(2, 9, FEATURES), torch.randn(2, 9, 22, 3), level)
    assert torch.allclose(up, level, atol=1e-6)
    assert bool((error > math.radians(LEAST_ERROR)).all()) and bool((error < math.radians(LARGEST_ERROR)).all())


def test_the_cameras_own_up_in_view_axes():
    centre = torch.tensor([[[0.0, 0.0], [0.3, -0.2]]])
    up = camera_up(view_rotation(centre))
    assert torch.allclose(up[0, 0], torch.tensor([0.0, -1.0, 0.0]))
    assert torch.allclose(view_rotation(centre)[0, 1] @ up[0, 1], torch.tensor([0.0, -1.0, 0.0]), atol=1e-6)


def test_the_mean_lies_in_camera_axes_and_the_surer_frame_counts_most():
    rotation = torch.from_numpy(Rotation.random(2, random_state=1).as_matrix())[None]
    wanted = np.array([[0.0, -1.0, 0.0], [0.0, -math.cos(0.2), math.sin(0.2)]])
    up = torch.from_numpy(np.einsum("tji,tj->ti", rotation[0].numpy(), wanted))[None]
    sure = torch.tensor([[0.05, 0.1]], dtype=torch.float64)
    mean, error = mean_up(up, sure, rotation)
    by_hand = 4 * wanted[0] + wanted[1]  # the weights are 1 / error squared
    assert np.allclose(mean[0], by_hand / np.linalg.norm(by_hand))
    assert float(error[0]) == pytest.approx((4 * 0.05 + 0.1) / 5)


def test_the_loss_is_least_where_the_claim_is_right():
    truth = torch.tensor([[[0.0, -1.0, 0.0]]], dtype=torch.float64)
    off = torch.tensor([[[math.sin(0.1), -math.cos(0.1), 0.0]]], dtype=torch.float64)
    distance = float((off - truth).norm())
    losses = [float(gravity_loss(off, torch.tensor([[e]], dtype=torch.float64), truth)) for e in (0.3, 0.5, 0.8)]
    best = float(gravity_loss(off, torch.tensor([[distance / 2]], dtype=torch.float64), truth))
    assert best < min(losses) and losses == sorted(losses)


def test_it_learns_to_see_a_tilted_camera_in_the_features():
    torch.manual_seed(0)
    net = GravityNetwork(SMALL)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    guess, level = torch.zeros(8, 6, 22, 3), torch.tensor([0.0, -1.0, 0.0]).expand(8, 6, 3)
    for _ in range(120):
        tilt = (torch.rand(8, 1, 1) - 0.5).expand(8, 6, 1)
        features = torch.cat([tilt, torch.zeros(8, 6, FEATURES - 1)], -1)
        truth = torch.cat([torch.zeros_like(tilt), -tilt.cos(), tilt.sin()], -1)
        up, error = net(features, guess, level)
        optimiser.zero_grad()
        gravity_loss(up, error, truth).backward()
        optimiser.step()
    degrees = torch.rad2deg(torch.arccos((up.detach() * truth).sum(-1).clamp(-1, 1))).mean()
    assert float(degrees) < 4.0  # the tilts are 7 degrees from level in the median
