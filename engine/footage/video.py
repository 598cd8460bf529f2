"""A video file as upright pictures with their times.

Times come from the file, so variable rates and 29.97 are right. Pictures are turned as the file's rotation note says and
have square pixels. Decoding runs on a thread of its own, so that it goes on while the last picture is looked at.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.options import LONGEST_VIDEO
from contract.reading import check_name
from engine.footage.container import Mp4Facts, field_of_view, is_container, is_cut_short, read_mp4
from engine.footage.rate import FASTEST, SLOWEST, TICK, USUAL, looked_at, measure_rate, usual_rate
from engine.progress import Progress

Moment = tuple[float, str]  # what contract.options.parse_moment returns: a number of "s" or of "f"

_WORTH_SEEKING: Final = 3.0  # seconds into the video from which a seek is faster than decoding up to there
_SEEK_SHORT: Final = 0.25  # seconds by which a seek aims short, as it may land late
_SEEK_BEFORE: Final = 16  # frames by which OpenCV aims short of that, for the key frame it starts at: the first pictures may be broken
_DAMAGED: Final = 100  # damaged packets in a row behind which good frames are still looked for
_LEAD: Final = 1  # pictures decoded ahead: the detector needs ten times as long for one
# Pixels of a picture up to which one thread decodes it, 1920 x 1088: FFmpeg's threads each hold pictures of their own, one a core if left
# to itself, and one alone is ten times faster than the detector.
_ONE_DECODER: Final = 1920 * 1088
_LARGEST: Final = 1 << 26  # pixels of a picture, 8192 x 8192: beyond 8K; a header that claims more is damaged, or asks for gigabytes
_NO_PICTURE: Final = np.zeros((0, 0, 3), np.uint8)
_ROTATIONS: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is decoded.

    `width`, `height`: pixels of the upright picture, square. `fps`: frames a second of a take of it, a standard rate where the
    file's is near one or varies (`variable_rate`); `file_fps`: the file's own, by its usual step. `frame_count`: frames in the file,
    counted. `duration`: seconds, the last frame's own time on the screen included. `rotation`: degrees clockwise by which the
    stored picture was turned; `mirrored`: before that left and right were exchanged, as the file asks for. `fov_degrees`: along the
    longer side, None where the file does not say.
    """

    path: Path
    width: int
    height: int
    fps: float
    frame_count: int
    duration: float
    rotation: int
    variable_rate: bool
    fov_degrees: float | None
    file_fps: float = 0.0  # 0: as `fps`
    mirrored: bool = False

    @property
    def resampled(self) -> bool:
        """Whether the frames stand beside a take's, so that the motion is read between them."""
        return self.variable_rate or (self.file_fps or self.fps) != self.fps


@dataclass(frozen=True, slots=True)
class Frame:
    """`index`: number in the file from 0. `time`: seconds since the video's first frame. `image`: (height, width, 3) RGB uint8, (0, 0, 3)
    of one that is not looked at. `begins`: another shot begins with it, as far as `shots.marked` has looked."""

    index: int
    time: float
    image: npt.NDArray[np.uint8]
    begins: bool = False

    @property
    def skipped(self) -> bool:
        """Whether it is one that is not looked at."""
        return not self.image.size


@dataclass(frozen=True)
class Around:
    """A range and what lies around it: from `start` up to and without `end`; `span`: the times of the range's own first and last frame."""

    start: Moment | None
    end: Moment | None
    span: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _End:
    """Behind the last frame: how many were decoded and how many given, and whether the file's own end was reached."""

    decoded: int
    given: int
    of_file: bool


class Video:
    """An opened video; see `open_video`."""

    def __init__(
        self, info: VideoInfo, times: npt.NDArray[np.float64], keys: npt.NDArray[np.int64], stored_size: tuple[int, int], promised: int,
        progress: Progress | None, decoders: int = 0,
    ) -> None:  # fmt: skip
        self.info = info
        self._times = times  # of all frames, as the file's index has them
        self._keys = keys  # numbers of the frames that can be decoded without others, rising
        self._promised = promised  # frames that the file says it has
        self._stored_size = stored_size  # (width, height) in square pixels before the rotation
        self._progress = progress
        self.decoders = decoders

    @property
    def looked_at(self) -> npt.NDArray[np.bool_]:
        """(T,) which frames of the file are looked at, by their numbers; see `rate.looked_at`."""
        return looked_at(self._times, self.info.file_fps or self.info.fps)

    def frames(self, start: Moment | None = None, end: Moment | None = None, skip: bool = False) -> Iterator[Frame]:
        """Frames from `start` up to and without `end`; closing the iterator early frees the file and the thread. `skip`: those that need
        not be looked at (`looked_at`) come without a picture, which saves half of their decoding.

        Where the file ends before it should, or frames of it cannot be decoded, the rest is given and a warning says so.
        Raises Failure `bad_arguments` at once for a range that holds no frame, `not_a_video` while reading where not one
        frame can be decoded, `out_of_memory`.
        """
        self._check_range(start, end)
        return self._read(start, end, self.looked_at if skip else np.ones(self.info.frame_count, bool))

    def count(self, start: Moment | None = None, end: Moment | None = None) -> int:
        """How many frames `frames` will give, if all of them can be decoded."""
        first, last = self.range(start, end)
        return last - first

    def range(self, start: Moment | None = None, end: Moment | None = None) -> tuple[int, int]:
        """The number of the first frame from `start` on, and one more than the last before `end`."""
        return self._frame_number(start, 0), self._frame_number(end, self.info.frame_count)

    def around(self, start: Moment | None, end: Moment | None, seconds: float, frames: int) -> Around:
        """The range with what `reached` says lies around it.

        Failure `bad_arguments` for a range that holds no frame.
        """
        self._check_range(start, end)
        first, last = self.range(start, end)
        span = float(self._times[first]), float(self._times[last - 1])
        before, behind = reached(self._times, first, last, seconds, frames)
        open_end = end is None or behind >= self.info.frame_count
        return Around((float(before), "f") if start else None, None if open_end else (float(behind), "f"), span)

    def lead(self, number: int) -> int:
        """How many frames are decoded to get to frame `number`: those from a key frame on, or from the file's beginning."""
        target = float(self._times[number])
        if target <= _WORTH_SEEKING:
            return number
        aim = int(np.searchsorted(self._times, target - _SEEK_SHORT)) - _SEEK_BEFORE
        before = int(np.searchsorted(self._keys, aim, side="right")) - 1
        return number - int(self._keys[before]) if before >= 0 else number

    def again(self, progress: Progress | None, decoders: int = 0) -> Video:
        """The same video for another reader, without looking through the file again; see `open_video`."""
        return Video(self.info, self._times, self._keys, self._stored_size, self._promised, progress, decoders)

    def _frame_number(self, moment: Moment | None, default: int) -> int:
        """The first frame at or after `moment`."""
        if moment is None:
            return default
        number = int(moment[0]) if moment[1] == "f" else int(np.searchsorted(self._times, moment[0] - TICK))
        return min(number, self.info.frame_count)

    def _check_range(self, start: Moment | None, end: Moment | None) -> None:
        info = self.info
        whole = f"{info.path.name} is {info.duration:.2f} seconds ({info.frame_count} frames) long"
        if start and self._frame_number(start, 0) >= info.frame_count:
            raise Failure("bad_arguments", f"--start {_words(start)} lies after the end: {whole}; choose an earlier start.")
        if end and end[0] <= 0:
            raise Failure("bad_arguments", f"--end {_words(end)} leaves nothing to read: {whole}; choose a later end.")
        if start and end and self._frame_number(end, 0) <= self._frame_number(start, 0):
            asked = f"--start {_words(start)} to --end {_words(end)}"
            raise Failure("bad_arguments", f"No frame lies from {asked}: {whole}; choose a later end.")

    def _read(self, start: Moment | None, end: Moment | None, looked: npt.NDArray[np.bool_]) -> Iterator[Frame]:
        lead = round(_LEAD * len(looked) / looked.sum())  # so many pictures, and the frames without one between them
        pictures: queue.SimpleQueue[Frame | BaseException | _End] = queue.SimpleQueue()
        stop, room = threading.Event(), threading.Semaphore(lead)

        def decode() -> None:
            try:
                for item in self._decode(start, end, looked, stop, room):
                    pictures.put(item)
            except BaseException as error:  # raised again where the frames are read
                pictures.put(error)

        thread = threading.Thread(target=decode, name="decoder", daemon=True)
        thread.start()
        try:
            while not isinstance(item := pictures.get(), _End):
                if isinstance(item, BaseException):
                    raise item
                room.release()
                yield item
            self._check_end(item)
        finally:
            stop.set()
            room.release()
            thread.join()

    def _decode(
        self, start: Moment | None, end: Moment | None, looked: npt.NDArray[np.bool_], stop: threading.Event, room: threading.Semaphore
    ) -> Iterator[Frame | _End]:
        """The frames of the range, then one _End. Each waits for `room` before there is a picture of it, which takes more than all else."""
        info = self.info
        first, last = self._frame_number(start, 0), self._frame_number(end, info.frame_count)
        capture, origin = self._capture_before(first)
        try:
            given, decoded, time, index = 0, 0, -1.0, -1
            while not stop.is_set() and self._grab(capture, index):
                stamp = _stamp(capture)
                origin = stamp if origin is None else origin
                if stamp - origin > time:
                    time = stamp - origin
                elif stamp == 0.0:  # the file has no times: a bare stream, the tail of an AVI file with B-frames
                    time += 1.0 / info.fps
                else:  # behind damaged data pictures come out of order for a while, and broken
                    continue
                # by its time a frame is known even where the decoder had to drop its neighbours
                index = max(index + 1, self._number_at(time))
                decoded = decoded + 1 if decoded else index + 1
                if end and index >= last:
                    yield _End(decoded, given, False)
                    return
                if index < first:
                    continue
                room.acquire()
                if stop.is_set():
                    return
                if not looked[min(index, len(looked) - 1)]:
                    given += 1
                    yield Frame(index, time, _NO_PICTURE)
                    continue
                whole, image = capture.retrieve()
                if whole:
                    given += 1
                    yield Frame(index, time, self._upright(image))
                else:
                    room.release()
            yield _End(decoded, given, True)
        except cv2.error as error:
            if error.code == cv2.Error.StsNoMem:
                raise Failure("out_of_memory", f"There is not enough memory to decode {info.path.name} at {info.width}x{info.height}; "
                              "close other programs or make the video smaller.") from error  # fmt: skip
            sentence = f"{info.path.name} is damaged: a picture of it cannot be decoded; export the video again."
            raise Failure("not_a_video", sentence) from error
        finally:
            capture.release()

    def _capture_before(self, first: int) -> tuple[cv2.VideoCapture, float | None]:
        """A capture that stands before frame `first`, at the file's beginning or nearer; and the first frame's stamp if known."""
        decoders = self.decoders or (1 if self.info.width * self.info.height <= _ONE_DECODER else 0)
        capture = _capture(self.info.path, decoders)
        target = float(self._times[first])
        if target > _WORTH_SEEKING and capture.grab():
            origin = _stamp(capture)
            capture.set(cv2.CAP_PROP_POS_MSEC, (target - _SEEK_SHORT) * 1000.0)
            if 0.0 < _stamp(capture) - origin < target:  # where a seek lands is not sure, the stamps are
                return capture, origin
            capture.release()
            capture = _capture(self.info.path, decoders)
        return capture, None

    def _grab(self, capture: cv2.VideoCapture, index: int) -> bool:
        """Grabs the frame after `index`; False at the end. OpenCV stops at damaged data, but goes on when asked again."""
        tries = _DAMAGED if index < self.info.frame_count - 1 else 1
        return any(capture.grab() for _ in range(tries))

    def _number_at(self, time: float) -> int:
        if not self.info.resampled:
            return round(time * self.info.fps)
        after = int(np.searchsorted(self._times, time))
        near = range(max(after - 1, 0), min(after + 1, len(self._times)))
        return min(near, key=lambda k: abs(self._times[k] - time))

    def _upright(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if (image.shape[1], image.shape[0]) != self._stored_size:
            image = cv2.resize(image, self._stored_size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        if self.info.mirrored:
            image = cv2.flip(image, 1)  # type: ignore[assignment]
        if self.info.rotation:
            image = cv2.rotate(image, _ROTATIONS[self.info.rotation])  # type: ignore[assignment]
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)  # type: ignore[return-value]

    def _check_end(self, end: _End) -> None:
        """Are these all the frames that the file should give? Warns, or raises Failure where there is not one."""
        name = self.info.path.name
        if not end.given:
            what = "the part asked for" if end.decoded else "it"
            raise Failure("not_a_video", f"{name} is damaged and no picture of {what} can be decoded; export the video again.")
        whole = max(self._promised, self.info.frame_count)
        if not end.of_file or not self._progress or end.decoded >= whole:
            return
        if self._promised > round(self.info.duration * (self.info.file_fps or self.info.fps)):
            self._progress.warning("truncated", f"{name} is cut off: {end.decoded} of its {whole} frames could be read and are used.")
        else:
            self._progress.warning("frames_damaged", f"{whole - end.decoded} of the {whole} frames of {name} are damaged and left out.")


def reached(times: npt.NDArray[np.float64], first: int, last: int, seconds: float, frames: int) -> tuple[int, int]:
    """The frames `first` up to and without `last`, at `times` (T,), with so many seconds more at either end, and so many frames at the
    beginning at least. Where no more than as many seconds again lie beyond, with those too: a short video is looked at as a whole, and the
    few frames at an end of it would tell less than they cost."""
    low, high = float(times[first]) - seconds, float(times[last - 1]) + seconds
    low = low if low - seconds > times[0] + TICK else float(times[0])
    high = high if high + seconds < times[-1] - TICK else float(times[-1])
    before = max(min(int(np.searchsorted(times, low - TICK)), first - frames), 0)
    return before, int(np.searchsorted(times, high + TICK))


def open_video(path: str | os.PathLike[str], progress: Progress | None = None, decoders: int = 0) -> Video:
    """Opens a video and measures its rate from the times of all its frames, without decoding them.

    `decoders`: threads that decode it; where 0 one, and of larger pictures than 1080p as many as FFmpeg thinks right.

    Raises Failure `no_such_file`, `bad_input` (a folder, an empty file, no permission) or `not_a_video`. A file that was
    cut off gives the frames it still has and the warning `truncated`.
    """
    path = Path(path)
    facts = _look(path)
    capture = _capture(path)
    try:
        if not capture.isOpened():
            raise _not_a_video(path, facts)
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        nominal = capture.get(cv2.CAP_PROP_FPS)
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if width * height > _LARGEST:
            raise Failure("bad_input", f"{path.name} claims pictures of {width}x{height} pixels, more than can be captured; "
                          "make the video smaller, or export it again if it is damaged.")  # fmt: skip
        rotation = int(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
        pixel = capture.get(cv2.CAP_PROP_SAR_NUM) / (capture.get(cv2.CAP_PROP_SAR_DEN) or 1.0)
    finally:
        capture.release()
    nominal = nominal if SLOWEST <= nominal <= FASTEST else USUAL
    times, keys, packets = _frame_times(path, nominal, promised)
    if width <= 0 or height <= 0 or not len(times):
        raise _not_a_video(path, facts)
    mirrored = facts is not None and facts.mirrored
    if mirrored:  # OpenCV reads the first axis of the matrix alone, which a mirror has the other way round
        rotation = (rotation + 180) % 360
    rotation = rotation if rotation in _ROTATIONS else 0
    stored = (round(width * pixel), height) if 0.1 < pixel < 10.0 else (width, height)
    upright = stored[::-1] if rotation in (90, 270) else stored
    _check_times(times, path.name)
    rate = measure_rate(times, nominal)
    fov = field_of_view(facts.focal_35mm, *upright) if facts and facts.focal_35mm else None
    duration = float(times[-1]) + 1.0 / rate.fps if rate.varies else len(times) / rate.file_fps
    info = VideoInfo(path, *upright, rate.fps, len(times), duration, rotation, rate.varies, fov, rate.file_fps, mirrored)
    # MP4's index counts its frames; elsewhere OpenCV guesses from the length, which may be that of the sound
    promised = max(promised, packets) if facts or is_cut_short(path) else packets
    promised = len(times) if promised == packets else promised
    return Video(info, times, keys, stored, promised, progress, decoders)


def _check_times(times: npt.NDArray[np.float64], name: str) -> None:
    """Failure `bad_input` for times (T,) that no recording of a motion has: they decide how long the work takes."""
    if len(times) < 2:
        return
    rate, whole = usual_rate(times), float(times[-1])
    why = ""
    if rate > FASTEST:
        why = f"its pictures are {1.0 / rate:.0e} seconds apart, which no camera does: its time stamps are damaged"
    elif rate < SLOWEST:
        why = f"it has a picture only every {1.0 / rate:.3g} seconds, too few to tell a motion from"
    elif whole > LONGEST_VIDEO[0]:
        why = f"by its time stamps it lasts {whole / 3600.0:.3g} hours, which no video does"
    if why:
        raise Failure("bad_input", f"{name} cannot be captured: {why}; export it again with an even rate.")


def _frame_times(path: Path, nominal: float, promised: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], int]:
    """(T,) seconds from the first frame, rising, of all frames in the file, read without decoding; the numbers of the key frames among
    them; and the number of packets.

    There are more packets than frames where an edit list hides the first ones.
    """
    capture = _capture(path)
    try:
        capture.set(cv2.CAP_PROP_FORMAT, -1)  # packets as they are
        stamps: list[float] = []
        keys: list[float] = []
        while any(capture.grab() for _ in range(_DAMAGED if len(stamps) < promised else 1)):
            stamps.append(_stamp(capture))
            if capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME):
                keys.append(stamps[-1])
    finally:
        capture.release()
    times = np.unique(np.asarray(stamps, np.float64))  # sorted; lead-in that an edit list hides is all at 0
    if len(times) == 1 and len(stamps) > 1:  # a bare stream without times
        return np.arange(len(stamps)) / nominal, np.zeros(1, np.int64), len(stamps)
    numbers = np.searchsorted(times, np.unique(np.asarray(keys, np.float64))).astype(np.int64)
    return times - times[:1], numbers, len(stamps)


def _stamp(capture: cv2.VideoCapture) -> float:
    """Seconds of the frame that was grabbed last, by the file's clock."""
    return float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0


def _capture(path: Path, decoders: int = 0) -> cv2.VideoCapture:
    """An OpenCV capture that keeps its and FFmpeg's complaints to itself: what matters of them is said as a Failure."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET; read when the first capture is made
    cv2.setLogLevel(0)
    threads = [cv2.CAP_PROP_N_THREADS, decoders] if decoders else []
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, threads)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # its default differs from build to build; Video turns pictures itself
    return capture


def _look(path: Path) -> Mp4Facts | None:
    """What stands in the file's boxes; Failure for what no decoder needs to be asked about."""
    check_name(path)  # FFmpeg ends the process over another one
    if path.is_dir():
        raise Failure("bad_input", f"{path} is a folder; give a video file.")
    if not path.exists():
        raise Failure("no_such_file", f"There is no file {path}; check the path.")
    try:
        if path.stat().st_size == 0:
            raise Failure("bad_input", f"{path} is empty (0 bytes); copy or export the video again.")
        if not path.is_file():
            raise Failure("bad_input", f"{path} is no ordinary file; give a video file.")
        if not is_container(path):
            raise _not_a_video(path, None)
        return read_mp4(path)
    except OSError as error:
        raise Failure("bad_input", f"{path} cannot be read ({error.strerror}); check its permissions.") from error


def _not_a_video(path: Path, facts: Mp4Facts | None) -> Failure:
    if facts and not facts.has_index:
        why = "is incomplete: its index is missing, as after an interrupted copy or recording; copy or export it again"
    elif facts and not facts.has_pictures:
        why = "holds no pictures, only sound; give a file with a video in it"
    elif facts:
        why = "has a video in a format that is not known here; convert it to H.264 MP4"
    else:
        why = "is not a video that can be read, or is damaged; give an MP4, MOV, MKV, WebM or AVI file"
    return Failure("not_a_video", f"{path} {why}.")


def _words(moment: Moment) -> str:
    return f"{moment[0]:g} {'seconds' if moment[1] == 's' else 'frames'}"
