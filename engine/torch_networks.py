"""The shipped networks in torch, on CUDA: what `networks.Networks` asks for, numpy's arrays on both sides. Imported only where it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.skeleton import BODY_22
from engine import torch_weights
from engine.lifter.gravity import GravityNetwork
from engine.lifter.layout import GravityLayout
from engine.lifter.network import load_lifter
from engine.refiner.fast import backend
from engine.refiner.layout import WindowConfig
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.sampler import Model, WholeSampler
from engine.refiner.schedule import Schedule
from engine.refiner.window import WindowRefiner
from engine.weights_file import Weights

Floats = npt.NDArray[np.float32]


class TorchNetworks:
    """The networks on a device of torch. `network` is what refines, of tensors; `refiner` the same of arrays; see `networks.Networks`."""

    def __init__(self, device: str, lifter_file: Path, refiner_file: Path, window_file: Path, say: Callable[[str, str], None]) -> None:
        self.device = torch.device(device)
        refiner, window = torch_weights.load_weights(refiner_file), torch_weights.load_weights(window_file)
        self.weights: Mapping[str, Weights] = {
            "lifter": torch_weights.load_weights(lifter_file), "refiner": refiner, "window": window,
        }  # fmt: skip
        self.lifter = load_lifter(lifter_file).to(self.device)
        self.plain = Refiner(BODY_22, RefinerConfig.from_dict(refiner.header["layout"]))
        torch_weights.load_into(self.plain, refiner.part("refiner"), "refiner")
        self.use(backend.choose(self.plain.to(self.device).eval(), self.device, say))
        gravity, over_time = load_window(window)
        self.gravity, self.window = gravity.to(self.device).eval(), over_time.to(self.device).eval()

    def use(self, network: Model) -> None:
        """Refines with this one from now on: `plain`, the network as it was trained, or one that `backend.choose` gave."""
        self.network = network
        self.refiner = (_Sampler if isinstance(network, WholeSampler) else _Noise)(network, self.device)

    @property
    def precision(self) -> str:
        """See `networks.Networks`."""
        return str(getattr(self.network, "precision", "fp32"))

    @torch.inference_mode()
    def lift(self, features: Floats, base: Floats) -> tuple[Floats, Floats]:
        """See `networks.Networks`."""
        pose, hints = self.lifter.read(*_tensors(self.device, features, base))
        return _array(pose), _array(hints)

    @torch.inference_mode()
    def find_up(self, features: Floats, guess: Floats, level: Floats) -> tuple[Floats, Floats]:
        """See `networks.Networks`."""
        up, error = self.gravity(*_tensors(self.device, features, guess, level))
        return _array(up), _array(error)

    @torch.inference_mode()
    def refine_window(self, x: Floats, t: npt.NDArray[np.int64], guide: Floats, *told: Floats) -> Floats:
        """See `networks.Networks`."""
        return _array(self.window.clean(*_tensors(self.device, x, t, guide, *told)))


class _Noise:
    """A network of tensors as a `sampler.Model` of arrays."""

    def __init__(self, network: Any, device: torch.device) -> None:
        self._network, self._device = network, device

    @torch.inference_mode()
    def __call__(self, x: Floats, t: npt.NDArray[np.int64], p: Floats | None = None) -> Floats:
        return _array(self._network(*_tensors(self._device, x, t), None if p is None else _tensors(self._device, p)[0]))


class _Sampler(_Noise):
    """A `sampler.WholeSampler` of arrays."""

    @property
    def batch(self) -> int:
        """States at a time at best."""
        return int(self._network.batch)

    @torch.inference_mode()
    def sample(self, schedule: Schedule, x: Floats, guide: Floats | None, times: Sequence[int]) -> Floats:
        """See `sampler.WholeSampler`."""
        context = None if guide is None else _tensors(self._device, guide)[0]
        return _array(self._network.sample(schedule, _tensors(self._device, x)[0], context, times))


def load_window(stored: Weights) -> tuple[GravityNetwork, WindowRefiner]:
    """The network that finds up and the refiner over windows. Raises Failure `bad_installation` where the layout is another."""
    gravity = GravityNetwork(GravityLayout.from_dict(stored.header["gravity_layout"]))
    window = WindowRefiner(WindowConfig.from_dict(stored.header["layout"]))
    torch_weights.load_into(gravity, stored.part("gravity"), "network that finds up")
    torch_weights.load_into(window, stored.part("window"), "refiner over windows")
    return gravity, window


def _tensors(device: torch.device, *arrays: npt.NDArray[Any]) -> list[Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays]


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.float().cpu().numpy()
    return found
