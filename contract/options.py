"""The options of `capture`, once for the worker, the command and the command inside Blender: names, defaults, checks."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from .failure import Failure

DEFAULT_HEIGHT = 1.70  # metres: about the mean of adults; only the scale of the result depends on it
DEFAULT_FOV = 60.0  # degrees along the longer side of the picture: a phone's main camera has 60 to 70
DEFAULT_STEPS = 1  # evaluations of the refiner: measured as the best on held-out people; the paper's code has 2
DEFAULT_HYPOTHESES = 1  # of several, the mean is the pose and the disagreement its `spread`; measured: more do not help yet
DEFAULT_SEED = 0
DEFAULT_DETECTOR = "heavy"  # nearer to the truth than "full", and takes three times as long
DEFAULT_SMOOTH = 0.5


@dataclass(frozen=True)
class CaptureOptions:
    """What a capture may be told. `start` and `end`: seconds as a number, frames as a number followed by f ("120f")."""

    start: str = ""
    end: str = ""
    height: float = DEFAULT_HEIGHT
    fov: float = 0.0  # 0: from the file if it says, else estimated, starting from DEFAULT_FOV
    detector: str = DEFAULT_DETECTOR
    device: str = "auto"
    hypotheses: int = DEFAULT_HYPOTHESES
    steps: int = DEFAULT_STEPS
    seed: int = DEFAULT_SEED
    smooth: float = DEFAULT_SMOOTH
    feet: str = "auto"
    root: str = "motion"
    camera: str = ""  # a file of contract.camera_path; "" where the camera is not known

    def check(self) -> CaptureOptions:
        """Itself, or Failure `bad_arguments` with one sentence about the first option that cannot be."""
        for name in ("start", "end"):
            parse_moment(getattr(self, name), f"--{name}")
        _within("--height", self.height, 0.3, 3.0, "metres")
        if self.fov:
            _within("--fov", self.fov, 5.0, 170.0, "degrees")
        _within("--smooth", self.smooth, 0.0, 1.0, "")
        _within("--hypotheses", self.hypotheses, 1, 1000, "")
        _within("--steps", self.steps, 0, 50, "")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise Failure("bad_arguments", f"--{name} is {getattr(self, name)!r}; it takes {' or '.join(choices)}.")
        return self

    def arguments(self) -> list[str]:
        """The command-line words that say the same."""
        words: list[str] = []
        for name, value in asdict(self).items():
            if value != "":
                words += [f"--{name}", str(value)]
        return words

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> CaptureOptions:
        """From what a parser with `add_arguments` read; checked."""
        return cls(**{f.name: getattr(arguments, f.name) for f in fields(cls)}).check()


CHOICES = {
    "detector": ("heavy", "full"), "device": ("auto", "cpu", "cuda"), "feet": ("auto", "always", "never"), "root": ("motion", "in-place"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds every option of CaptureOptions to the parser."""
    default = CaptureOptions()
    add = parser.add_argument
    add("--start", default="", metavar="TIME", help="where to begin: seconds (2.5) or frames (75f)")
    add("--end", default="", metavar="TIME", help="where to stop, likewise; that frame is not read")
    add("--height", type=float, default=default.height, metavar="METRES", help="the person's height (default %(default)s)")
    add("--fov", type=float, default=default.fov, metavar="DEGREES",
        help=f"field of view along the picture's longer side (default: from the file, else estimated about {DEFAULT_FOV:g})")  # fmt: skip
    add("--detector", choices=CHOICES["detector"], default=default.detector,
        help="MediaPipe's heavy landmark network, or the full one, which is quicker and less exact (default %(default)s)")  # fmt: skip
    add("--device", choices=CHOICES["device"], default=default.device, help="where the refiner runs (default %(default)s)")
    add("--hypotheses", type=int, default=default.hypotheses, metavar="N", help="refined guesses to average (default %(default)s)")
    add("--steps", type=int, default=default.steps, metavar="N", help="steps of the refiner, 0 to leave it out (default %(default)s)")
    add("--seed", type=int, default=default.seed, metavar="N", help="same seed, same result (default %(default)s)")
    add("--smooth", type=float, default=default.smooth, metavar="0..1", help="smoothing over time (default %(default)s)")
    add("--feet", choices=CHOICES["feet"], default=default.feet,
        help="hold standing feet still: auto lets feet go that really slide (default %(default)s)")  # fmt: skip
    add("--camera", default="", metavar="FILE",
        help="where the camera stood at each frame and its lens, as Blender's scene has it (see contract/camera_path.py), "
        "in place of --fov")  # fmt: skip
    add("--root", choices=CHOICES["root"], default=default.root,
        help="move through the world, or stay in place (default %(default)s)")  # fmt: skip


def parse_moment(text: str, option: str) -> tuple[float, str] | None:
    """("2.5") -> (2.5, "s"), ("75f") -> (75.0, "f"), "" -> None; Failure `bad_arguments` for anything else."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?)(s|f)?", text.strip())
    if match is None or (match[2] == "f" and "." in match[1]):
        raise Failure("bad_arguments", f"{option} is {text!r}; give seconds as in 2.5 or frames as in 75f.")
    return float(match[1]), match[2] or "s"


def _within(option: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise Failure("bad_arguments", f"{option} is {value:g}; it goes from {low:g} to {high:g}{' ' + unit if unit else ''}.")
