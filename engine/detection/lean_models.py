"""The detector's models as a capture loads them: without the mask (`landmark_network`), made at set-up from those of `model_bundle`.

MediaPipe is given the heavy one, which captures use by default, as a file, and maps it: loaded from memory, where it is copied twice, a
process took 118 MB more. The full one is a third as large and shares the network that finds the person with the heavy one: only its
landmark network is kept, and the bundle is put together when it is loaded.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from contract.failure import Failure
from contract.libraries import REPAIR
from engine.detection.landmark_network import prune, without_mask
from engine.detection.model_bundle import LANDMARKS_NAME, MODELS, Model, bundle, read
from engine.detection.tflite_file import put

_FOLDER: Final = MODELS["heavy"].file.parent
LEAN: Final[Mapping[str, Model]] = {
    "heavy": Model(_FOLDER / "pose_heavy.task", "ede9ec4b0a6b6ae771e37416fbd8a68bd7aa79ca71b4fde25f8b0adc26d9bb4b"),
    "full": Model(_FOLDER / "pose_full_landmarks.tflite", "466ca2b78c26a0d9fbb133242fc5acec0320463c783557b0ba062f241a0bc2e5"),
}


def make(models: Mapping[str, Model] = MODELS, lean: Mapping[str, Model] = LEAN) -> None:
    """Writes the files of `lean` from those of `models`. Raises Failure `bad_installation` where one comes out different from the one that
    was tested, and as `read` and `put` do."""
    for name, model in lean.items():
        with zipfile.ZipFile(models[name].file) as archive:
            networks = {part: archive.read(part) for part in archive.namelist()}
        networks[LANDMARKS_NAME] = prune(networks[LANDMARKS_NAME])
        data = bundle(networks) if model.file.suffix == ".task" else networks[LANDMARKS_NAME]
        if (found := hashlib.sha256(data).hexdigest()) != model.sha256:
            raise Failure("bad_installation", f"{model.file.name} came out different from the one that was tested ({found}); "
                          "set the environment up again.")  # fmt: skip
        put(data, model.file)


def verify() -> None:
    """Raises Failure `bad_installation` unless all are there and whole."""
    for model in LEAN.values():
        read(model)


def base_options(name: str) -> tuple[dict[str, Any], BinaryIO | None]:
    """What MediaPipe's BaseOptions are told of the model `name` of MODELS: its file, or its content; and the file that must stay open until
    the model is loaded, where there is one.

    Raises Failure `bad_installation` where it is missing or damaged.
    """
    lean, whole = LEAN[name], MODELS[name]
    if not lean.file.exists() and whole.file.exists():  # a set-up of before there were lean ones
        return _unnamed(without_mask(read(whole)))
    content = read(lean)
    if lean.file.suffix != ".task":
        return _unnamed(bundle(_parts_of_heavy() | {LANDMARKS_NAME: content}))
    if sys.platform == "win32" and not str(lean.file).isascii():  # there MediaPipe opens only names of the system's code page
        return {"model_asset_buffer": content}, None
    return {"model_asset_path": str(lean.file)}, None


def _parts_of_heavy() -> dict[str, bytes]:
    """The networks of the heavy model's bundle in their order, without the one that takes nine tenths of it (empty): reading and hashing
    that too took as long as three of the looks for which the full model is loaded beside the heavy one. The bundle has a checksum of each.
    """
    file = LEAN["heavy"].file
    try:
        with zipfile.ZipFile(file) as archive:
            return {part: b"" if part == LANDMARKS_NAME else archive.read(part) for part in archive.namelist()}
    except OSError as error:
        raise Failure("bad_installation", f"The detector's model {file} is missing ({error.strerror}); {REPAIR}.") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise Failure("bad_installation", f"The detector's model {file} is damaged; {REPAIR}.") from error


def _unnamed(content: bytes) -> tuple[dict[str, Any], BinaryIO | None]:
    """As a file without a name, which MediaPipe maps like any other, where the system has such (Linux)."""
    if not hasattr(os, "memfd_create"):
        return {"model_asset_buffer": content}, None
    file = open(os.memfd_create("kinolift"), "r+b", buffering=0)  # noqa: PTH123, SIM115 - it has no path, and stays open
    file.write(content)
    return {"model_asset_path": f"/proc/self/fd/{file.fileno()}"}, file
