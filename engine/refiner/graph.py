"""The graphs that the refiner convolves over, built from a skeleton definition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from contract.skeleton import Skeleton


@dataclass(frozen=True)
class Graph:
    """An undirected graph: `nodes` numbered from 0, `edges` as pairs of node numbers, each edge named once."""

    nodes: int
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if any(not 0 <= node < self.nodes for edge in self.edges for node in edge):
            raise ValueError(f"an edge names a node outside 0..{self.nodes - 1}")

    @classmethod
    def of_skeleton(cls, skeleton: Skeleton) -> Graph:
        """One node a joint, one edge a bone."""
        return cls(len(skeleton), skeleton.edges)

    @classmethod
    def cross_channel(cls, skeleton: Skeleton, bridges: bool = True) -> Graph:
        """The expanded graph: joint i's 2D node is i, its 3D node is i + J; bones among each kind, a bridge between the two.

        Without `bridges` the two halves do not touch (an ablation).
        """
        joints = len(skeleton)
        flat = skeleton.edges
        solid = tuple((a + joints, b + joints) for a, b in flat)
        bridge = tuple((i, i + joints) for i in range(joints)) if bridges else ()
        return cls(2 * joints, flat + solid + bridge)

    def adjacency(self) -> Tensor:
        """(N, N) float64: A symmetrised, plus self loops, every row divided by its sum: D^-1 (A + I). Not symmetric."""
        matrix = torch.eye(self.nodes, dtype=torch.float64)
        for a, b in self.edges:
            matrix[a, b] = matrix[b, a] = 1.0
        return matrix / matrix.sum(dim=1, keepdim=True)

    def laplacian(self) -> Tensor:
        """(N, N) float64: I - D^-1 (A + I), the random-walk Laplacian with self loops. Its rows sum to 0."""
        return torch.eye(self.nodes, dtype=torch.float64) - self.adjacency()
