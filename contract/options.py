"""The options of `capture`, once for the worker, the command and the command inside Blender: names, defaults, checks."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

from .failure import Failure

DEFAULT_HEIGHT = 1.70  # metres: about the mean of adults; only the scale of the result depends on it
DEFAULT_FOV = 60.0  # degrees along the longer side of the picture: a phone's main camera has 60 to 70
DEFAULT_STEPS = 1  # evaluations of a refiner that is asked for: measured as the best on held-out people; the paper's code has 2
DEFAULT_HYPOTHESES = 1  # of several, the mean is the pose and the disagreement its `spread`; measured: more do not help yet
NO_REFINER: Final = "none"
# On held-out people neither refiner is nearer to the truth than the lifter (engine/weights/model_card.md). "window" sees two seconds at a
# time, "frame" is the paper's, which sees single frames.
DEFAULT_REFINER = NO_REFINER
DEFAULT_SEED = 0
DEFAULT_DETECTOR = "heavy"  # nearer to the truth than "full", and takes three times as long
DEFAULT_SMOOTH = 0.5
HIGHEST_SEED: Final = 2**63 - 1  # what the random generators take
LONGEST_VIDEO: Final = 10**6, 10**9  # seconds and frames: eleven days of a thousand frames a second
ALL, LONGEST = "all", "longest"  # of --shot
DEFAULT_PEOPLE = 4  # followed at most, where there are so many
MAIN_PERSON = "main"  # of --person, as ALL
MOST_PEOPLE: Final = 8
PERSON_BY_PLACE: Final = ("largest", "left", "right")
LONGEST_NUMBER: Final = 40  # characters of a number that are read, or shown where it is wrong

T = TypeVar("T", int, float)


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
    refiner: str = DEFAULT_REFINER
    seed: int = DEFAULT_SEED
    smooth: float = DEFAULT_SMOOTH
    feet: str = "auto"
    root: str = "motion"
    camera: str = ""  # a file of contract.camera_path; "" where the camera is not known
    camera_motion: str = "auto"  # whether the camera turned; auto: as the background says
    level: str = "auto"  # what tells which way is up
    shot: str = LONGEST  # of a video with cuts: its number from 1, the one that shows a person for longest, or all, a take each
    people: int = DEFAULT_PEOPLE  # looked for at most; 1: nobody but the first who is found
    person: str = MAIN_PERSON  # of several: a number from 1, a word, a place in the picture (see `read_person`), or all, a take each

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
        if self.refiner == NO_REFINER and (self.hypotheses > 1 or self.steps > 1):
            which = "--hypotheses" if self.hypotheses > 1 else "--steps"
            raise Failure("bad_arguments", f"{which} is of a refiner, and none is asked for; add --refiner window or --refiner frame.")
        _within("--seed", self.seed, 0, HIGHEST_SEED, "")
        if self.shot not in (ALL, LONGEST) and not (re.fullmatch(r"[1-9]\d{0,5}", self.shot, re.ASCII)):
            raise Failure("bad_arguments", f"--shot is {_short(self.shot)!r}; it takes the number of a shot from 1, {LONGEST} or {ALL}.")
        _within("--people", self.people, 1, MOST_PEOPLE, "")
        read_person(self.person)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise Failure("bad_arguments", f"{_word(name)} is {getattr(self, name)!r}; it takes {' or '.join(choices)}.")
        return self

    @property
    def several(self) -> bool:
        """Whether a video may give several takes, named by their labels."""
        return ALL in (self.shot, self.person)

    def arguments(self) -> list[str]:
        """The command-line words that say the same."""
        words: list[str] = []
        for name, value in asdict(self).items():
            if value != "":
                words += [_word(name), str(value)]
        return words

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> CaptureOptions:
        """From what a parser with `add_arguments` read; checked."""
        return cls(**{f.name: getattr(arguments, f.name) for f in fields(cls)}).check()


CHOICES = {
    "detector": ("heavy", "full"), "device": ("auto", "cpu", "cuda"), "feet": ("auto", "always", "never"), "root": ("motion", "in-place"),
    "refiner": (NO_REFINER, "window", "frame"), "camera_motion": ("auto", "still", "turning"), "level": ("auto", "camera", "body"),
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
    add("--device", choices=CHOICES["device"], default=default.device,
        help="where the networks behind the detector run (default %(default)s)")  # fmt: skip
    add("--hypotheses", type=whole(), default=default.hypotheses, metavar="N",
        help="of a refiner: refined guesses to average (default %(default)s)")  # fmt: skip
    add("--steps", type=whole(), default=default.steps, metavar="N", help="of a refiner: its steps; 0 leaves it out (default %(default)s)")
    add("--refiner", choices=CHOICES["refiner"], default=default.refiner,
        help="what refines the lifted poses: the network over windows of two seconds that knows gravity, or the paper's, which sees single "
        "frames; neither is nearer to the truth on the whole (default %(default)s)")  # fmt: skip
    add("--seed", type=whole(), default=default.seed, metavar="N", help="same seed, same result (default %(default)s)")
    add("--smooth", type=float, default=default.smooth, metavar="0..1", help="smoothing over time (default %(default)s)")
    add("--feet", choices=CHOICES["feet"], default=default.feet,
        help="hold standing feet still: auto lets feet go that really slide (default %(default)s)")  # fmt: skip
    add("--camera", default="", metavar="FILE",
        help="where the camera stood at each frame and its lens, as Blender's scene has it (see contract/camera_path.py), "
        "in place of --fov")  # fmt: skip
    add("--camera-motion", choices=CHOICES["camera_motion"], default=default.camera_motion,
        help="whether the camera turned (on a tripod's head, in the hand): auto measures it on the background and leaves a still camera "
        "alone; turning believes what is measured however little it is; still measures nothing (default %(default)s)")  # fmt: skip
    add("--level", choices=CHOICES["level"], default=default.level,
        help="which way is up: auto weighs the scene's lines, the feet, balance and the body; camera: the scene's lines, or a camera held "
        "level; body: the body and its feet alone (default %(default)s)")  # fmt: skip
    add("--shot", default=default.shot, metavar="N|longest|all",
        help="which shot of a video with cuts: its number, the one that shows a person for longest, or all: a take each, named "
        "OUT.shot2 and so on (default %(default)s)")  # fmt: skip
    add("--people", type=whole(), default=default.people, metavar="N",
        help=f"follow so many people at most, 1 to {MOST_PEOPLE}; with 1 nobody else is looked for (default %(default)s)")  # fmt: skip
    add("--person", default=default.person, metavar="N|WHO|X,Y|all",
        help="whose motion: the number of a person as the capture lists them, main (seen longest, large, in the middle, moving), largest, "
        "left, right, who is at X,Y of the picture (0..1 from its upper left corner, in the first frame, or at a time: 0.3,0.5@2.5), or "
        "all: a take each, named OUT.person2 and so on (default %(default)s)")  # fmt: skip
    add("--root", choices=CHOICES["root"], default=default.root,
        help="move through the world, or stay in place (default %(default)s)")  # fmt: skip


@dataclass(frozen=True)
class Place:
    """`x`, `y`: 0..1 of a picture's width and height from its upper left corner, at `time` seconds of the video, None: at the first."""

    x: float
    y: float
    time: float | None = None


def read_person(text: str) -> int | str | Place:
    """What --person says: a number from 1, one of the words, or a place. Failure `bad_arguments` for anything else."""
    if text in (MAIN_PERSON, ALL, *PERSON_BY_PLACE):
        return text
    if re.fullmatch(r"[1-9]\d?", text, re.ASCII):
        return int(text)
    match = re.fullmatch(r"(0|1|[01]?\.\d{1,20}|1\.0*|0\.),(0|1|[01]?\.\d{1,20}|0\.|1\.0*)(?:@(\d{1,7}(?:\.\d{0,20})?))?", text, re.ASCII)
    if match is not None and max(float(match[1]), float(match[2])) <= 1.0:
        return Place(float(match[1]), float(match[2]), None if match[3] is None else float(match[3]))
    words = ", ".join((MAIN_PERSON, *PERSON_BY_PLACE))
    raise Failure(
        "bad_arguments",
        f"--person is {_short(text)!r}; it takes a person's number from 1, {words}, a place as 0.3,0.5 (of width and height) or {ALL}.",
    )


def _word(name: str) -> str:
    """The option of that field."""
    return f"--{name.replace('_', '-')}"


def parse_moment(text: str, option: str) -> tuple[float, str] | None:
    """("2.5") -> (2.5, "s"), ("75f") -> (75.0, "f"), "" -> None; Failure `bad_arguments` for anything else."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?)(s|f)?", text.strip(), re.ASCII)
    if match is None or (match[2] == "f" and "." in match[1]):
        raise Failure("bad_arguments", f"{option} is {_short(text)!r}; give seconds as in 2.5 or frames as in 75f.")
    value, unit = float(match[1]), match[2] or "s"
    longest = LONGEST_VIDEO[unit == "f"]
    if value > longest:
        most = f"{longest} {'frames' if unit == 'f' else 's'}"
        raise Failure("bad_arguments", f"{option} is {_short(text)}; no video lasts longer than {most}.")
    return value, unit


def whole(low: int | None = None, high: int | None = None) -> Callable[[str], int]:
    """For argparse: the type of a whole number, from `low` to `high` where they are given."""

    def read(text: str) -> int:
        if len(text) > LONGEST_NUMBER:
            raise argparse.ArgumentTypeError(f"{_short(text)} has more digits than any number here")
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{_short(text)!r} is not a whole number") from None
        return _checked(value, low, high)

    return read


def real(low: float | None = None, high: float | None = None) -> Callable[[str], float]:
    """For argparse: the type of a finite number, from `low` to `high` where they are given."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{_short(text)!r} is not a number")
        return _checked(value, low, high)

    return read


def _checked(value: T, low: T | None, high: T | None) -> T:
    if low is not None and value < low:
        raise argparse.ArgumentTypeError(f"{value} is too small; it takes {low} or more")
    if high is not None and value > high:
        raise argparse.ArgumentTypeError(f"{value} is too large; it takes {high} or less")
    return value


def _within(option: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        # a whole number may be beyond all floats, and have more digits than Python wants to write
        text = f"{value:g}" if isinstance(value, float) else str(value) if abs(value) < 10**LONGEST_NUMBER else "a number of many digits"
        raise Failure("bad_arguments", f"{option} is {text}; it goes from {low:.12g} to {high:.12g}{' ' + unit if unit else ''}.")


def _short(text: str) -> str:
    """What was typed, as far as a person wants to see it again."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain if len(plain) <= LONGEST_NUMBER else plain[: LONGEST_NUMBER - 3] + "..."
