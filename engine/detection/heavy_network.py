"""MediaPipe's heavy landmark network, as small as the repository can hold it, and without a loss that a landmark shows.

The wheels of MediaPipe carry the full network only; its package for the web, @mediapipe/pose 0.5.1675469404 (Apache-2.0), carries the
heavy one too: 27.7 MB of float16, whose last digits are noise to any compressor. `shrink` rounds the weights of the large layers, each to
a grid of its own, until the file packs to two thirds. The layers differ in what they bear: of the first ones and of the last, which writes
the landmarks, every digit counts (whole bytes there move the landmarks by 8 pixels of 256), while the large ones in the middle bear
steps of a thirtieth of their mean square. Rounded so, on 17 pictures of four clips, landmarks in the picture move by 0.08 pixels of
256 in the mean, those in space by 2 mm.

    python -m engine.detection.heavy_network pose_landmark_heavy.tflite [OUT]
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.outputs import check_outputs
from engine.detection.tflite_file import MODEL_SCHEMA, parsed, put, schema, written

PACKED_FILE: Final = Path(__file__).resolve().parents[1] / "weights" / "pose_landmark_heavy.tflite.xz"
SOURCE_SHA256: Final = "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe"
# Of a convolution over single pixels: how many weights it has at least, and the bits below their root mean square that stay.
# Found by rounding one layer at a time.
GRIDS: Final = ((200_000, 5), (80_000, 9))
# Weights are two bytes, of which the second tells more: the compressor looks at them in pairs.
_FILTERS: Final = ({"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 3, "lp": 1, "pb": 1},)


def shrink(tflite: bytes) -> bytes:
    """The network with the weights of its large layers on their grids, as a TFLite file."""
    model = parsed(tflite)
    for tensor in _pixel_convolutions(model):
        bits = next((bits for least, bits in GRIDS if np.prod(tensor.shape) >= least), None)
        if bits is not None:
            buffer = model.buffers[tensor.buffer]
            weights = np.frombuffer(bytes(buffer.data), np.float16).reshape(tensor.shape)
            buffer.data = np.frombuffer(on_grid(weights, bits).tobytes(), np.uint8)
    return written(model)


def on_grid(weights: npt.NDArray[np.float16], bits: int) -> npt.NDArray[np.float16]:
    """Weights (O,1,1,I), those of each output rounded to multiples of a power of two: the one nearest to their root mean square over
    2^bits. A power of two leaves the last bits of a float16 zero."""
    exact = weights.astype(np.float64)
    size = np.sqrt(np.mean(exact**2, axis=(1, 2, 3), keepdims=True))
    step = 2.0 ** np.round(np.log2(np.where(size > 0, size, 1.0) * 2.0**-bits))
    return (np.round(exact / step) * step).astype(np.float16)


def compress(tflite: bytes) -> bytes:
    return lzma.compress(tflite, lzma.FORMAT_XZ, filters=list(_FILTERS))


def read(path: Path = PACKED_FILE) -> bytes:
    """The TFLite file in `path`. Raises Failure `bad_installation` where there is none; `model_bundle` verifies what it says."""
    try:
        return lzma.decompress(path.read_bytes())
    except (OSError, lzma.LZMAError) as error:
        raise Failure("bad_installation", f"The heavy detector's weights {path} are missing or damaged ({error}); "
                      "get them back with `git checkout -- engine/weights`.") from error  # fmt: skip


def _pixel_convolutions(model: Any) -> Iterator[Any]:
    """The float16 weight tensors of all convolutions of single pixels."""
    graph, code = model.subgraphs[0], schema(MODEL_SCHEMA)
    codes = [max(one.builtinCode, one.deprecatedBuiltinCode) for one in model.operatorCodes]
    stored = {  # the tensor in the file, by the float32 one that is made of it
        operator.outputs[0]: graph.tensors[operator.inputs[0]]
        for operator in graph.operators if codes[operator.opcodeIndex] == code.BuiltinOperator.DEQUANTIZE
    }  # fmt: skip
    for operator in graph.operators:
        tensor = stored.get(operator.inputs[1]) if codes[operator.opcodeIndex] == code.BuiltinOperator.CONV_2D else None
        if tensor is not None and tensor.type == code.TensorType.FLOAT16 and list(tensor.shape[1:3]) == [1, 1]:
            yield tensor


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes what stands in engine/weights; returns the exit code."""
    program = "python -m engine.detection.heavy_network"
    parser = argparse.ArgumentParser(prog=program, description="Packs MediaPipe's heavy landmark network.")
    parser.add_argument("source", type=Path, metavar="TFLITE", help="pose_landmark_heavy.tflite of @mediapipe/pose 0.5.1675469404")
    parser.add_argument("out", type=Path, nargs="?", default=PACKED_FILE, metavar="OUT", help="the file to write (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        # the file of engine/weights is ours and is made anew; the network that it is made of is not
        (out,) = check_outputs([options.out], [options.source], overwrite=True)
        try:
            source = options.source.read_bytes()
        except OSError as error:
            raise Failure("no_such_file", f"{options.source} cannot be read ({error.strerror}); check the path.") from error
        if hashlib.sha256(source).hexdigest() != SOURCE_SHA256:
            raise Failure("bad_input", f"{options.source} is not the heavy network that was tested; take the one of the package named.")
        put(compress(shrink(source)), out)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
