"""Weights files as torch's tensors: for training, and for networks that run in torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from contract.failure import Failure
from engine import weights_file
from engine.weights_file import REPAIR, Weights


def save_weights(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Writes float32 as float16 (half the size; poses change by hundredths of a millimetre), keeps other types, notes the file's sum."""
    halved = {name: (value.half() if value.dtype == torch.float32 else value).contiguous() for name, value in tensors.items()}
    weights_file.write_weights(path, lambda beside, said: save_file(halved, beside, metadata=said), header)


def load_weights(path: Path) -> Weights:
    """As `weights_file.load_weights`, of torch's tensors."""
    stored = weights_file.load_weights(path)
    return Weights({name: torch.tensor(value) for name, value in stored.tensors.items()}, stored.header, stored.sha256)


def load_into(module: torch.nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    """Puts the tensors into the module; Failure `bad_installation` where the layout is another."""
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise Failure("bad_installation", f"The weights of the {name} have another layout than this version's; {REPAIR}.") from error
