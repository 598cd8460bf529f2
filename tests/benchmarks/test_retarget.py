"""The benchmark of retargeting measures what it says, on few frames."""

from __future__ import annotations

import pytest


def test_both_ways_are_timed():
    pytest.importorskip("bpy", reason="the add-on needs Blender or its bpy wheel")
    from benchmarks.retarget import BONES, measure

    found = measure(50, 10, 2)
    assert found["bones"] == BONES and found["mapped"] == 19 and len(found["ours"]) == 2
    assert found["keys"] == 50 * (19 * 4 + 3)
    assert found["ratio"] == pytest.approx(found["slow"] / 10 / (sum(found["ours"]) / 2 / 50))
