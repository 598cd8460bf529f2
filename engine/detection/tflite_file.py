"""TFLite files read into objects and written again, by the flatbuffers code that MediaPipe installs; model files put in place."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import flatbuffers

from contract.failure import Failure
from contract.libraries import REPAIR
from contract.outputs import write_failure

MODEL_SCHEMA: Final = "schema_py_generated"  # MediaPipe's names for its flatbuffers code
METADATA_SCHEMA: Final = "metadata_schema_py_generated"
# MediaPipe maps the networks straight from the file and wants them on this boundary (its own bundle writer gives them 4;
# TFLite asks for 16 for the weights inside).
ALIGNMENT: Final = 16


def parsed(tflite: bytes) -> Any:
    """The file as the schema's ModelT, whose parts can be changed."""
    code = schema(MODEL_SCHEMA)
    return code.ModelT.InitFromObj(code.Model.GetRootAsModel(tflite, 0))


def written(model: Any) -> bytes:
    """The TFLite file of a ModelT."""
    builder = flatbuffers.Builder(0)
    model.buffers = [_AlignedBuffer(buffer.data) for buffer in model.buffers]
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def put(data: bytes, out: Path) -> None:
    """Writes the file `out` whole or not at all; makes its folder. Raises Failure `not_writable` or `disk_full`."""
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=".part", dir=out.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would shut out the other users of a shared installation
        Path(temporary).replace(out)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_failure(error, out) from error
        raise


@cache
def schema(name: str) -> Any:
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


class _AlignedBuffer:
    """One buffer of a TFLite model. The generated BufferT forgets that the schema asks for weights on 16-byte boundaries."""

    def __init__(self, data: Any) -> None:
        self._data = None if data is None else bytes(data)

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name that ModelT.Pack calls
        code = schema(MODEL_SCHEMA)
        vector = None
        if self._data is not None:
            builder.StartVector(1, len(self._data), ALIGNMENT)
            builder.head -= len(self._data)
            builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
            vector = builder.EndVector()
        code.BufferStart(builder)
        if vector is not None:
            code.BufferAddData(builder, vector)
        return int(code.BufferEnd(builder))
