"""The shipped networks, ready to run: in ONNX Runtime on the processor, or in torch on CUDA. Arrays are numpy's float32 on both sides."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from engine import weights_file
from engine.long_takes import give_back
from engine.onnx_network import OnnxNetwork
from engine.refiner.sampler import Model
from engine.weights_file import Weights

Floats = npt.NDArray[np.float32]
Say = Callable[[str, str], None]  # takes a warning's code and its message, as Progress.warning does
DRIVER = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}  # a machine without it has no CUDA device


@dataclass(frozen=True)
class Files:
    """The weights files. Their layouts must be those of the graphs in engine/weights, where ONNX Runtime is to run them."""

    lifter: Path = weights_file.FOLDER / "lifter.safetensors"
    refiner: Path = weights_file.FOLDER / "refiner.safetensors"
    window: Path = weights_file.FOLDER / "window.safetensors"


class Networks(Protocol):
    """What a capture asks of its networks, wherever they run.

    refiner: predicts noise as `Refiner.forward` does; precision: what it multiplies in: `fp32`; on CUDA `fp16`, `tf32`, or `plain` without
    the fused kernels. weights: the files that were read, for what their headers say.
    """

    @property
    def refiner(self) -> Model: ...
    @property
    def precision(self) -> str: ...
    @property
    def weights(self) -> Mapping[str, Weights]: ...

    def lift(self, features: Floats, base: Floats) -> tuple[Floats, Floats]:
        """pose (B,T,22,3), hints (B,T,width) as `Lifter.read`."""
        ...

    def find_up(self, features: Floats, guess: Floats, level: Floats) -> tuple[Floats, Floats]:
        """up (B,T,3), its error (B,T) radians as `GravityNetwork.forward`."""
        ...

    def refine_window(self, x: Floats, t: npt.NDArray[np.int64], guide: Floats, *told: Floats) -> Floats:
        """The clean state as `WindowRefiner.clean`, of one run."""
        ...


class OnnxNetworks:
    """The networks on the processor. Each is read when it is first asked for, but for those that every capture needs."""

    precision = "fp32"

    def __init__(self, files: Files | None = None) -> None:
        self._files = files or Files()
        # one after the other: the numbers of a file are not needed once its graph has them
        self._lifter, lifter = _read("lifter", self._files.lifter)
        refiner = weights_file.load_weights(self._files.refiner, "mixture.")
        self._gravity, window = _read("gravity", self._files.window, "gravity.", "gravity_layout")
        self.weights: Mapping[str, Weights] = {"lifter": lifter, "refiner": refiner, "window": window}
        give_back()

    def refiner(self, x: Floats, t: npt.NDArray[np.int64], p: Floats | None = None) -> Floats:
        """As `Refiner.forward` for a batch that is all at one step."""
        assert p is not None  # the shipped network is guided
        return self._refiner.run(x=x, t=t[:1], p=p)[0]

    def lift(self, features: Floats, base: Floats) -> tuple[Floats, Floats]:
        """See `Networks`."""
        pose, hints = self._lifter.run(features=features, base=base)
        return pose, hints

    def find_up(self, features: Floats, guess: Floats, level: Floats) -> tuple[Floats, Floats]:
        """See `Networks`."""
        up, error = self._gravity.run(features=features, guess=guess, level=level)
        return up, error

    def refine_window(self, x: Floats, t: npt.NDArray[np.int64], guide: Floats, *told: Floats) -> Floats:
        """See `Networks`."""
        names = ("features", "hints", "guess", "up", "error", "level")
        return self._window.run(x=x, t=t[:1], guide=guide, **dict(zip(names, told, strict=True)))[0]

    @cached_property
    def _refiner(self) -> OnnxNetwork:
        return _graph("refiner", weights_file.load_weights(self._files.refiner, "refiner."))

    @cached_property
    def _window(self) -> OnnxNetwork:
        return _graph("window", weights_file.load_weights(self._files.window, "window."))


def _read(name: str, path: Path, prefix: str = "", layout: str = "layout") -> tuple[OnnxNetwork, Weights]:
    """The network of a weights file's tensors that begin with `prefix`, and what else the file says."""
    give_back()  # what the detector beside it needed to load, or the network before
    stored = weights_file.load_weights(path, prefix)
    return _graph(name, stored, layout), _noise_alone(stored)


def _noise_alone(stored: Weights) -> Weights:
    """Without the tensors that a graph has now."""
    return replace(stored, tensors={name: value for name, value in stored.tensors.items() if name.startswith("mixture.")})


def _graph(name: str, stored: Weights, layout: str = "layout") -> OnnxNetwork:
    return OnnxNetwork(weights_file.FOLDER / f"{name}.onnx", stored.part(name), stored.header[layout])


def choose_device(name: str) -> str:
    """`auto`, `cpu` or `cuda` -> `cpu` or `cuda`: the latter where a torch with CUDA is installed and finds a device.

    Raises Failure `no_cuda` where CUDA is asked for and absent.
    """
    if name == "cpu":
        return "cpu"
    here = cuda_is_here()
    if name == "cuda" and not here:
        raise Failure(
            "no_cuda",
            "CUDA was asked for, but there is no torch here that finds a CUDA device; use --device cpu, or install one "
            "(python3 kinolift.py setup --cuda, or in Blender the preference Worker Python).",
        )
    return "cuda" if here else "cpu"


def cuda_is_here() -> bool:
    """Whether torch is installed and finds a CUDA device. Without an NVIDIA driver torch, which takes seconds, is not imported."""
    if find_spec("torch") is None or not _driver_is_here():
        return False
    import torch

    return torch.cuda.is_available()


def _driver_is_here() -> bool:
    try:
        ctypes.CDLL(DRIVER[sys.platform])
    except (KeyError, OSError):
        return False
    return True


def load_networks(device: str, files: Files, say: Say) -> Networks:
    """The networks on `cpu` or `cuda`. `say` is told why the refiner is slower than it could be, if it is."""
    if device == "cpu":
        return OnnxNetworks(files)
    from engine.torch_networks import TorchNetworks

    loaded: Any = TorchNetworks(device, files.lifter, files.refiner, files.window, say)
    return loaded
