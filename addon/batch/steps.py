"""What is to be made of a clip, step by step, each with the key of all that it depends on: the take, or one exported file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...contract.failure import EXIT_CODES, ExitCode, Failure
from ...contract.outputs import labelled
from ..export import MOTION_EXTENSION
from .clips import Clip, output_name
from .records import Record, Records, key_of

TAKE: Final = "take"
A_FRAME: Final = 2.0  # seconds that a clip may take for each frame: twenty times what one core needs of a large picture
TRIES: Final = 2  # of a process that dies or does not come to an end
# What a clip says of itself does not change by trying again; what the machine says may.
LASTING: Final = (ExitCode.BAD_INPUT, ExitCode.NOBODY)


@dataclass(frozen=True)
class Settings:
    """What holds for all clips. `export`: the words of `blender.export`'s options, without the clip's own. `versions`: see records."""

    python: str
    export: Mapping[str, Any]
    versions: Mapping[str, str]
    seconds_a_frame: float = A_FRAME
    tries: int = TRIES
    retry: bool = False  # also what is known to fail
    overwrite: bool = False
    blender: tuple[str, ...] = ()  # how its Blender is started; empty: see blender.command


@dataclass
class Step:
    """A product to be made: `take`, or the name of the exported file. `motion`: what is exported. A take of several has its files named
    after `file` and their labels."""

    name: str
    key: str
    file: Path
    motion: Path
    rig: Path | None = None
    label: str = ""


def steps_of(clip: Clip, record: Record, records: Records, settings: Settings) -> list[Step]:
    """All that is to be made of the clip, done or not, the take first. Of a clip of several takes the rest is known only when its take is
    done. Raises Failure for a source that cannot be read."""
    content = records.source_hash(record, clip.source)
    if clip.is_take:
        steps, take_key, takes = [], key_of({"motion": content}), [("", clip.source)]
    else:
        options = clip.options.as_dict()
        if clip.options.camera:
            options["camera"] = records.file_hash(Path(clip.options.camera))
        take_key = key_of({"video": content, "name": clip.source.name, "options": options, "versions": settings.versions})
        # several get their names from the worker, which knows nothing of what is a stranger's: they are copied from out of our own folder
        wanted = MOTION_EXTENSION in clip.exports and not clip.several
        motion = records.out / f"{clip.name}.npz" if wanted else records.folder / "motions" / f"{clip.name}.npz"
        key = key_of({"take": take_key, "file": motion.relative_to(records.out).as_posix()})
        steps = [Step(TAKE, key, motion, motion)]
        takes = _several(record, steps[0], records.out) if clip.several else [("", motion)]
    for label, motion in takes:
        steps += _exports(clip, label, motion, take_key, records, settings)
    return steps


def _exports(clip: Clip, label: str, motion: Path, take_key: str, records: Records, settings: Settings) -> Iterator[Step]:
    """Of one take."""
    of = {"label": label} if label else {}
    if clip.several and MOTION_EXTENSION in clip.exports:
        file = records.out / output_name(clip, None, MOTION_EXTENSION, label)
        yield Step(file.name, key_of({"take": take_key, "file": file.name}), file, motion, label=label)
    for rig in clip.rigs or (None,):
        for kind in clip.exports:
            if kind == MOTION_EXTENSION:
                continue
            file = records.out / output_name(clip, rig, kind, label)
            parts = {
                "take": take_key, "rig": records.file_hash(rig) if rig else None, "preset": clip.preset, "kind": kind, "name": clip.name,
                "options": export_options(clip, settings, label), "versions": settings.versions,
            } | of  # fmt: skip
            if Path(clip.preset).is_file():
                parts["preset"] = records.file_hash(Path(clip.preset))
            yield Step(file.name, key_of(parts), file, motion, rig, label)


def _several(record: Record, take: Step, out: Path) -> list[tuple[str, Path]]:
    """(label, motion) of each take that the record knows; none where it is not of this key."""
    product = record.products.get(TAKE)
    if product is None or product.key != take.key:
        return []
    found = [(str(label), labelled(take.file, str(label))) for label in product.told.get("takes") or [""]]
    return [(label, path) for label, path in found if path.relative_to(out).as_posix() in product.files]


def open_steps(clip: Clip, record: Record, records: Records, settings: Settings) -> list[Step]:
    """Those that are not done, or whose files are not what was written. Where the take is made again, what is made of it is as it was only
    if its key is."""
    return [step for step in steps_of(clip, record, records, settings) if not records.holds(record, step.name, step.key)]


def known_failure(record: Record, steps: list[Step], settings: Settings) -> Failure | None:
    """What the clip is known to fail with, if trying again can bring nothing else."""
    told = record.failure
    if settings.retry or told.get("code") not in EXIT_CODES or EXIT_CODES[told["code"]] not in LASTING:
        return None
    return Failure(told["code"], told.get("message", "")) if told.get("key") in [step.key for step in steps] else None


def export_options(clip: Clip, settings: Settings, label: str = "") -> dict[str, Any]:
    """The words of `blender.export`'s options."""
    name = f"{clip.name}.{label}" if label else clip.name
    return {**settings.export, "root": clip.options.root, "feet": clip.options.feet, "name": name}
