from __future__ import annotations

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22, H36M_17
from engine.refiner.graph import Graph

# Human3.6M's bones, written out by hand as the field's papers number them.
H36M_BONES = [
    (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8),
    (8, 9), (9, 10), (8, 11), (11, 12), (12, 13), (8, 14), (14, 15), (15, 16),
]  # fmt: skip


def test_the_papers_graph_has_34_nodes_and_49_edges() -> None:
    graph = Graph.cross_channel(H36M_17)
    assert graph.nodes == 34
    expected = H36M_BONES + [(a + 17, b + 17) for a, b in H36M_BONES] + [(i, i + 17) for i in range(17)]
    assert len(expected) == 49
    assert {frozenset(edge) for edge in graph.edges} == {frozenset(edge) for edge in expected}
    assert len(graph.edges) == 49


def test_other_skeletons_and_the_plain_graph() -> None:
    body = Graph.cross_channel(BODY_22)
    assert (body.nodes, len(body.edges)) == (44, 2 * 21 + 22)
    plain = Graph.of_skeleton(H36M_17)
    assert (plain.nodes, len(plain.edges)) == (17, 16)


@pytest.mark.parametrize("graph", [Graph.cross_channel(H36M_17), Graph.of_skeleton(BODY_22), Graph.cross_channel(BODY_22, bridges=False)])
def test_matrices_against_plain_loops(graph: Graph) -> None:
    neighbours = {i: {i} for i in range(graph.nodes)}
    for a, b in graph.edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    expected = np.zeros((graph.nodes, graph.nodes))
    for i, others in neighbours.items():
        for j in others:
            expected[i, j] = 1.0 / len(others)
    adjacency = graph.adjacency()
    assert adjacency.dtype == torch.float64
    np.testing.assert_allclose(adjacency.numpy(), expected, rtol=0, atol=1e-15)
    # As ChebConv forms it: I - D'^-1/2 G D'^-1/2 with D' the row sums of G.
    scale = expected.sum(axis=1) ** -0.5
    np.testing.assert_allclose(graph.laplacian().numpy(), np.eye(graph.nodes) - scale[:, None] * expected * scale, atol=1e-14)
    assert not np.allclose(expected, expected.T)


def test_without_bridges_the_halves_do_not_touch() -> None:
    together, apart = Graph.cross_channel(BODY_22).adjacency(), Graph.cross_channel(BODY_22, bridges=False).adjacency()
    assert not apart[:22, 22:].any() and not apart[22:, :22].any()
    assert torch.equal(apart[:22, :22], Graph.of_skeleton(BODY_22).adjacency())
    assert torch.equal(together[:22, 22:] > 0, torch.eye(22, dtype=torch.bool))


def test_an_edge_outside_the_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        Graph(3, ((0, 3),))
