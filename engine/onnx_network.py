"""A network in ONNX Runtime: a graph without weights (NAME.onnx, in git) and the weights file NAME.safetensors that both engines read.

The graph says what is computed and names its parameters as the weights file does; the numbers are handed over when it is loaded. So there
is one source of truth, and new weights of the same layout need no new graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from contract.failure import Failure

LAYOUT = "kinolift.layout"  # what the graph's metadata says of the network that it belongs to: the weights' layout, as JSON
REPAIR = "get the files of engine/weights again (git checkout engine/weights, or install the extension anew)"


class OnnxNetwork:
    """A graph that runs on the processor: `run(name=array)` gives its outputs, all float32, in their order.

    graph: the file's path, or its bytes. tensors: the parameters by name, of any floating type. layout: what the graph has to be made for;
    Failure `bad_installation` where it is for another, or is missing or damaged, or a parameter is missing.
    threads: of one operation; 0 for as many as there are cores.
    """

    def __init__(
        self, graph: Path | bytes, tensors: Mapping[str, npt.NDArray[Any]], layout: Mapping[str, Any] | None = None, threads: int = 0
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # threads that wait for work by turning in circles take it from the detector and from Blender
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # memory goes back between two calls: kept for the next one it grows to 100 MB of a take, and saves 3 % of a call
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 3
        values = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}
        held = {name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in values.items()}
        options.add_external_initializers(list(held), list(held.values()))
        try:
            stored = graph if isinstance(graph, bytes) else graph.read_bytes()
            self._session = onnxruntime.InferenceSession(stored, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's failures are of many classes; all mean the same here
            name = "a network" if isinstance(graph, bytes) else graph.name
            reason = str(error).strip().splitlines()[0]
            raise Failure(
                "bad_installation", f"The graph of {name} and its weights do not fit or are damaged ({reason}); {REPAIR}."
            ) from error
        said = self._session.get_modelmeta().custom_metadata_map.get(LAYOUT)
        if layout is not None and said != layout_text(layout):
            raise _of_another(said)
        self.inputs = tuple(value.name for value in self._session.get_inputs())

    def run(self, **inputs: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        """The outputs, in the graph's order."""
        outputs: list[npt.NDArray[np.float32]] = self._session.run(None, {name: inputs[name] for name in self.inputs})
        return outputs


def check_graph(path: Path, layout: Mapping[str, Any]) -> None:
    """That a graph is there and was made for weights of that layout, without loading it. Raises Failure `bad_installation`."""
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise Failure("bad_installation", f"The graph {path.name} cannot be read ({error.strerror}); {REPAIR}.") from error
    if LAYOUT.encode() not in stored or layout_text(layout).encode() not in stored:  # its metadata, which protobuf stores as they are
        raise _of_another(path.name)


def _of_another(said: str) -> Failure:
    return Failure("bad_installation", f"The graph beside the weights was made for another layout ({said}); {REPAIR}.")


def layout_text(layout: Mapping[str, Any]) -> str:
    """A layout as it stands in a graph."""
    return json.dumps(layout, sort_keys=True)
