import numpy as np
import pytest

from contract.failure import Failure
from engine.detection.detector import Detections
from engine.person.shots import choose_shots, find_shots
from engine.progress import Progress

FPS = 25.0


def detections(seen, cuts, skipped=None):
    """Frames in which somebody is seen or not, of shots that begin with the frames `cuts`."""
    count = len(seen)
    times = np.arange(count) / FPS
    rows = np.arange(count, dtype=np.float32)[:, None, None] * np.ones((1, 33, 2), np.float32)
    world = np.zeros((count, 33, 3), np.float32)
    return Detections(times, rows, rows[..., 0], world, np.array(seen, bool), "full", skipped, cuts=tuple(times[list(cuts)].tolist()))


def test_every_frame_belongs_to_one_shot():
    seen = detections([True] * 30, (10, 18))
    assert seen.shots() == [slice(0, 10), slice(10, 18), slice(18, 30)]
    assert detections([True] * 30, ()).shots() == [slice(0, 30)]
    part = seen.part(slice(10, 18))
    assert len(part) == 8 and part.times[0] == 0.4 and part.cuts == () and part.image[0, 0, 0] == 10.0


def test_a_frame_that_was_not_looked_at_before_a_cut_belongs_to_neither():
    skipped = np.arange(30) % 2 == 1
    assert detections([True] * 30, (10,), skipped).shots() == [slice(0, 9), slice(10, 30)]


def test_the_longest_shot_is_the_one_that_shows_a_person_for_longest():
    seen = [False] * 40 + [True] * 12 + [True] * 25 + [False] * 30
    shots = find_shots(detections(seen, (40, 52, 77)), FPS)
    assert [(s.number, s.frames, s.seen) for s in shots] == [(1, 40, 0), (2, 12, 12), (3, 25, 25), (4, 30, 0)]
    progress = Progress()
    assert [s.number for s in choose_shots(shots, "longest", "clip.mp4", progress)] == [3]
    ((code, sentence),) = progress.warnings
    assert code == "shots" and "4 shots" in sentence and "1.60-2.08 s" in sentence and "shot 3" in sentence
    assert [s.number for s in choose_shots(shots, "all", "clip.mp4", progress)] == [2, 3]
    assert progress.warnings[-1][0] == "shot_empty" and "(1, 4)" in progress.warnings[-1][1]
    assert [s.number for s in choose_shots(shots, "2", "clip.mp4", Progress())] == [2]


def test_one_shot_is_no_matter_of_words():
    progress = Progress()
    for wanted in ("longest", "all", "1"):
        assert len(choose_shots(find_shots(detections([True] * 9, ()), FPS), wanted, "clip.mp4", progress)) == 1
    assert not progress.warnings


def test_shots_are_those_of_the_range_that_was_asked_for():
    found = detections([True] * 60, (20, 40))
    shots = find_shots(found, FPS, (21 / FPS, 45 / FPS))
    assert [(s.number, s.rows, s.frames) for s in shots] == [(1, slice(20, 40), 19), (2, slice(40, 60), 6)]
    assert shots[0].start == 21 / FPS


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [("4", "bad_arguments", "no shot 4"), ("1", "no_person", "shot 1"), ("2", "", "")],
)
def test_a_shot_that_is_not_there_or_shows_nobody_is_one_sentence(wanted, code, words):
    shots = find_shots(detections([False] * 10 + [True] * 10 + [False] * 10, (10, 20)), FPS)
    if not code:
        assert choose_shots(shots, wanted, "clip.mp4", Progress())
        return
    with pytest.raises(Failure, match=words) as failure:
        choose_shots(shots, wanted, "clip.mp4", Progress())
    assert failure.value.code == code and failure.value.message.count(".") >= 1 and "\n" not in failure.value.message


def test_nobody_in_any_shot_is_nobody_in_the_video():
    shots = find_shots(detections([False] * 20, (10,)), FPS)
    for wanted in ("all", "longest"):
        with pytest.raises(Failure) as failure:
            choose_shots(shots, wanted, "clip.mp4", Progress())
        assert failure.value.code == "no_person"


def test_a_hundred_shots_are_a_sentence_that_a_person_reads():
    shots = find_shots(detections([True] * 300, range(3, 300, 3)), FPS)
    progress = Progress()
    choose_shots(shots, "longest", "clip.mp4", progress)
    assert len(shots) == 100 and len(progress.warnings[0][1]) < 400


def test_a_few_frames_in_many_are_a_false_alarm():
    few = [False] * 40 + [True] * 12 + [False] * 30
    (shot,) = find_shots(detections(few, ()), FPS)
    assert shot.seen == 0
    with pytest.raises(Failure, match=r"No person was found in clip\.mp4") as raised:
        choose_shots([shot], "longest", "clip.mp4", Progress())
    assert raised.value.code == "no_person"
    assert find_shots(detections([False] * 5 + [True] * 12, ()), FPS)[0].seen == 12, "most of a short shot"
    assert find_shots(detections([False] * 90 + [True] * 13, ()), FPS)[0].seen == 13, "half a second in a long one"
    skipped = np.arange(100) % 4 > 0  # of a fast video each fourth frame is looked at
    seen = np.where(skipped, False, np.arange(100) < 60)
    assert find_shots(detections(seen, (), skipped), FPS)[0].seen == 15
