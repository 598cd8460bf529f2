"""MediaPipe's landmark network without the mask of the person, which nothing here uses.

The network computes five outputs whatever is asked of it: landmarks, presence, a mask of the person at 256x256, heat maps and world
landmarks. The mask's layers are few, but lie at the highest resolutions: a quarter of the time that the full network takes for a frame.
They are taken out of the list of operators; what is left computes the other outputs bit by bit as before. The weights stay where they
are in the file, as do the five outputs, which MediaPipe counts: in the mask's place stands the presence once more.
"""

from __future__ import annotations

import io
import zipfile
from typing import Final

from flatbuffers import number_types
from flatbuffers.table import Table

from engine.detection import model_bundle

_MASK: Final = 2  # its place among the outputs
_PRESENCE: Final = 1


# Where a field stands in its table's list of fields, from TFLite's schema: four bytes, and two for each field before it. Fields keep
# their numbers for good, so that old files can be read.
def _slot(field: int) -> int:
    return 4 + 2 * field


_MODEL_SUBGRAPHS: Final = _slot(2)
_SUBGRAPH_OUTPUTS: Final = _slot(2)
_SUBGRAPH_OPERATORS: Final = _slot(3)
_OPERATOR_INPUTS: Final = _slot(1)
_OPERATOR_OUTPUTS: Final = _slot(2)
_WORD: Final = 4  # bytes of an offset, a length and a tensor's number


def without_mask(bundle: bytes) -> bytes:
    """The bundle of `model_bundle.read` with the mask's layers taken out of its landmark network."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        networks = {name: archive.read(name) for name in archive.namelist()}
    networks[model_bundle.LANDMARKS_NAME] = prune(networks[model_bundle.LANDMARKS_NAME])
    return model_bundle.bundle(networks)


def prune(tflite: bytes) -> bytes:
    """The landmark network without the operators that only the mask needs."""
    data = bytearray(tflite)
    model = Table(data, _word(data, 0))
    graph = Table(data, model.Indirect(_vector(model, _MODEL_SUBGRAPHS)[0]))
    first, _ = _vector(graph, _SUBGRAPH_OUTPUTS)
    data[first + _WORD * _MASK : first + _WORD * (_MASK + 1)] = data[first + _WORD * _PRESENCE : first + _WORD * (_PRESENCE + 1)]
    wanted = set(_numbers(graph, _SUBGRAPH_OUTPUTS))
    start, count = _vector(graph, _SUBGRAPH_OPERATORS)
    kept: list[int] = []
    for k in reversed(range(count)):  # they stand in the order in which they are computed
        operator = Table(data, graph.Indirect(start + _WORD * k))
        if wanted.intersection(_numbers(operator, _OPERATOR_OUTPUTS)):
            wanted.update(_numbers(operator, _OPERATOR_INPUTS))
            kept.append(operator.Pos)
    for k, position in enumerate(reversed(kept)):  # an offset counts from the place where it stands
        place = start + _WORD * k
        data[place : place + _WORD] = (position - place).to_bytes(_WORD, "little")
    data[start - _WORD : start] = len(kept).to_bytes(_WORD, "little")
    return bytes(data)


def _word(data: bytearray, position: int) -> int:
    return int.from_bytes(data[position : position + _WORD], "little")


def _vector(table: Table, slot: int) -> tuple[int, int]:
    """Where a field's vector begins, and how many elements it has."""
    field = table.Offset(slot)
    return table.Vector(field), table.VectorLen(field)


def _numbers(table: Table, slot: int) -> list[int]:
    """A vector of tensor numbers; -1 is a tensor that is left out."""
    start, count = _vector(table, slot)
    return [int(table.Get(number_types.Int32Flags, start + _WORD * k)) for k in range(count)]
