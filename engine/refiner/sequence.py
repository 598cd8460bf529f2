"""The refiner's sequence form: attention over time between the cross-channel blocks, so that a frame is refined with those around it.

The blocks are the single-frame network's (`Refiner`) and see one frame each. Behind every block but the last each node looks at itself
in the frames before and after, up to `reach` of them. Untrained, the attention adds nothing, so that a single-frame refiner's weights are
where a sequence refiner begins.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from contract.skeleton import Skeleton
from engine.refiner.attention import LayerNorm, SelfAttention
from engine.refiner.network import Refiner, RefinerConfig

REACH = 12  # frames at 30 a second: 0.4 s to each side in every layer


class TemporalAttention(nn.Module):
    """Pre-norm residual self-attention of every node over the frames of its run: (R, T, N, channels) to the same, zero at first.

    A head's liking for a distance in time is learned, one number a distance and direction: a frame can look at where a joint comes from.
    Frames farther than `reach` are not seen, so a run may be cut into overlapping pieces.
    """

    def __init__(self, channels: int, heads: int, reach: int = REACH) -> None:
        super().__init__()
        self.reach = reach
        self.norm = LayerNorm(channels)
        self.attention = SelfAttention(channels, heads, 0.0)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * reach + 1))
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.attention.out.bias)

    def bias(self, frames: int) -> Tensor:
        """(heads, T, T) what is added to the logits; minus infinity beyond the reach."""
        place = torch.arange(frames, device=self.distance.device)
        apart = place[None] - place[:, None]
        liked = self.distance[:, (apart + self.reach).clamp(0, 2 * self.reach)]
        return liked.masked_fill(apart.abs() > self.reach, -torch.inf)

    def forward(self, x: Tensor) -> Tensor:
        runs, frames = x.shape[:2]
        of_nodes = self.norm(x).transpose(1, 2).flatten(0, 1)
        mixed: Tensor = self.attention(of_nodes, self.bias(frames).to(x.dtype))
        return x + mixed.unflatten(0, (runs, -1)).transpose(1, 2)


class SequenceRefiner(nn.Module):
    """Predicts the noise of the poses of whole runs. `refiner` is the single-frame network, `over_time` the attention behind its blocks."""

    def __init__(self, skeleton: Skeleton, config: RefinerConfig | None = None, reach: int = REACH) -> None:
        super().__init__()
        self.refiner = Refiner(skeleton, config)
        self.config = self.refiner.config
        layers = self.config.layers - 1
        self.over_time = nn.ModuleList(TemporalAttention(self.config.hidden, self.config.heads, reach) for _ in range(layers))

    @property
    def reach(self) -> int:
        """Frames before and after that a frame's pose depends on."""
        return sum(layer.reach for layer in self.over_time if isinstance(layer, TemporalAttention))

    def forward(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        """Noise in `x` (R, T, J, 5) at the steps t (R,) of its runs; p (R, T, J, channels of the context). As `Refiner.forward` else."""
        runs, frames = x.shape[:2]

        def between(layer: int, out: Tensor) -> Tensor:
            if layer == len(self.over_time):
                return out
            attended: Tensor = self.over_time[layer](out.unflatten(0, (runs, frames)))
            return attended.flatten(0, 1)

        noise: Tensor = self.refiner(x.flatten(0, 1), t.repeat_interleave(frames), None if p is None else p.flatten(0, 1), between)
        return noise.unflatten(0, (runs, frames))
