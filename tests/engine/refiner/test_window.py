"""The refiner over time: its axes, what it is told, its reach, and that untrained it leaves poses as they are."""

import math

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.refiner.layout import WindowConfig
from engine.refiner.schedule import Schedule
from engine.refiner.window import FEET, WindowRefiner, conditions, gravity_axes

SMALL = WindowConfig(hidden=4, heads=1, width=16, dilations=((1, 2), (1,)), hints=5, features=7)


def trained(config=SMALL):
    """Some network whose last layers are not zero."""
    torch.manual_seed(3)
    net = WindowRefiner(config).double().eval()
    for layer in (*net.up, net.leave, net.readout.mix):
        torch.nn.init.normal_(layer.weight, std=0.2)
    return net


def inputs(batch=2, frames=9, config=SMALL):
    generator = torch.Generator().manual_seed(0)
    shapes = ((batch, frames, 22, 5), (batch, frames, 22, config.guide), (batch, frames, config.conditions))
    return tuple(torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)


def test_gravity_axes_of_a_camera_that_looks_down():
    tilt = math.radians(30.0)
    up = torch.tensor([[[0.0, -math.cos(tilt), -math.sin(tilt)]]], dtype=torch.float64)  # up leans away from where it looks
    axes = gravity_axes(up)[0, 0].numpy()
    assert np.allclose(axes[:, 0], [1, 0, 0], atol=2e-3)
    assert np.allclose(axes[:, 1], [0, math.cos(tilt), math.sin(tilt)])
    assert np.allclose(axes[:, 2], [0, -math.sin(tilt), math.cos(tilt)], atol=2e-3)
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-9) and np.linalg.det(axes) == pytest.approx(1.0)
    straight_down = gravity_axes(torch.tensor([[[0.0, 0.0, -1.0]]], dtype=torch.float64))
    assert bool(torch.isfinite(straight_down).all())


def test_conditions_tell_heights_over_the_lowest_foot():
    config = WindowConfig(hints=5, features=7)
    guess = torch.randn(1, 3, 22, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    up = torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64).expand(1, 3, 3)
    zeros = torch.zeros(1, 3, 5, dtype=torch.float64)
    told = conditions(torch.zeros(1, 3, 7, dtype=torch.float64), zeros, guess, up, torch.full((1, 3), 0.1, dtype=torch.float64), up)
    assert told.shape[-1] == config.conditions
    heights = told[0, :, 7 + 5 + 132 : 7 + 5 + 132 + 22].numpy()
    y = guess[0, ..., 1].numpy()  # down, in a level view
    assert np.allclose(heights, y[:, FEET].max(1, keepdims=True) - y, atol=3e-3)
    assert heights[:, FEET].min() == pytest.approx(0.0, abs=1e-9)


def test_untrained_it_leaves_poses_as_they_are():
    torch.manual_seed(0)
    x, guide, told = inputs()
    clean = WindowRefiner(SMALL).double()(x, torch.tensor([5, 16]), guide, told)
    assert torch.equal(clean, x)


def test_a_frame_depends_on_those_within_reach_only():
    x, guide, told = inputs(frames=15)
    net, t = trained(), torch.tensor([5, 16])
    before = net(x, t, guide, told)
    moved = x.clone()
    moved[:, 12] += 1.0
    changed = (net(moved, t, guide, told) - before).abs().amax((0, 2, 3)) > 1e-12
    assert SMALL.reach == 4 and changed.nonzero().flatten().tolist() == list(range(8, 15))
    one = net(x[:1], t[:1], guide[:1], told[:1])
    assert torch.allclose(one, before[:1], atol=1e-12)  # the runs of a batch know nothing of each other


def test_gradients_against_differences():
    config = WindowConfig(hidden=4, heads=1, width=8, dilations=((1,),), hints=2, features=2)
    net, t = trained(config), torch.tensor([7])
    x, guide, told = inputs(1, 2, config)
    wanted = (x.requires_grad_(), told.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: net(a, t, guide, b)[..., :3, :], wanted, atol=1e-5, fast_mode=True)
    names, parameters = zip(*net.named_parameters(), strict=True)
    gradients = torch.autograd.grad(net(x, t, guide, told).sum(), parameters, allow_unused=True)
    assert [name for name, gradient in zip(names, gradients, strict=True) if gradient is None] == []


def test_settings_survive_a_header():
    assert WindowConfig.from_dict(SMALL.to_dict()) == SMALL


def test_the_noise_is_what_the_forward_process_added():
    schedule, t = Schedule(), torch.tensor([3, 20])
    clean, noise = torch.randn(2, 4, len(BODY_22), 5, dtype=torch.float64), torch.randn(2, 4, len(BODY_22), 5, dtype=torch.float64)
    assert torch.allclose(schedule.noise(schedule.q_sample(clean, t, noise), t, clean), noise)
