"""The files that anybody is told to write: checked before the work begins, and written whole or not at all.

Every command, operator and script call that writes goes through `check_outputs`. No output may be one of the inputs, by whatever name
(a link, another case, a relative path), and a command does not replace a file of the user's unless it is told to (`--overwrite`).
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .failure import Failure
from .marks import made_by_us
from .unfinished import make_unfinished

OVERWRITE = "--overwrite"
# what the sentence about a file that is there already advises
COMMAND_ADVICE = f"choose another name, or add {OVERWRITE} to replace it"
PANEL_ADVICE = "choose another name"


def add_overwrite_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--overwrite`, with which a command replaces files that are not recognisably Kinolift's."""
    parser.add_argument(OVERWRITE, action="store_true", help="replace existing files, also those that Kinolift did not make")


def check_outputs(
    outputs: Sequence[str | os.PathLike[str]],
    inputs: Iterable[str | os.PathLike[str]] = (),
    kinds: Sequence[str] = (),
    overwrite: bool = False,
    advice: str = COMMAND_ADVICE,
) -> list[Path]:
    """The absolute paths, if every one can be written without loss.

    Args:
        inputs: the files that are read; those that are not there (yet) or are folders do not matter.
        kinds: the extensions that will do, with their dots; any if there are none.
        overwrite: whether a file that is there may be replaced though it is not recognisably ours. An input is never replaced.
        advice: what to do about such a file.

    Nothing is left behind. Raises Failure `unknown_extension`, `bad_arguments`, `not_writable` or `disk_full`.
    """
    checked: list[Path] = []
    for given in map(Path, outputs):
        path = given.expanduser().absolute()
        _check_name(given, path, kinds)
        if any(_same(path, other) for other in checked):
            raise Failure("bad_arguments", f"{given} is named twice as an output; give every file a name of its own.")
        checked.append(path)
    there = {key: path for path in checked if (key := _identity(path)) is not None}
    if there:  # only what is there already can be an input
        for source in inputs:
            key = _identity(Path(source).expanduser())
            if key is not None and key in there:
                path = there[key]
                raise Failure("bad_arguments", f"{path} is an input ({source}), which would be lost; choose another name for the output.")
    for path in checked:
        _check_place(path, overwrite, advice)
    return checked


def labelled(path: Path, label: str) -> Path:
    """The path of one of several takes: take.npz and shot2 -> take.shot2.npz; without a label as it is."""
    return path.with_name(f"{path.stem}.{label}{path.suffix}") if label else path


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """The absolute path of a folder for outputs, which is made where it is not there. Raises Failure `not_writable` or `disk_full`."""
    path = Path(folder).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            raise Failure("not_writable", f"{path} is a file; name a folder for the outputs.") from error
        raise write_failure(error, path) from error
    return path


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Gives a path of the same kind in a hidden folder beside; after the block the file there gets its final place.

    The name there is short: what fits as the final name fits. Whatever fails, nothing of it stays behind. Raises Failure `disk_full` or
    `not_writable` for OSErrors, `internal` where the block wrote nothing.
    """
    try:
        folder = make_unfinished(path.parent)
    except OSError as error:
        raise write_failure(error, path) from error
    beside = folder / f"new{path.suffix}"
    try:
        yield beside
        if not beside.is_file():
            raise Failure("internal", f"Nothing was written to {path.name}; see the log.")
        beside.replace(path)
    except OSError as error:
        raise write_failure(error, path) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(text: str, path: Path) -> None:
    """Writes a text file, UTF-8, whole or not at all. Raises Failure `disk_full` or `not_writable`."""
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_failure(error: OSError, path: str | os.PathLike[str]) -> Failure:
    """The Failure that tells a person why `path` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk_full", f"The disk is full: {path} was not written; free some space and try again.")
    if error.errno == errno.ENAMETOOLONG:
        return Failure("not_writable", f"The name {path} is too long for this disk; choose a shorter one for the output.")
    return Failure("not_writable", f"{path} cannot be written ({error.strerror}); choose another folder for the output.")


def _check_name(given: Path, path: Path, kinds: Sequence[str]) -> None:
    if kinds and path.suffix.lower() not in kinds:
        kind = f"{path.suffix!r} is not a kind of file that can be written" if path.suffix else "the name has no extension"
        raise Failure("unknown_extension", f"{_readable(given)}: {kind}; use {'one of ' if len(kinds) > 1 else ''}{', '.join(kinds)}.")
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Failure("not_writable", f"The name {_readable(path)} is not valid UTF-8; choose another for the output.") from error
    if not str(path).isprintable():  # a line's end, too: what is told of the file is one line
        raise Failure("not_writable", f"The name {str(path)!r} holds letters that cannot be printed; choose another for the output.")


def _readable(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode("utf-8")


def _check_place(path: Path, overwrite: bool, advice: str) -> None:
    """Tries it, because permissions and names alone do not tell (network drives, containers, the super-user, limits of the disk)."""
    folder = path.parent
    try:
        if not folder.is_dir():
            raise Failure("not_writable", f"The folder {folder} for {path.name} does not exist; make it or choose another.")
        if path.is_dir():
            raise Failure("not_writable", f"{path} is a folder; choose a file name for the output.")
        trial = make_unfinished(folder)
        try:
            (trial / path.name).open("xb").close()
        finally:
            shutil.rmtree(trial, ignore_errors=True)
        if not os.path.lexists(path):
            return
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise Failure("not_writable", f"{path} is not a file; choose another name for the output.")
    except OSError as error:
        raise write_failure(error, path) from error
    if path.exists() and not os.access(path, os.W_OK):
        raise Failure("not_writable", f"{path} exists and may not be overwritten; choose another name for the output.")
    if not overwrite and not made_by_us(path):
        raise Failure("bad_arguments", f"{path} exists and is not recognised as made by Kinolift; {advice}.")


def _identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of one file (links, another case, relative paths); None for a folder or what is not there."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # also a name that no disk can hold
        return None
    return None if stat.S_ISDIR(found.st_mode) else (found.st_dev, found.st_ino)


def _same(a: Path, b: Path) -> bool:
    """Whether two names mean one file. Of names that are not there yet the folder and the name decide, its case only where the disk heeds
    it."""
    try:
        if _identity(a) is not None and _identity(b) is not None:
            return _identity(a) == _identity(b)
        one, other = Path(os.path.realpath(a)), Path(os.path.realpath(b))
        if one.name.casefold() != other.name.casefold() or not one.parent.is_dir() or not other.parent.is_dir():
            return one == other
        if not one.parent.samefile(other.parent):
            return False
        return one.name == other.name or _ignores_case(one.parent)
    except (OSError, ValueError):
        return a == b


def _ignores_case(folder: Path) -> bool:
    try:
        trial = make_unfinished(folder)
        try:
            return (folder / trial.name.swapcase()).exists()
        finally:
            trial.rmdir()
    except OSError:
        return False
