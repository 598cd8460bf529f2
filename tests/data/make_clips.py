"""Makes the small clips of this folder. Needs ffmpeg 5.1 with libx264; the clips are kept, so nobody else needs it.

    python tests/data/make_clips.py

Every frame says its own number in a bar code, and has red at its lower left and blue at its lower right, so that a test
can read from the picture alone which frame it is, which way up it is and whether its colours are in order.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent
WIDTH, HEIGHT, FRAMES = 64, 48, 40
BITS = 8


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> npt.NDArray[np.uint8]:
    """(height, width, 3) RGB: frame `number`, bars over the upper half with the highest bit at the left."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        image[: height // 2, left:right] = 235 if number >> (BITS - 1 - bit) & 1 else 20
    image[height // 2 :, : width // 4] = (220, 30, 30)
    image[height // 2 :, -(width // 4) :] = (30, 30, 220)
    return image


def read_number(image: npt.NDArray[np.uint8]) -> int:
    """The number that the bars of an upright RGB picture say; AssertionError where it is not upright."""
    height, width = image.shape[:2]
    red, blue = image[height * 3 // 4, width // 8].astype(int), image[height * 3 // 4, -(width // 8)].astype(int)
    assert red[0] > red[2] + 80 and blue[2] > blue[0] + 80, (red, blue)
    middles = [(2 * bit + 1) * width // (2 * BITS) for bit in range(BITS)]
    bars = image[height // 8 : height * 3 // 8, middles].mean(axis=(0, 2)) > 128
    return int("".join(str(int(bar)) for bar in bars), 2)


def encode(
    name: str, *options: str, rate: str = "30", frames: int = FRAMES, turn: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Path:
    """Pipes the numbered pictures, turned by `turn` quarter turns against the clock, through ffmpeg into a file."""
    pictures = [np.ascontiguousarray(np.rot90(picture(k, *size), turn)) for k in range(frames)]
    height, width = pictures[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"]
    if not any(option in ("-pix_fmt", "-c:v") for option in options):
        options = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-x264-params", "scenecut=0", *options)
    return ffmpeg(name, *source, *options, data=b"".join(p.tobytes() for p in pictures))


def ffmpeg(name: str, *options: str, data: bytes = b"") -> Path:
    path = FOLDER / name
    subprocess.run(["ffmpeg", "-v", "error", "-y", *options, "-bitexact", str(path)], input=data, check=True)
    return path


def cut(source: Path, name: str, part: float) -> None:
    data = source.read_bytes()
    (FOLDER / name).write_bytes(data[: int(len(data) * part)])


def main() -> None:
    ntsc = encode("ntsc.mp4", "-g", "8", "-movflags", "+faststart", rate="30000/1001")
    encode("ntsc.mkv", rate="30000/1001")
    # frame k at (2k + k^2 mod 3) / 60 seconds: steps of 1/60, 2/60 and 3/60 in turn
    encode("variable.mp4", "-vf", "setpts='(2*N+mod(N*N,3))/60/TB'", "-vsync", "passthrough", "-enc_time_base", "1:60", rate="60")
    # the rotation note that undoes `turn`; ffmpeg 5.1 counts the degrees of its `rotate` tag against the clock
    for degrees, turn in ((90, 1), (180, 2), (270, 3)):
        plain = encode("plain.mp4", turn=turn, frames=10)
        ffmpeg(f"rotated_{degrees}.mp4", "-i", str(plain), "-c", "copy", "-metadata:s:v", f"rotate={(360 - degrees) % 360}")
        plain.unlink()
    encode("odd_size.avi", "-c:v", "png", frames=6, size=(67, 45))
    encode("wide_pixels.mp4", "-vf", "setsar=4/3", frames=6)
    encode("one_frame.mp4", frames=1)
    encode("no_times.avi", frames=12)  # AVI has no times, and B-frames come out of order
    encode("bare.h264", frames=12)  # nor has a stream without a container
    encode("focal_length.mov", "-movflags", "use_metadata_tags", "-metadata",
           "com.apple.quicktime.camera.focal_length.35mm_equivalent=26", frames=3)  # fmt: skip
    plain = encode("plain.mp4", frames=10)
    sound = ["-f", "lavfi", "-i", "sine=duration=3", "-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "aac", "-b:a", "8k"]
    ffmpeg("long_sound.mkv", "-i", str(plain), *sound)
    plain.unlink()
    ffmpeg("sound_only.mp4", "-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac")
    cut(ntsc, "cut_off.mp4", 0.85)
    late = encode("late.mp4", frames=20)
    cut(late, "no_index.mp4", 0.6)
    late.unlink()


if __name__ == "__main__":
    main()
