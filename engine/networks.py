"""The shipped networks, ready to run: in ONNX Runtime on the processor, or in torch on CUDA. Arrays are numpy's float32 on both sides."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from engine import weights_file
from engine.long_takes import give_back
from engine.onnx_network import OnnxNetwork, check_graph
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
    """The networks on the processor. Each is read when it is first asked for, when the detector is done with its memory; that all are there
    and fit together is looked at before, while there is still little work to lose."""

    precision = "fp32"

    def __init__(self, files: Files | None = None) -> None:
        self._files = files or Files()
        # of the tensors those of the noise model alone, which is no graph
        self.weights: Mapping[str, Weights] = {
            name: weights_file.load_weights(path, "mixture.") for name, path in vars(self._files).items()
        }
        for name, graph in _GRAPHS.items():
            check_graph(_path(name), self.weights[graph.weights].header[graph.layout])
        self._loaded: dict[str, OnnxNetwork] = {}
        give_back()  # what all that was imported for it needed to load

    def refiner(self, x: Floats, t: npt.NDArray[np.int64], p: Floats | None = None) -> Floats:
        """As `Refiner.forward` for a batch that is all at one step."""
        assert p is not None  # the shipped network is guided
        return self._graph("refiner").run(x=x, t=t[:1], p=p)[0]

    def lift(self, features: Floats, base: Floats) -> tuple[Floats, Floats]:
        """See `Networks`."""
        pose, hints = self._graph("lifter").run(features=features, base=base)
        return pose, hints

    def find_up(self, features: Floats, guess: Floats, level: Floats) -> tuple[Floats, Floats]:
        """See `Networks`."""
        up, error = self._graph("gravity").run(features=features, guess=guess, level=level)
        return up, error

    def refine_window(self, x: Floats, t: npt.NDArray[np.int64], guide: Floats, *told: Floats) -> Floats:
        """See `Networks`."""
        names = ("features", "hints", "guess", "up", "error", "level")
        return self._graph("window").run(x=x, t=t[:1], guide=guide, **dict(zip(names, told, strict=True)))[0]

    def _graph(self, name: str) -> OnnxNetwork:
        if name not in self._loaded:
            graph = _GRAPHS[name]
            stored = weights_file.load_weights(getattr(self._files, graph.weights), f"{name}.")
            self._loaded[name] = OnnxNetwork(_path(name), stored.part(name), stored.header[graph.layout])
            del stored
            give_back()  # what it needed to load, half of which the network keeps
        return self._loaded[name]


@dataclass(frozen=True)
class _Graph:
    """Of which of the `Files` its tensors are, and the entry of that file's header that says its layout."""

    weights: str
    layout: str = "layout"


_GRAPHS: Final = {
    "lifter": _Graph("lifter"),
    "refiner": _Graph("refiner"),
    "gravity": _Graph("window", "gravity_layout"),
    "window": _Graph("window"),
}


def _path(name: str) -> Path:
    return weights_file.FOLDER / f"{name}.onnx"


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
