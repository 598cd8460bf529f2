"""Weights files: safetensors with the layout, the recipe and the figures in their header, checked by SHA-256 before they are used.

Read here as numpy's arrays; torch_weights.py is the same for torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from contract.failure import Failure
from contract.outputs import write_text, written_beside
from contract.reading import DAMAGE, parse_json, read_limited, reading, reason

FOLDER = Path(__file__).resolve().parent / "weights"
SUMS = "SHA256SUMS"  # one line a file, as sha256sum writes it
LARGEST_SUMS = 2**20  # bytes
_SUM = re.compile(r"[0-9a-f]{64}")
REPAIR = "get the files of engine/weights again (`git checkout -- engine/weights` in Kinolift's folder, or install the extension anew)"
TRAINED = "give one that a training wrote, with the SHA256SUMS of its folder"


@dataclass(frozen=True)
class Weights:
    """Tensors by name, numpy's or torch's (half precision widened to float32), and what the header says of them: `layout`, `recipe` and
    more."""

    tensors: dict[str, Any]
    header: dict[str, Any]
    sha256: str

    def part(self, prefix: str) -> dict[str, Any]:
        """The tensors whose names begin with `prefix` and a dot, without it."""
        return {name[len(prefix) + 1 :]: value for name, value in self.tensors.items() if name.startswith(prefix + ".")}

    def origin(self, *names: str) -> dict[str, Any]:
        """What the header of weights made from these says of them: their `sha256`, and those of the names that their own header has."""
        return {"sha256": self.sha256} | {name: self.header[name] for name in names if name in self.header}


def write_weights(path: Path, save: Callable[[Path, dict[str, str]], None], header: dict[str, Any]) -> None:
    """Writes a weights file by `save(path, metadata)`, whole or not at all, and notes its sum."""
    with written_beside(path) as beside:
        save(beside, {"kinolift": json.dumps(header, sort_keys=True)})
        beside.chmod(0o644)  # safetensors makes files that only their owner may read
    sums = read_sums(path.parent)
    sums[path.name] = _sha256(path)
    write_text("".join(f"{value}  {name}\n" for name, value in sorted(sums.items())), path.parent / SUMS)


def load_weights(path: Path, prefix: str = "") -> Weights:
    """Reads and checks a weights file: the tensors whose names begin with `prefix`, as numpy's arrays.

    Raises Failure where it is missing or damaged: `bad_installation`, or `bad_input` where it is not one of Kinolift's own.
    """
    code, name, advice = "bad_installation", path.name, REPAIR
    if path.resolve().parent != FOLDER:
        code, name, advice = "bad_input", str(path), TRAINED
    if not path.is_file():
        raise Failure(code, f"The weights file {name} is missing; {advice}.")
    sha256 = _sha256(path)
    if read_sums(path.parent).get(path.name) != sha256:
        raise Failure(code, f"The weights file {name} is damaged (its checksum differs); {advice}.")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            tensors = {key: _wide(file.get_tensor(key)) for key in file.keys() if key.startswith(prefix)}  # noqa: SIM118 - no mapping
            header = parse_json(file.metadata()["kinolift"])
    except (safetensors.SafetensorError, *DAMAGE) as error:
        raise Failure(code, f"The weights file {name} cannot be read ({reason(error)}); {advice}.") from error
    return Weights(tensors, header, sha256)


def _wide(value: Any) -> Any:
    return value.astype(np.float32) if value.dtype == np.float16 else value


def read_sums(folder: Path) -> dict[str, str]:
    """File name -> SHA-256 as noted in the folder; empty where nothing is noted."""
    path = folder / SUMS
    if not path.is_file():
        return {}
    with reading(path, "list of checksums", REPAIR, "bad_installation"):
        lines = [line.split(maxsplit=1) for line in read_limited(path, LARGEST_SUMS).decode("utf-8").splitlines() if line.strip()]
        if not all(len(words) == 2 and _SUM.fullmatch(words[0]) for words in lines):
            raise ValueError("it holds a line that is no checksum and a name")
        return {name.strip(): value for value, name in lines}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
