"""A network in ONNX Runtime: what does not fit together is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract.failure import Failure
from engine import weights_file
from engine.onnx_network import OnnxNetwork

GRAPH = weights_file.FOLDER / "lifter.onnx"


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    stored = weights_file.load_weights(weights_file.FOLDER / "lifter.safetensors")
    return stored.part("lifter")


def refused(graph: Path | bytes, tensors: dict[str, np.ndarray], layout: dict[str, object] | None = None) -> str:
    with pytest.raises(Failure) as failure:
        OnnxNetwork(graph, tensors, layout)
    assert failure.value.code == "bad_installation"
    return str(failure.value)


def test_it_runs_without_torch_in_its_hands(tensors: dict[str, np.ndarray]) -> None:
    network = OnnxNetwork(GRAPH, tensors)
    assert network.inputs == ("features", "base")
    rng = np.random.default_rng(0)
    features, base = rng.normal(size=(1, 30, 203)).astype(np.float32), np.zeros((1, 30, 22, 3), np.float32)
    pose, hints = network.run(features=features, base=base)
    assert pose.shape == (1, 30, 22, 3) and hints.shape == (1, 30, 384)
    assert np.all(pose[:, :, 0] == 0.0) and np.abs(pose).max() > 0.01


def test_a_layout_of_another_network_is_told(tensors: dict[str, np.ndarray]) -> None:
    assert "another layout" in refused(GRAPH, tensors, {"width": 1})


def test_a_missing_file_and_a_damaged_one_are_told(tensors: dict[str, np.ndarray], tmp_path: Path) -> None:
    refused(tmp_path / "lifter.onnx", tensors)
    refused(GRAPH.read_bytes()[:1000], tensors)


def test_weights_of_another_shape_and_too_few_are_told(tensors: dict[str, np.ndarray]) -> None:
    name = "blocks.0.time.weight"
    refused(GRAPH, {**tensors, name: tensors[name][:, :5]})
    refused(GRAPH, {key: value for key, value in tensors.items() if key != name})
