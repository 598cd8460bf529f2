"""The single-frame lifter of the paper: 2D joints to 3D joints by graph convolutions and graph attention (GraFormer, Zhao et al. 2022).

Read from the description in the published code that the paper's lifter weights belong to: input convolution, as many pairs of graph
attention and residual convolution as there are layers, output convolution. For Human3.6M's 17 joints at the published width: 654,344
parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from contract.skeleton import Skeleton
from engine.lifter.mirror import POINT_SIGNS, POSE_SIGNS, mirrored_joints
from engine.refiner.attention import GraphAttention
from engine.refiner.chebyshev import ChebConv
from engine.refiner.graph import Graph
from engine.refiner.layout import IMAGE_CHANNELS, SPACE_CHANNELS, GraphLayout

CHUNK = 2048  # frames lifted at once


@dataclass(frozen=True)
class GraphLifterConfig(GraphLayout):
    """Nothing of its own."""


class _Residual(nn.Module):
    """x + conv2(conv1(x)), each convolution followed by ReLU and dropout."""

    def __init__(self, channels: int, graph: Graph, dropout: float) -> None:
        super().__init__()
        self.conv1 = ChebConv(channels, channels, graph)
        self.conv2 = ChebConv(channels, channels, graph)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dropout(functional.relu(self.conv1(x)))
        return x + self.dropout(functional.relu(self.conv2(hidden)))


class GraphLifter(nn.Module):
    """(B, J, 2) screen-normalised joints to (B, J, 3) metres in camera axes, relative to the root."""

    def __init__(self, skeleton: Skeleton, config: GraphLifterConfig | None = None) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.config = c = config or GraphLifterConfig()
        graph = Graph.of_skeleton(skeleton)
        self.enter = ChebConv(IMAGE_CHANNELS, c.hidden, graph)
        self.attentions = nn.ModuleList(
            GraphAttention(c.hidden, graph.nodes, c.heads, c.dropout, c.attention_dropout) for _ in range(c.layers)
        )
        self.convolutions = nn.ModuleList(_Residual(c.hidden, graph, c.conv_dropout) for _ in range(c.layers))
        self.leave = ChebConv(c.hidden, SPACE_CHANNELS, graph)

    def forward(self, keypoints: Tensor) -> Tensor:
        x = self.enter(keypoints)
        for attention, convolution in zip(self.attentions, self.convolutions, strict=True):
            x = convolution(attention(x))
        pose = self.leave(x)
        return pose - pose[:, :1]


@torch.inference_mode()
def lift(lifter: nn.Module, skeleton: Skeleton, keypoints: Tensor, flip: bool = True) -> Tensor:
    """(N,J,2) to (N,J,3): the lifter's guess; with `flip` the mean of it and of the mirrored picture's."""
    parts = []
    for part in keypoints.split(CHUNK):
        pose = lifter(part)
        if flip:
            twin = lifter(mirrored_joints(part, skeleton, POINT_SIGNS))
            pose = (pose + mirrored_joints(twin, skeleton, POSE_SIGNS)) / 2
        parts.append(pose)
    return torch.cat(parts)
