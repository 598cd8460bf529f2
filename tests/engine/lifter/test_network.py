import numpy as np
import torch
from torch.nn import functional

from engine.lifter.codec import FEATURES, Encoded
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter

SMALL = LifterConfig(width=16, dilations=(1, 2, 4))


def encoded(frames, batch=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    base = torch.randn(batch, frames, 22, 3, generator=g)
    return Encoded(
        torch.randn(batch, frames, FEATURES, generator=g),
        base - base[:, :, :1],
        torch.zeros(batch, frames, 22, 2),
        torch.eye(3).expand(batch, frames, 3, 3),
    )


def trained_like(config=SMALL):
    torch.manual_seed(1)
    model = Lifter(config)
    torch.nn.init.normal_(model.leave.weight, std=0.1)
    return model.eval()


def test_an_untrained_lifter_keeps_the_detectors_pose():
    e = encoded(12)
    assert torch.equal(Lifter(SMALL)(e), e.base)


def test_it_is_the_network_of_its_description():
    """The same layers by conv1d with repeated ends, in float64."""
    model, e = trained_like().double(), encoded(15)
    e = Encoded(*(t.double() for t in (e.features, e.base, e.points, e.rotation)))
    x = functional.linear(e.features, model.enter.weight, model.enter.bias)
    for block in model.blocks:
        y = functional.layer_norm(x, (16,), block.norm.weight, block.norm.bias)
        kernel = block.time.weight.unflatten(1, (3, 16)).permute(0, 2, 1)
        d = block.dilation
        y = functional.conv1d(functional.pad(y.transpose(1, 2), (d, d), mode="replicate"), kernel, block.time.bias, dilation=d).transpose(
            1, 2
        )
        x = x + functional.linear(functional.gelu(y), block.mix.weight, block.mix.bias)
    x = functional.layer_norm(x, (16,), model.norm.weight, model.norm.bias)
    pose = e.base + functional.linear(x, model.leave.weight, model.leave.bias).unflatten(-1, (22, 3))
    assert torch.allclose(model(e), pose - pose[:, :, :1])


def test_a_frame_depends_on_no_frame_beyond_the_reach():
    model, e = trained_like(), encoded(40)
    reach = SMALL.reach
    changed = Encoded(e.features.clone(), e.base, e.points, e.rotation)
    changed.features[:, 20] += 1.0
    moved = (model(e) - model(changed)).abs().amax((0, 2, 3)).detach().numpy()
    frames = np.arange(40)
    assert moved[np.abs(frames - 20) > reach].max() == 0.0
    assert moved[20 - reach] > 0 and moved[20 + reach] > 0


def test_one_frame_is_enough():
    assert trained_like()(encoded(1)).shape == (2, 1, 22, 3)


def test_the_config_survives_a_weights_header():
    import json
    from dataclasses import asdict

    assert LifterConfig.from_dict(json.loads(json.dumps(asdict(SMALL)))) == SMALL
