from __future__ import annotations

import numpy as np
import pytest

from engine.footage.lines import MOST, SHORTEST, straight_lines


@pytest.mark.parametrize("scale", [1, 3])
def test_the_edges_of_a_door_are_found_where_they_are(scale: int) -> None:
    image = np.full((480 * scale, 640 * scale, 3), 60, np.uint8)
    image[100 * scale : 400 * scale, 200 * scale : 300 * scale] = 200
    lines = straight_lines(image)
    upright = lines[np.abs(lines[:, 0] - lines[:, 2]) < 2 * scale]
    assert len(lines) == 4 and sorted(upright[:, 0]) == pytest.approx([200 * scale, 300 * scale], abs=1.5 * scale)
    assert np.abs(upright[:, 3] - upright[:, 1]) == pytest.approx([300 * scale] * 2, abs=8 * scale)


def test_noise_and_nothing_have_few_lines_and_short_ones_are_left_out() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    lines = straight_lines(noise)
    length = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    assert len(lines) <= MOST and (length >= SHORTEST * 400).all() and (np.diff(length) <= 0).all()
    assert straight_lines(np.full((50, 50, 3), 7, np.uint8)).shape == (0, 4)
