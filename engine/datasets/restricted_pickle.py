"""Reads the pickled object arrays inside .npz files without trusting them.

VideoPose3D's files hold dictionaries of arrays, which numpy can only store pickled, and a pickle can run any program. This reader builds
nothing but arrays, dictionaries, lists, tuples, text and numbers, and refuses a file that asks for more.
"""

from __future__ import annotations

import importlib
import io
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from contract.failure import Failure

_INNER = "numpy._core" if np.__version__ >= "2" else "numpy.core"  # numpy 2 moved its inner modules
_multiarray: Any = importlib.import_module(_INNER + ".multiarray")
_numeric: Any = importlib.import_module(_INNER + ".numeric")

# All that the pickle of an array asks for; everything else is refused.
_ARRAYS: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype, ("_codecs", "encode"): None}
for _package in ("numpy.core", "numpy._core"):
    _ARRAYS[_package + ".multiarray", "_reconstruct"] = _multiarray._reconstruct
    _ARRAYS[_package + ".multiarray", "scalar"] = _multiarray.scalar
    _ARRAYS[_package + ".numeric", "_frombuffer"] = _numeric._frombuffer


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 pickles bytes in old protocols; only the one encoding that it uses."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the encoding {encoding}")
    return text.encode("latin1")


_ARRAYS["_codecs", "encode"] = _encode


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise _RefusedError(f"{module}.{name}")
        return _ARRAYS[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError(f"an object outside of the file ({pid!r})")


class _RefusedError(pickle.UnpicklingError):
    """What was asked for and is not data."""


def load_npz(path: Path) -> dict[str, Any]:
    """Every entry of an .npz: arrays as arrays, a pickled object as what it holds (a dictionary of arrays, usually).

    Raises Failure `no_such_file`, or `bad_input` for a file that is cut off, not an .npz, or holds more than data.
    """
    if not path.is_file():
        raise Failure("no_such_file", f"There is no file {path}; check the path.")
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _read(archive, name) for name in archive.namelist()}
    except _RefusedError as error:
        raise Failure(
            "bad_input", f"{path} asks for {error}, which is no data; it was not opened. Get it from its first source."
        ) from error
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        size = path.stat().st_size
        hint = "a placeholder of Git LFS" if path.read_bytes()[:12] == b"version http" else f"cut off or no .npz ({size} bytes)"
        raise Failure("bad_input", f"{path} is {hint}; download it again.") from error
    except (OSError, ValueError, TypeError, AttributeError, ImportError, IndexError, KeyError, pickle.UnpicklingError) as error:
        raise Failure("bad_input", f"{path} cannot be read ({type(error).__name__}: {error}); download it again.") from error


def _read(archive: zipfile.ZipFile, name: str) -> Any:
    """One entry. An object array of one value is that value."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        if dtype.hasobject:
            value = _objects(file)
            return value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    with archive.open(name) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.shape != shape:
        raise ValueError(f"{name} has another shape than its header says")
    return array


def _objects(file: IO[bytes]) -> Any:
    # latin1: the way to read the bytes of arrays that a Python 2 has pickled; a Python 3's have none that it would touch
    value = _Unpickler(io.BytesIO(file.read()), encoding="latin1").load()
    _check(value)
    return value


def _check(value: Any) -> None:
    """Only data, all the way down."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check(key)
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
    elif isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            for inner in value.reshape(-1):
                _check(inner)
    elif not isinstance(value, str | bytes | int | float | complex | np.generic | type(None)):
        raise _RefusedError(f"an object of the type {type(value).__name__}")
