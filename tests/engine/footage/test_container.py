"""Boxes are put together by hand here, after ISO/IEC 14496-12 and QuickTime's metadata chapter."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from engine.footage.container import Mp4Facts, field_of_view, is_container, is_cut_short, read_mp4

DATA = Path(__file__).parents[2] / "data"
KEY = b"com.apple.quicktime.camera.focal_length.35mm_equivalent"


def box(kind: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def video_track() -> bytes:
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(12))))


def meta(kind: int, value: bytes, key: bytes = KEY, version: bytes = b"") -> bytes:
    """Apple's `meta`: two keys, of which the second is `key`."""
    keys = box(b"keys", bytes(4), struct.pack(">I", 2), box(b"mdta", b"com.apple.quicktime.make"), box(b"mdta", key))
    make = box(struct.pack(">I", 1), box(b"data", struct.pack(">II", 1, 0), b"Apple"))
    focal = box(struct.pack(">I", 2), box(b"data", struct.pack(">II", kind, 0), value))
    return box(b"meta", version, box(b"hdlr", bytes(8), b"mdta", bytes(12)), keys, box(b"ilst", make, focal))


def write(path: Path, *boxes: bytes) -> Path:
    path.write_bytes(box(b"ftyp", b"qt  ", bytes(4)) + b"".join(boxes))
    return path


@pytest.mark.parametrize(
    ("kind", "value"), [(21, struct.pack(">i", 24)), (22, struct.pack(">H", 24)), (23, struct.pack(">f", 24.0)), (1, b"24")]
)
@pytest.mark.parametrize("version", [b"", bytes(4)])
def test_focal_length_in_every_type(tmp_path: Path, kind: int, value: bytes, version: bytes) -> None:
    moov = box(b"moov", video_track(), meta(kind, value, version=version))
    assert read_mp4(write(tmp_path / "a.mov", box(b"mdat", bytes(100)), moov)) == Mp4Facts(True, True, 24.0)


@pytest.mark.parametrize(("kind", "value"), [(21, struct.pack(">i", 0)), (1, b"wide"), (1, b""), (23, b"\x00"), (77, b"24")])
def test_a_focal_length_that_makes_no_sense_is_none(tmp_path: Path, kind: int, value: bytes) -> None:
    moov = box(b"moov", video_track(), meta(kind, value))
    assert read_mp4(write(tmp_path / "a.mov", moov)) == Mp4Facts(True, True, None)


def test_another_key_is_not_taken(tmp_path: Path) -> None:
    moov = box(b"moov", video_track(), meta(21, struct.pack(">i", 24), key=b"com.apple.quicktime.camera.lens_model"))
    facts = read_mp4(write(tmp_path / "a.mov", moov))
    assert facts is not None and facts.focal_35mm is None


def test_index_missing_or_cut(tmp_path: Path) -> None:
    moov = box(b"moov", video_track())
    assert read_mp4(write(tmp_path / "a.mp4", box(b"mdat", bytes(64)))) == Mp4Facts(False, False, None)
    assert read_mp4(write(tmp_path / "b.mp4", moov[:-20])) == Mp4Facts(False, False, None)
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 64) + bytes(64)  # a box with a 64-bit length
    assert read_mp4(write(tmp_path / "c.mp4", large, moov)) == Mp4Facts(True, True, None)


def test_other_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no boxes here, only words that go on for a while")
    assert read_mp4(tmp_path / "text") is None
    assert read_mp4(DATA / "ntsc.mkv") is None


@pytest.mark.parametrize("value", [0, 1, 7, 0xFFFFFFFF])
def test_broken_lengths_end_the_walk(tmp_path: Path, value: int) -> None:
    broken = struct.pack(">I4s", value, b"junk")
    assert read_mp4(write(tmp_path / "a.mp4", broken, bytes(64))) == Mp4Facts(False, False, None)
    inside = box(b"moov", video_track(), broken, bytes(16))
    assert read_mp4(write(tmp_path / "b.mp4", inside)) == Mp4Facts(True, True, None)


def test_files_of_an_encoder() -> None:
    assert read_mp4(DATA / "ntsc.mp4") == Mp4Facts(True, True, None)
    assert read_mp4(DATA / "sound_only.mp4") == Mp4Facts(True, False, None)
    assert read_mp4(DATA / "no_index.mp4") == Mp4Facts(False, False, None)
    assert read_mp4(DATA / "focal_length.mov") == Mp4Facts(True, True, 26.0)


def test_field_of_view() -> None:
    assert field_of_view(50.0, 3600, 2400) == pytest.approx(39.6, abs=0.05)  # the film's own shape: a 50 mm lens has 39.6 degrees
    assert field_of_view(50.0, 2400, 3600) == field_of_view(50.0, 3600, 2400)


@pytest.mark.parametrize("name", ["ntsc.mkv", "no_times.avi", "odd_size.avi"])
def test_a_cut_is_seen_in_the_stated_length(tmp_path: Path, name: str) -> None:
    assert not is_cut_short(DATA / name)
    data = (DATA / name).read_bytes()
    for length in (len(data) - 1, len(data) // 2):
        (tmp_path / name).write_bytes(data[:length])
        assert is_cut_short(tmp_path / name)


def test_no_stated_length_is_no_cut(tmp_path: Path) -> None:
    live = tmp_path / "live.webm"
    live.write_bytes(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7 + bytes(100))
    assert not is_cut_short(live)
    for content in (b"", b"RIFF", b"\x1a\x45\xdf\xa3", b"words"):
        live.write_bytes(content)
        assert not is_cut_short(live)
    assert not is_cut_short(DATA / "cut_off.mp4")  # MP4 has an index to tell that


@pytest.mark.parametrize("name", ["ntsc.mp4", "focal_length.mov", "no_index.mp4", "ntsc.mkv", "no_times.avi", "bare.h264"])
def test_containers_are_known_by_their_first_bytes(tmp_path: Path, name: str) -> None:
    other = tmp_path / "named.txt"
    other.write_bytes((DATA / name).read_bytes())
    assert is_container(other)


@pytest.mark.parametrize("size, before", [(188, b""), (192, bytes(4))])
def test_a_transport_stream(tmp_path: Path, size: int, before: bytes) -> None:
    stream = tmp_path / "a.ts"
    stream.write_bytes((before + b"\x47").ljust(size, b"\x11") * 4)
    assert is_container(stream)
    stream.write_bytes(b"\x47".ljust(200, b"\x11") * 4)
    assert not is_container(stream)


@pytest.mark.parametrize(
    "content",
    [b"ffconcat version 1.0\nfile a.mp4\n", b"#EXTM3U\n#EXTINF:1,\na.mp4\n", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\n",
     b"<?xml version='1.0'?><MPD profiles='urn:mpeg:dash:profile:isoff-on-demand:2011'/>", b"\x1a\x45\xdf\xa3<MPD>",
     b"RIFF\0\0\0\0WAVE", b"\x89PNG\r\n\x1a\n", b"", b"G"],
)  # fmt: skip
def test_lists_of_other_files_are_no_containers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content + (b" " * 900 if content else b""))
    assert not is_container(tmp_path / "a.mp4")


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("own", "movie", "mirrored"),
    [((1, 0, 0, 1), (1, 0, 0, 1), False), ((0, 1, -1, 0), (1, 0, 0, 1), False), ((-1, 0, 0, 1), (1, 0, 0, 1), True),
     ((0, 1, 1, 0), (1, 0, 0, 1), True), ((1, 0, 0, 1), (1, 0, 0, -1), True), ((-1, 0, 0, 1), (-1, 0, 0, 1), False)],
)  # fmt: skip
def test_a_matrix_that_mirrors(
    tmp_path: Path, version: int, own: tuple[int, int, int, int], movie: tuple[int, int, int, int], mirrored: bool
) -> None:
    track = box(b"tkhd", bytes([version]).ljust(52 if version else 40, b"\0"), matrix(*own), bytes(8))
    media = box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(12)))
    header = box(b"mvhd", bytes([version]).ljust(48 if version else 36, b"\0"), matrix(*movie), bytes(28))
    moov = box(b"moov", header, box(b"trak", track, media))
    assert read_mp4(write(tmp_path / "a.mov", moov)) == Mp4Facts(True, True, None, mirrored)
