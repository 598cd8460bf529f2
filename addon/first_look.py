"""Who is in the video, before it is captured: the worker looks at the first frame and draws it with a number a person."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy
import bpy.utils.previews

from ..contract.failure import Failure
from . import leftovers
from .capture import check_video
from .worker import Worker, worker_environment, worker_python

PICTURE: Final = "people"
# Blender's pictures that belong to no file, while the add-on is enabled; the one of the last look lies in it.
_pictures: list[bpy.utils.previews.ImagePreviewCollection] = []
_folders: list[Path] = []  # where that one is read from


@dataclass(frozen=True)
class Seen:
    """A person of the first frame: the number drawn beside her, and where she is, as `person` of the options says it."""

    number: int
    place: str


class Look:
    """A look in the making. Call `finished` until it is, then `people`; `close` in the end, whatever happened."""

    def __init__(self, video: Path, python: str = "", start: str = "", end: str = "") -> None:
        """Starts the worker. Raises Failure for a video that is not there, or an installation that cannot run."""
        check_video(video)
        chosen = worker_python(python)
        self._folder: Path | None = leftovers.make_folder()
        self._picture = self._folder / "people.png"
        words = [chosen, "-m", "engine", "people", str(video.absolute()), "--picture", str(self._picture)]
        words += [word for name, value in (("--start", start), ("--end", end)) if value for word in (name, value)]
        try:
            self._worker = Worker(words, worker_environment(chosen))
        except BaseException:
            self.close()
            raise

    @property
    def finished(self) -> bool:
        self._worker.poll()
        return self._worker.finished

    @property
    def log(self) -> list[str]:
        """The worker's last words."""
        return list(self._worker.log)

    def people(self) -> list[Seen]:
        """Who was found; their picture is the one of `picture` from now on. Raises the worker's Failure, `bad_installation` for one that
        says something else."""
        result = self._worker.result()
        try:
            seen = [Seen(int(person["number"]), _place(person, result)) for person in result["people"]]
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise Failure("bad_installation", "The worker is of another version; install Kinolift's zip again.") from error
        if seen and self._picture.is_file() and _pictures:
            forget()
            _pictures[0].load(PICTURE, str(self._picture), "IMAGE")
            if self._folder is not None:
                _folders.append(self._folder)
                self._folder = None
        return seen

    def close(self) -> None:
        """Ends what still runs, and removes what nobody needs."""
        if hasattr(self, "_worker") and not self._worker.finished:
            self._worker.cancel()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _place(person: dict[str, Any], result: dict[str, Any]) -> str:
    """The middle of the person's box as a share of the picture, and when: 0.312,0.5@2.5."""
    x, y, width, height = (float(value) for value in person["box"])
    right, down = (x + width / 2) / float(result["width"]), (y + height / 2) / float(result["height"])
    share = [min(1.0, max(0.0, value)) for value in (right, down)]
    return f"{share[0]:.4f},{share[1]:.4f}@{max(0.0, float(person['box_time'])):.3f}"


def picture() -> int | None:
    """The number by which Blender's layouts show the first frame (0 in a Blender without a window); None where there is none."""
    if not _pictures or PICTURE not in _pictures[0]:
        return None
    return int(_pictures[0][PICTURE].icon_id)


def forget() -> None:
    """Takes the picture away."""
    for pictures in _pictures:
        pictures.clear()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def attach() -> None:
    _pictures.append(bpy.utils.previews.new())


def detach() -> None:
    forget()
    while _pictures:
        bpy.utils.previews.remove(_pictures.pop())
