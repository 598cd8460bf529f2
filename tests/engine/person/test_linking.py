"""Who is whom, with followers who go over to somebody else, lose people and find them again."""

import time

import numpy as np

from engine.person.linking import Linking
from tests.engine.person.walkers import BLUE, FPS, GREEN, RED, row, seen, walk

COUNT = 80


def paths(detections):
    """(T,) the middle of each person found, pixels; NaN where she is not seen."""
    linking = Linking(detections)
    found = []
    for pieces in linking.linked():
        hers = linking.detections_of(pieces)
        found.append(np.where(hers.detected, hers.image[:, :, 0].mean(1), np.nan))
    return found


def crossing():
    return walk(100, 500, COUNT), walk(480, 110, COUNT)


def test_people_apart_are_who_followed_them():
    left, right = walk(100, 180, COUNT), walk(500, 420, COUNT)
    one, other = paths(seen([left, right]))
    np.testing.assert_allclose(one, np.linspace(100, 180, COUNT), atol=8)
    np.testing.assert_allclose(other, np.linspace(500, 420, COUNT), atol=8)


def test_followers_who_keep_to_their_people_at_a_crossing_are_believed():
    left, right = crossing()
    one, other = paths(seen([left, right], [[RED] * COUNT, [BLUE] * COUNT]))
    assert one[0] < 120 and one[-1] > 480 and other[0] > 460 and other[-1] < 130
    assert np.isfinite(one).all() and np.isfinite(other).all()


def test_followers_who_exchange_their_people_at_a_crossing_are_found_out():
    """By the clothes, also where both turn back, which their ways alone would call a crossing."""
    left, right = crossing()
    meet = 39
    mixed = left[:meet] + right[meet:], right[:meet] + left[meet:]
    worn = [RED] * meet + [BLUE] * (COUNT - meet), [BLUE] * meet + [RED] * (COUNT - meet)
    one, other = paths(seen(list(mixed), list(worn)))
    assert one[0] < 120 and one[-1] > 480 and other[0] > 460 and other[-1] < 130
    back = walk(100, 290, 40) + walk(290, 100, 40), walk(500, 300, 40) + walk(300, 500, 40)
    crossed = back[0][:40] + back[1][40:], back[1][:40] + back[0][40:]
    worn = [RED] * 40 + [BLUE] * 40, [BLUE] * 40 + [RED] * 40
    one, other = paths(seen(list(crossed), list(worn)))
    assert one[0] < 120 and one[-1] < 120 and other[0] > 480 and other[-1] > 480


def test_who_is_hidden_for_a_moment_is_the_same_person_afterwards_though_another_follower_finds_her():
    left, right = crossing()
    hidden = [None if 34 <= k < 48 else one for k, one in enumerate(right)]
    second = [one if k < 34 else None for k, one in enumerate(hidden)]
    third = [one if k >= 48 else None for k, one in enumerate(hidden)]
    found = paths(seen([left, second, third], [[RED] * COUNT, [BLUE] * COUNT, [BLUE] * COUNT]))
    assert len(found) == 2 and found[1][0] > 460 and found[1][-1] < 130 and np.isnan(found[1][40])


def test_another_person_who_comes_in_later_is_not_the_one_who_left():
    left = walk(100, 180, COUNT)
    leaves = [*walk(500, 630, 25), *[None] * 55]
    comes = [None] * 45 + walk(20, 30, 35, foot=300.0, tall=90.0)
    found = paths(seen([left, leaves, comes], [[RED] * COUNT, [BLUE] * COUNT, [GREEN] * COUNT]))
    assert len(found) == 3


def test_a_follower_who_leaps_to_somebody_else_is_cut():
    """The first one loses its person and goes over to whom another followed, who gives way."""
    first = walk(100, 140, 40) + [row(500 + k, phase=6.0 * k / FPS) for k in range(40)]
    second = [row(460 + k, phase=6.0 * k / FPS) for k in range(40)] + [None] * 40
    found = paths(seen([first, second], [[RED] * 40 + [BLUE] * 40, [BLUE] * COUNT]))
    assert len(found) == 2
    assert np.nanmax(found[0]) < 200 and np.isfinite(found[1]).all() and found[1].min() > 440


def test_three_people_who_cross_at_once_keep_their_clothes():
    ways = walk(100, 500, COUNT), walk(500, 100, COUNT), walk(310, 290, COUNT)
    turn = [list(ways[0][:40]) + list(ways[1][40:]), list(ways[1][:40]) + list(ways[2][40:]), list(ways[2][:40]) + list(ways[0][40:])]
    worn = [[RED] * 40 + [BLUE] * 40, [BLUE] * 40 + [GREEN] * 40, [GREEN] * 40 + [RED] * 40]
    found = paths(seen(turn, worn))
    assert len(found) == 3
    assert found[0][0] < 120 and found[0][-1] > 480 and found[1][-1] < 120 and 270 < found[2][-1] < 310


def test_no_row_is_two_peoples_whatever_the_followers_say():
    rng = np.random.default_rng(2)
    for _ in range(20):
        slots = [[row(*rng.uniform(0, 600, 1)) if rng.random() < 0.7 else None for _ in range(30)] for _ in range(3)]
        slots[0][0] = row(100)
        linking = Linking(seen(slots, [[RED] * 30, [BLUE] * 30, [GREEN] * 30]))
        kept = [(piece.slot, int(k)) for person in linking.linked() for piece in person for k in piece.rows]
        assert len(kept) == len(set(kept))


def test_what_is_shorter_than_a_step_is_nobodys():
    alone = [row(500) if k in (20, 21) else None for k in range(COUNT)]
    assert len(paths(seen([walk(100, 180, COUNT), alone]))) == 1


def test_an_hour_of_crossings_is_linked_in_seconds():
    """200 crossings in a row, every second one exchanged."""
    left, right = crossing()
    slots, worn = [[], []], [[], []]
    for k in range(200):
        ways = (left, right) if k % 2 == 0 else (left[::-1], right[::-1])
        for slot in (0, 1):
            a, b = ways[slot], ways[1 - slot]
            slots[slot] += a[:39] + b[39:]
            worn[slot] += [(RED, BLUE)[slot]] * 39 + [(BLUE, RED)[slot]] * 41
            slots[slot] += [None] * 3
            worn[slot] += [None] * 3
    began = time.process_time()
    found = paths(seen(slots, worn))
    assert len(found) == 2 and time.process_time() - began < 20.0
    period = np.arange(len(slots[0])) % (2 * (COUNT + 3))
    for path, turned in zip(found, (False, True), strict=True):
        ways = np.where(period < COUNT + 3, period, 2 * (COUNT + 3) - period) / COUNT
        due = (480 - 370 * ways) if turned else (100 + 400 * ways)
        assert np.nanmedian(np.abs(path - due)) < 20
