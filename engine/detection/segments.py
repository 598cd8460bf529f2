"""A long video detected by several processes at once, following the same person as one would.

The video is cut into stretches of equal work, one a process. The detector follows the person from frame to frame, so a process that
begins in the middle may begin with another person, or with the same one seen a little differently. Therefore each process goes on beyond
the end of its stretch, over the next one's frames, until both have said the same for a while: over that while one passes into the other.
What they say never becomes equal to the last digit (each frame's crop depends on the frame before), only as close as the detector's own
trembling. Where they never agree, as with two people in the picture, the earlier process goes on to the end, and the result is that of
one process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from typing import Final

import numpy as np

from contract.failure import Failure
from contract.options import DEFAULT_DETECTOR
from engine.detection.background_rows import Background, BackgroundRows
from engine.detection.detector import STAGE, Detections, Detector, gather, nobody_in
from engine.detection.others import OthersWatch
from engine.detection.rows import Row, Rows, is_skipped
from engine.detection.sightings import Sighting, confirmed
from engine.footage.background import BackgroundWatch, Seen
from engine.footage.shots import marked
from engine.footage.video import Frame, Moment, Video
from engine.progress import Progress

CORES_VARIABLE: Final = "KINOLIFT_CORES"
MOST_CORES: Final = 4096
# A process, by the detector's model: starting one takes about as long as some forty frames of the full network, or seventeen of the heavy.
LEAST_FRAMES: Final = {"full": 240, "heavy": 120}
MOST_PROCESSES: Final = 8  # each holds the detector and its pictures, some 360 MB (full: 270)
AGREE: Final = 8  # frames looked at in a row in which two processes must say the same, and over which one passes into the other
# The median landmark's distance, in heights of the person, up to which they say the same. Measured on three clips: 0.2 to 3 thousandths
# ten frames after a fresh start and from there on; 8 to 19 thousandths in the first frames.
SAME: Final = 5e-3
SEAM: Final = 12  # frames that a process looks at behind its own until both agree: 9 to 17 on the clips here
# Of a frame's work where it is decoded only, to get to the first that is looked at: 3 ms of 19, and of 48.
DECODED: Final = {"full": 0.2, "heavy": 0.07}

# A process sends for each frame its number, its time, the person or None, what it saw of the background, whether another shot begins
# there, and who else was seen. Then, if it has come to the end, None.


class _Unusable(Exception):
    """The processes cannot give what one would; one does it."""


@dataclass(frozen=True)
class _Looks:
    """What is looked for beside the person: the corners of the `background`, and `others`."""

    background: bool
    others: bool


@dataclass
class _Stretch:
    """Frames `first` to `last` and what has come of them and of the frames behind."""

    first: int
    last: int
    process: multiprocessing.process.BaseProcess
    connection: Connection
    rows: Rows  # of frame `first` and those behind it
    seen: BackgroundRows  # of the same frames
    cuts: list[float]  # times of those with which a shot begins; of its very first frame its predecessor knows that
    every: int = 1  # of so many frames one is looked at
    sightings: list[Sighting] = field(default_factory=list)  # of others, in the same frames
    running: bool = True
    agreed: bool = False  # with its successor, over its last rows

    @property
    def done(self) -> bool:
        return len(self.rows) >= self.last - self.first


def detect(
    video: Video,
    start: Moment | None,
    end: Moment | None,
    progress: Progress,
    detector: str = DEFAULT_DETECTOR,
    processes: int = 0,
    while_detecting: Callable[[], None] = lambda: None,
    every_frame: bool = False,
    background: bool = False,
    others: bool = False,
) -> Detections:
    """The person in the frames from `start` to `end`; see `Detector.detect`. `detector`: its model. `processes` 0: as many as pay here.

    `while_detecting` is called for every frame; what it raises ends the detection. `every_frame`: those of a fast video too that need not
    be looked at (`Video.looked_at`); else these are `skipped`. `background`: the corners of the pictures are followed too. `others`:
    somebody else is looked for now and then; without it only where nobody is followed.

    Raises Failure `no_person` where nobody is found in any frame, not even by the look at parts of the picture.

    What is out of the ordinary (a damaged file, a process that was ended) is left to a single process, whose warnings and failures are
    those of `Video.frames` and `Detector.detect`.
    """
    frames = video.frames(start, end, not every_frame)  # which looks at the range
    first, last = video.range(start, end)
    looked = video.looked_at
    every = 1 if every_frame or looked.all() else max(2, round(len(looked) / looked.sum()))
    count = processes or min(cores(), MOST_PROCESSES, (last - first) // (LEAST_FRAMES[detector] * every))
    looks = _Looks(background, others)
    if count > 1:
        try:
            together = _detect_together(video, first, last, min(count, last - first), every, progress, detector, while_detecting, looks)
            return _with_somebody(together, video)
        except _Unusable:
            pass

    watch, seen, cuts = BackgroundWatch(), BackgroundRows(last - first), list[float]()

    def watched() -> Iterator[Frame]:
        nonlocal watch
        for frame in marked(frames):
            while_detecting()
            if frame.begins:
                cuts.append(frame.time)
                watch = BackgroundWatch()
            if background:
                seen.append(frame.index, frame.time, watch.see(frame))
            yield frame

    sightings: list[Sighting] = []
    with OthersWatch(detector, others) as watch_others:

        def look(frame: Frame, row: Row | None) -> None:
            sightings.extend(watch_others.see(frame, row))

        found = Detector(detector).detect(watched(), video.info, progress, last - first, look)
    found = replace(found, background=seen.background if background else None, cuts=tuple(cuts), sightings=tuple(sightings))
    return _with_somebody(found, video)


def _with_somebody(found: Detections, video: Video) -> Detections:
    if not found.detected.any() and not confirmed(found.sightings):
        raise nobody_in(video.info.path.name)
    return found


def cores() -> int:
    """Those this process may use; of several captures beside each other each is told how many are its own."""
    told = os.environ.get(CORES_VARIABLE, "")
    if told.isascii() and told.isdigit() and 0 < int(told) <= MOST_CORES:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _detect_together(
    video: Video, first: int, last: int, count: int, every: int, progress: Progress, detector: str, while_detecting: Callable[[], None],
    looks: _Looks,
) -> Detections:  # fmt: skip
    progress.stage(STAGE, last - first)
    # decoding one picture on several threads costs a tenth more than on one, and the cores have work
    decoders = max(1, cores() // count)
    decoded = DECODED[detector]
    edges = _edges(first, last, count, video.lead, decoded / (decoded + (1.0 - decoded) / every), SEAM * every)
    with _started(video.again(None, decoders), edges, every, detector, looks) as stretches:
        shown = 0
        while any(s.running for s in stretches):
            while_detecting()
            for connection in wait([s.connection for s in stretches if s.running]):
                i = next(i for i, s in enumerate(stretches) if s.connection is connection)
                _take(stretches, i)
            done = sum(min(len(s.rows), s.last - s.first) for s in stretches)
            if done > shown:
                shown = done
                progress.advance(done)
        found = gather(_joined(stretches), detector)
        cuts = tuple(sorted({time for stretch in stretches for time in stretch.cuts}))
        # a process that goes on over the next one's frames looks for others in them too
        sightings = tuple(one for s in stretches for one in s.sightings if one.index < s.last)
        return replace(found, background=_joined_background(stretches) if looks.background else None, cuts=cuts, sightings=sightings)


def _edges(first: int, last: int, count: int, lead: Callable[[int], int], decoded: float, seam: int = SEAM) -> list[int]:
    """Where the `count` stretches begin, and `last`: so that all processes end at about the same time, each having its own frames to look
    at, those behind until it agrees with its successor, and those to decode to get to its first.
    `lead`: how many these are, `decoded`: what each takes of the work of one of its own; `seam`: those behind."""

    def placed(work: float) -> list[int]:
        """With so much work for each, in frames looked at; the last edge lies where it ends."""
        edges = [first]
        for k in range(1, count + 1):
            begins = min(edges[-1], last - 1)
            own = work - decoded * lead(begins) - (seam if k < count else 0)
            edges.append(edges[-1] + max(1, round(own)))
        return edges

    low, high = 0.0, last - first + seam + decoded * last  # with this the first reaches the end
    while high - low > 0.5:
        middle = (low + high) / 2.0
        low, high = (low, middle) if placed(middle)[-1] >= last else (middle, high)
    return [min(edge, last - count + k) for k, edge in enumerate(placed(high))]


@contextmanager
def _started(video: Video, edges: list[int], every: int, detector: str, looks: _Looks) -> Iterator[list[_Stretch]]:
    """The processes, all ended on the way out whatever happens."""
    context = multiprocessing.get_context("spawn")  # forked, a process would share the threads' locks and not the threads
    stretches: list[_Stretch] = []
    try:
        for first, last in pairwise(edges):
            ours, theirs = context.Pipe()
            work = video, first, edges[-1], every, detector, looks, theirs
            process = context.Process(target=_work, args=work, name="detector", daemon=True)
            process.start()
            theirs.close()  # so that the end of the process is the end of the pipe
            stretches.append(_Stretch(first, last, process, ours, Rows(last - first + AGREE * every), BackgroundRows(), [], every))
        yield stretches
    finally:
        for stretch in stretches:
            stretch.process.terminate()
        for stretch in stretches:
            stretch.process.join()
            stretch.connection.close()


def _work(video: Video, first: int, last: int, every: int, detector: str, looks: _Looks, connection: Connection) -> None:
    """In a process of its own: sends frame by frame until the end, or until the other side is gone or has heard enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    progress = Progress()
    try:
        frames = video.again(progress, video.decoders).frames((float(first), "f"), (float(last), "f"), every > 1)
        watch = BackgroundWatch()
        last_seen: list[tuple[int, Seen | None, bool]] = [(-1, None, False)]

        def noted() -> Iterator[Frame]:
            nonlocal watch
            for frame in marked(frames):
                watch = BackgroundWatch() if frame.begins else watch
                last_seen[0] = frame.index, watch.see(frame) if looks.background else None, frame.begins
                yield frame

        with OthersWatch(detector, looks.others) as watch_others:
            sightings: list[Sighting] = []

            def look(frame: Frame, row: Row | None) -> None:
                sightings[:] = watch_others.see(frame, row)

            for time, row in Detector(detector).rows(noted(), look):
                index, seen, begins = last_seen[0]
                connection.send((index, time, row, seen, begins, list(sightings)))
                sightings.clear()
                if connection.poll():
                    return
        connection.send(None if not progress.warnings else "unusable")
    except (BrokenPipeError, EOFError, ConnectionResetError):
        return
    except (Failure, MemoryError):
        connection.send("unusable")


def _take(stretches: list[_Stretch], i: int) -> None:
    """Takes in one message of stretch `i`; ends what need not go on."""
    stretch = stretches[i]
    try:
        message = stretch.connection.recv()
    except (EOFError, OSError) as error:
        raise _Unusable from error
    if message == "unusable":
        raise _Unusable
    if message is None:
        if not stretch.done:
            raise _Unusable  # frames are missing
        stretch.running = False
        return
    if message[0] != stretch.first + len(stretch.rows):
        raise _Unusable
    index, time, row, seen, begins, sightings = message
    if begins:
        stretch.cuts.append(time)
    stretch.rows.append(time, row)
    stretch.seen.append(index, time, seen)
    stretch.sightings += sightings
    # A message may settle the seam behind this stretch or the one before it.
    for k in (i - 1, i):
        if 0 <= k < len(stretches) - 1:
            _compare(stretches, k)


def _compare(stretches: list[_Stretch], i: int) -> None:
    """Ends stretch `i` where it agrees with whoever has the frames that it saw last, behind its own."""
    stretch = stretches[i]
    if not stretch.running:
        return
    count = len(stretch.rows)
    over = AGREE * stretch.every
    if count - over < stretch.last - stretch.first:
        return
    for k in range(count - over, count):
        other = _said_of(stretches, i, stretch.first + k)
        if other is None or not same(stretch.rows[k][1], other[1]):
            return
    stretch.agreed, stretch.running = True, False
    stretch.process.terminate()


def _said_of(stretches: list[_Stretch], i: int, number: int) -> tuple[float, Row | None] | None:
    """What the process behind `i` that the frame belongs to says of it, if it has come there."""
    owner = next(s for s in stretches[i + 1 :] if s.first <= number < s.last)
    place = number - owner.first
    return owner.rows[place] if place < len(owner.rows) else None


def same(a: Row | None, b: Row | None) -> bool:
    """Whether two processes say the same of a frame: nobody, or the same person in the same place, or neither looked."""
    if a is None or b is None:
        return a is b
    if is_skipped(a) or is_skipped(b):  # both: it depends on the file alone
        return is_skipped(a) and is_skipped(b)
    height = float(np.ptp(b[:, :2], axis=0).max())
    return bool(np.median(np.linalg.norm(a[:, :2] - b[:, :2], axis=1)) <= SAME * height)


def _joined(stretches: list[_Stretch]) -> Rows:
    """Each process's rows, over the frames of their agreement passing into its successor's. Lets go of them."""
    start = stretches[0].first
    result = Rows(stretches[-1].last - start)
    agreed = False
    for stretch in stretches:
        begins = stretch.first - start
        known = len(result) - begins  # of this one's frames, already told by a predecessor
        if known < stretch.last - stretch.first:
            over = AGREE * stretch.every
            for k in range(max(known - over, 0), known if agreed else 0):
                before, after = result[begins + k][1], stretch.rows[k][1]
                share = np.float32((k - known + over + 1) / (over + 1))
                result.put(begins + k, after if before is None or after is None else before + share * (after - before))
            for k in range(known, len(stretch.rows)):
                result.append(*stretch.rows[k])
            agreed = stretch.agreed
        stretch.rows = Rows()
    return result


def _joined_background(stretches: list[_Stretch]) -> Background:
    """What all processes saw of the background. Each begins with a keyframe of its own, which its predecessor has seen too, beside its own:
    by that frame they are linked."""
    joined = BackgroundRows(stretches[-1].last - stretches[0].first)
    for stretch, after in zip(stretches, [*stretches[1:], None], strict=True):
        seen = stretch.seen.background
        with_lines = set(seen.line_frame.tolist())
        until = after.seen.background.index[0] if after is not None and len(after.seen.background) else None
        for k in range(len(seen)):
            if until is None or seen.index[k] <= until:
                lines = seen.lines[seen.line_frame == seen.index[k]] if seen.index[k] in with_lines else None
                joined.append(int(seen.index[k]), float(seen.times[k]), (int(seen.key[k]), seen.corners[k], lines))
    return joined.background
