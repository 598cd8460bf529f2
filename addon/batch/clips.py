"""What a batch has to do: folders, lists (.csv, .toml) and files, read into clips with a name and options each. No bpy here."""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...contract.failure import Failure
from ...contract.options import CaptureOptions
from ...contract.outputs import labelled
from ...contract.reading import read_limited, reading, shown
from ..command_retarget import RIG_EXTENSIONS
from ..export import EXTENSIONS, MOTION_EXTENSION

VIDEO_EXTENSIONS: Final = (
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv",
)  # fmt: skip
LISTS: Final = (".csv", ".toml")
LARGEST_LIST: Final = 64 * 2**20
LONGEST_NAME: Final = 100  # bytes: with a rig's name and an extension it fits every disk
# What a list may say of a clip beside the options of `capture`.
COLUMNS: Final = ("video", "name", "rig", "preset", "export")
_OPTIONS: Final = CaptureOptions().as_dict()
_LABEL: Final = re.compile(r"\.(?:shot|person)\d+(?:\.person\d+)?$")  # of one of several takes
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')


@dataclass(frozen=True)
class Clip:
    """`source`: a video, or a motion file that is only retargeted. `name`: of its outputs, its own in the batch. `rigs`: characters, none
    for the plain armature. `exports`: the kinds of files, with their dots."""

    source: Path
    name: str
    options: CaptureOptions
    rigs: tuple[Path, ...] = ()
    preset: str = "auto"
    exports: tuple[str, ...] = ()

    @property
    def is_take(self) -> bool:
        return self.source.suffix.lower() == MOTION_EXTENSION

    @property
    def several(self) -> bool:
        """Whether it may become several takes, whose number and labels only the capture tells."""
        return not self.is_take and self.options.several


def read_clips(sources: Sequence[Path], default: Clip) -> list[Clip]:
    """All clips of the sources, in their order, each with a name of its own.

    sources: videos, motion files, folders (all videos below; else its motion files), lists. default: what holds where a list says nothing.
    Raises Failure `bad_arguments` or `bad_input` for what makes no list of clips; a single clip that is missing fails on its own, later.
    """
    found: list[Clip] = []
    for source in sources:
        path = source.expanduser().absolute()
        if path.is_dir():
            found += _folder(path, default)
        elif path.suffix.lower() in LISTS:
            found += _list(path, default)
        else:
            found.append(replace(default, source=path, name=path.stem))
    if not found:
        raise Failure("bad_input", "There is no clip in what was given; name videos, folders of videos, or a list (.csv, .toml).")
    return _named(found)


def output_name(clip: Clip, rig: Path | None, kind: str, label: str = "") -> str:
    """The name of a file of the clip, a character's as `retarget` names it."""
    hero = ""
    if rig is not None:
        twice = len({other.stem for other in clip.rigs}) < len(clip.rigs)
        hero = f"{rig.stem}{'_' + rig.suffix[1:] if twice else ''}_"
    return labelled(Path(f"{hero}{clip.name}{kind}"), label).name


def check_apart(clips: Iterable[Clip]) -> None:
    """Raises Failure `bad_arguments` where two clips would write the same file, whatever takes are found in them."""
    one: dict[str, str] = {}  # a file -> its clip
    several: dict[str, str] = {}  # a file without the label that it will get -> its clip
    plain: dict[str, str] = {}  # a file that is named as if it had a label, without that -> its clip
    for clip in clips:
        for name in _outputs(clip):
            key = name.casefold()
            stem, kind = Path(key).stem, Path(key).suffix
            other = one.get(key) or (plain.get(key) if clip.several else several.get(_LABEL.sub("", stem) + kind))
            if other == clip.name:
                raise Failure("bad_arguments", f"Two rigs of {clip.name} have one name, so that both would be {name}; rename one of them.")
            if other is not None:
                raise Failure("bad_arguments", f"The clips {other} and {clip.name} would both write {name}; give one of them another name.")
            one[key] = clip.name
            if clip.several:
                several[key] = clip.name
            if _LABEL.search(stem):
                plain[_LABEL.sub("", stem) + kind] = clip.name


def _outputs(clip: Clip) -> list[str]:
    """The names of all its files, without the labels of several takes."""
    motions = [] if clip.is_take or MOTION_EXTENSION not in clip.exports else [output_name(clip, None, MOTION_EXTENSION)]
    kinds = [kind for kind in clip.exports if kind != MOTION_EXTENSION]
    return motions + [output_name(clip, rig, kind) for rig in clip.rigs or (None,) for kind in kinds]


def read_exports(text: str) -> tuple[str, ...]:
    """("fbx,npz") -> (".fbx", ".npz"). Raises Failure `bad_arguments`."""
    kinds = tuple(dict.fromkeys(f".{word.strip().lstrip('.').lower()}" for word in text.split(",") if word.strip()))
    if wrong := [kind for kind in kinds if kind not in EXTENSIONS]:
        raise Failure("bad_arguments", f"--export is {wrong[0][:40]!r}; it takes {', '.join(kind[1:] for kind in EXTENSIONS)}.")
    return kinds


def read_rigs(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The absolute paths of characters. Raises Failure for what is not there or no rig."""
    rigs = tuple(dict.fromkeys(path.expanduser().absolute() for path in paths))
    for rig in rigs:
        if not rig.is_file():
            raise Failure("no_such_file", f"There is no rig {shown(rig)}; check the path.")
        if rig.suffix.lower() not in RIG_EXTENSIONS:
            raise Failure("bad_arguments", f"{shown(rig)} is not a kind of rig that is read; give {', '.join(RIG_EXTENSIONS)}.")
    return rigs


def _folder(folder: Path, default: Clip) -> list[Clip]:
    """Hidden folders and files, our own among them, are not looked into."""
    inside = sorted(path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    videos = [path for path in inside if path.suffix.lower() in VIDEO_EXTENSIONS and not path.is_dir()]
    takes = [path for path in inside if path.suffix.lower() == MOTION_EXTENSION and path.parent == folder]
    if not videos and not takes:
        kinds = ", ".join(VIDEO_EXTENSIONS)
        raise Failure("bad_input", f"There is no video ({kinds}) and no take in {shown(folder)}; choose another folder.")
    return [replace(default, source=path, name="_".join(path.relative_to(folder).with_suffix("").parts)) for path in videos or takes]


def _list(path: Path, default: Clip) -> list[Clip]:
    with reading(path, "list of clips", "see docs/batch.md for what it holds", "bad_input"):
        text = read_limited(path, LARGEST_LIST).decode("utf-8-sig")
        rows, common = _toml_rows(text) if path.suffix.lower() == ".toml" else (_csv_rows(text), {})
    clips = []
    for number, row in enumerate(rows, 1):
        told = {key: value for key, value in (common | row).items() if value not in ("", None, [])}
        try:
            clips.append(_clip(told, path.parent, default))
        except Failure as failure:
            raise Failure(failure.code, f"{path.name}, clip {number}: {failure.message}") from failure
    return clips


def _csv_rows(text: str) -> list[dict[str, Any]]:
    sample = text.split("\n", 1)[0]
    rows = csv.DictReader(text.splitlines(), delimiter=";" if sample.count(";") > sample.count(",") else ",", strict=True)
    if not rows.fieldnames or "video" not in [str(name).strip().lower() for name in rows.fieldnames]:
        raise ValueError("its first line names no column 'video'")
    found = []
    try:
        for row in rows:
            if None in row:
                raise ValueError(f"line {rows.line_num} has more values than there are columns")
            found.append({str(key).strip().lower(): (value or "").strip() for key, value in row.items()})
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error
    return found


def _toml_rows(text: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    table = tomllib.loads(text)
    rows, common = table.pop("clip", []), table.pop("all", {})
    if table:
        raise ValueError(f"it has a table {next(iter(table))!r}; it takes [all] and [[clip]]")
    if not isinstance(rows, list) or not isinstance(common, dict) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("its clips are no tables [[clip]]")
    return rows, common


def _clip(told: dict[str, Any], folder: Path, default: Clip) -> Clip:
    """One row; paths in it are the list's own. Raises Failure."""
    for key in told:
        if key not in COLUMNS and key not in _OPTIONS:
            raise Failure("bad_arguments", f"There is no option {str(key)[:40]!r}; it takes {', '.join((*COLUMNS, *_OPTIONS))}.")
    if "video" not in told:
        raise Failure("bad_arguments", "It names no video.")
    chosen: dict[str, Any] = {}
    for key in told.keys() & _OPTIONS.keys():
        kind = type(_OPTIONS[key])
        try:
            chosen[key] = kind(told[key])
        except (ValueError, TypeError, OverflowError):
            raise Failure("bad_arguments", f"{key} is {str(told[key])[:40]!r}, which is no number.") from None
    if chosen.get("camera"):
        chosen["camera"] = str(folder / chosen["camera"])
    source = folder / str(told["video"])
    rigs = told.get("rig", [])
    named = rigs if isinstance(rigs, list) else str(rigs).split(";")
    return Clip(
        source.absolute(), str(told.get("name") or source.stem), replace(default.options, **chosen).check(),
        read_rigs(folder / str(rig).strip() for rig in named) if named else default.rigs,
        str(told.get("preset", default.preset)),
        read_exports(",".join(told["export"]) if isinstance(told.get("export"), list) else str(told["export"])) if "export" in told
        else default.exports,
    )  # fmt: skip


def _named(clips: list[Clip]) -> list[Clip]:
    """Each with a name of its own that every disk can hold; which, depends on the clips before it alone."""
    taken: set[str] = set()
    named = []
    for clip in clips:
        base = safe_name(clip.name)
        candidates = [base, f"{base}_{clip.source.suffix[1:].lower()}" if clip.source.suffix else base]
        name = next((name for name in candidates if name.casefold() not in taken), "")
        number = 2
        while not name:
            candidate = f"{base}_{number}"
            name, number = (candidate if candidate.casefold() not in taken else ""), number + 1
        taken.add(name.casefold())
        named.append(replace(clip, name=name))
    return named


def safe_name(text: str) -> str:
    """The text as the name of a file: without what systems forbid or nobody can print, and short."""
    plain = text.encode("utf-8", "replace").decode("utf-8")
    plain = "".join(c if c.isprintable() else "_" for c in _FORBIDDEN.sub("_", plain)).strip(" .") or "clip"
    if len(plain.encode()) > LONGEST_NAME:
        end = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        plain = f"{plain.encode()[: LONGEST_NAME - 9].decode('utf-8', 'ignore')}_{end}"
    return plain
