"""Some 150 odd videos, made on the fly, run as a batch: `python benchmarks/corpus.py` prints what came of each kind.

A video passes where it gives a take, or one printable sentence with a documented code, within its time. It does not where the worker
crashes or hangs, where the sentence is none, or where a take of a video without a person says that it is sure of every frame.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.failure import ExitCode
from contract.options import whole

ROOT: Final = Path(__file__).resolve().parents[1]
SIZE: Final = (320, 240)
FRAMES: Final = 10
Image = npt.NDArray[np.uint8]
Make = Callable[[Path], None]


def pictures(frames: int = FRAMES) -> list[Image]:
    """Of the sample, small; BGR."""
    capture = cv2.VideoCapture(str(ROOT / "examples" / "sample.mp4"))
    try:
        return [cv2.resize(capture.read()[1], SIZE, interpolation=cv2.INTER_AREA) for _ in range(frames)]  # type: ignore[misc]
    finally:
        capture.release()


def write(path: Path, images: Iterable[Image], fps: float = 30.0, codec: str = "mp4v") -> None:
    """A video of these pictures; none where OpenCV cannot write that codec here."""
    images = list(images)
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (width, height))
    for image in images:
        writer.write(image)
    writer.release()


class Corpus:
    """The videos: (kind, name, how it is made). Everything random comes from the seed."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._images = pictures()
        self.videos: list[tuple[str, str, Make]] = []
        for add in (self._damaged, self._named_wrong, self._lengths, self._sizes, self._rates, self._codecs, self._turned, self._names,
                    self._places, self._nobody, self._somebody, self._recorded):  # fmt: skip
            add()

    def _add(self, kind: str, name: str, make: Make) -> None:
        self.videos.append((kind, name, make))

    def _base(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "a.mp4", self._images)
            return (Path(folder) / "a.mp4").read_bytes()

    def _damaged(self) -> None:
        base = self._base()
        for percent in range(5, 100, 5):
            self._add("cut off", f"cut_{percent:02}.mp4", _bytes(base[: len(base) * percent // 100]))
        for flips in (1, 8, 64, 512):
            for number in range(6):
                data = np.frombuffer(base, np.uint8).copy()
                data[self._rng.integers(0, len(data), flips)] ^= np.uint8(1) << self._rng.integers(0, 8, flips).astype(np.uint8)
                self._add("bits flipped", f"flip_{flips}_{number}.mp4", _bytes(data.tobytes()))
        for number in range(4):
            data = np.frombuffer(base, np.uint8).copy()
            at = int(self._rng.integers(0, len(data) - 2000))
            data[at : at + 2000] = 0
            self._add("holes", f"hole_{number}.mp4", _bytes(data.tobytes()))
        self._add("holes", "twice.mp4", _bytes(base + base))
        self._add("holes", "noise_behind.mp4", _bytes(base + self._rng.bytes(5000)))

    def _named_wrong(self) -> None:
        base = self._base()
        for kind in (".avi", ".mov", ".mkv", ".webm", ".mpg", ".txt", ".jpg", ""):
            self._add("wrong extension", f"really_mp4{kind}", _bytes(base))
        for name, data in (
            ("text", b"#EXTM3U\nother.mp4\n"), ("zip", b"PK\3\4" + bytes(500)), ("empty", b""), ("zeros", bytes(5000)),
            ("noise", self._rng.bytes(5000)), ("header", base[:32]), ("concat", b"ffconcat version 1.0\nfile a.mp4\n"),
        ):  # fmt: skip
            self._add("no video", f"{name}.mp4", _bytes(data))

    def _lengths(self) -> None:
        for frames in (1, 2, 3, 5):
            self._add("few frames", f"frames_{frames}.mp4", self._made(self._images[:frames]))

    def _sizes(self) -> None:
        for width, height in ((1, 1), (2, 2), (16, 16), (33, 17), (640, 32), (32, 640), (3840, 2160), (7680, 4320)):
            count = 2 if width > 1000 else 5
            images = [cv2.resize(image, (width, height)) for image in self._images[:count]]
            self._add("sizes", f"size_{width}x{height}.avi", self._made(images, codec="MJPG"))

    def _rates(self) -> None:
        for fps in (0.5, 1.0, 5.0, 12.0, 23.976, 25.0254, 29.8713, 50.0, 60.0, 120.0, 240.0, 1000.0):
            self._add("rates", f"fps_{fps:g}.mp4", self._made(self._images, fps))

    def _codecs(self) -> None:
        for codec, kind in (("MJPG", ".avi"), ("MJPG", ".mov"), ("MJPG", ".mkv"), ("FFV1", ".avi"), ("FFV1", ".mkv"), ("HFYU", ".avi"),
                            ("png ", ".mov"), ("VP80", ".webm"), ("VP90", ".webm"), ("XVID", ".avi"), ("FLV1", ".flv"), ("WMV2", ".wmv"),
                            ("mpg1", ".mpg"), ("mp2v", ".mpg"), ("DIV3", ".avi")):  # fmt: skip
            self._add("codecs", f"codec_{codec.strip()}{kind}", self._made(self._images, codec=codec))

    def _turned(self) -> None:
        """By the display matrix of the track, 16.16 and 2.30 fixed point."""
        base, one = self._base(), 1 << 16
        at = base.index(b"tkhd") + 4 + 40  # version 0: the matrix stands behind 40 bytes
        turns = {
            "90": (0, one, -one, 0), "180": (-one, 0, 0, -one), "270": (0, -one, one, 0), "mirror": (-one, 0, 0, one),
            "flip": (one, 0, 0, -one), "skew": (one, one // 2, 0, one), "zero": (0, 0, 0, 0), "huge": (2**31 - 1, 0, 0, 2**31 - 1),
        }  # fmt: skip
        for name, (a, b, c, d) in turns.items():
            matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
            self._add("turned", f"turn_{name}.mp4", _bytes(base[:at] + matrix + base[at + 36 :]))

    def _names(self) -> None:
        base = _bytes(self._base())
        names = ["long" + "g" * 190 + ".mp4", "日本語.mp4", "Größe é.mp4", "🕺.mp4", "line\nend.mp4", "-o.mp4", "a 'quoted\" name.mp4",
                 " spaces .mp4", "percent %d %s.mp4", "CON.mp4", "semi;colon&.mp4", "tab\there.mp4", "<b>.mp4", "..mp4"]  # fmt: skip
        for name in names:
            self._add("names", name, base)
        self._add("names", os.fsdecode(b"not_utf8_\xff.mp4"), base)

    def _places(self) -> None:
        base = self._base()

        def linked(path: Path) -> None:
            path.with_suffix(".real").write_bytes(base)
            path.symlink_to(path.with_suffix(".real"))

        def read_only(path: Path) -> None:
            path.write_bytes(base)
            path.chmod(0o400)

        self._add("places", "link.mp4", linked)
        self._add("places", "broken_link.mp4", lambda path: path.symlink_to("nowhere"))
        self._add("places", "loop.mp4", lambda path: path.symlink_to(path.name))
        self._add("places", "read_only.mp4", read_only)
        if hasattr(os, "mkfifo"):
            self._add("places", "pipe.mp4", lambda path: os.mkfifo(path))
        self._add("places", "nothing.mp4", lambda path: None)

    def _nobody(self) -> None:
        rng, plain = self._rng, np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        ramp = np.broadcast_to(np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None, :, None], plain.shape)
        board = np.kron(np.indices((12, 16)).sum(0) % 2, np.ones((20, 20)))[..., None].repeat(3, 2).astype(np.uint8) * 255
        for name, images in (
            ("black", [plain] * FRAMES), ("white", [plain + 255] * FRAMES), ("ramp", [ramp.copy()] * FRAMES), ("board", [board] * FRAMES),
            ("noise", [rng.integers(0, 256, plain.shape).astype(np.uint8) for _ in range(FRAMES)]),
            ("corner", [cv2.resize(image[:60, :60], SIZE) for image in self._images]),
        ):  # fmt: skip
            self._add("nobody", f"nobody_{name}.mp4", self._made(images))

    def _somebody(self) -> None:
        images = self._images
        middle = np.array(SIZE) / 2

        def turned(image: Image, degrees: float) -> Image:
            return np.asarray(cv2.warpAffine(image, cv2.getRotationMatrix2D(middle.tolist(), degrees, 1.0), SIZE), np.uint8)

        quarter = [cv2.resize(image, (SIZE[0] // 3, SIZE[1] // 3)) for image in images]

        def crossing(k: int) -> Image:
            """Five of her who cross all the time, the lower the nearer."""
            out = np.full_like(images[0], 128)
            for i in range(5):
                left = round((SIZE[0] - quarter[k].shape[1]) * (0.5 + 0.5 * np.sin(0.7 * k + 1.3 * i)))
                out[38 * i : 38 * i + quarter[k].shape[0], left : left + quarter[k].shape[1]] = quarter[k][:, :: -1 if i % 2 else 1]
            return out

        def poster(image: Image) -> Image:
            out = image.copy()
            out[20 : 20 + quarter[0].shape[0], 10 : 10 + quarter[0].shape[1]] = quarter[0]
            return out

        small = [cv2.copyMakeBorder(cv2.resize(i, (32, 24)), 108, 108, 144, 144, cv2.BORDER_REPLICATE) for i in images]
        for name, made in {
            "crowd": [np.tile(image, (3, 3, 1)) for image in quarter], "statue": [images[0]] * FRAMES, "small": small,
            "upside_down": [image[::-1, ::-1].copy() for image in images], "on_its_side": [np.rot90(image).copy() for image in images],
            "spinning": [turned(image, 36.0 * k) for k, image in enumerate(images)],
            "crossing": [crossing(k) for k in range(len(images))], "poster": [poster(image) for image in images],
            "mirror": [np.hstack([image, image[:, ::-1]]) for image in images],
            "cut_every_frame": [image[:, :: -1 if k % 2 else 1].copy() for k, image in enumerate(images)],
            "black_between": [image if k % 2 else image * 0 for k, image in enumerate(images)],
            "dark": [image // 16 for image in images], "negative": [255 - image for image in images],
            "grey": [image.mean(2, keepdims=True).repeat(3, 2).astype(np.uint8) for image in images],
            "upper_half": [cv2.resize(image[:120], SIZE) for image in images],
            "lower_half": [cv2.resize(image[120:], SIZE) for image in images],
            "slow": [images[k // 5] for k in range(FRAMES)], "backwards": images[::-1],
        }.items():  # fmt: skip
            self._add("somebody", f"{name}.mp4", self._made(made))
        cuts = [image if k < FRAMES // 2 else 255 - image[:, ::-1] for k, image in enumerate(images)]
        self._add("somebody", "cut_every_second.mp4", self._made(cuts + images, FRAMES / 2))

    def _recorded(self) -> None:
        """The clips of the tests: rotation notes, variable rate, sound only, without times; numbers in them and nobody."""
        for path in sorted((ROOT / "tests" / "data").iterdir()):
            if path.suffix not in (".py",) and path.is_file():
                self._add("other encoders", f"data_{path.name}", _bytes(path.read_bytes()))

    @staticmethod
    def _made(images: Sequence[npt.NDArray[Any]], fps: float = 30.0, codec: str = "mp4v") -> Make:
        return lambda path: write(path, [np.asarray(image, np.uint8) for image in images], fps, codec)


def _bytes(data: bytes) -> Make:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


def verdict(kind: str, row: dict[str, Any]) -> str:
    """`take`, the code of a failure that was told, or what is wrong: `crash`, `hang`, `no sentence`, `sure of nobody`."""
    if row["status"] != "failed":
        return "sure of nobody" if kind == "nobody" and row["quality"].get("unsure_percent") == 0.0 else "take"
    if row["code"] == "worker_died":
        return "hang" if "within the time" in row["message"] else "crash"
    if row["code"] == "internal":
        return "crash"
    return str(row["code"]) if row["message"].isprintable() and row["message"].endswith(".") else "no sentence"


WRONG: Final = ("crash", "hang", "no sentence", "sure of nobody")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--jobs", type=whole(1, 64), default=2)
    parser.add_argument("--kind", default="", help="only this kind of videos")
    parser.add_argument("--keep", type=Path, help="a new folder for the videos and what comes of them")
    read = parser.parse_args(arguments)
    folder = read.keep or Path(tempfile.mkdtemp(prefix="kinolift-corpus-"))
    try:
        table = run(folder, Corpus(read.seed).videos, read.kind, read.jobs)
    finally:
        if read.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    kinds = list(dict.fromkeys(kind for kind, _, _ in table))
    for kind in kinds:
        counts = Counter(said for of, _, said in table if of == kind)
        print(f"| {kind} | {sum(counts.values())} | {', '.join(f'{number} {said}' for said, number in counts.most_common())} |")
    wrong = [(name, said) for _, name, said in table if said in WRONG]
    print(f"{len(table)} videos, {len(wrong)} wrong.")
    for name, said in wrong:
        print(f"  {name!r}: {said}")
    return int(ExitCode.INTERNAL if wrong else ExitCode.DONE)


def run(folder: Path, videos: Sequence[tuple[str, str, Make]], kind: str, jobs: int) -> list[tuple[str, str, str]]:
    """(kind, name, verdict) of each, made in `folder` and captured in one batch."""
    import kinolift

    kinolift.load_extension()
    from kinolift_extension.addon.command_line import main as command  # type: ignore[import-not-found, unused-ignore]

    made, out = folder / "videos", folder / "out"
    made.mkdir(parents=True)
    chosen = [(of, name, make) for of, name, make in videos if not kind or of == kind]
    random.Random(0).shuffle(chosen)  # so that one that is ended early has seen something of every kind
    for _, name, make in chosen:
        make(made / name)
    paths = [made / name for _, name, _ in chosen]
    words = ["--", *map(str, paths)]
    command(["batch", "-o", str(out), "--jobs", str(jobs), "--detector", "full", "--time-per-frame", "10", *words])
    rows = {}
    for line in (out / "report.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["source"]] = row
    if len(rows) < len(paths):
        print(f"Ended early: {len(rows)} of {len(paths)} videos were looked at.")
        chosen = [entry for entry in chosen if entry[1] in rows]
        paths = [made / name for _, name, _ in chosen]
    said = [verdict(of, rows[path.name]) if path.name in rows else "crash" for (of, _, _), path in zip(chosen, paths, strict=True)]
    return [(of, name, what) for (of, name, _), what in zip(chosen, said, strict=True)]


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
