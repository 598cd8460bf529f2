"""Reads the pickled object arrays inside .npz files without trusting them.

VideoPose3D's files hold dictionaries of arrays, which numpy can only store pickled, and a pickle can run any program. This reader builds
nothing but arrays, dictionaries, lists, tuples, text and numbers, and refuses a file that asks for more. Nothing of numpy's own
unpickling runs: it trusts what the file says of an array's bytes. A file's commands are looked through before the first is obeyed, since
one number in them can make Python take all the memory there is.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.npz import MOST_AXES, Npz, open_npz
from contract.reading import reading, shown

DEEPEST: Final = 50  # VideoPose3D's files nest four deep
MOST_COMMANDS: Final = 5_000_000  # of a pickle; Human3.6M's largest has some ten thousand
MOST_VALUES: Final = 20_000_000  # that are no array's, counting what is referred to twice as two
SHARED: Final = 4  # times the pickle's size that all its arrays may have, those that are referred to twice counted as two
ALLOWANCE: Final = 2**26  # bytes, whatever the pickle's size
LARGEST_ITEM: Final = 2**20  # bytes of one number or text of an array

# Everything that the pickle of plain data and arrays consists of, in all protocols.
_COMMANDS: Final = frozenset((
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1",
    "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1",
    "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
))  # fmt: skip
_NUMBERED: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_WHAT: Final = {"EMPTY_SET": "a set", "FROZENSET": "a set", "ADDITEMS": "a set"}
_DTYPE: Final = re.compile(r"[biufcSUO]\d{0,9}|[?]")


class _RefusedError(pickle.UnpicklingError):
    """What was asked for and is not data."""


class _Type:
    """Stands for `numpy.ndarray`, which a pickle names and nobody may call."""


class _Dtype:
    """Stands for a `numpy.dtype` while it is built: only its letter, its size and its byte order are believed."""

    def __init__(self, text: Any, align: Any = False, copy: Any = True) -> None:
        plain = text.decode("latin1") if isinstance(text, bytes) else text
        if not isinstance(plain, str) or not _DTYPE.fullmatch(plain):
            raise _RefusedError("an array of an unusual kind")
        self.found = np.dtype(plain)
        if self.found.itemsize > LARGEST_ITEM:
            raise _RefusedError("an array of very large values")

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or state[2:5] != (None, None, None):
            raise _RefusedError("an array of an unusual kind")
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "="):
            raise _RefusedError("an array of an unusual byte order")
        if order == ">":
            self.found = self.found.newbyteorder(">")


class _Array:
    """Stands for a `numpy.ndarray` while it is built: `found` once its state is there and fits together."""

    def __init__(self, kind: Any, shape: Any, letter: Any) -> None:
        if kind is not _Type:
            raise _RefusedError("an array of an unusual kind")
        self.found: npt.NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _Dtype):
            raise _RefusedError("an array that is not whole")
        _, shape, dtype, columns, content = state
        self.found = _filled(dtype.found, _axes(shape), content, "F" if columns else "C")


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array(_Type, None, None)
    if not isinstance(dtype, _Dtype) or order not in ("C", "F"):
        raise _RefusedError("an array that is not whole")
    array.found = _filled(dtype.found, _axes(shape), content, order)
    return array


def _scalar(dtype: Any, content: Any = b"") -> Any:
    if not isinstance(dtype, _Dtype):
        raise _RefusedError("a number of no kind")
    return _filled(dtype.found, (), content, "C")[()]


def _axes(shape: Any) -> tuple[int, ...]:
    whole = isinstance(shape, tuple) and len(shape) <= MOST_AXES and all(type(axis) is int and 0 <= axis < 2**40 for axis in shape)
    if not whole:
        raise _RefusedError("an array of an impossible shape")
    return tuple(shape)


def _filled(dtype: np.dtype, shape: tuple[int, ...], content: Any, order: Any) -> npt.NDArray[Any]:
    """The array of that content: a list of values for objects, bytes for all others, as many as the shape says."""
    count = math.prod(shape)
    if dtype.hasobject:
        if not isinstance(content, list) or len(content) != count:
            raise _RefusedError("objects made of bytes")
        objects = np.empty(count, dtype)
        objects[:] = [None] * count
        for place, value in enumerate(content):
            objects[place] = value
        return objects.reshape(shape, order=order)
    data = content.encode("latin1") if isinstance(content, str) else content  # Python 2's bytes are read as latin1
    if not isinstance(data, bytes | bytearray) or len(data) != count * dtype.itemsize:
        raise _RefusedError("an array that is not whole")
    if not count:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape, order=order).copy(order)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """How Python 3 pickles bytes in old protocols; only the one encoding that it uses."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _RefusedError("text of an unusual encoding")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How Python 3 pickles no bytes at all in old protocols."""
    return b""


# All that the pickle of an array names; everything else is refused.
_NAMES: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): _Type, ("numpy", "dtype"): _Dtype, ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes, ("builtins", "bytes"): _no_bytes,
    **{(f"{core}.multiarray", "_reconstruct"): _Array for core in ("numpy.core", "numpy._core")},
    **{(f"{core}.multiarray", "scalar"): _scalar for core in ("numpy.core", "numpy._core")},
    **{(f"{core}.numeric", "_frombuffer"): _frombuffer for core in ("numpy.core", "numpy._core")},
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise _RefusedError(f"{module}.{name}")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any) -> NoReturn:
        raise _RefusedError("an object outside of the file")


def load_npz(path: Path) -> dict[str, Any]:
    """Every entry of an .npz: arrays as arrays, a pickled object as what it holds (a dictionary of arrays, usually).

    Raises Failure `no_such_file`, or `bad_input` for a file that is cut off, not an .npz, or holds more than data.
    """
    with reading(path, "file of arrays", "download it again"):
        try:
            with open_npz(path) as file:
                return {name: _entry(file, name) for name in file.names}
        except _RefusedError as error:
            what = f"{shown(path)} asks for {str(error)[:80]!r}, which is no data"
            raise Failure("bad_input", f"{what}; it was not opened. Get it from its first source.") from error


def _entry(file: Npz, name: str) -> Any:
    """One entry. An object array of one value is that value."""
    if not file.header(name).dtype.hasobject:
        return file.array(name)
    value = load(file.pickled(name))
    return value.item() if isinstance(value, np.ndarray) and value.dtype.hasobject and value.shape == () else value


def load(data: bytes) -> Any:
    """The value of a pickle of plain data and arrays; UnpicklingError for more, ValueError and others for what is damaged."""
    _look_through(data)
    # latin1: the way to read the bytes of arrays that a Python 2 has pickled; a Python 3's have none that it would touch
    return _Walk(max(ALLOWANCE, SHARED * len(data))).plain(_Unpickler(io.BytesIO(data), encoding="latin1").load(), 0)


def _look_through(data: bytes) -> None:
    """Refuses commands that plain data never need, and numbers in the rest that Python would take memory for."""
    stored, texts = 0, ["", ""]
    for count, (command, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
        if isinstance(argument, str):
            texts = [*argument.split(" ", 1), ""][:2] if command.name == "GLOBAL" else [texts[1], argument]
        if command.name not in _COMMANDS:
            # what would be made says more than the command that makes it; its name stands just before, as a rule
            known = "" in texts or tuple(texts) in _NAMES
            raise _RefusedError(_WHAT.get(command.name, f"the command {command.name}" if known else ".".join(texts)))
        if count > MOST_COMMANDS:
            raise _RefusedError("more commands than any file of data has")
        if command.name in _NUMBERED:
            # places are numbered one after another; of a large number Python makes room for all below it
            if not isinstance(argument, int) or not 0 <= argument <= stored + 1:
                raise _RefusedError("a place of an impossible number")
            stored += 1
        elif command.name == "MEMOIZE":
            stored += 1


class _Walk:
    """Turns what was built into plain data, all the way down; refuses what contains itself, or refers to one thing over and over until
    it is larger than any memory. `bound`: bytes of all arrays."""

    def __init__(self, bound: int) -> None:
        self._bound, self._open = bound, set[int]()
        self._done: dict[int, tuple[Any, Any, int, int]] = {}  # by identity: the thing (kept alive), what became of it, values, bytes

    def plain(self, value: Any, depth: int) -> Any:
        return self._sized(value, depth)[0]

    def _sized(self, value: Any, depth: int) -> tuple[Any, int, int]:
        if isinstance(value, str | bytes | bytearray):
            return value, 1, len(value)
        if isinstance(value, int | float | complex | np.generic | type(None)):
            return value, 1, 0
        if (known := self._done.get(id(value))) is not None:
            return known[1:]
        if depth > DEEPEST or id(value) in self._open:
            raise _RefusedError("data that contain themselves, or are nested too deep")
        self._open.add(id(value))
        made, values, size = self._opened(value, depth + 1)
        self._open.remove(id(value))
        if values > MOST_VALUES or size > self._bound:
            raise _RefusedError("one thing over and over")
        self._done[id(value)] = value, made, values, size
        return made, values, size

    def _opened(self, value: Any, depth: int) -> tuple[Any, int, int]:
        if isinstance(value, _Array):
            if value.found is None:
                raise _RefusedError("an array that is not whole")
            if not value.found.dtype.hasobject:
                return value.found, 1, value.found.nbytes
            inner = [self._sized(one, depth) for one in value.found.reshape(-1)]
            made = np.empty(len(inner), object)
            for place, (one, _, _) in enumerate(inner):
                made[place] = one
            return made.reshape(value.found.shape), *_sums(inner)
        if isinstance(value, dict):
            keys = [self._sized(key, depth) for key in value]
            inner = [self._sized(one, depth) for one in value.values()]
            return {key[0]: one[0] for key, one in zip(keys, inner, strict=True)}, *_sums(keys + inner)
        if isinstance(value, list | tuple):
            inner = [self._sized(one, depth) for one in value]
            return type(value)(one for one, _, _ in inner), *_sums(inner)
        raise _RefusedError(f"an object of the type {type(value).__name__}")


def _sums(inner: list[tuple[Any, int, int]]) -> tuple[int, int]:
    return 1 + sum(values for _, values, _ in inner), sum(size for _, _, size in inner)
