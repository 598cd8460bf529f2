"""The Blender of a batch: one that stays, asked for one file after the other, because starting it takes longer than the work.

One JSON object a line on standard input, {"motion", "rig", "output", "options"}; the answer on standard output is an event as the worker's
(contract.events): {"event": "exported", "summary", "notes", "seconds"} or {"event": "refused", "code", "message"}. It ends with its input.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contract.events import encode
from ...contract.failure import ExitCode, Failure
from ...contract.motion_file import load_motion
from ..command_retarget import _put, _stage
from ..export import export_armature
from ..export.options import ExportOptions
from ..key_reduction import parse_tolerance

if TYPE_CHECKING:
    import bpy


def command() -> list[str]:
    """The words that start `serve` in a process of its own, in the Blender that runs now or in the plain Python with bpy."""
    blender = sys.modules.get("bpy")
    if blender is not None and blender.app.binary_path:
        return [blender.app.binary_path, "--background", "--command", "kinolift", "batch", "--serve"]
    start = f"import importlib, kinolift; kinolift.load_extension(); importlib.import_module({__name__!r}).serve()"
    return [sys.executable, "-c", start]


def serve() -> int:
    """Answers until there is no more input; then, in the middle of an export too, ends at once: who asked is gone."""
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            asked.put(line)
        os._exit(int(ExitCode.CANCELLED))

    threading.Thread(target=read, name="asked", daemon=True).start()
    with _Rigs() as rigs:
        while True:
            _say(_answer(asked.get(), rigs))


def _answer(line: str, rigs: _Rigs) -> str:
    began = time.monotonic()
    try:
        told = json.loads(line)
        summary, notes = export(Path(told["motion"]), told["rig"] and Path(told["rig"]), Path(told["output"]), told["options"], rigs)
        return encode("exported", summary=summary, notes=notes, seconds=round(time.monotonic() - began, 3))
    except Failure as failure:
        return encode("refused", code=failure.code, message=failure.message)
    except MemoryError:
        return encode("refused", code="out_of_memory", message="Blender ran out of memory; take fewer --jobs.")
    except Exception as error:
        traceback.print_exc()
        return encode("refused", code="internal", message=f"The export failed ({type(error).__name__}: {error}); please report it.")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class _Rigs(ExitStack):
    """The one rig that was read last: another one takes its place, so that no names of two rigs meet."""

    def __init__(self) -> None:
        super().__init__()
        self._key: tuple[str, str, int] | None = None
        self._found: tuple[bpy.types.Object, bpy.types.Scene] | None = None

    def get(self, rig: Path, armature: str) -> tuple[bpy.types.Object, bpy.types.Scene]:
        """Armature and scene. Raises Failure."""
        key = (str(rig), armature, rig.stat().st_mtime_ns if rig.is_file() else 0)
        if key != self._key or self._found is None:
            self.drop()
            from ..retarget.source import load_rig

            scene = self.enter_context(_stage())
            self._found, self._key = (load_rig(rig, scene, armature), scene), key
        return self._found

    def drop(self) -> None:
        self._key = self._found = None
        self.close()


def export(motion: Path, rig: Path | None, output: Path, options: dict[str, Any], rigs: _Rigs) -> tuple[str, list[str]]:
    """Writes one file: the motion on the rig, or on the plain armature. Returns a summary and notes. Raises Failure."""
    export_options = ExportOptions(options["mesh"], options["fbx_preset"], options["fbx_root"]).check()
    if rig is None:
        rigs.drop()
        return _armature(motion, output, export_options, options)
    import bpy

    from .. import keyframes

    armature, scene = rigs.get(rig, options["armature"])
    before = armature.animation_data.action if armature.animation_data else None
    result = None
    try:
        result = _put(motion, armature, scene, argparse.Namespace(**options), parse_tolerance(options["simplify"]), first=True)
        with keyframes.named(result.action, options["name"]):
            export_armature(armature, output, options=export_options)
        return result.summary(), list(result.notes)
    except BaseException:
        rigs.drop()  # whatever state it is in
        result = None
        raise
    finally:
        if result is not None:
            armature.animation_data.action = before
            bpy.data.batch_remove([result.action])


def _armature(path: Path, output: Path, export_options: ExportOptions, options: dict[str, Any]) -> tuple[str, list[str]]:
    from .. import scene as rates
    from ..capture import Placement, place_motion

    motion = load_motion(path)
    with _stage() as scene:
        rates.match_rate(scene, motion.fps)
        placement = Placement(
            scene_fps=rates.KEEP, start=0, trim=True, set_range=True, add_camera=output.suffix.lower() == ".blend",
            simplify=parse_tolerance(options["simplify"]),
        )  # fmt: skip
        take = place_motion(motion, scene, options["name"], placement)
        export_armature(take.armature, output, [take.camera] if take.camera else [], export_options)
        return take.summary(), take.notes
