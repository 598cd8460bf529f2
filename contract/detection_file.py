"""The detection file, schema `kinolift.detection/1`: what the detector said of a video, one .npz, written and read without pickle.

All that comes behind the detection (smoothing, feet, height, lens, refiner, other weights) runs from it in about a second, without the
video.

Arrays, of T frames of the video, all of one range, and D sightings of a person in them:

    schema      str              `kinolift.detection/1`
    times       (T,) float64     seconds from the video's first frame, rising
    skipped     (T,) bool        frames that were not looked at, because a fast video has more than are needed
    frame       (D,) int32       the frame of each sighting, by its place in `times`, rising
    low, high   (33,6,D) uint8, uint16   the landmarks as steps of GRID from one sighting to the next, see `packed`: in the order of
                                 engine.detection.landmarks, of each x and y in pixels of the upright picture, visibility 0..1, and world x
                                 (right), y (down), z (away) in metres from the middle of the hips
    seen_frame, seen_key  (K,) int32   only where the background was looked at: numbers in the video of frames, rising, and of the keyframes
                                 that they are compared with
    seen_steps  (60,4,K) int32   of each corner x, y there and x, y here as steps of 1/64 pixel from one frame to the next, by 32-bit
                                 arithmetic; the least number: not found
    line_frame  (M,) int32, lines (M,4) int32   likewise: straight lines of some frames: its number in the video; x, y of one end and of the
                                 other in 1/64 pixel
    other_frame, other_slot  (O,) int32  only where other people were followed: the frame of each sighting of them, by its place in `times`,
                                 and who followed (1, 2, ...: not yet who it is), by slot, then by frame
    other_low, other_high        as low and high, of those sightings
    dressed, wearer  (W,) int32, colours (W,40) uint8   what was seen of clothes: the frame, the slot (0: the person of `frame`), and shares
                                 of colours, see engine.detection.clothes
    cuts        (C,) float64     only where there are cuts: the times at which another shot begins, rising
    facts       str              JSON: what else the stages behind the detection need, and where all this comes from, see Facts

350 KB for a minute of 30 frames a second. The landmarks of a capture are on the same grid, kept or not, so that the motion from the file is
that of the capture to the last bit.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .npz import Npz, open_npz, write_npz
from .options import MOST_PEOPLE
from .outputs import written_beside
from .reading import parse_json, reading

SCHEMA: Final = "kinolift.detection/1"
LANDMARKS: Final = 33
COLUMNS: Final = 6  # of a landmark: x, y, visibility, world x, y, z
# Parts of a pixel, of full visibility and of a metre that are kept: powers of two, so that the values on the grid are floats. Far below
# what the detector trembles by (a pixel, some millimetres).
GRID: Final = np.array([64.0, 64.0, 1024.0, 4096.0, 4096.0, 4096.0])
FARTHEST: Final = 2**22  # steps of the grid: 65 thousand pixels, a kilometre
MOST_FRAMES: Final = 10**7
MOST_WARNINGS: Final = 1000
COLOURS: Final = 40  # of clothes
CORNERS: Final = 60  # followed in the background
CORNER_GRID: Final = 64.0  # parts of a pixel that are kept of them
CORNER_FARTHEST: Final = 2.0**17  # pixels
NOT_FOUND: Final = -(2**31)
_BOUNDS: Final = {"width": (1, 2**16), "height": (1, 2**16), "fps": (0.01, 1e4), "file_fps": (0, 1e4), "duration": (0, MOST_FRAMES)}

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """What a detection file says beside the detections.

    `name`, `sha256`, `bytes`: of the video. `width`, `height`, `fps`, `frame_count`, `duration`, `rotation`, `variable_rate`,
    `fov_degrees`, `file_fps`, `mirrored`: as in engine.footage.video.VideoInfo. `first`: number in the video of the first frame. `span`:
    times of the first and the last frame asked for where the detections go beyond them, else None. `start`, `end`, `detector`: the options
    that shape the detection. `weights`: SHA-256 of the detector's model. `versions`: of the packages. `cores`: on how many it
    was detected, which decides in how many stretches. `warnings`: (code, message) of the reading. `people`: how many
    were looked for at most.
    """

    name: str
    sha256: str
    bytes: int
    width: int
    height: int
    fps: float
    frame_count: int
    duration: float
    rotation: int
    variable_rate: bool
    fov_degrees: float | None
    file_fps: float
    mirrored: bool
    first: int
    span: tuple[float, float] | None
    start: str
    end: str
    detector: str
    weights: str
    versions: dict[str, str]
    cores: int
    warnings: tuple[tuple[str, str], ...] = ()
    people: int = 1


@dataclass(frozen=True)
class DetectionFile:
    """The arrays of the file (see the module's docstring); `rows` (D,33,6) are the landmarks themselves."""

    times: npt.NDArray[np.float64]
    skipped: npt.NDArray[np.bool_]
    frame: npt.NDArray[np.int32]
    rows: Rows
    facts: Facts
    seen: SeenBackground | None = None
    cuts: npt.NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(0))
    others: OtherPeople | None = None


@dataclass(frozen=True)
class OtherPeople:
    """`frame`, `slot` (O,) int32 and `rows` (O,33,6); `dressed`, `wearer` (W,) int32 and `colours` (W,COLOURS) uint8."""

    frame: npt.NDArray[np.int32]
    slot: npt.NDArray[np.int32]
    rows: Rows
    dressed: npt.NDArray[np.int32]
    wearer: npt.NDArray[np.int32]
    colours: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SeenBackground:
    """`frame`, `key` (K,) int32 numbers of frames in the video; `corners` (K,60,4) float32 pixels on the grid of 1/64; NaN: not found.
    `line_frame` (M,) int32 numbers of frames, `lines` (M,4) float32 pixels on the grid."""

    frame: npt.NDArray[np.int32]
    key: npt.NDArray[np.int32]
    corners: Rows
    line_frame: npt.NDArray[np.int32] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    lines: Rows = dataclasses.field(default_factory=lambda: np.zeros((0, 4), np.float32))


def corners_rounded(corners: npt.NDArray[np.floating]) -> Rows:
    """Corners (...,4) in pixels on the grid of what a detection file can hold; NaN stays."""
    return (np.rint(np.clip(corners, -CORNER_FARTHEST, CORNER_FARTHEST) * CORNER_GRID) / CORNER_GRID).astype(np.float32)


def corners_packed(corners: Rows) -> npt.NDArray[np.int32]:
    """(60,4,K) of corners (K,60,4) on the grid: steps from frame to frame."""
    steps = np.where(np.isnan(corners), NOT_FOUND, np.rint(np.nan_to_num(corners).astype(np.float64) * CORNER_GRID)).astype(np.int32)
    steps[1:] -= steps[:-1].copy()  # of 32 bits, round the corner where need be
    return np.ascontiguousarray(steps.transpose(1, 2, 0))


def corners_unpacked(steps: npt.NDArray[np.int32]) -> Rows:
    """The corners (K,60,4) again. ValueError for steps that lead beyond all pictures."""
    places = np.cumsum(steps, axis=-1, dtype=np.int32).transpose(2, 0, 1)
    found = places != NOT_FOUND
    if np.abs(places[found].astype(np.int64)).max(initial=0) > CORNER_FARTHEST * CORNER_GRID:
        raise ValueError("its corners lie outside of any picture")
    return np.where(found, places / CORNER_GRID, np.nan).astype(np.float32)


def rounded(rows: npt.NDArray[np.floating]) -> Rows:
    """Landmarks (...,33,6) on the grid of what a detection file can hold."""
    return (np.clip(np.rint(rows * GRID), -FARTHEST, FARTHEST) / GRID).astype(np.float32)


def packed(rows: Rows) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """`low` and `high` of rows (D,33,6) on the grid: the steps from each sighting to the next (of the first from zero), folded so that
    those down are odd and those up even, the lowest eight bits and the rest apart; a fifth less than steps of 16 bits, compressed."""
    low, high = np.empty((LANDMARKS, COLUMNS, len(rows)), np.uint8), np.empty((LANDMARKS, COLUMNS, len(rows)), np.uint16)
    for mark in range(LANDMARKS):  # one at a time: of an hour all of them are some hundred megabytes
        steps = np.diff(np.rint(rows[:, mark].T.astype(np.float64) * GRID[:, None]).astype(np.int64), axis=-1, prepend=0)
        folded = (steps << 1) ^ (steps >> 63)
        low[mark], high[mark] = folded & 255, folded >> 8
    return low, high


def unpacked(low: npt.NDArray[np.uint8], high: npt.NDArray[np.uint16]) -> Rows:
    """The rows (D,33,6) again. ValueError for steps that lead beyond all pictures."""
    rows = np.empty((low.shape[-1], LANDMARKS, COLUMNS), np.float32)
    for mark in range(LANDMARKS):
        folded = low[mark].astype(np.int64) | (high[mark].astype(np.int64) << 8)
        places = np.cumsum((folded >> 1) ^ -(folded & 1), axis=-1)
        if np.abs(places).max(initial=0) > FARTHEST:
            raise ValueError("its landmarks lie outside of any picture")
        rows[:, mark] = (places / GRID[:, None]).T
    return rows


def save_detection(detection: DetectionFile, path: str | os.PathLike[str]) -> None:
    """Writes the file, whole or not at all. Raises Failure `not_writable` or `disk_full`."""
    low, high = packed(detection.rows)
    facts = json.dumps(dataclasses.asdict(detection.facts), allow_nan=False, sort_keys=True)
    arrays = {
        "schema": np.array(SCHEMA), "times": detection.times, "skipped": detection.skipped, "frame": detection.frame.astype(np.int32),
        "low": low, "high": high, "facts": np.array(facts),
    }  # fmt: skip
    if (seen := detection.seen) is not None:
        arrays |= {"seen_frame": seen.frame, "seen_key": seen.key, "seen_steps": corners_packed(seen.corners)}
        arrays |= {"line_frame": seen.line_frame, "lines": np.rint(seen.lines.astype(np.float64) * CORNER_GRID).astype(np.int32)}
    if (others := detection.others) is not None:
        low, high = packed(others.rows)
        arrays |= {"other_frame": others.frame, "other_slot": others.slot, "other_low": low, "other_high": high}
        arrays |= {"dressed": others.dressed, "wearer": others.wearer, "colours": others.colours}
    if len(detection.cuts):
        arrays["cuts"] = detection.cuts
    with written_beside(Path(path)) as beside, beside.open("wb") as file:
        write_npz(file, arrays, lambda _: None)


def load_detection(path: str | os.PathLike[str]) -> DetectionFile:
    """Reads and checks a detection file. Raises Failure `no_such_file`, `bad_input` or `out_of_memory`."""
    with reading(path, "detection file", "capture the video again"), open_npz(path) as file:
        schema = file.text("schema") if "schema" in file.names else ""
        if schema != SCHEMA:
            raise ValueError(f"its schema is {schema!r}, and this version reads {SCHEMA!r}")
        if missing := [name for name in ("times", "skipped", "frame", "low", "high", "facts") if name not in file.names]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        facts = _facts(parse_json(file.text("facts")))
        _check_layout(file)  # before any memory is taken for them
        times, skipped, frame = (file.array(name) for name in ("times", "skipped", "frame"))
        _check_times(times, skipped, frame)
        seen = _seen(file, facts.first, len(times)) if "seen_frame" in file.names else None
        rows, cuts = unpacked(file.array("low"), file.array("high")), _cuts(file, times)
        others = _others(file, skipped) if "other_frame" in file.names else None
        return DetectionFile(times, skipped, frame, rows, facts, seen, cuts, others)


def _cuts(file: Npz, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if "cuts" not in file.names:
        return np.zeros(0)
    header = file.header("cuts")
    if len(header.shape) != 1 or header.dtype != np.dtype("<f8") or header.shape[0] > len(times):
        raise ValueError(f"its cuts are {header.dtype} {header.shape}")
    cuts = file.array("cuts")
    if not np.isin(cuts, times).all() or (np.diff(cuts) <= 0).any():
        raise ValueError("its cuts are in no order")
    return cuts


def _seen(file: Npz, first: int, frames: int) -> SeenBackground:
    """ValueError for what the search for the camera would stumble over."""
    if missing := [name for name in ("seen_key", "seen_steps", "line_frame", "lines") if name not in file.names]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    count = file.header("seen_frame").shape
    marked = file.header("line_frame").shape[:1]
    for name, shape in (
        ("seen_frame", count), ("seen_key", count), ("seen_steps", (CORNERS, 4, *count)), ("line_frame", marked), ("lines", (*marked, 4)),
    ):  # fmt: skip
        header = file.header(name)
        if len(count) != 1 or header.shape != shape or header.dtype != np.dtype("<i4"):
            raise ValueError(f"its {name} is {header.dtype} {header.shape}")
    frame, key = file.array("seen_frame"), file.array("seen_key")
    if len(frame) and (frame[0] < first or frame[-1] >= first + frames or (np.diff(frame) <= 0).any() or (key > frame).any()):
        raise ValueError("its background is in no order")
    lines = file.array("lines") / CORNER_GRID
    if np.abs(lines).max(initial=0) > CORNER_FARTHEST:
        raise ValueError("its lines lie outside of any picture")
    return SeenBackground(frame, key, corners_unpacked(file.array("seen_steps")), file.array("line_frame"), lines.astype(np.float32))


def _others(file: Npz, skipped: npt.NDArray[np.bool_]) -> OtherPeople:
    """ValueError for what the linking of people would stumble over; `skipped` (T,)."""
    names = ("other_slot", "other_low", "other_high", "dressed", "wearer", "colours")
    if missing := [name for name in names if name not in file.names]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    seen, worn = file.header("other_frame").shape, file.header("dressed").shape
    if len(seen) != 1 or len(worn) != 1:
        raise ValueError("its people are no list")
    marks = (LANDMARKS, COLUMNS, *seen)
    for name, kind, shape in (
        ("other_frame", "<i4", seen), ("other_slot", "<i4", seen), ("other_low", "|u1", marks), ("other_high", "<u2", marks),
        ("dressed", "<i4", worn), ("wearer", "<i4", worn), ("colours", "|u1", (*worn, COLOURS)),
    ):  # fmt: skip
        header = file.header(name)
        if header.shape != shape or header.dtype != np.dtype(kind):
            raise ValueError(f"its {name} is {header.dtype} {header.shape}")
    frame, slot, dressed, wearer = (file.array(name) for name in ("other_frame", "other_slot", "dressed", "wearer"))
    if not seen[0] or slot.min() < 1 or max(slot.max(), wearer.max(initial=0)) >= MOST_PEOPLE or wearer.min(initial=0) < 0:
        raise ValueError("its people are numbered wrongly")
    for places in (frame, dressed):
        if len(places) and (places.min() < 0 or places.max() >= len(skipped)):
            raise ValueError("its people are in frames that there are not")
    if (np.diff(slot.astype(np.int64) * len(skipped) + frame) <= 0).any() or skipped[frame].any():
        raise ValueError("its people are in no order")
    return OtherPeople(frame, slot, unpacked(file.array("other_low"), file.array("other_high")), dressed, wearer, file.array("colours"))


def _check_layout(file: Npz) -> None:
    headers = {name: file.header(name) for name in ("times", "skipped", "frame", "low", "high")}
    frames, sightings = headers["times"].shape, headers["frame"].shape
    if len(frames) != 1 or len(sightings) != 1:
        raise ValueError("its frames are no list")
    marks = (LANDMARKS, COLUMNS, *sightings)
    due = {
        "times": ("<f8", frames), "skipped": ("|b1", frames), "frame": ("<i4", sightings), "low": ("|u1", marks),
        "high": ("<u2", marks),
    }  # fmt: skip
    for name, (kind, shape) in due.items():
        if headers[name].shape != shape or headers[name].dtype != np.dtype(kind):
            raise ValueError(f"its {name} is {headers[name].dtype} {headers[name].shape} where {np.dtype(kind)} {shape} is due")
    if not 0 < frames[0] <= MOST_FRAMES:
        raise ValueError(f"it has {frames[0]} frames")


def _check_times(times: npt.NDArray[np.float64], skipped: npt.NDArray[np.bool_], frame: npt.NDArray[np.int32]) -> None:
    if not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) <= 0).any() or times[-1] > MOST_FRAMES:
        raise ValueError("its times do not rise")
    if len(frame) and (frame[0] < 0 or frame[-1] >= len(times) or (np.diff(frame) <= 0).any()):
        raise ValueError("its sightings are in no order")
    if skipped[frame].any():
        raise ValueError("it has somebody in frames that were not looked at")


def _facts(told: Any) -> Facts:
    """ValueError for what the stages behind the detection would stumble over."""
    if isinstance(told, dict):
        told = {"people": 1} | told  # files of before anybody else was looked for
    if not isinstance(told, dict) or set(told) != {field.name for field in dataclasses.fields(Facts)}:
        raise ValueError("its facts are not those that are due")
    for name in ("name", "sha256", "start", "end", "detector", "weights"):
        if not isinstance(told[name], str):
            raise ValueError(f"its {name} is no text")
    for name in ("bytes", "frame_count", "rotation", "first", "cores", "people"):
        if not isinstance(told[name], int) or isinstance(told[name], bool) or not 0 <= told[name] < 2**63:
            raise ValueError(f"its {name} is {told[name]!r}")
    for name, (low, high) in _BOUNDS.items():
        _number(told[name], name, low, high)
    if told["fov_degrees"] is not None:
        _number(told["fov_degrees"], "fov_degrees", 0.1, 179.9)
    if not isinstance(told["variable_rate"], bool) or not isinstance(told["mirrored"], bool):
        raise ValueError("its facts hold flags that are neither true nor false")
    span, warnings, versions = told["span"], told["warnings"], told["versions"]
    if span is not None:
        if not isinstance(span, list) or len(span) != 2:
            raise ValueError("its span has no two ends")
        told["span"] = tuple(_number(end, "span", 0, MOST_FRAMES) for end in span)
        if told["span"][0] > told["span"][1]:
            raise ValueError("its span ends before it begins")
    if not isinstance(versions, dict) or not all(isinstance(word, str) for word in versions.values()):
        raise ValueError("its versions are no texts")
    if not isinstance(warnings, list) or len(warnings) > MOST_WARNINGS:
        raise ValueError("its warnings are no list")
    if not all(isinstance(one, list) and len(one) == 2 and all(isinstance(word, str) for word in one) for one in warnings):
        raise ValueError("its warnings are no texts")
    told["warnings"] = tuple((code, message) for code, message in warnings)
    return Facts(**told)


def _number(value: Any, name: str, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"its {name} is {value!r}")
    return float(value)
