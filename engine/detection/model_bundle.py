"""The detector's two models, each made of two networks: one finds the person, one the landmarks.

MediaPipe's current wheels hold no models; the wheel of 0.10.21 (Apache-2.0) holds the pose detector and the full landmark
network as plain TFLite files, and the heavy one is in `engine/weights` (see `heavy_network`). The Tasks API wants a detector and a
landmark network in one bundle, each with a note on how its input is normalised. `pack` writes such a bundle, byte for byte the same
everywhere, so one hash tells whether it is whole.

    python -m engine.detection.model_bundle WHEEL
"""

from __future__ import annotations

import argparse
import hashlib
import io
import struct
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import flatbuffers

from contract.failure import Failure
from contract.libraries import REPAIR
from engine.detection import heavy_network
from engine.detection.tflite_file import ALIGNMENT, METADATA_SCHEMA, MODEL_SCHEMA, parsed, put, schema, written

_FOLDER: Final = Path(__file__).resolve().parents[1] / "weights"
_ZIP_HEADER: Final = 30  # bytes of a zip entry's header before its name
_PADDING_FIELD: Final = 0xD935  # the zip "extra field" that means padding and nothing else
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold, so that the bundle does not depend on the clock


@dataclass(frozen=True)
class Model:
    """One bundle: where it is and what it must be. `heavy`: with the heavy landmark network instead of the full one."""

    file: Path
    sha256: str
    heavy: bool = False


# By the names that `--detector` takes.
MODELS: Final[Mapping[str, Model]] = {
    "heavy": Model(_FOLDER / "pose_landmarker_heavy.task", "45d5318b31c836d3a13efad26d06d0fbec95b5b6baec62dbe88f8de9dff2659b", True),
    "full": Model(_FOLDER / "pose_landmarker_full.task", "01d4f40692f59bd825a14f5418ed7600357cf78479d20420afba03e023ea451e"),
}


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


def pack(wheel: Path, model: Model) -> None:
    """Makes the bundle from MediaPipe's wheel; nothing is left at its place unless it is whole.

    Raises Failure `bad_installation` for a wheel that is missing or not the right one, and where the result is not the
    one expected (another version of mediapipe or flatbuffers in this environment); as `tflite_file.put` does.
    """
    networks = dict(zip(_NETWORKS, _read_networks(Path(wheel)), strict=True))
    if model.heavy:
        networks[_NETWORKS[1]] = heavy_network.read()
    packed = bundle({network.name: _with_normalization(data, network.mean, network.std) for network, data in networks.items()})
    found = hashlib.sha256(packed).hexdigest()
    if found != model.sha256:
        raise Failure("bad_installation", f"The detector's model came out different from the one that was tested ({found}): "
                      "the versions of mediapipe and flatbuffers are not the pinned ones; set the environment up again.")  # fmt: skip
    put(packed, model.file)


def read(model: Model) -> bytes:
    """The file's content, where it is the whole, right one; else Failure `bad_installation` that says what to do."""
    try:
        data = model.file.read_bytes()
    except OSError as error:
        raise Failure("bad_installation", f"The detector's model {model.file} is missing ({error.strerror}); {REPAIR}.") from error
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise Failure("bad_installation", f"The detector's model {model.file} is damaged; {REPAIR}.")
    return data


def verify() -> None:
    """Returns where `read` would for every model; for the set-up and the doctor."""
    for model in MODELS.values():
        read(model)


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
            padding = -data_start % ALIGNMENT
            entry.extra = struct.pack("<HH", _PADDING_FIELD, padding) + bytes(padding)
            archive.writestr(entry, data)
    return buffer.getvalue()


def _with_normalization(tflite: bytes, mean: float, std: float) -> bytes:
    """The network with TFLite metadata that says (value - mean) / std of its first input, an RGB picture."""
    model = parsed(tflite)
    note = schema(MODEL_SCHEMA).MetadataT()
    note.name = "TFLITE_METADATA"
    note.buffer = len(model.buffers)
    model.metadata = [*(model.metadata or []), note]
    content = schema(MODEL_SCHEMA).BufferT()
    content.data = _normalization(mean, std)
    model.buffers = [*model.buffers, content]
    return written(model)


def _normalization(mean: float, std: float) -> bytes:
    """The metadata of a network with one picture as its input."""
    code, builder = schema(METADATA_SCHEMA), flatbuffers.Builder(0)
    options = code.NormalizationOptionsT()
    options.mean, options.std = [mean], [std]
    unit = code.ProcessUnitT()
    unit.optionsType, unit.options = code.ProcessUnitOptions.NormalizationOptions, options
    picture = code.ImagePropertiesT()
    picture.colorSpace = code.ColorSpaceType.RGB
    content = code.ContentT()
    content.contentPropertiesType, content.contentProperties = code.ContentProperties.ImageProperties, picture
    tensor = code.TensorMetadataT()
    tensor.name, tensor.content, tensor.processUnits = "image", content, [unit]
    graph = code.SubGraphMetadataT()
    graph.inputTensorMetadata = [tensor]
    metadata = code.ModelMetadataT()
    metadata.subgraphMetadata, metadata.minParserVersion = [graph], "1.0.0"
    builder.Finish(metadata.Pack(builder), b"M001")
    return bytes(builder.Output())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command of the set-up; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engine.detection.model_bundle", description="Makes the detector's models.")
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="the wheel of mediapipe 0.10.21, for any platform")
    options = parser.parse_args(arguments)
    try:
        for model in MODELS.values():
            pack(options.wheel, model)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
