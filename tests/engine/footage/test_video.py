"""The clips of tests/data carry their frames' numbers as bar codes, so each frame is known from its picture alone.

Times that files hold were taken with ffprobe (-show_entries frame=best_effort_timestamp_time) and stand here as constants.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.failure import Failure
from engine.footage import video
from engine.footage.video import Video, open_video
from engine.progress import Progress

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared"

sys.path.insert(0, str(DATA))
from make_clips import read_number  # noqa: E402

NTSC_TIMES = [0.0, 0.033367, 0.066733, 0.1001, 0.133467, 0.166833, 0.2002, 0.233567, 0.266933, 0.3003]
NTSC_MILLISECONDS = [0.0, 0.033, 0.067, 0.1, 0.133, 0.167, 0.2, 0.234, 0.267, 0.3]
VARIABLE_TIMES = [0.0, 0.05, 0.083333, 0.1, 0.15, 0.183333, 0.2, 0.25, 0.283333, 0.3, 0.35, 0.383333, 0.4, 0.45]


def _numbers(frames: object) -> list[int]:
    return [read_number(frame.image) for frame in frames]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "count", "times"),
    [("ntsc.mp4", 40, NTSC_TIMES), ("ntsc.mkv", 40, NTSC_MILLISECONDS), ("variable.mp4", 40, VARIABLE_TIMES),
     ("no_times.avi", 12, [k / 30 for k in range(12)]), ("bare.h264", 12, [k / 30 for k in range(12)])],
)  # fmt: skip
def test_every_frame_comes_in_order_with_the_time_of_the_file(name: str, count: int, times: list[float]) -> None:
    frames = list(open_video(DATA / name).frames())
    assert _numbers(frames) == [frame.index for frame in frames] == list(range(count))
    np.testing.assert_allclose([frame.time for frame in frames[: len(times)]], times, atol=2e-6)


@pytest.mark.parametrize("name", ["ntsc.mp4", "ntsc.mkv"])
def test_ntsc_rate_is_exact(name: str) -> None:
    info = open_video(DATA / name).info
    assert info.fps == 30000 / 1001
    assert not info.variable_rate
    assert info.frame_count == 40
    assert info.duration == pytest.approx(40 * 1001 / 30000)


def test_variable_rate_is_seen() -> None:
    info = open_video(DATA / "variable.mp4").info
    assert info.variable_rate
    assert info.fps == 30.0  # 39 steps in 1.3 seconds
    assert info.duration == pytest.approx(1.3 + 1 / 30)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_pictures_come_upright(degrees: int) -> None:
    clip = open_video(DATA / f"rotated_{degrees}.mp4")
    assert (clip.info.width, clip.info.height, clip.info.rotation) == (64, 48, degrees)
    frames = list(clip.frames())
    assert all(frame.image.shape == (48, 64, 3) for frame in frames)
    assert _numbers(frames) == list(range(10))  # read_number asserts that red is lower left and blue lower right


def test_odd_size() -> None:
    clip = open_video(DATA / "odd_size.avi")
    assert (clip.info.width, clip.info.height) == (67, 45)
    frames = list(clip.frames())
    assert frames[0].image.shape == (45, 67, 3)
    assert _numbers(frames) == list(range(6))


def test_pixels_become_square() -> None:
    clip = open_video(DATA / "wide_pixels.mp4")
    assert (clip.info.width, clip.info.height) == (85, 48)  # 64 pixels of 4/3
    frames = list(clip.frames())
    assert frames[0].image.shape == (48, 85, 3)
    assert _numbers(frames) == list(range(6))


def test_one_frame() -> None:
    clip = open_video(DATA / "one_frame.mp4")
    assert (clip.info.frame_count, clip.info.fps, clip.info.variable_rate) == (1, 30.0, False)
    (frame,) = clip.frames()
    assert (frame.index, frame.time, read_number(frame.image)) == (0, 0.0, 0)


def test_field_of_view_from_a_phones_note() -> None:
    # 26 mm over 36 x 24 mm film, kept over the diagonal, in a 4:3 picture: 2 atan(0.8 * 43.267 / 52)
    assert open_video(DATA / "focal_length.mov").info.fov_degrees == pytest.approx(67.30, abs=0.01)
    assert open_video(DATA / "ntsc.mp4").info.fov_degrees is None


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [((7.0, "f"), (11.0, "f"), 7, 10), ((0.2002, "s"), None, 6, 39), ((0.21, "s"), (0.3, "s"), 7, 8), (None, (99.0, "s"), 0, 39),
     (None, (1.0, "f"), 0, 0), ((39.0, "f"), None, 39, 39)],
)  # fmt: skip
@pytest.mark.parametrize("seek", [False, True])
def test_ranges_are_exact(
    monkeypatch: pytest.MonkeyPatch,
    seek: bool,
    start: tuple[float, str] | None,
    end: tuple[float, str] | None,
    first: int,
    last: int,
) -> None:
    if seek:  # the clip is too short for one otherwise
        monkeypatch.setattr(video, "_WORTH_SEEKING", 0.1)
        monkeypatch.setattr(video, "_SEEK_SHORT", 0.1)
    clip = open_video(DATA / "ntsc.mp4")
    frames = list(clip.frames(start, end))
    assert _numbers(frames) == [frame.index for frame in frames] == list(range(first, last + 1))
    assert clip.count(start, end) == len(frames)
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(first, last + 1) * 1001 / 30000, atol=1e-9)


@pytest.mark.parametrize("name", ["variable.mp4", "no_times.avi", "bare.h264"])
def test_ranges_of_other_files_are_exact_though_a_seek_was_tried(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(video, "_WORTH_SEEKING", 0.1)
    monkeypatch.setattr(video, "_SEEK_SHORT", 0.05)
    frames = list(open_video(DATA / name).frames((8.0, "f"), (11.0, "f")))
    assert _numbers(frames) == [frame.index for frame in frames] == [8, 9, 10]


@pytest.mark.parametrize(("name", "keys"), [("ntsc.mp4", None), ("one_frame.mp4", [0]), ("no_times.avi", None), ("bare.h264", [0])])
def test_key_frames_are_those_the_file_names(name: str, keys: list[int] | None) -> None:
    clip = open_video(DATA / name)
    found = list(clip._keys)
    assert found[0] == 0 and found == sorted(set(found)) and found[-1] < clip.info.frame_count
    assert keys is None or found == keys


def test_what_is_decoded_before_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_WORTH_SEEKING", 0.3)
    clip = open_video(DATA / "ntsc.mp4")
    clip._keys = np.array([0, 4, 12])
    assert clip.lead(0) == 0 and clip.lead(9) == 9, "too near to the beginning for a seek"
    # a quarter of a second short is 8 frames, OpenCV's 16 more; from there back to a key frame
    assert [clip.lead(k) for k in (20, 28, 29, 36, 39)] == [20, 24, 25, 24, 27]
    clip._keys = np.array([30])
    assert clip.lead(39) == 39


def test_another_reader_has_the_same_frames() -> None:
    clip = open_video(DATA / "ntsc.mp4")
    other = pickle.loads(pickle.dumps(clip.again(None, 1)))
    assert other.decoders == 1 and other.info == clip.info
    for ours, theirs in zip(clip.frames((7.0, "f")), other.frames((7.0, "f")), strict=True):
        assert (ours.index, ours.time) == (theirs.index, theirs.time) and np.array_equal(ours.image, theirs.image)


def test_seconds_in_a_variable_rate() -> None:
    frames = list(open_video(DATA / "variable.mp4").frames((0.1, "s"), (0.2, "s")))
    assert _numbers(frames) == [3, 4, 5]


@pytest.mark.parametrize(
    ("start", "end"), [((5.0, "s"), None), ((40.0, "f"), None), ((10.0, "f"), (10.0, "f")), ((1.0, "s"), (3.0, "f")), (None, (0.0, "s"))]
)
def test_range_without_a_frame(start: tuple[float, str] | None, end: tuple[float, str] | None) -> None:
    clip = open_video(DATA / "ntsc.mp4")
    with pytest.raises(Failure) as failure:
        clip.frames(start, end)  # at once, before anything is read
    assert failure.value.code == "bad_arguments"
    assert "1.33 seconds (40 frames)" in failure.value.message


def test_a_cut_file_gives_what_it_has_and_says_so() -> None:
    progress = Progress()
    frames = list(open_video(DATA / "cut_off.mp4", progress).frames())
    numbers = _numbers(frames)
    assert numbers == list(range(len(frames)))
    assert 15 < len(frames) < 40
    assert [code for code, _ in progress.warnings] == ["truncated"]
    assert f"{len(frames)} of its 40 frames" in progress.warnings[0][1]


def test_a_cut_matroska_file(tmp_path: Path) -> None:
    data = (DATA / "ntsc.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    progress = Progress()
    frames = list(open_video(tmp_path / "cut.mkv", progress).frames())
    assert _numbers(frames) == list(range(len(frames)))
    assert 10 < len(frames) < 40
    assert [code for code, _ in progress.warnings] == ["truncated"]
    assert f"{len(frames)} of its 40 frames" in progress.warnings[0][1]


def test_sound_that_is_longer_than_the_pictures_is_no_cut() -> None:
    progress = Progress()
    assert len(list(open_video(DATA / "long_sound.mkv", progress).frames())) == 10
    assert not progress.warnings


def test_a_range_before_the_cut_is_not_warned_of() -> None:
    progress = Progress()
    assert len(list(open_video(DATA / "cut_off.mp4", progress).frames(None, (10.0, "f")))) == 10
    assert not progress.warnings


@pytest.mark.parametrize("offset", [850, 1100, 1350])
def test_damage_in_the_middle_leaves_the_frames_behind_it_in_their_places(tmp_path: Path, offset: int) -> None:
    data = bytearray((DATA / "ntsc.mp4").read_bytes())
    middle = data.index(b"mdat") + offset
    data[middle : middle + 150] = b"\xff" * 150
    (tmp_path / "broken.mp4").write_bytes(data)
    progress = Progress()
    clip = open_video(tmp_path / "broken.mp4", progress)
    assert clip.info.fps == 30000 / 1001
    frames = list(clip.frames())
    np.testing.assert_allclose(np.diff([frame.time for frame in frames]) * 29.97 % 1 % 0.999, 0, atol=1e-2)
    for frame in frames[-8:]:  # the last group of pictures is whole
        assert read_number(frame.image) == round(frame.time * 29.97)
    assert frames[-1].time == pytest.approx(39 * 1001 / 30000)
    assert [code for code, _ in progress.warnings] == ["frames_damaged"]


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [("missing.mp4", None, "no_such_file", "There is no file"),
     ("empty.mp4", b"", "bad_input", "is empty"),
     ("notes.mp4", b"These are notes, not a video.\n" * 50, "not_a_video", "is not a video"),
     ("picture.mp4", bytes(range(256)) * 40, "not_a_video", "is not a video"),
     ("headless.mp4", (DATA / "no_index.mp4").read_bytes(), "not_a_video", "is incomplete"),
     ("sound.mp4", (DATA / "sound_only.mp4").read_bytes(), "not_a_video", "only sound")],
)  # fmt: skip
def test_bad_files(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes | None, code: str, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Failure) as failure:
        open_video(tmp_path / name)
    assert failure.value.code == code
    assert words in failure.value.message and name in failure.value.message
    assert "\n" not in failure.value.message and failure.value.message.endswith(".")
    assert capfd.readouterr().err == ""


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="is a folder") as failure:
        open_video(tmp_path)
    assert failure.value.code == "bad_input"


def test_an_unknown_codec(tmp_path: Path) -> None:
    data = (DATA / "one_frame.mp4").read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC")
    (tmp_path / "codec.mp4").write_bytes(data)
    with pytest.raises(Failure, match="format that is not known") as failure:
        list(open_video(tmp_path / "codec.mp4").frames())
    assert failure.value.code == "not_a_video"


def test_nothing_is_written_to_standard_error_even_at_first_use() -> None:
    script = (
        "import sys; from engine.footage.video import open_video\nfrom contract.failure import Failure\n"
        "for name in sys.argv[1:]:\n    try: list(open_video(name).frames())\n    except Failure: pass"
    )
    clips = [str(DATA / name) for name in ("cut_off.mp4", "no_index.mp4", "sound_only.mp4", "make_clips.py")]
    done = subprocess.run([sys.executable, "-c", script, *clips], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_closing_early_ends_the_decoder() -> None:
    frames = open_video(DATA / "ntsc.mp4").frames()
    assert next(frames).index == 0
    assert any(thread.name == "decoder" for thread in threading.enumerate())
    frames.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "decoder" for thread in threading.enumerate())


def test_an_error_of_the_decoder_reaches_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = open_video(DATA / "ntsc.mp4")
    monkeypatch.setattr(clip, "_upright", lambda image: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        list(clip.frames())


def test_names_of_any_letters(tmp_path: Path) -> None:
    path = tmp_path / "Prüfung 試験 %03d.mp4"
    path.write_bytes((DATA / "one_frame.mp4").read_bytes())
    assert len(list(open_video(path).frames())) == 1


def test_a_name_that_is_not_utf8_is_a_sentence(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"d\xe9mo.mp4")  # noqa: PTH118 - bytes
    try:
        Path(os.fsdecode(name)).write_bytes((DATA / "one_frame.mp4").read_bytes())
    except OSError:
        pytest.skip("this file system knows no such names")
    with pytest.raises(Failure, match="not valid UTF-8") as failure:
        open_video(os.fsdecode(name))
    assert failure.value.code == "bad_input"
    failure.value.message.encode("utf-8")


@pytest.mark.parametrize(
    "listed",
    ["ffconcat version 1.0\nfile other.mp4\n", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nother.mp4\n#EXT-X-ENDLIST\n"],
)
def test_a_list_of_other_files_is_not_followed(tmp_path: Path, listed: str) -> None:
    (tmp_path / "other.mp4").write_bytes((DATA / "ntsc.mp4").read_bytes())
    (tmp_path / "list.mp4").write_text(listed)
    with pytest.raises(Failure, match="is not a video") as failure:
        open_video(tmp_path / "list.mp4")
    assert failure.value.code == "not_a_video"


def test_numbered_pictures_are_not_followed(tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"frame_{number}.png"), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(Failure, match="There is no file"):
        open_video(tmp_path / "frame_%d.png")
    (tmp_path / "frame_%d.png").write_bytes((tmp_path / "frame_0.png").read_bytes())
    with pytest.raises(Failure, match="is not a video"):
        open_video(tmp_path / "frame_%d.png")


def test_a_header_that_claims_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_LARGEST", 64 * 48 - 1)
    with pytest.raises(Failure, match="claims pictures of 64x48 pixels") as failure:
        open_video(DATA / "ntsc.mp4")
    assert failure.value.code == "bad_input"


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "flip", "turn"),
    [(-1, 0, 0, 1, 1, 0), (1, 0, 0, -1, 0, 180), (0, 1, 1, 0, None, 270), (0, -1, -1, 0, None, 90)],
)  # fmt: skip
def test_a_matrix_that_mirrors_is_no_rotation(tmp_path: Path, a: int, b: int, c: int, d: int, flip: int | None, turn: int) -> None:
    data = bytearray((DATA / "one_frame.mp4").read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 20] = struct.pack(">5i", a << 16, b << 16, 0, c << 16, d << 16)
    (tmp_path / "mirror.mp4").write_bytes(data)
    clip = open_video(tmp_path / "mirror.mp4")
    (plain,), (seen,) = open_video(DATA / "one_frame.mp4").frames(), clip.frames()
    # x' = ax + cy, y' = bx + dy: by the axes alone, without a rotation
    wanted = plain.image.transpose(1, 0, 2)[:: -1 if b < 0 else 1, :: -1 if c < 0 else 1]
    if flip is not None:
        wanted = cv2.flip(plain.image, flip)  # type: ignore[assignment]
    np.testing.assert_array_equal(seen.image, wanted)
    assert (clip.info.mirrored, clip.info.rotation) == (True, turn)


def with_timescale(path: Path, ticks: int) -> Path:
    """ntsc.mp4, whose frames are 1001 ticks apart, with so many ticks a second."""
    data = bytearray((DATA / "ntsc.mp4").read_bytes())
    place = data.index(b"mdhd") + 4 + 12  # version and flags, two moments of 32 bits
    assert int.from_bytes(data[place : place + 4], "big") == 30000
    data[place : place + 4] = ticks.to_bytes(4, "big")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("ticks", "words"), [(2_000_000_000, "5e-07 seconds apart"), (20, "a picture only every 50 seconds")])
def test_rates_that_no_recording_has_are_told_at_once(tmp_path: Path, ticks: int, words: str) -> None:
    with pytest.raises(Failure, match=words) as failure:
        open_video(with_timescale(tmp_path / "clip.mp4", ticks))
    assert failure.value.code == "bad_input"


def test_a_phones_own_rate_becomes_a_standard_one(tmp_path: Path) -> None:
    info = open_video(with_timescale(tmp_path / "clip.mp4", 29820)).info  # 29.79 frames a second, 40 of them
    assert info.fps == 30000 / 1001 and info.file_fps == pytest.approx(29820 / 1001)
    assert info.resampled and not info.variable_rate
    assert info.duration == pytest.approx(40 * 1001 / 29820)


@pytest.mark.parametrize("name", ["ntsc.mp4", "ntsc.mkv", "one_frame.mp4", "no_times.avi"])
def test_a_standard_rate_is_not_resampled(name: str) -> None:
    assert not open_video(DATA / name).info.resampled


def test_a_pause_leaves_the_rate_as_it_is() -> None:
    if not SHARED.is_dir():
        pytest.skip("the folder shared/ is not beside the repository")
    info = open_video(SHARED / "data" / "videos" / "situations" / "paused_8s.mp4").info
    assert (info.fps, info.file_fps, info.variable_rate, info.frame_count) == (20.0, 20.0, True, 60)
    assert info.duration == pytest.approx(11.0)


@pytest.mark.parametrize(
    ("start", "end", "frames", "wanted", "span"),
    [((20.0, "f"), (24.0, "f"), 0, (14, 30), (20, 23)), ((20.0, "f"), None, 0, (14, None), (20, 39)),
     (None, (24.0, "f"), 0, (None, 30), (0, 23)), ((2.0, "f"), (38.0, "f"), 0, (0, None), (2, 37)),
     ((20.0, "f"), (24.0, "f"), 12, (8, 30), (20, 23)), (None, None, 0, (None, None), (0, 39)),
     # what is left beyond is as short again: all of it
     ((13.0, "f"), (27.0, "f"), 0, (7, 33), (13, 26)), ((12.0, "f"), (28.0, "f"), 0, (0, None), (12, 27))],
)  # fmt: skip
def test_what_lies_around_a_range(start, end, frames, wanted, span) -> None:  # type: ignore[no-untyped-def]
    around = open_video(DATA / "ntsc.mp4").around(start, end, 0.2, frames)  # six frames
    assert (around.start and around.start[0], around.end and around.end[0]) == wanted
    assert around.span == pytest.approx([k * 1001 / 30000 for k in span])


@pytest.mark.skipif(not (SHARED / "data" / "videos").is_dir(), reason="the development footage is not here")
@pytest.mark.parametrize(
    ("name", "size", "fps", "count"),  # as ffprobe -count_frames says
    [("beam_cam01.mp4", (1080, 1920), 60.0, 100), ("beam_cam02.mp4", (1080, 1920), 60.0, 100), ("squats.mp4", (720, 1280), 5.0, 65),
     ("upper_body.mkv", (640, 480), 30.0, 89), ("sit_stand.mp4", (720, 720), 20.0, 187), ("park_two_people.mp4", (1768, 994), 30.0, 230)],
)  # fmt: skip
def test_real_footage(name: str, size: tuple[int, int], fps: float, count: int) -> None:
    clip = open_video(SHARED / "data" / "videos" / name)
    info = clip.info
    assert ((info.width, info.height), info.fps, info.frame_count, info.variable_rate) == (size, fps, count, False)
    frames = list(clip.frames(None, (5.0, "f")))
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(5) / fps, atol=6e-4)
    assert frames[0].image.shape == (size[1], size[0], 3) and frames[0].image.dtype == np.uint8


def test_frames_that_need_not_be_looked_at_come_without_a_picture(shared: Path) -> None:
    """At 60 frames a second every other one; the same ones with the same pictures where the reading begins elsewhere."""
    opened = open_video(shared / "data" / "videos" / "beam_cam01.mp4")
    every = list(opened.frames(None, (30.0, "f")))
    some = list(opened.frames((7.0, "f"), (30.0, "f"), skip=True))
    assert [frame.index for frame in some] == list(range(7, 30)) and not any(frame.skipped for frame in every)
    assert [frame.time for frame in some] == [frame.time for frame in every[7:]]
    for frame in some:
        assert frame.skipped == (frame.index % 2 == 1)
        assert frame.skipped or np.array_equal(frame.image, every[frame.index].image)
    assert not any(f.skipped for f in open_video(shared / "data" / "videos" / "walk.mp4").frames(skip=True)), "25 a second: all"


def test_one_picture_is_decoded_ahead_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of 1080p takes 6 MB; what waits for the detector is memory."""
    made: list[int] = []
    upright = Video._upright
    monkeypatch.setattr(Video, "_upright", lambda self, image: made.append(1) or upright(self, image))
    reading = open_video(DATA / "ntsc.mp4").frames()
    for given in range(1, 6):
        next(reading)
        until = time.monotonic() + 5
        while len(made) < given + 1 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(made) == given + 1
    began = time.monotonic()
    reading.close()
    assert time.monotonic() - began < 5, "the thread that waits for room ends at once"


def test_pictures_up_to_1080p_are_decoded_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    capture = video._capture
    clip = open_video(DATA / "ntsc.mp4")
    monkeypatch.setattr(video, "_capture", lambda path, decoders=0: asked.append(decoders) or capture(path, decoders))
    list(clip.frames(None, (3.0, "f")))
    list(clip.again(None, 3).frames(None, (3.0, "f")))
    monkeypatch.setattr(video, "_ONE_DECODER", clip.info.width * clip.info.height - 1)
    list(clip.frames(None, (3.0, "f")))
    assert asked == [1, 3, 0]
