"""Makes the graphs of the shipped networks for ONNX Runtime: `python -m engine.refiner.fast.onnx_graph`, whenever a layout changes.

A graph holds no weights: its parameters are named as in the weights file and marked as kept elsewhere (see engine/onnx_network.py). Sizes
that a layout fixes are constants in it; the number of poses and of frames is free.
"""

from __future__ import annotations

import argparse
import copy
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import onnx
import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine import weights_file
from engine.lifter.network import Lifter, LifterConfig
from engine.onnx_network import LAYOUT, layout_text
from engine.refiner.network import Refiner, RefinerConfig

OPSET = 17
PLACE = "safetensors"  # where the graph says that its parameters are
_SELF = "network."  # before every parameter's name while a graph is made


class _Call(nn.Module):
    """A method of a network as a module of tensors alone."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network, self._method = network, method

    def forward(self, *inputs: Tensor) -> Any:
        return getattr(self.network, self._method)(*inputs)


def graph_of(
    network: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], free: Mapping[str, Mapping[int, str]],
    layout: Mapping[str, Any], method: str = "forward",
) -> bytes:  # fmt: skip
    """The graph of `network.method(*inputs)`.

    inputs: an example of each, by name. free: of an input or output the axes that may have any size, with a name each. layout: what the
    network was made from, to be known again.
    """
    file = io.BytesIO()
    module = _Call(copy.deepcopy(network), method).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks of shapes that are done once and for all
        for number, parameter in enumerate(module.parameters()):
            parameter.fill_(number + 1.0)  # equal parameters would become one
        torch.onnx.export(
            module, tuple(inputs.values()), cast(Any, file), input_names=list(inputs), output_names=list(outputs), opset_version=OPSET,
            dynamic_axes={name: dict(axes) for name, axes in free.items()}, dynamo=False, do_constant_folding=False,
        )  # fmt: skip
    made = onnx.load_from_string(file.getvalue())
    _without_weights(made.graph, dict(module.named_parameters()))
    onnx.helper.set_model_props(made, {LAYOUT: layout_text(layout)})
    made.producer_version = ""
    return made.SerializeToString(deterministic=True)


def _without_weights(graph: Any, parameters: Mapping[str, Tensor]) -> None:
    """Parameters are marked as kept elsewhere under the names that the weights file has; equal constants become one."""
    renamed: dict[str, str] = {}
    known: dict[tuple[Any, ...], str] = {}
    kept = []
    for value in graph.initializer:
        if value.name in parameters:
            renamed[value.name] = value.name = value.name.removeprefix(_SELF)
            value.ClearField("raw_data")
            value.data_location = onnx.TensorProto.EXTERNAL
            entry = value.external_data.add()
            entry.key, entry.value = "location", PLACE
            renamed[_SELF + value.name] = value.name
        else:
            key = (value.data_type, tuple(value.dims), value.raw_data)
            if known.setdefault(key, value.name) != value.name:
                renamed[value.name] = known[key]
                continue
        kept.append(value)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for node in graph.node:
        node.name = node.doc_string = ""
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)


def lifter_graph(layout: Mapping[str, Any]) -> bytes:
    """features (B,T,F), base (B,T,22,3) -> pose (B,T,22,3), hints (B,T,width), of any number of runs and frames."""
    network = Lifter(LifterConfig.from_dict(layout))
    config = network.config
    inputs = {"features": torch.zeros(2, 7, config.features), "base": torch.zeros(2, 7, config.joints, 3)}
    free = {name: {0: "runs", 1: "frames"} for name in ("features", "base", "pose", "hints")}
    return graph_of(network, inputs, ["pose", "hints"], free, layout, method="read")


def refiner_graph(layout: Mapping[str, Any]) -> bytes:
    """x (B,22,5), t (1,) int64, p (B,22,C) -> noise (B,22,5), of any number of poses, all at the step t."""
    network = Refiner(BODY_22, RefinerConfig.from_dict(layout))
    joints, channels = len(BODY_22), len(network.config.guide_signs)
    inputs = {"x": torch.zeros(3, joints, 5), "t": torch.zeros(1, dtype=torch.long), "p": torch.zeros(3, joints, channels)}
    free = {name: {0: "poses"} for name in ("x", "p", "noise")}
    return graph_of(network, inputs, ["noise"], free, layout)


GRAPHS = {"lifter": lifter_graph, "refiner": refiner_graph}


def write_graphs(folder: Path) -> list[Path]:
    """The graph of each weights file in `folder`, beside it."""
    written = []
    for name, make in GRAPHS.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(make(weights_file.load_weights(folder / f"{name}.safetensors").header["layout"]))
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="onnx_graph", description="Make the graphs of the shipped networks for ONNX Runtime.")
    parser.add_argument("--folder", type=Path, default=weights_file.FOLDER, help="where the .safetensors are")
    for path in write_graphs(parser.parse_args(arguments).folder):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
