"""Makes the graphs of the shipped networks for ONNX Runtime: `python -m engine.refiner.fast.onnx_graph`, whenever a layout changes.

A graph holds no weights: its parameters are named as in the weights file and marked as kept elsewhere (see engine/onnx_network.py). Sizes
that a layout fixes are constants in it; the number of poses and of frames is free.
"""

from __future__ import annotations

import argparse
import copy
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import onnx
import torch
from torch import Tensor, nn

from contract.skeleton import BODY_22
from engine import weights_file
from engine.lifter.gravity import GravityNetwork
from engine.lifter.layout import GravityLayout, LifterConfig
from engine.lifter.network import Lifter
from engine.onnx_network import LAYOUT, layout_text
from engine.refiner.layout import STATE_CHANNELS, WindowConfig
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.window import WindowRefiner

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
    return graph_of_refiner(Refiner(BODY_22, RefinerConfig.from_dict(layout)), layout)


def graph_of_refiner(network: Refiner, layout: Mapping[str, Any] | None = None) -> bytes:
    """As `refiner_graph`, of this network and its skeleton; without p where nothing guides it."""
    joints, channels = len(network.skeleton), len(network.config.guide_signs)
    inputs = {"x": torch.zeros(3, joints, STATE_CHANNELS), "t": torch.zeros(1, dtype=torch.long)}
    if network.guidance is not None:
        inputs["p"] = torch.zeros(3, joints, channels)
    free = {name: {0: "poses"} for name in (*inputs, "noise") if name != "t"}
    return graph_of(network, inputs, ["noise"], free, layout or network.config.to_dict())


def gravity_graph(layout: Mapping[str, Any]) -> bytes:
    """features (B,T,F), guess (B,T,22,3), level (B,T,3) -> up (B,T,3), error (B,T), of any number of runs and frames."""
    network = GravityNetwork(GravityLayout.from_dict(layout))
    shape = network.layout
    inputs = {"features": torch.zeros(2, 7, shape.features), "guess": torch.zeros(2, 7, shape.joints, 3), "level": torch.ones(2, 7, 3)}
    free = {name: {0: "runs", 1: "frames"} for name in (*inputs, "up", "error")}
    return graph_of(network, inputs, ["up", "error"], free, layout)


def window_graph(layout: Mapping[str, Any]) -> bytes:
    """x (1,T,22,5), t (1,) int64, guide (1,T,22,C) and what `conditions` takes -> the clean state (1,T,22,5), of any number of frames."""
    network = WindowRefiner(WindowConfig.from_dict(layout))
    config, joints = network.config, len(BODY_22)
    inputs = {
        "x": torch.zeros(1, 7, joints, STATE_CHANNELS), "t": torch.zeros(1, dtype=torch.long),
        "guide": torch.zeros(1, 7, joints, config.guide),
        "features": torch.zeros(1, 7, config.features), "hints": torch.zeros(1, 7, config.hints), "guess": torch.zeros(1, 7, joints, 3),
        "up": torch.ones(1, 7, 3), "error": torch.zeros(1, 7), "level": torch.ones(1, 7, 3),
    }  # fmt: skip
    free = {name: {1: "frames"} for name in (*inputs, "clean") if name != "t"}
    return graph_of(network, inputs, ["clean"], free, layout, method="clean")


@dataclass(frozen=True)
class Shipped:
    """A shipped network's graph: how it is made, and where its layout stands: the weights file and the entry of its header."""

    make: Callable[[Mapping[str, Any]], bytes]
    weights: str
    layout: str = "layout"


GRAPHS = {
    "lifter": Shipped(lifter_graph, "lifter"),
    "refiner": Shipped(refiner_graph, "refiner"),
    "gravity": Shipped(gravity_graph, "window", "gravity_layout"),
    "window": Shipped(window_graph, "window"),
}


def write_graphs(folder: Path) -> list[Path]:
    """The graph of each network whose weights are in `folder`, beside them."""
    written = []
    for name, shipped in GRAPHS.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(shipped.make(weights_file.load_weights(folder / f"{shipped.weights}.safetensors", name).header[shipped.layout]))
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
