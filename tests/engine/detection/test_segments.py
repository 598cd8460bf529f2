"""Several processes on one video, against one: the seams, the failures, and that none is left behind."""

from __future__ import annotations

import multiprocessing
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from contract.failure import Failure
from engine.detection import segments
from engine.detection.detector import Detections, Detector
from engine.detection.rows import SKIPPED, Row, Rows, is_skipped
from engine.detection.segments import AGREE, SAME
from engine.footage.video import open_video
from engine.progress import Progress

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "examples" / "sample.mp4"


def row(shift: float = 0.0) -> Row:
    """A person 100 pixels high, moved to the right by that many pixels."""
    made = np.zeros((33, 6), np.float32)
    made[:, 1] = np.linspace(0.0, 100.0, 33)
    made[:, 0] = shift
    return made


class Ended:
    """A process that only notes that it was ended."""

    def __init__(self) -> None:
        self.ended = False

    def terminate(self) -> None:
        self.ended = True


class Talk:
    """A pipe out of which come the frames given."""

    def __init__(self, messages: list[Any]) -> None:
        self.messages = list(messages)

    def recv(self) -> Any:
        if not self.messages:
            raise EOFError
        return self.messages.pop(0)


def stretch(first: int, last: int, said: dict[int, Any], cuts: tuple[int, ...] = ()) -> Any:
    messages = [(number, number / 30.0, person, None, number in cuts, []) for number, person in said.items()]
    return segments._Stretch(first, last, Ended(), Talk([*messages, None]), Rows(), segments.BackgroundRows(), [])  # type: ignore[arg-type]


def test_a_process_tells_the_cuts_that_it_sees() -> None:
    one = stretch(10, 16, {k: row() for k in range(10, 16)}, cuts=(13,))
    run([one], [0])
    assert one.cuts == [13 / 30.0]


def run(stretches: list[Any], order: list[int]) -> list[tuple[int, float, Row | None]]:
    """Takes the messages in that order of stretches, over and over, until nobody runs; (number, time, person) of every frame."""
    while any(s.running for s in stretches):
        for i in order:
            if stretches[i].running:
                segments._take(stretches, i)
    return [(round(30.0 * time), time, person) for time, person in segments._joined(stretches)]


@pytest.mark.parametrize("order", [[0, 1], [1, 0], [1, 1, 1, 0]])
def test_one_passes_into_the_other_where_they_agree(order: list[int]) -> None:
    """The second is off by 30 pixels in its first 5 frames, then by a tenth of a pixel."""
    first = stretch(0, 20, {k: row(0.0) for k in range(40)})
    second = stretch(20, 40, {k: row(30.0 if k < 25 else 0.1) for k in range(20, 40)})
    rows = run([first, second], order)
    assert [number for number, _, _ in rows] == list(range(40))
    assert first.process.ended and not second.process.ended
    at = [float(person[0, 0]) for _, _, person in rows if person is not None]
    assert at[:25] == [0.0] * 25, "before they agree the first one is believed"
    assert np.all(np.diff(at[24:]) >= 0.0) and max(np.diff(at)) < 0.1 / AGREE + 1 / 64, "no step at the seam"
    assert at[-1] == pytest.approx(0.1, abs=1 / 128)  # on the grid of what is kept


def test_who_never_agrees_goes_on_to_the_end() -> None:
    """The second process has begun with another person: the result is the first one's alone."""
    first = stretch(0, 20, {k: row(0.0) for k in range(60)})
    others = [stretch(20, 40, {k: row(200.0) for k in range(20, 60)}), stretch(40, 60, {k: row(200.0) for k in range(40, 60)})]
    rows = run([first, *others], [0, 1, 2])
    assert [number for number, _, _ in rows] == list(range(60))
    assert all(person is not None and person[0, 0] == 0.0 for _, _, person in rows)


def test_a_wrong_process_between_two_right_ones_is_passed_over() -> None:
    first = stretch(0, 20, {k: row(0.0) for k in range(60)})
    second = stretch(20, 40, {k: row(200.0) for k in range(20, 60)})
    third = stretch(40, 60, {k: row(0.0) for k in range(40, 60)})
    rows = run([first, second, third], [2, 1, 0])
    assert [number for number, _, _ in rows] == list(range(60))
    assert all(person is not None and person[0, 0] == 0.0 for _, _, person in rows)
    assert first.process.ended


def test_nobody_on_both_sides_is_agreement_and_nobody_on_one_is_not() -> None:
    assert segments.same(None, None)
    assert not segments.same(row(), None) and not segments.same(None, row())
    assert segments.same(row(), row(0.9 * SAME * 100)) and not segments.same(row(), row(1.1 * SAME * 100))


def test_missing_frames_and_processes_that_end_are_not_used() -> None:
    for said, last in (({0: row(), 2: row()}, 3), ({0: row()}, 3)):
        with pytest.raises(segments._Unusable):
            run([stretch(0, last, said)], [0])
    silent = stretch(0, 3, {})
    silent.connection.messages = []
    with pytest.raises(segments._Unusable):
        run([silent], [0])


@pytest.fixture(scope="module")
def alone() -> Detections:
    video = open_video(SAMPLE)
    return Detector().detect(video.frames(None, (90.0, "f")), video.info, Progress(), 90)


def test_two_processes_say_what_one_says(alone: Detections) -> None:
    events: list[int] = []
    progress = Progress(lambda name, fields: events.append(fields["done"]) if name == "progress" else None)
    together = segments.detect(open_video(SAMPLE), None, (90.0, "f"), progress, processes=2)
    assert np.array_equal(together.times, alone.times) and np.array_equal(together.detected, alone.detected)
    height = np.ptp(alone.image[..., 1], axis=1)
    distance = np.median(np.linalg.norm(together.image - alone.image, axis=-1), axis=1) / height
    assert (distance[:38] == 0.0).all(), "the first process is the one process up to its end"
    assert distance.max() < 2 * SAME
    assert events == sorted(events) and events[-1] == 90
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("processes", [1, 2])
def test_the_model_is_the_one_that_was_asked_for(processes: int) -> None:
    video = open_video(SAMPLE)
    seen = segments.detect(video, None, (40.0, "f"), Progress(), "full", processes=processes).image
    full, heavy = (Detector(name).detect(video.frames(None, (40.0, "f")), video.info, Progress(), 40).image for name in ("full", "heavy"))
    assert np.median(np.abs(seen - full)) < 0.2 * np.median(np.abs(seen - heavy))


def test_one_process_for_a_short_video(alone: Detections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_detect_together", lambda *_: pytest.fail("90 frames are too few"))
    monkeypatch.setattr(segments, "cores", lambda: 64)
    assert np.array_equal(segments.detect(open_video(SAMPLE), None, (90.0, "f"), Progress()).image, alone.image)


def test_cancelling_ends_the_processes() -> None:
    def cancel() -> None:
        assert multiprocessing.active_children()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segments.detect(open_video(SAMPLE), None, None, Progress(), processes=2, while_detecting=cancel)
    assert not multiprocessing.active_children()


def test_where_processes_cannot_be_used_one_tells_of_the_trouble() -> None:
    """The cut-off file's warning is that of a single process, and it comes once."""
    path = ROOT / "tests" / "data" / "cut_off.mp4"
    seen: list[SimpleNamespace] = []
    for processes in (1, 2):
        progress, failure = Progress(), ""
        video = open_video(path, progress)
        try:
            segments.detect(video, None, None, progress, processes=processes)
        except Failure as error:
            failure = error.code
        seen.append(SimpleNamespace(failure=failure, warnings=progress.warnings))
    assert seen[0] == seen[1]


def test_a_wrong_range_is_refused_before_anything_starts() -> None:
    with pytest.raises(Failure) as caught:
        segments.detect(open_video(SAMPLE), (1e6, "s"), None, Progress(), processes=2)
    assert caught.value.code == "bad_arguments"


def nothing(_: int) -> int:
    return 0


@pytest.mark.parametrize("decoded", segments.DECODED.values())
def test_stretches_are_equal_work(decoded: float) -> None:
    assert segments._edges(0, 600, 2, nothing, decoded) == pytest.approx([0, 294, 600], abs=1), "the first goes on over the seam"
    edges = segments._edges(100, 2100, 4, lambda number: number % 250, decoded)
    assert (edges[0], edges[-1], len(edges)) == (100, 2100, 5)
    spent = [b - a + decoded * (a % 250) + segments.SEAM * (b < 2100) for a, b in pairwise(edges)]
    assert max(spent) - min(spent) < 3.0
    late = segments._edges(0, 600, 2, lambda number: number, decoded)  # nothing to seek: all that is before is decoded
    assert late[1] == pytest.approx((600 - segments.SEAM) / (2 - decoded), abs=2)  # where what is left and what is decoded weigh alike


@pytest.mark.parametrize("count", [2, 3, 10])
def test_every_process_has_a_frame(count: int) -> None:
    for lead in (nothing, lambda number: number, lambda number: min(number, 3)):
        edges = segments._edges(5, 15, count, lead, segments.DECODED["full"])
        assert len(edges) == count + 1 and edges[0] == 5 and edges[-1] == 15
        assert all(a < b for a, b in pairwise(edges))


def test_processes_agree_over_as_many_frames_looked_at_where_others_are_skipped() -> None:
    """One in two is looked at: twice as many frames until they agree, and no person comes of those that nobody looked at."""
    first = stretch(0, 20, {k: row(0.0) if k % 2 == 0 else SKIPPED for k in range(60)})
    second = stretch(20, 60, {k: row(0.1) if k % 2 == 0 else SKIPPED for k in range(20, 60)})
    first.every = second.every = 2
    rows = run([first, second], [0, 1])
    assert [number for number, _, _ in rows] == list(range(60))
    assert first.process.ended and all(is_skipped(person) == (number % 2 == 1) for number, _, person in rows)
    at = [float(person[0, 0]) for number, _, person in rows if number % 2 == 0 and person is not None]
    assert len(at) == 30 and np.all(np.diff(at) >= 0.0) and max(np.diff(at)) < 0.2 / AGREE and at[-1] == pytest.approx(0.1, abs=1 / 64)


@pytest.mark.parametrize("processes", [1, 2])
def test_of_a_fast_video_some_frames_are_looked_at_and_all_are_told(processes: int, shared: Path) -> None:
    video = open_video(shared / "data" / "videos" / "beam_cam01.mp4")
    found = segments.detect(video, None, (60.0, "f"), Progress(), "full", processes)
    assert len(found) == 60 and found.skipped is not None
    assert np.array_equal(found.skipped, np.arange(60) % 2 == 1) and np.array_equal(found.detected, ~found.skipped)


def test_what_two_processes_saw_of_the_background_is_linked_at_the_seam() -> None:
    """The second begins with a keyframe of its own, which the first has seen beside its own."""
    corners = np.zeros((60, 4), np.float32)
    first, second = segments.BackgroundRows(), segments.BackgroundRows()
    for k in range(14):
        first.append(k, k / 25, (0, corners, corners[:2] if k == 0 else None))
    for k in range(10, 20):
        second.append(k, k / 25, (10, corners + 1, None))
    stretches: list[Any] = [
        segments._Stretch(a, b, Ended(), Talk([]), Rows(), seen, [])  # type: ignore[arg-type]
        for a, b, seen in ((0, 10, first), (10, 20, second))
    ]
    joined = segments._joined_background(stretches)
    assert joined.index.tolist() == list(range(20)) and joined.key.tolist() == [0] * 11 + [10] * 9
    assert (joined.corners[:11] == 0).all() and (joined.corners[11:] == 1).all() and joined.line_frame.tolist() == [0, 0]
