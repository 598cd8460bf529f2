import cv2
import numpy as np
import pytest

from engine.footage import shots
from engine.footage.video import Frame, open_video

WIDTH, HEIGHT, FPS = 320, 180, 25.0


def room(seed, width=WIDTH, height=HEIGHT):
    """(height,width,3) a wall with some boxes, as rooms have: plain parts, edges, no two alike."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), rng.integers(60, 200, 3), np.uint8)
    picture[height * 2 // 3 :] = rng.integers(40, 160, 3)
    for _ in range(width // 16):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(side) for side in rng.integers(10, 70, 2))
        cv2.rectangle(picture, (x, y), (x + w, y + h), [int(c) for c in rng.integers(0, 255, 3)], -1)
    return cv2.GaussianBlur(picture, (3, 3), 0)


def with_person(picture, x, scale=1.0):
    """Somebody in the picture at `x`: a head, a trunk, two legs that walk."""
    out = picture.copy()
    tall, middle = int(120 * scale), HEIGHT // 2
    top = middle - tall // 2
    swing = int(12 * scale * np.sin(x / 6))
    cv2.circle(out, (x, top + int(12 * scale)), int(12 * scale), (190, 150, 130), -1)
    cv2.rectangle(out, (x - int(14 * scale), top + int(24 * scale)), (x + int(14 * scale), top + int(70 * scale)), (30, 60, 160), -1)
    for side in (-1, 1):
        foot = x + side * swing
        cv2.line(out, (x, top + int(70 * scale)), (foot, top + tall), (40, 40, 40), max(1, int(9 * scale)))
    return out


def walking(seed, count, x=40, scale=1.0, step=4):
    return [with_person(room(seed), x + step * k, scale) for k in range(count)]


def panned(seed, count, step, width=3 * WIDTH):
    """A camera that turns by `step` pixels a frame over a wide room, to and fro."""
    wide = room(seed, width)
    places = np.abs((np.arange(count) * step) % (2 * (width - WIDTH)) - (width - WIDTH)).astype(int)
    return [np.ascontiguousarray(wide[:, x : x + WIDTH]) for x in places]


def begins(pictures, rng=None):
    """The numbers of the pictures that begin a shot; `rng`: with a camera's noise."""
    if rng is not None:
        pictures = [np.clip(p + rng.normal(0, 4, p.shape), 0, 255).astype(np.uint8) for p in pictures]
    frames = [Frame(k, k / FPS, picture) for k, picture in enumerate(pictures)]
    out = list(shots.marked(iter(frames)))
    assert [f.index for f in out] == list(range(len(pictures)))  # every frame once, in its order
    assert all(f.image is g.image for f, g in zip(out, frames, strict=True))
    return [f.index for f in out if f.begins]


@pytest.mark.parametrize("seed", range(3))
def test_cuts_are_found_to_the_frame(seed):
    pictures = walking(seed, 14) + walking(100 + seed, 9, 200, step=-4) + panned(200 + seed, 20, 5)
    assert begins(pictures, np.random.default_rng(seed)) == [14, 23]


def test_a_cut_in_every_second_and_a_shot_of_four_frames():
    pictures = [p for s in range(4) for p in walking(s, 25)] + walking(50, 4) + walking(51, 12)
    assert begins(pictures) == [25, 50, 75, 100, 104]


def test_black_between_two_shots_is_one_cut_and_within_a_shot_none():
    black = [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 30
    fade = [(p * s).astype(np.uint8) for p, s in zip(walking(1, 8, 72), np.linspace(1, 0, 8), strict=True)]
    assert begins(walking(1, 8) + fade + black + walking(2, 12)) == [8 + 8 + 30]
    assert begins(walking(1, 8) + black + walking(1, 12, 72)) == []
    assert begins(black) == []


def test_flashes_are_no_cuts():
    for length in (1, 2, 3):
        pictures = walking(3, 30)
        for k in range(12, 12 + length):
            pictures[k] = np.clip(pictures[k] * 0.2 + 215, 0, 255).astype(np.uint8)
        for k in range(20, 20 + length):
            pictures[k] = np.full_like(pictures[k], 255)
        assert begins(pictures) == []


def test_a_light_that_goes_on_is_no_cut():
    pictures = [(p * 0.4).astype(np.uint8) for p in walking(4, 12)] + walking(4, 12, 88)
    assert begins(pictures) == []


@pytest.mark.parametrize("step", [10, 30, 80, 150])
def test_pans_are_no_cuts_however_fast(step):
    """From a tenth of the picture's width to half of it a frame."""
    still = panned(5, 1, 0) * 8
    for seed in range(2):
        assert begins(panned(seed, 24, step)) == []
    assert begins(still + panned(5, 12, step)) == []  # it sets in from one frame to the next


def test_a_person_who_fills_the_picture_is_no_cut():
    pictures = [with_person(room(6), x, 4.0) for x in range(-150, WIDTH + 150, 24)]
    assert begins(pictures) == []
    near = [with_person(room(6), 160, 0.6 + 0.15 * k) for k in range(30)]  # up to the lens
    assert begins(near + near[::-1]) == []


def test_a_picture_a_shot_is_no_run_of_cuts():
    """Nothing can be captured there, and thirty shots a second would be nonsense."""
    assert len(begins([room(s) for s in range(16)])) <= 1


def test_frames_that_are_not_looked_at_stay_in_their_places():
    nothing = np.zeros((0, 0, 3), np.uint8)
    pictures = [p for q in walking(1, 8) + walking(2, 8) for p in (q, nothing)]
    assert begins(pictures) == [16]


def test_few_frames_are_held_back():
    """So many pictures are in memory at once; also where nothing can be told for long."""
    for picture in (room(1), np.zeros((HEIGHT, WIDTH, 3), np.uint8)):
        read = 0

        def frames(picture=picture):
            nonlocal read
            for k in range(60):
                read += 1
                yield Frame(k, k / FPS, picture)

        for given, _ in enumerate(shots.marked(frames()), 1):
            assert read - given <= 9


def test_the_clips_have_the_cuts_that_were_made(shared):
    videos = shared / "data" / "videos"
    made = {"situations/cut.mp4": [50], "situations/side_by_side.mp4": [], "squats.mp4": [], "situations/paused_8s.mp4": []}
    for name, cuts in made.items():
        frames = open_video(videos / name).frames(None, None, True)
        assert [f.index for f in shots.marked(frames) if f.begins] == cuts, name


@pytest.mark.parametrize("length", [8, 14, 24])
def test_a_dissolve_is_one_cut_where_it_ends(length):
    first, second = walking(1, 60 + length), walking(2, 50 + length, x=200, step=-2)
    shares = (np.arange(length) + 1) / (length + 1)
    mixed = [cv2.addWeighted(first[60 + k], 1 - s, second[k], s, 0) for k, s in enumerate(shares)]
    (cut,) = begins([*first[:60], *mixed, *second[length:]], np.random.default_rng(3))
    assert 60 + length - 5 <= cut <= 60 + length + 5


def test_what_changes_slowly_otherwise_is_no_dissolve():
    still = walking(1, 60)
    dimmed = [np.clip(p * (1 - 0.02 * min(max(k - 15, 0), 30)), 0, 255).astype(np.uint8) for k, p in enumerate(still)]
    assert begins(dimmed, np.random.default_rng(3)) == []
    assert begins(walking(1, 60, x=-60, scale=1.8, step=7), np.random.default_rng(3)) == []
    assert not shots.is_dissolve([]) and not shots.is_dissolve([np.zeros((27, 48, 3), np.uint8)] * 30)
