from __future__ import annotations

import numpy as np
import pytest
import torch

from contract.skeleton import Skeleton
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sequence import SequenceRefiner, TemporalAttention

CHAIN = Skeleton("CHAIN", ("root", "hip.L", "hip.R"), (-1, 0, 0))
TINY = RefinerConfig(hidden=8, layers=3, heads=2, dropout=0.0, attention_dropout=0.0, conv_dropout=0.0)

pytestmark = pytest.mark.usefixtures("double_precision")


def awake(module: torch.nn.Module) -> torch.nn.Module:
    """With all of its weights drawn."""
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator) + (1.0 if parameter.ndim == 1 else 0.0)
    return module.eval()


def by_hand(layer: TemporalAttention, x: np.ndarray) -> np.ndarray:
    """The layer once more, frame by frame and head by head, in plain numpy."""
    w = {name: value.detach().numpy() for name, value in layer.state_dict().items()}
    runs, frames, nodes, channels = x.shape
    width = channels // layer.attention.heads
    centred = x - x.mean(-1, keepdims=True)
    normed = w["norm.gain"] * centred / np.sqrt((centred**2).sum(-1, keepdims=True) / (channels - 1) + 1e-12) + w["norm.shift"]
    q, k, v = np.split(normed @ w["attention.query_key_value.weight"].T + w["attention.query_key_value.bias"], 3, axis=-1)
    mixed = np.zeros_like(x)
    for r in range(runs):
        for n in range(nodes):
            for h in range(layer.attention.heads):
                part = slice(h * width, (h + 1) * width)
                for t in range(frames):
                    near = [s for s in range(frames) if abs(s - t) <= layer.reach]
                    logits = [q[r, t, n, part] @ k[r, s, n, part] / width**0.5 + w["distance"][h, s - t + layer.reach] for s in near]
                    share = np.exp(logits) / np.exp(logits).sum()
                    mixed[r, t, n, part] = sum(a * v[r, s, n, part] for a, s in zip(share, near, strict=True))
    return np.asarray(x + mixed @ w["attention.out.weight"].T + w["attention.out.bias"])


def test_attention_over_time_as_written_down() -> None:
    layer = awake(TemporalAttention(8, 2, reach=3))
    x = torch.randn(2, 9, 4, 8, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(layer(x).detach().numpy(), by_hand(layer, x.numpy()), atol=1e-6)


def test_untrained_it_is_the_single_frame_refiner() -> None:
    single, sequence = awake(Refiner(CHAIN, TINY)), SequenceRefiner(CHAIN, TINY, reach=2).eval()
    sequence.refiner.load_state_dict(single.state_dict())
    x, p, t = torch.randn(2, 5, 3, 5), torch.randn(2, 5, 3, 2), torch.tensor([3, 7])
    torch.testing.assert_close(sequence(x, t, p).flatten(0, 1), single(x.flatten(0, 1), t.repeat_interleave(5), p.flatten(0, 1)))


def test_a_frame_depends_on_those_within_reach_and_on_no_other_run() -> None:
    sequence = awake(SequenceRefiner(CHAIN, TINY, reach=2))
    assert sequence.reach == 4  # two layers
    x, p, t = torch.randn(2, 15, 3, 5), torch.randn(2, 15, 3, 2), torch.tensor([3, 7])
    before = sequence(x, t, p)
    x[0, 7] += 0.5
    changed = ((sequence(x, t, p) - before).abs().amax((2, 3)) > 1e-9).nonzero().tolist()
    assert changed == [[0, k] for k in range(3, 12)]


def test_a_piece_with_its_reach_on_both_sides_is_as_the_whole() -> None:
    sequence = awake(SequenceRefiner(CHAIN, TINY, reach=2))
    x, p, t = torch.randn(1, 30, 3, 5), torch.randn(1, 30, 3, 2), torch.tensor([5])
    whole = sequence(x, t, p)
    piece = sequence(x[:, 6:24], t, p[:, 6:24])
    torch.testing.assert_close(piece[:, sequence.reach : -sequence.reach], whole[:, 6 + sequence.reach : 24 - sequence.reach])


def test_the_gradient_is_that_of_the_differences() -> None:
    layer = awake(TemporalAttention(4, 2, reach=1))
    x = torch.randn(1, 4, 2, 4, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


def test_heads_that_do_not_share_the_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="8 channels"):
        TemporalAttention(8, 3)
