"""Checkpoints: everything that a training needs to go on bit for bit on the same device; plain tensors, numbers and text, never code."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from contract.failure import Failure
from contract.outputs import written_beside

SCHEMA = "kinolift.checkpoint/1"


def save(path: Path, settings: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Writes beside, then renames: a checkpoint is whole or is the one before. settings: JSON values that `load` compares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with written_beside(path) as beside:
            torch.save({"schema": SCHEMA, "settings": json.dumps(settings, sort_keys=True), **values}, beside)
    except (Failure, RuntimeError) as error:
        raise Failure("disk_full", f"The checkpoint {path} cannot be written ({error}); free some space and use --resume.") from error


def load(path: Path, settings: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The values of `save`. Failure `no_such_file`, or `bad_input` for another file, layout or recipe, naming what differs."""
    if not path.is_file():
        raise Failure("no_such_file", f"There is no checkpoint {path} to go on from; leave out --resume to begin.")
    try:
        values = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile, ValueError) as error:
        raise Failure("bad_input", f"{path} is not a readable checkpoint; remove it and begin again.") from error
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise Failure("bad_input", f"{path} is not a checkpoint of this version ({SCHEMA}); remove it and begin again.")
    kept, wanted = json.loads(values["settings"]), json.loads(json.dumps(settings))
    for part in wanted:
        names = sorted(set(kept.get(part, {})) | set(wanted[part]))
        for name in names:
            was, now = kept.get(part, {}).get(name), wanted[part].get(name)
            if was != now:
                raise Failure(
                    "bad_input", f"{path} was made with another {part} ({name} {was}, not {now}); use the same settings or another --out."
                )
    return values


def random_state(device: torch.device) -> dict[str, Any]:
    """Of torch's global generators, which dropout uses."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """The inverse of `random_state`."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
