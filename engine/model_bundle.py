"""The detector's model file, made from the MediaPipe wheel that carries its two networks.

MediaPipe's current wheels hold no models; the wheel of 0.10.21 (Apache-2.0) holds the pose detector and the full pose
landmark network as plain TFLite files. The Tasks API wants both in one bundle, each with a note on how its input is
normalised. `pack` writes that bundle, byte for byte the same everywhere, so one hash tells whether it is whole.

    python -m engine.model_bundle WHEEL [OUT]
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import os
import struct
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import flatbuffers

from contract.failure import Failure
from contract.motion_file import write_failure

MODEL_FILE: Final = Path(__file__).parent / "weights" / "pose_landmarker_full.task"
MODEL_SHA256: Final = "01d4f40692f59bd825a14f5418ed7600357cf78479d20420afba03e023ea451e"

# MediaPipe maps the networks straight from the file and wants them on this boundary (its own bundle writer gives them 4;
# TFLite asks for 16 for the weights inside).
_ALIGNMENT: Final = 16
_MODEL_SCHEMA: Final = "schema_py_generated"  # MediaPipe's names for its flatbuffers code
_METADATA_SCHEMA: Final = "metadata_schema_py_generated"
_ZIP_HEADER: Final = 30  # bytes of a zip entry's header before its name
_PADDING_FIELD: Final = 0xD935  # the zip "extra field" that means padding and nothing else
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold, so that the bundle does not depend on the clock
REPAIR: Final = "run `python3 kinolift.py doctor` to repair the installation, or install the extension again in Blender"


@dataclass(frozen=True)
class _Network:
    """One TFLite file: where the wheel has it, its name in the bundle, and its input as (value - mean) / std."""

    source: str
    sha256: str
    name: str
    mean: float
    std: float


LANDMARKS_NAME: Final = "pose_landmarks_detector.tflite"

# The order and the names are those that PoseLandmarker looks for. The detector was trained on -1..1, the landmarks on 0..1.
_NETWORKS: Final = (
    _Network("mediapipe/modules/pose_detection/pose_detection.tflite",
             "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c", "pose_detector.tflite", 127.5, 127.5),
    _Network("mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
             "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f", LANDMARKS_NAME, 0.0, 255.0),
)  # fmt: skip


def pack(wheel: Path, out: Path) -> None:
    """Makes the bundle `out` from MediaPipe's wheel; nothing is left under `out` unless it is whole.

    Raises Failure `bad_installation` for a wheel that is missing or not the right one, and where the result is not the
    one expected (another version of mediapipe or flatbuffers in this environment); OSError where `out` cannot be written.
    """
    sources = zip(_NETWORKS, _read_networks(Path(wheel)), strict=True)
    packed = bundle({network.name: _with_normalization(data, network.mean, network.std) for network, data in sources})
    found = hashlib.sha256(packed).hexdigest()
    if found != MODEL_SHA256:
        raise Failure("bad_installation", f"The detector's model came out different from the one that was tested ({found}): "
                      "the versions of mediapipe and flatbuffers are not the pinned ones; set the environment up again.")  # fmt: skip
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=".part", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed)
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would shut out the other users of a shared installation
        Path(temporary).replace(out)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path = MODEL_FILE) -> bytes:
    """The bundle at `path`, where it is the whole, right one; else Failure `bad_installation` that says what to do."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Failure("bad_installation", f"The detector's model {path} is missing ({error.strerror}); {REPAIR}.") from error
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise Failure("bad_installation", f"The detector's model {path} is damaged; {REPAIR}.")
    return data


def verify(path: Path = MODEL_FILE) -> None:
    """Returns where `read` would; for the set-up and the doctor."""
    read(path)


def _read_networks(wheel: Path) -> list[bytes]:
    """The TFLite files out of the wheel, each verified."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            networks = [archive.read(network.source) for network in _NETWORKS]
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise Failure("bad_installation", f"{wheel} is not the MediaPipe 0.10.21 wheel that carries the detector's model "
                      f"({error}); set the environment up again.") from error  # fmt: skip
    for network, data in zip(_NETWORKS, networks, strict=True):
        if hashlib.sha256(data).hexdigest() != network.sha256:
            raise Failure("bad_installation", f"{network.source} in {wheel} is not the file that was tested; "
                          "take the wheel of MediaPipe 0.10.21.")  # fmt: skip
    return networks


def bundle(networks: Mapping[str, bytes]) -> bytes:
    """The zip of networks by their names, in their order, stored and aligned."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in networks.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = 0o644 << 16
            data_start = buffer.tell() + _ZIP_HEADER + len(name) + 4
            padding = -data_start % _ALIGNMENT
            entry.extra = struct.pack("<HH", _PADDING_FIELD, padding) + bytes(padding)
            archive.writestr(entry, data)
    return buffer.getvalue()


def _with_normalization(tflite: bytes, mean: float, std: float) -> bytes:
    """The network with TFLite metadata that says (value - mean) / std of its first input, an RGB picture."""
    schema, builder = _schema(_MODEL_SCHEMA), flatbuffers.Builder(0)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(tflite, 0))
    note = schema.MetadataT()
    note.name = "TFLITE_METADATA"
    note.buffer = len(model.buffers)
    model.metadata = [*(model.metadata or []), note]
    contents = [buffer.data for buffer in model.buffers]
    contents.append(_normalization(mean, std))
    model.buffers = [_AlignedBuffer(data) for data in contents]
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _normalization(mean: float, std: float) -> bytes:
    """The metadata of a network with one picture as its input."""
    schema, builder = _schema(_METADATA_SCHEMA), flatbuffers.Builder(0)
    options = schema.NormalizationOptionsT()
    options.mean, options.std = [mean], [std]
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, options
    picture = schema.ImagePropertiesT()
    picture.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType, content.contentProperties = schema.ContentProperties.ImageProperties, picture
    tensor = schema.TensorMetadataT()
    tensor.name, tensor.content, tensor.processUnits = "image", content, [unit]
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [tensor]
    metadata = schema.ModelMetadataT()
    metadata.subgraphMetadata, metadata.minParserVersion = [graph], "1.0.0"
    builder.Finish(metadata.Pack(builder), b"M001")
    return bytes(builder.Output())


class _AlignedBuffer:
    """One buffer of a TFLite model. The generated BufferT forgets that the schema asks for weights on 16-byte boundaries."""

    def __init__(self, data: Any) -> None:
        self._data = None if data is None else bytes(data)

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name that ModelT.Pack calls
        schema = _schema(_MODEL_SCHEMA)
        vector = None
        if self._data is not None:
            builder.StartVector(1, len(self._data), _ALIGNMENT)
            builder.head -= len(self._data)
            builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


@cache
def _schema(name: str) -> Any:
    """The flatbuffers code `name` of the installed MediaPipe.

    Read from its file: importing the package itself would load all of MediaPipe and ask for plotting libraries.
    """
    package = importlib.util.find_spec("mediapipe")
    for folder in (package.submodule_search_locations or []) if package else []:
        file = Path(folder, "tasks", "metadata", f"{name}.py")
        spec = importlib.util.spec_from_file_location(f"_kinolift_{name}", file)
        if file.is_file() and spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise Failure("bad_installation", f"MediaPipe is not installed in this Python; {REPAIR}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command of the set-up; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engine.model_bundle", description="Makes the detector's model from MediaPipe's wheel.")
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="the wheel of mediapipe 0.10.21, for any platform")
    parser.add_argument("out", type=Path, nargs="?", default=MODEL_FILE, metavar="OUT", help="the bundle to write (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        pack(options.wheel, options.out)
    except (Failure, OSError) as error:
        failure = error if isinstance(error, Failure) else write_failure(error, options.out)
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
