"""Boxes are put together by hand here, after ISO/IEC 14496-12 and QuickTime's metadata chapter."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from engine.footage.container import Mp4Facts, field_of_view, is_cut_short, read_mp4

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
