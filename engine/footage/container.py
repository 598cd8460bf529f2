"""What OpenCV does not tell of a video file, read from the file's own structure.

Of MP4 and QuickTime: whether the file has its index (`moov`), whether it has pictures, and the camera's focal length where
the phone noted it. Of Matroska, WebM and AVI: whether the file is shorter than it says.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_FOCAL_KEY: Final = b"com.apple.quicktime.camera.focal_length.35mm_equivalent"
_FILM_DIAGONAL: Final = math.hypot(36.0, 24.0)  # mm; a "35 mm equivalent" keeps the angle over the diagonal (CIPA DCG-001)
_EBML: Final = b"\x1a\x45\xdf\xa3"  # what Matroska files begin with
_SEGMENT: Final = b"\x18\x53\x80\x67"  # the element that holds all the rest
_HEAD: Final = 4096  # bytes within which it begins
_LARGEST_INDEX: Final = 1 << 26  # bytes of a `moov` that are read; hours of video need a few MB
_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # what MP4 and QuickTime files begin with
# The first bytes of the other kinds: Matroska and WebM, FLV, ASF (WMV), Ogg, MXF, and MPEG's start code: program and bare streams.
_BEGINNINGS: Final = (
    _EBML, b"FLV", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"OggS", b"\x06\x0e\x2b\x34\x02\x05\x01\x01", b"\x00\x00\x01", b"\x00\x00\x00\x01",
)  # fmt: skip
_TRANSPORT: Final = ((188, 0), (192, 4))  # bytes of a packet of an MPEG transport stream, and where in it the first 0x47 is


@dataclass(frozen=True)
class Mp4Facts:
    """`has_index`: the `moov` box is there; `has_pictures`: it names a video track; `focal_35mm`: millimetres, or None.

    `mirrored`: the picture is to be shown as in a mirror, left and right exchanged, beside any rotation.
    """

    has_index: bool
    has_pictures: bool
    focal_35mm: float | None
    mirrored: bool = False


def is_container(path: Path) -> bool:
    """Whether the file's first bytes are those of a file that holds a video itself. OSError where it cannot be read.

    FFmpeg would also open playlists, lists of files to join and descriptions of streams, whatever they are called, and follow them to
    other files and to the network.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if b"<mpd" in head.partition(b"\0")[0].lower():  # the list of a stream behind another kind's first bytes
        return False
    if head[4:8] in _BOXES or head.startswith(_BEGINNINGS) or (head[:4] == b"RIFF" and head[8:11] == b"AVI"):
        return True
    return any(len(head) > at + 2 * size and head[at : at + 3 * size : size].strip(b"\x47") == b"" for size, at in _TRANSPORT)


def read_mp4(path: Path) -> Mp4Facts | None:
    """The facts of an MP4 or QuickTime file, None where the file is of another kind. OSError where it cannot be read."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[4:8] not in _BOXES:
            return None
        moov = b""
        for kind, start, end in _top_boxes(file, size):
            if kind == b"moov" and end <= size and end - start <= _LARGEST_INDEX:
                file.seek(start)
                moov = file.read(end - start)
                break
    if not moov:
        return Mp4Facts(False, False, None)
    return Mp4Facts(True, _has_pictures(moov), _focal_length(moov), _is_mirrored(moov))


def is_cut_short(path: Path) -> bool:
    """Whether a Matroska, WebM or AVI file ends before the length that it states; False for all others."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEAD)
    if head[:4] == b"RIFF" and len(head) >= 8:
        return 8 + int.from_bytes(head[4:8], "little") > size
    segment = head.find(_SEGMENT) if head[:4] == _EBML else -1
    if segment < 0 or segment + 12 > len(head):
        return False
    # a variable-length number: as many bytes as its first byte has leading zero bits, and one
    start = segment + len(_SEGMENT)
    length = 9 - head[start].bit_length()
    value = int.from_bytes(head[start : start + length], "big") & ((1 << 7 * length) - 1)
    unknown = value == (1 << 7 * length) - 1  # a live recording
    return not unknown and start + length + value > size


def field_of_view(focal_35mm: float, width: int, height: int) -> float:
    """Degrees along the longer side of a picture that is `width` x `height` pixels."""
    return 2.0 * math.degrees(math.atan(max(width, height) / math.hypot(width, height) * _FILM_DIAGONAL / (2.0 * focal_35mm)))


def _top_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the contents of every top box; the end may lie beyond a cut file."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = struct.unpack_from(">I4s", header)
        start = position + 8
        if length == 1 and len(header) == 16:
            length, start = struct.unpack_from(">Q", header, 8)[0], position + 16
        elif length == 0:
            length = size - position
        if length < start - position:
            return
        yield kind, start, position + length
        position += length


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, contents) of every box in `data`; stops at the first that makes no sense."""
    position = 0
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if length < 8 or position + length > len(data):
            return
        yield kind, data[position + 8 : position + length]
        position += length


def _inside(data: bytes, *path: bytes) -> Iterator[bytes]:
    """Contents of every box at that path."""
    for kind, contents in _boxes(data):
        if kind == path[0]:
            if len(path) == 1:
                yield contents
            else:
                yield from _inside(contents, *path[1:])


def _has_pictures(moov: bytes) -> bool:
    return any(handler[8:12] == b"vide" for handler in _inside(moov, b"trak", b"mdia", b"hdlr"))


def _is_mirrored(moov: bytes) -> bool:
    """Whether the matrices of the movie and of its first video track together turn the picture over."""
    for track in _inside(moov, b"trak"):
        if any(handler[8:12] == b"vide" for handler in _inside(track, b"mdia", b"hdlr")):
            movie, own = next(_inside(moov, b"mvhd"), b""), next(_inside(track, b"tkhd"), b"")
            # behind the times, of 32 bits or, in version 1, of 64
            return _turns_over(movie, 48 if movie[:1] == b"\1" else 36) != _turns_over(own, 52 if own[:1] == b"\1" else 40)
    return False


def _turns_over(header: bytes, at: int) -> bool:
    """Whether the matrix (a, b, u, c, d, v, x, y, w) there has a negative determinant."""
    if len(header) < at + 36:
        return False
    a, b, _, c, d = struct.unpack_from(">5i", header, at)
    return bool(a * d - b * c < 0)


def _focal_length(moov: bytes) -> float | None:
    """The 35 mm equivalent out of QuickTime's `meta` box: a list of key names and a list of values by their number."""
    for meta in (*_inside(moov, b"meta"), *_inside(moov, b"udta", b"meta")):
        for contents in (meta, meta[4:]):  # in MP4 the box begins with four bytes of version and flags, in QuickTime not
            names = [name for keys in _inside(contents, b"keys") for name in _key_names(keys)]
            for number, item in ((k, v) for values in _inside(contents, b"ilst") for k, v in _boxes(values)):
                index = int.from_bytes(number, "big") - 1
                if 0 <= index < len(names) and names[index] == _FOCAL_KEY:
                    value = _number(next(_inside(item, b"data"), b""))
                    if value is not None and 5.0 <= value <= 1000.0:  # lenses there are
                        return value
    return None


def _key_names(keys: bytes) -> list[bytes]:
    return [name for _, name in _boxes(keys[8:])]


def _number(data: bytes) -> float | None:
    """The value of a `data` box: text (type 1), whole numbers (21, 22) or floats (23, 24)."""
    if len(data) < 9:
        return None
    kind, value = int.from_bytes(data[1:4], "big"), data[8:]
    if kind in (21, 22):
        return float(int.from_bytes(value, "big", signed=kind == 21))
    try:
        if kind == 1:
            return float(value.decode("ascii"))
        if kind in (23, 24):
            return float(struct.unpack(">f" if kind == 23 else ">d", value)[0])
    except (ValueError, struct.error):
        return None
    return None
