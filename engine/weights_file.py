"""Weights files: safetensors with the layout, the recipe and the figures in their header, checked by SHA-256 before they are used."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from contract.failure import Failure
from contract.outputs import write_text, written_beside
from contract.reading import DAMAGE, parse_json, read_limited, reading, reason

FOLDER = Path(__file__).resolve().parent / "weights"
SUMS = "SHA256SUMS"  # one line a file, as sha256sum writes it
LARGEST_SUMS = 2**20  # bytes
_SUM = re.compile(r"[0-9a-f]{64}")
_REPAIR = "get the files of engine/weights again (`git checkout -- engine/weights` in Kinolift's folder, or install the extension anew)"


@dataclass(frozen=True)
class Weights:
    """Tensors by name (half precision widened to float32), and what the header says of them: `layout`, `recipe` and more."""

    tensors: dict[str, Tensor]
    header: dict[str, Any]
    sha256: str

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix` and a dot, without it."""
        return {name[len(prefix) + 1 :]: value for name, value in self.tensors.items() if name.startswith(prefix + ".")}

    def origin(self, *names: str) -> dict[str, Any]:
        """What the header of weights made from these says of them: their `sha256`, and those of the names that their own header has."""
        return {"sha256": self.sha256} | {name: self.header[name] for name in names if name in self.header}


def save_weights(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Writes float32 as float16 (half the size; poses change by hundredths of a millimetre), keeps other types, notes the file's sum."""
    halved = {name: (value.half() if value.dtype == torch.float32 else value).contiguous() for name, value in tensors.items()}
    with written_beside(path) as beside:
        save_file(halved, beside, metadata={"kinolift": json.dumps(header, sort_keys=True)})
        beside.chmod(0o644)  # safetensors makes files that only their owner may read
    sums = read_sums(path.parent)
    sums[path.name] = _sha256(path)
    write_text("".join(f"{value}  {name}\n" for name, value in sorted(sums.items())), path.parent / SUMS)


@lru_cache(maxsize=4)
def load_weights(path: Path) -> Weights:
    """Reads and checks a weights file of this installation. Raises Failure `bad_installation` where it is missing or damaged."""
    if not path.is_file():
        raise Failure("bad_installation", f"The weights file {path.name} is missing; {_REPAIR}.")
    sha256 = _sha256(path)
    if read_sums(path.parent).get(path.name) != sha256:
        raise Failure("bad_installation", f"The weights file {path.name} is damaged (its checksum differs); {_REPAIR}.")
    try:
        tensors = load_file(path)
        with safetensors.safe_open(path, framework="pt") as file:
            header = parse_json(file.metadata()["kinolift"])
    except (safetensors.SafetensorError, *DAMAGE) as error:
        raise Failure("bad_installation", f"The weights file {path.name} cannot be read ({reason(error)}); {_REPAIR}.") from error
    floats = {name: value.float() if value.dtype == torch.float16 else value for name, value in tensors.items()}
    return Weights(floats, header, sha256)


def load_into(module: torch.nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    """Puts the tensors into the module; Failure `bad_installation` where the layout is another."""
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise Failure("bad_installation", f"The weights of the {name} have another layout than this version's; {_REPAIR}.") from error


def read_sums(folder: Path) -> dict[str, str]:
    """File name -> SHA-256 as noted in the folder; empty where nothing is noted."""
    path = folder / SUMS
    if not path.is_file():
        return {}
    with reading(path, "list of checksums", _REPAIR, "bad_installation"):
        lines = [line.split(maxsplit=1) for line in read_limited(path, LARGEST_SUMS).decode("utf-8").splitlines() if line.strip()]
        if not all(len(words) == 2 and _SUM.fullmatch(words[0]) for words in lines):
            raise ValueError("it holds a line that is no checksum and a name")
        return {name.strip(): value for value, name in lines}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
