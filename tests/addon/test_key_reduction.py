"""The arithmetic of fewer keys, against closed forms and a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from kinolift_extension.addon.key_reduction import (
    Tolerance,
    closed_after,
    distance,
    interpolate,
    parse_tolerance,
    reduce_keys,
    rotation_error,
    slopes,
)
from kinolift_extension.contract.failure import Failure


def ends(count):
    forced = np.zeros(count, bool)
    forced[[0, -1]] = True
    return forced, np.zeros(count, bool)


def test_words():
    assert parse_tolerance("") is None
    assert parse_tolerance("0.5") == Tolerance(0.5, 2.0) and parse_tolerance(" 1,.25 ") == Tolerance(1.0, 0.25)
    for text, sentence in (("x", "give degrees as in 0.5"), ("0", "more than 0 to 45 degrees"), ("1,0", "millimetres"), ("1,2,3", "give")):
        with pytest.raises(Failure, match=sentence) as raised:
            parse_tolerance(text)
        assert raised.value.code == "bad_arguments"


def test_rotation_error_is_the_angle_whatever_length_and_sign():
    for degrees in (1e-4, 0.5, 90.0, 179.0):
        half = np.radians(degrees) / 2
        turned = -3.0 * np.array([[np.cos(half), 0, np.sin(half), 0]])
        assert rotation_error(turned, np.array([[1.0, 0, 0, 0]]))[0] == pytest.approx(degrees, rel=1e-6)
    assert rotation_error(np.zeros((1, 4)), np.array([[1.0, 0, 0, 0]]))[0] > 90


def test_a_broken_line_keeps_its_corners_only():
    frames = np.arange(31.0)
    values = np.interp(frames, [0, 10, 14, 30], [0, 5, 1, 1])[:, None]
    kept = reduce_keys(frames, values, *ends(31), distance, 1e-9)
    assert np.flatnonzero(kept).tolist() == [0, 10, 14, 30]


def test_a_cubic_needs_its_ends_only():
    frames = np.array([0.0, 1, 2, 3.5, 5, 6, 7, 9, 10])
    values = (0.01 * frames**3 - 0.1 * frames**2 + frames)[:, None]
    exact = (0.03 * frames**2 - 0.2 * frames + 1)[:, None]
    assert np.flatnonzero(reduce_keys(frames, values, *ends(9), distance, 1e-9, exact)).tolist() == [0, 8]


def test_slopes_are_exact_on_a_parabola_and_one_sided_at_the_ends():
    frames = np.array([0.0, 1, 3, 4, 4.5, 7])
    values = np.stack([frames**2, 3 * frames], axis=1)
    found = slopes(frames, values, closed_after(frames, np.zeros(6, bool)))
    np.testing.assert_allclose(found[1:-1], np.stack([2 * frames, np.full(6, 3.0)], axis=1)[1:-1])
    np.testing.assert_allclose(found[[0, -1]], [[1, 3], [11.5, 3]])
    held = np.array([0, 1, 0, 0, 0, 0], bool)
    parted = slopes(frames, values, closed_after(frames, held))
    np.testing.assert_allclose(parted[[1, 2]], [[1, 3], [7, 3]])


@pytest.mark.parametrize("curved", [False, True])
def test_every_sample_is_within_the_tolerance_and_curves_do_not_mix(curved):
    """Two curves one after another give what each alone gives; the error is measured by a loop over the samples."""
    generator = np.random.default_rng(3)
    frames = np.arange(80.0)
    one, other = (np.cumsum(generator.normal(size=(80, 4)), axis=0) * 0.05 + [1, 0, 0, 0] for _ in range(2))
    forced, held = ends(80)
    both = np.concatenate([one, other])
    twice = np.concatenate([frames, frames])

    def reduced(frames, values, forced, held):
        tangents = slopes(frames, values, closed_after(frames, held)) if curved else None
        return reduce_keys(frames, values, forced, held, rotation_error, 4.0, tangents), tangents

    together, _ = reduced(twice, both, np.tile(forced, 2), np.tile(held, 2))
    for values, own in ((one, together[:80]), (other, together[80:])):
        alone, tangents = reduced(frames, values, forced, held)
        assert 2 < alone.sum() < 80 and own.sum() < 80
        for keep in (alone, own):
            keys = np.flatnonzero(keep)
            for sample in range(80):
                k = min(np.searchsorted(keys, sample, side="right") - 1, len(keys) - 2)
                first, last = keys[k : k + 1], keys[k + 1 : k + 2]
                value = interpolate(frames, values, tangents, first, last, np.array([sample]))
                assert rotation_error(value, values[sample : sample + 1])[0] <= 4.0 + 1e-9
    assert together[:80].sum() == pytest.approx(reduced(frames, one, forced, held)[0].sum(), abs=6)


def test_few_more_keys_than_the_longest_steps_need():
    """Against a plain loop that always takes the longest step which is within the tolerance; and no key is left that can go alone."""
    frames = np.arange(200.0)
    values = np.stack([np.sin(frames / 7), np.cos(frames / 11)], axis=1)
    forced, held = ends(200)

    def off(before, after):
        inside = np.arange(before + 1, after)
        line = values[before] + (values[after] - values[before]) * ((inside - before) / (after - before))[:, None]
        return np.linalg.norm(line - values[inside], axis=1).max(initial=0.0)

    longest = [0]
    while longest[-1] < 199:
        longest.append(max(end for end in range(longest[-1] + 1, 200) if off(longest[-1], end) <= 0.02))
    keys = np.flatnonzero(reduce_keys(frames, values, forced, held, distance, 0.02))
    assert len(longest) <= len(keys) <= 1.25 * len(longest)
    assert not any(off(before, after) <= 0.02 for before, after in zip(keys[:-2], keys[2:], strict=True))
