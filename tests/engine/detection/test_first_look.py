"""Who is in the first picture: one after the other, the largest first, and not twice; drawn with a number each."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.failure import Failure
from engine.detection.first_look import drawn, look, people, people_in, told
from engine.detection.sightings import box_of, share_within
from engine.footage.video import Frame

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "examples" / "sample.mp4"
WIDTH, HEIGHT = 640, 360
# not by importing it: the detector imports parts of it alone, and all of it does not go on from there
detects = pytest.mark.skipif(find_spec("mediapipe") is None, reason="MediaPipe is not installed")


def row(left, top, width, height, seen=0.9):
    """(33,6) landmarks that fill that box."""
    rng = np.random.default_rng(3)
    points = rng.uniform(0, 1, (33, 2))
    points[:2] = [[0, 0], [1, 1]]
    landmarks = np.zeros((33, 6))
    landmarks[:, :2] = points * [width, height] + [left, top]
    landmarks[:, 2] = seen
    return landmarks


class Eyes:
    """Stands in for the networks: of those who are there and not painted over it sees the first in each part."""

    def __init__(self, *there):
        self.there, self.asked = there, 0

    def people(self, image, part, painted):
        self.asked += 1
        left = [one for one in self.there if not any(np.allclose(box_of(one), box) for box in painted)]
        return left[:1]


def frame(index, shade=90):
    return Frame(index, index / 30, np.full((HEIGHT, WIDTH, 3), shade, np.uint8))


def test_all_are_found_the_largest_first():
    small, tall = row(400, 150, 40, 100), row(100, 50, 80, 280)
    boxes = people_in(frame(0).image, 4, Eyes(small, tall))
    assert [box.tolist() for box in boxes] == [box_of(tall, 0.0).tolist(), box_of(small, 0.0).tolist()]
    assert len(people_in(frame(0).image, 1, Eyes(small, tall))) == 1, "at most so many"


def test_nobody_is_counted_twice_nor_made_of_a_wall():
    person, again = row(100, 50, 80, 280), row(104, 52, 78, 276)
    outside, unseen = row(600, 10, 300, 300), row(300, 50, 80, 250, seen=0.1)
    assert len(people_in(frame(0).image, 4, Eyes(person, again))) == 1
    assert people_in(frame(0).image, 4, Eyes(outside)) == [] and people_in(frame(0).image, 4, Eyes(unseen)) == []


def test_a_head_beside_its_body_is_nobody_else():
    """Landmarks end at eyes and wrists: of somebody in a push-up the head looks out of the box around them."""

    class Covered(Eyes):
        def people(self, image, part, painted):
            return [one for one in self.there if all(share_within(box_of(one, 0.0), box) < 0.5 for box in painted)][:1]

    body, head = row(100, 220, 400, 180), row(60, 190, 80, 60)
    assert len(people_in(frame(0).image, 4, Covered(body, head))) == 1
    beside = row(540, 190, 60, 200)
    assert len(people_in(frame(0).image, 4, Covered(body, beside))) == 2


def test_who_is_too_small_for_the_whole_is_found_in_smaller_parts():
    class Near(Eyes):
        def people(self, image, part, painted):
            return [] if part[2] > WIDTH * 0.4 else super().people(image, part, painted)

    assert len(people_in(frame(0).image, 4, Near(row(400, 150, 20, 50)))) == 1


def test_the_first_frame_with_somebody_is_taken():
    class Later(Eyes):
        def people(self, image, part, painted):
            return super().people(image, part, painted) if image[0, 0, 0] > 100 else []

    seen, boxes = look([frame(0), frame(8, 120), frame(16, 120)], 4, Later(row(100, 50, 80, 280)))
    assert seen.index == 8 and len(boxes) == 1
    seen, boxes = look([frame(0), frame(8)], 4, Eyes())
    assert seen.index == 0 and boxes == []


def test_the_picture_is_small_and_has_a_mark_at_each_box():
    boxes = [np.array([1000.0, 100.0, 1200.0, 900.0]), np.array([200.0, 300.0, 280.0, 600.0])]
    out = drawn(np.zeros((1080, 1920, 3), np.uint8), boxes)
    assert out.shape == (288, 512, 3)
    for box in boxes:
        left, top, right, bottom = np.round(box * 512 / 1920).astype(int)
        assert out[top : bottom + 1, left].any(axis=1).all() and out[top : bottom + 1, right].any(axis=1).all()
    assert not out[:, 400:].any()


def test_what_is_told():
    said = told(frame(15), [np.array([100.0, 50.0, 180.0, 330.0])])
    assert said == {
        "people": [{"number": 1, "box": [100.0, 50.0, 80.0, 280.0], "box_time": 0.5}], "width": WIDTH, "height": HEIGHT, "time": 0.5,
    }  # fmt: skip
    json.dumps(said)


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "empty.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (320, 240))
    for _ in range(10):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    return path


@detects
def test_bad_input_is_told_and_writes_nothing(empty, tmp_path):
    with pytest.raises(Failure, match=r"Nobody is in the first picture of empty\.avi") as raised:
        people(empty, "", "", 4, tmp_path / "out.png")
    assert raised.value.code == "no_person" and not (tmp_path / "out.png").exists()
    before = empty.read_bytes()
    (tmp_path / "holiday.png").write_bytes(b"\x89PNG of somebody")  # not ours, and nobody said --overwrite
    for picture in (empty, tmp_path / "out.jpg", tmp_path / "no" / "out.png"):
        with pytest.raises(Failure):
            people(empty, "", "", 4, picture)
    with pytest.raises(Failure, match="--overwrite"):
        people(empty, "", "", 4, tmp_path / "holiday.png")
    with pytest.raises(Failure, match="lies after the end"):
        people(empty, "9", "", 4, None)
    assert empty.read_bytes() == before and (tmp_path / "holiday.png").read_bytes() == b"\x89PNG of somebody"


@detects
def test_the_worker_says_who_is_in_the_sample(tmp_path):
    words = [sys.executable, "-m", "engine", "people", str(SAMPLE), "--picture", str(tmp_path / "people.png")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["event"] == "result" and [person["number"] for person in result["people"]] == [1]
    with np.load(SAMPLE.with_name("sample.truth.npz"), allow_pickle=False) as truth:
        pelvis = truth["image"][0, 0] if "image" in truth.files else None
    x, y, width, height = result["people"][0]["box"]
    assert 0 <= x < x + width <= result["width"] and 0 <= y < y + height <= result["height"]
    assert pelvis is None or (x < pelvis[0] < x + width and y < pelvis[1] < y + height)
    assert cv2.imread(str(tmp_path / "people.png")) is not None
    done = subprocess.run([*words[:4], str(tmp_path / "no.mp4")], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3 and json.loads(done.stdout.splitlines()[-1])["code"] == "no_such_file"
