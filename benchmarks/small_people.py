"""How small a person may be in the picture, and what that costs.

    python benchmarks/small_people.py VIDEO [--scale 1 0.5 0.4 0.3 0.25 0.2] [--frames 60]

VIDEO has a NAME.truth.npz beside it, as examples/sample.mp4 has. It is put into the middle of pictures of 1920x1080, so much smaller: just
what a wider lens would have seen, but for a hall around that is made up. Each is captured as a user would, with the field of view that such
a lens has. Printed are the person's height in pixels and as a share of the picture's, the frames in which somebody was found, MPJPE and
PA-MPJPE over the limb joints in mm, and processor seconds a frame, the start included.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.accuracy import NAMES, Truth, errors, read_truth  # noqa: E402
from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24  # noqa: E402
from engine.capture import capture  # noqa: E402
from engine.footage.video import open_video  # noqa: E402
from engine.progress import Progress  # noqa: E402

SIZE = (1920, 1080)  # width, height
_LIMBS = [ARMATURE_24.index(name) for name in NAMES]


@dataclass(frozen=True)
class Found:
    """`height`: pixels of the person, the median. `frames` of `asked` in which she was found. `errors`: MPJPE and PA-MPJPE, mm, NaN where
    she was not. `seconds`: of the processor, a frame."""

    height: float
    frames: int
    asked: int
    errors: tuple[float, float]
    seconds: float


def hall() -> npt.NDArray[np.uint8]:
    """(1080,1920,3) a picture without anybody: soft colours and some edges."""
    random = np.random.default_rng(0)
    soft = cv2.resize(random.integers(60, 200, (9, 16, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    for filled in (True, False) * 10:
        corner = random.integers(0, SIZE)
        colour = tuple(int(value) for value in random.integers(0, 255, 3))
        cv2.rectangle(soft, corner.tolist(), (corner + random.integers(40, 300, 2)).tolist(), colour, -1 if filled else 3)
    return np.asarray(soft, np.uint8)


def write_wide(source: Path, out: Path, scale: float, frames: int) -> int:
    """The first `frames` frames of the video, so much smaller in the middle of the hall, as MPEG-4; returns how many they are.
    Raises Failure `bad_arguments` where they do not fit."""
    video = open_video(source)
    size = round(video.info.width * scale), round(video.info.height * scale)
    if min(size) < 2 or size[0] > SIZE[0] or size[1] > SIZE[1]:
        raise Failure("bad_arguments", f"{source.name} does not fit into {SIZE[0]}x{SIZE[1]} by {scale:g}; choose another --scale.")
    around, (x, y) = hall(), ((SIZE[0] - size[0]) // 2, (SIZE[1] - size[1]) // 2)
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), video.info.fps, SIZE)
    count = 0
    try:
        for frame in video.frames(None, (float(frames), "f")):
            around[y : y + size[1], x : x + size[0]] = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)[..., ::-1]
            writer.write(around)
            count += 1
    finally:
        writer.release()
    return count


def wide_lens(focal: float, scale: float) -> float:
    """Degrees along the longer side of a picture of SIZE, of a lens of `focal` pixels of the video's own picture."""
    return math.degrees(2 * math.atan(SIZE[0] / 2 / (focal * scale)))


def measure(source: Path, truth: Truth, focal: float, tall: float, scale: float, frames: int) -> Found:
    """One size. `tall`: pixels of the person in the video's own picture. Raises Failure for a video that cannot be read."""
    with tempfile.TemporaryDirectory(prefix="kinolift-") as folder:
        wide = Path(folder) / "wide.mp4"
        asked = write_wide(source, wide, scale, frames)
        options = CaptureOptions(height=truth.height, fov=wide_lens(focal, scale)).check()
        began = time.process_time()
        try:
            done = capture(wide, options, Progress())
        except Failure as failure:
            if failure.code != "no_person":
                raise
            return Found(tall * scale, 0, asked, (math.nan, math.nan), (time.process_time() - began) / asked)
        seconds = (time.process_time() - began) / asked
    known = Truth(truth.joints[:asked], truth.world[:asked], truth.fps, truth.height)
    off = errors(done.motion.positions_camera[:, _LIMBS].astype(float), done.motion.times, known)
    return Found(tall * scale, int(done.summary["frames_detected"]), asked, off[:2], seconds)


def lens_of(path: Path, joints: npt.NDArray[np.float64]) -> tuple[float, float]:
    """(focal length in pixels, pixels from head to foot of the person, the median) of a truth file and its joints (T,12,3), camera axes.
    Raises Failure `bad_input` for one without a camera."""
    try:
        with np.load(path, allow_pickle=False) as file:
            focal, stature = float(file["camera_matrix"][1, 1]), float(file["height"])
    except (OSError, ValueError, KeyError) as error:
        raise Failure("bad_input", f"{path} does not say which lens the camera had ({error}).") from error
    return focal, focal * stature / float(np.median(joints[..., 2]))


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("video", type=Path)
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0, 0.5, 0.4, 0.3, 0.25, 0.2], metavar="S")
    parser.add_argument("--frames", type=int, default=60, metavar="N")
    read = parser.parse_args()
    table = Table("scale", "height px", "of the picture", "found", "MPJPE mm", "PA-MPJPE mm", "processor s a frame")
    try:
        place = read.video.with_suffix(".truth.npz")
        truth = read_truth(place)
        focal, tall = lens_of(place, truth.joints)
        for scale in read.scale:
            found = measure(read.video, truth, focal, tall, scale, max(read.frames, 2))
            table.add_row(
                f"{scale:g}", f"{found.height:.0f}", f"{found.height / SIZE[1]:.0%}", f"{found.frames} of {found.asked}",
                *("" if math.isnan(value) else f"{value:.1f}" for value in found.errors), f"{found.seconds:.3f}",
            )  # fmt: skip
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
