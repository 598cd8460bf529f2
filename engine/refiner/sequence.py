"""The refiner's sequence form: attention over time between the cross-channel blocks, so that a frame is refined with those around it.

The blocks are the single-frame network's (`Refiner`) and see one frame each. Behind every block but the last each node looks at itself
in the frames before and after, up to `reach` of them. Untrained, the attention adds nothing, so that a single-frame refiner's weights are
where a sequence refiner begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from contract.skeleton import Skeleton

from .attention import LayerNorm
from .network import Refiner, RefinerConfig

REACH = 12  # frames at 30 a second: 0.4 s to each side in every layer


class TemporalAttention(nn.Module):
    """Pre-norm residual self-attention of every node over the frames of its run: (R, T, N, channels) to the same, zero at first.

    A head's liking for a distance in time is learned, one number a distance and direction: a frame can look at where a joint comes from.
    Frames farther than `reach` are not seen, so a run may be cut into overlapping pieces.
    """

    def __init__(self, channels: int, heads: int, reach: int = REACH) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be shared by {heads} heads")
        self.heads, self.reach = heads, reach
        self.norm = LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * reach + 1))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def bias(self, frames: int) -> Tensor:
        """(heads, T, T) what is added to the logits; minus infinity beyond the reach."""
        place = torch.arange(frames, device=self.distance.device)
        apart = place[None] - place[:, None]
        liked = self.distance[:, (apart + self.reach).clamp(0, 2 * self.reach)]
        return liked.masked_fill(apart.abs() > self.reach, -torch.inf)

    def forward(self, x: Tensor) -> Tensor:
        runs, frames, nodes, channels = x.shape
        packed = self.query_key_value(self.norm(x)).view(runs, frames, nodes, 3, self.heads, channels // self.heads)
        query, key, value = packed.permute(3, 0, 2, 4, 1, 5).flatten(1, 2)
        mixed = functional.scaled_dot_product_attention(query, key, value, self.bias(frames).to(query.dtype))
        mixed = mixed.view(runs, nodes, self.heads, frames, -1).permute(0, 3, 1, 2, 4).reshape(x.shape)
        return x + self.out(mixed)


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

    def start_from(self, single: Mapping[str, Any]) -> None:
        """Takes over the weights of a single-frame refiner of the same layout: the sequence form then does what that does."""
        self.refiner.load_state_dict(dict(single))

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
