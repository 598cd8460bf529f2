"""One clip of a batch: captured by a worker of its own, put on its rigs and exported by the slot's Blender; what is done is not redone."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...contract.failure import EXIT_CODES, ExitCode, Failure
from ...contract.motion_file import load_motion
from ...contract.outputs import labelled
from ..capture import quality_sentence
from ..export import EXTENSIONS, MOTION_EXTENSION, check_files, copy_motion
from ..leftovers import make_folder, sweep
from ..worker import ROOT, Worker, capture_command, reported, worker_environment
from . import blender
from .clips import Clip
from .picture import picture
from .records import Product, Record, Records
from .steps import TAKE, Settings, Step, export_options, known_failure, steps_of

POLL: Final = 0.2  # seconds between two looks at a process
# Seconds that a clip may take before its length is known; from then on more for each frame. An export may take as long as a short clip.
START: Final = 300.0
EXPORTS_A_BLENDER: Final = 300  # then another takes its place, so that what Blender does not give back does not add up
_FIGURES: Final = ("unsure_percent", "reprojection_px", "reprojection_percent", "foot_slide_cm_s", "under_ground_mm", "acceleration",
                   "contact_percent")  # fmt: skip

Tell = Callable[[dict[str, Any]], None]


@dataclass
class Result:
    """What has come of a clip; a line of the report. `status`: done (now), kept (as it was), failed."""

    name: str
    source: str
    status: str = "done"
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    made: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    frames: int = 0
    fps: float = 0.0
    quality: dict[str, float] = field(default_factory=dict)
    sentence: str = ""
    warnings: list[str] = field(default_factory=list)
    picture: str = ""  # SVG

    @property
    def exit_code(self) -> ExitCode:
        return EXIT_CODES[self.code] if self.code else ExitCode.DONE


class Slot:
    """Works on one clip at a time. `tell` hears of every event, from this thread; `stop` ends what runs. Close it in the end."""

    def __init__(self, records: Records, settings: Settings, tell: Tell, stop: threading.Event) -> None:
        self._records, self._settings, self._tell, self._stop = records, settings, tell, stop
        self._blender: Worker | None = None
        self._temporary: Path | None = None
        self._exported = 0

    def run(self, clip: Clip) -> Result:
        """Does what is not done yet. Failures stand in the result; only `cancelled` is raised."""
        began = time.monotonic()
        record = self._records.load(clip.name)
        result = Result(clip.name, str(clip.source))
        failures: list[Failure] = []
        try:
            self._work(clip, record, result, failures)
        except Failure as failure:
            if failure.code == "cancelled":
                raise
            failures.append(failure)
        if failures:
            # the folder is the same for all, and nobody's business where the report goes
            message = failures[0].message.replace(str(clip.source), clip.source.name)
            result.status, result.code, result.message = "failed", failures[0].code, message
        elif not result.made:
            result.status = "kept"
        result.seconds = round(time.monotonic() - began, 3)
        _describe(result, record, self._records)
        return result

    def close(self) -> None:
        if self._blender is not None:
            self._blender.cancel()
            self._blender = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _work(self, clip: Clip, record: Record, result: Result, failures: list[Failure]) -> None:
        steps = steps_of(clip, record, self._records, self._settings)
        todo = [step for step in steps if not self._records.holds(record, step.name, step.key)]
        if todo and (known := known_failure(record, todo, self._settings)) is not None:
            raise known
        while todo:
            step = todo.pop(0)
            if self._stop.is_set():
                raise Failure("cancelled", "The batch was ended.")
            ours = {name for product in record.products.values() for name in product.files}
            inputs = [clip.source, *clip.rigs, *([Path(clip.options.camera)] if clip.options.camera else [])]
            replace = self._settings.overwrite or step.file.relative_to(self._records.out).as_posix() in ours
            try:
                check_files([step.file], inputs, EXTENSIONS, replace)
                product = self._make(clip, step)
            except Failure as failure:
                if failure.code != "cancelled":
                    record.failure = {"key": step.key, "code": failure.code, "message": failure.message}
                    self._records.save(record)
                if failure.code in ("cancelled", "disk_full") or step.name == TAKE:
                    raise  # without its take there is nothing to export
                failures.append(failure)
                continue
            record.products[step.name] = product
            record.failure = {}
            self._records.save(record)
            result.made.append(step.name)
            if step.name == TAKE and clip.several:  # only now it is known of how many takes
                steps = steps_of(clip, record, self._records, self._settings)
                todo = [step for step in steps[1:] if not self._records.holds(record, step.name, step.key)]
        wanted = {step.name for step in steps}
        if set(record.products) - wanted:  # of another run with other rigs; the files stay
            record.products = {name: product for name, product in record.products.items() if name in wanted}
            self._records.save(record)

    def _make(self, clip: Clip, step: Step) -> Product:
        if step.file.suffix == MOTION_EXTENSION and step.name != TAKE:
            copy_motion(step.motion, step.file)
            return self._records.product(step.key, [step.file], {})
        told = self._again(self._capture if step.name == TAKE else self._export, clip, step)
        return self._records.product(step.key, [labelled(step.file, label) for label in told.get("takes") or [""]], told)

    def _again(self, do: Callable[[Clip, Step], dict[str, Any]], clip: Clip, step: Step) -> dict[str, Any]:
        """Tries more than once what ended without a word."""
        for left in range(self._settings.tries - 1, -1, -1):
            try:
                return do(clip, step)
            except Failure as failure:
                if failure.code != "worker_died" or not left:
                    raise
                self._tell({"event": "again", "name": clip.name, "step": step.name, "message": failure.message})
        raise AssertionError("unreachable")

    def _capture(self, clip: Clip, step: Step) -> dict[str, Any]:
        kept = self._records.folder / "detections" / f"{clip.name}.npz"
        command = capture_command(self._settings.python, clip.source, step.file, clip.options, detection=kept)
        # one core each: the clips beside it are the others' work, and the same on every machine
        environment = worker_environment(self._settings.python) | {"KINOLIFT_CORES": "1", "OMP_NUM_THREADS": "1"}
        worker = Worker(command, environment, ROOT)
        began, frames, warnings = time.monotonic(), 0, []
        try:
            while not worker.finished:
                for event in worker.poll(POLL):
                    if event["event"] == "progress":
                        frames = max(frames, int(event.get("total") or 0))
                        self._tell({**event, "name": clip.name})
                    elif event["event"] == "warning":
                        warnings.append(str(event.get("message", "")))
                self._watch(began + START + frames * self._settings.seconds_a_frame, f"{clip.source.name} was not captured")
            told = worker.result()
        except Failure as failure:
            if failure.code in ("worker_died", "internal", "bad_installation"):
                self._tell({"event": "log", "name": clip.name, "lines": list(worker.log)[-15:]})
            raise
        finally:
            worker.cancel()
        found = {"seconds": round(time.monotonic() - began, 3), "warnings": warnings, "summary": told.get("summary", {})}
        labels = [str(take.get("label", "")) for take in told.get("takes", [])]
        return found | ({"takes": labels} if clip.several else {})

    def _export(self, clip: Clip, step: Step) -> dict[str, Any]:
        self._tell({"event": "progress", "name": clip.name, "stage": "export", "done": 0, "total": 0, "fps": 0.0})
        if self._blender is not None and (self._exported >= EXPORTS_A_BLENDER or self._blender.finished):
            self.close()
        if self._blender is None:
            self._blender, self._exported = self._start_blender(), 0
        self._exported += 1
        began, server = time.monotonic(), self._blender
        asked = {"motion": str(step.motion), "rig": str(step.rig) if step.rig else None, "output": str(step.file)}
        server.send(json.dumps(asked | {"options": export_options(clip, self._settings, step.label) | {"preset": clip.preset}}))
        try:
            while not server.finished:
                for event in server.poll(POLL):
                    if event["event"] == "exported":
                        return {name: event.get(name) for name in ("seconds", "summary", "notes")}
                    if event["event"] == "refused":
                        failure = reported(event)
                        raise Failure(failure.code, f"{step.file.name}: {failure.message}")
                self._watch(began + START, f"{step.file.name} was not written")
            raise Failure("worker_died", f"Blender ended while it wrote {step.file.name}; see the log.")
        except Failure as failure:
            if failure.code in ("worker_died", "cancelled", "internal"):
                self._tell({"event": "log", "name": clip.name, "lines": list(server.log)[-15:]})
                self.close()
            raise

    def _start_blender(self) -> Worker:
        """With a folder of ours for its temporary files: it is ended, and then it leaves them."""
        self.close()
        sweep()  # those of batches that were killed
        self._temporary = make_folder()
        words = list(self._settings.blender) or blender.command()
        return Worker(words, worker_environment(words[0]) | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._temporary)), ROOT)

    def _watch(self, until: float, what: str) -> None:
        if self._stop.is_set():
            raise Failure("cancelled", "The batch was ended.")
        if time.monotonic() > until:
            raise Failure("worker_died", f"{what} within the time that it may take; raise --time-per-frame if the machine is slow.")


def _describe(result: Result, record: Record, records: Records) -> None:
    """What the products say of the clip, for the report: of several takes all frames, and the figures of the one that is least sure."""
    for name, product in record.products.items():
        result.outputs += [file for file in product.files if not file.startswith(".")]
        if name != TAKE:
            result.warnings += [f"{name}: {note}" for note in product.told.get("notes") or []]
    take = record.products.get(TAKE)
    if take is not None:
        result.warnings = [str(word) for word in take.told.get("warnings", [])] + result.warnings
        paths = [str(records.out / file) for file in take.files]
    else:
        paths = [result.source] if Path(result.source).suffix.lower() == MOTION_EXTENSION else []
    if result.status == "failed" and not record.products:
        return
    worst = -1.0
    for path in paths:
        try:
            motion = load_motion(path)
        except Failure:
            continue
        figures = motion.provenance.get("quality", {})
        quality = {name: round(float(figures[name]), 3) for name in _FIGURES if isinstance(figures.get(name), int | float)}
        result.frames += len(motion)
        if quality.get("unsure_percent", 0.0) > worst:
            worst = quality.get("unsure_percent", 0.0)
            result.fps, result.quality, result.sentence = round(motion.fps, 4), quality, quality_sentence(motion)
            result.picture = picture(motion)
