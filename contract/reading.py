"""The one place where what a reader of files stumbles over becomes a sentence for a person; and JSON, read with limits.

A reader does its work inside `reading`, and raises ValueError with a plain half-sentence about the file ("its times do not rise"), or lets
whatever a library throws pass. Nothing but the reading of the file belongs inside, so that faults of ours are not called the file's.
"""

from __future__ import annotations

import json
import lzma
import os
import pickle
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, NoReturn

from .failure import Failure

# What readers raise for files that are not what they should be: the standard library's, numpy's and the parsers' that are used. A
# MemoryError is none of them: it is told as what it is.
DAMAGE: Final = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError, RuntimeError, AssertionError, SyntaxError, OSError,
    struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pickle.UnpicklingError,
)  # fmt: skip
LONGEST_REASON: Final = 200  # characters: an error may quote the whole file
LARGEST_JSON: Final = 64 * 2**20  # bytes: far beyond any preset or header, and what a parser turns into a few hundred MB at most
_PIECE: Final = 2**20
_LFS: Final = b"version https://git-lfs"


@contextmanager
def reading(path: str | os.PathLike[str], kind: str, advice: str, code: str = "bad_input") -> Iterator[None]:
    """Turns what goes wrong inside into a Failure: "PATH is not a KIND (REASON); ADVICE."

    kind: what the file should be, "motion file". advice: what to do about it, "capture the video again". code: of the Failure for a file
    that is damaged or another; one that is not there is `no_such_file`, one that needs more memory than there is `out_of_memory`.
    """
    # a reader of arrays has imported numpy; set-up reads with a Python that has none
    numpy = sys.modules.get("numpy")
    try:
        with nullcontext() if numpy is None else numpy.errstate(all="ignore"):  # what overflows is found where values are checked
            yield
    except FileNotFoundError as error:
        raise Failure("no_such_file", f"There is no {kind} {shown(path)}; check the path.") from error
    except MemoryError as error:
        raise Failure("out_of_memory", f"The {kind} {shown(path)} needs more memory than there is; close other programs.") from error
    except DAMAGE as error:
        article = "an" if kind[0] in "aeiouAEIO" else "a"
        why = "a placeholder of Git LFS" if _is_placeholder(path) else reason(error)
        raise Failure(code, f"{shown(path)} is not {article} {kind} that can be read ({why}); {advice}.") from error


def check_name(path: str | os.PathLike[str]) -> None:
    """Failure `bad_input` for a name that is not valid UTF-8: libraries cannot open it, and nobody could be told of it."""
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Failure("bad_input", f"The name {shown(path)} is not valid UTF-8, and such files cannot be read; rename it.") from error


def reason(error: BaseException) -> str:
    """Why a file could not be read, in a few words on one line; what it quotes of the file is cut short and made printable."""
    text = _words(error)
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split()).rstrip(".;")
    return plain if len(plain) <= LONGEST_REASON else plain[: LONGEST_REASON - 3] + "..."


def shown(path: str | os.PathLike[str]) -> str:
    """A path as it can be printed: names may hold line ends, and bytes that are no text."""
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def read_limited(path: str | os.PathLike[str], largest: int) -> bytes:
    """The file's bytes; ValueError where it has more than `largest`."""
    data = bytearray()
    with Path(path).open("rb") as file:
        while piece := file.read(_PIECE):  # to ask for all at once would take the memory for all at once
            data += piece
            if len(data) > largest:
                raise ValueError(f"it is larger than {largest / 2**20:g} MB")
    return bytes(data)


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. ValueError for NaN and infinity, which are no JSON, and for what is too large or nested too deep."""
    if len(text) > LARGEST_JSON:
        raise ValueError(f"its JSON is larger than {LARGEST_JSON / 2**20:g} MB")
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None
    if ("\\ud" if isinstance(text, str) else b"\\ud") in text.lower():  # type: ignore[operator]
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # halves of characters, which nobody can print
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"it holds {text}, which is no number")


def _words(error: BaseException) -> str:
    """The error's own words, or ours where those are a program's."""
    match error:
        case RecursionError():
            return "it is nested too deep"
        case OverflowError():
            return "it holds a number that is too large"
        case json.JSONDecodeError():
            return f"{error.msg} in line {error.lineno}, column {error.colno}"
        case UnicodeError():
            return "it is not UTF-8 text"
        case KeyError():
            return f"it lacks {error.args[0] if error.args else 'something'}"
        case EOFError():
            return str(error) or "it is cut off"
        case zlib.error() | lzma.LZMAError():
            return "its compressed data are damaged"
        case struct.error():
            return "it is cut off"
        case zipfile.BadZipFile():
            return "it is cut off or damaged"
        case OSError(strerror=str(why)):
            return why
    name = type(error).__name__
    return str(error) if type(error) is ValueError and str(error) else f"{name}: {error}" if str(error) else name


def _is_placeholder(path: str | os.PathLike[str]) -> bool:
    """Whether it is what Git leaves in place of a large file that was not fetched."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_LFS)) == _LFS
    except (OSError, ValueError):
        return False
