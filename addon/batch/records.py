"""What a batch has done: one record a clip, written whole or not at all, believed only as far as the files themselves agree with it.

A *product* is one step's result: the take of a capture, the export of one kind on one rig. Its `key` is a hash of all that it depends on
(content of the inputs, options, versions), its `files` are relative paths with their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ...contract.failure import Failure
from ...contract.file_lock import try_lock
from ...contract.outputs import check_folder, write_text
from ...contract.reading import parse_json, shown
from ...contract.unfinished import sweep_unfinished

OURS: Final = ".kinolift"  # the folder of records, detections and motions in the folder of the outputs
SCHEMA: Final = "kinolift.batch/1"
_PARTS: Final = ("records", "detections", "motions")
_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass
class Product:
    key: str
    files: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)


@dataclass
class Record:
    """Of one clip. `products` by their names. `failure`: {"key", "code", "message"} of the step that failed last, empty where all went
    well; `stamp`: size and time of the source and its SHA-256, so that a thousand videos are not read to find them unchanged."""

    name: str
    products: dict[str, Product] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    stamp: list[Any] = field(default_factory=list)


class Records:
    """The records of one folder of outputs."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / OURS
        self._hashes: dict[Path, str] = {}

    def load(self, name: str) -> Record:
        """The clip's record; an empty one where there is none, or it is damaged: then its work is done again."""
        try:
            told = parse_json(self._path(name).read_bytes())
            if told.pop("schema") != SCHEMA or told["name"] != name:
                return Record(name)
            products = {key: Product(**value) for key, value in told.pop("products").items()}
            record = Record(**told, products=products)
            whole = all(isinstance(p.key, str) and isinstance(p.files, dict) and isinstance(p.told, dict) for p in products.values())
            return record if whole and isinstance(record.failure, dict) and isinstance(record.stamp, list) else Record(name)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return Record(name)

    def save(self, record: Record) -> None:
        """Raises Failure `disk_full` or `not_writable`."""
        write_text(json.dumps({"schema": SCHEMA} | asdict(record), sort_keys=True, indent=1), self._path(record.name))

    def holds(self, record: Record, product: str, key: str) -> bool:
        """Whether the product is there, made from the same, and every file of it is what was written."""
        found = record.products.get(product)
        if found is None or found.key != key:
            return False
        return all(_sha256(self.out / name) == wanted for name, wanted in found.files.items())

    def product(self, key: str, files: list[Path], told: dict[str, Any]) -> Product:
        """Of files that were just written."""
        return Product(key, {path.relative_to(self.out).as_posix(): _sha256(path) or "" for path in files}, told)

    def source_hash(self, record: Record, source: Path) -> str:
        """SHA-256 of the clip's file, read only where its size or time is another than last time. Raises Failure `no_such_file`."""
        try:
            found = source.stat()
        except (OSError, ValueError) as error:
            raise Failure("no_such_file", f"There is no file {shown(source)}; check the path.") from error
        if not stat.S_ISREG(found.st_mode):  # to read a pipe is to wait for ever
            raise Failure("bad_input", f"{shown(source)} is no ordinary file; give a video or a take.")
        stamp = [found.st_size, found.st_mtime_ns]
        if record.stamp[:2] == stamp and len(record.stamp) == 3:
            return str(record.stamp[2])
        value = _sha256(source)
        if value is None:
            raise Failure("bad_input", f"{shown(source)} cannot be read; check its permissions.")
        record.stamp = [*stamp, value]
        return value

    def file_hash(self, path: Path) -> str:
        """SHA-256 of what many clips share, a rig or a camera; read once a run."""
        if path not in self._hashes:
            self._hashes[path] = _sha256(path) or ""
        return self._hashes[path]

    def _path(self, name: str) -> Path:
        return self.folder / "records" / f"{name}.json"


def key_of(parts: Mapping[str, Any]) -> str:
    """The hash of all that a product depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Of what decides what comes out of a step: Kinolift and its weights."""
    manifest = tomllib.loads((_ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    return {"kinolift": str(manifest["version"]), "weights": _sha256(_ROOT / "engine" / "weights" / "SHA256SUMS") or ""}


@contextmanager
def only_one(out: Path) -> Iterator[Records]:
    """The folder's records, held by this process alone until the end of the block, however it comes.

    Raises Failure `bad_arguments` where another batch works there, `not_writable`, `disk_full`.
    """
    check_folder(out)
    records = Records(out)
    for name in _PARTS:
        check_folder(records.folder / name)
    with (records.folder / "lock").open("a+", encoding="utf-8") as file:
        if not try_lock(file):
            raise Failure("bad_arguments", f"Another batch is at work in {shown(out)}; wait for its end, or choose another folder with -o.")
        for folder in (out, *(records.folder / name for name in _PARTS)):
            sweep_unfinished(folder)  # what a batch left that was killed
        yield records


def _sha256(path: Path) -> str | None:
    try:
        with open(os.fspath(path), "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None
