"""Any refiner of torch on the processor by ONNX Runtime: its graph is made when it is loaded. Needs onnx, of the training extra."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.onnx_network import OnnxNetwork
from engine.refiner.fast.onnx_graph import graph_of_refiner
from engine.refiner.network import Refiner


class ExportedRefiner:
    """A `sampler.Model` of tensors over a network in evaluation mode on the processor; a batch is at one step, as in sampling."""

    def __init__(self, model: Refiner) -> None:
        self._model = model
        values = {name: value.detach().numpy() for name, value in model.state_dict().items()}
        self._network = OnnxNetwork(graph_of_refiner(model), values)

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: Tensor, p: Tensor | None = None) -> Tensor:
        """Noise in `x`; see `Refiner.forward`."""
        self._model.check(x)
        inputs = {"x": x.numpy(), "t": t[:1].numpy().astype(np.int64)}
        if self._model.guidance is not None:
            inputs["p"] = self._model.context(x, p).numpy()
        return torch.from_numpy(self._network.run(**inputs)[0])
