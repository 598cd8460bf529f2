"""Frame rates as Blender stores them, and where keys fall."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from kinolift_extension.addon import scene as module


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (24, (24, 1.0)), (25.0, (25, 1.0)), (30, (30, 1.0)), (60, (60, 1.0)),
        (24000 / 1001, (24, 1.001)), (23.976, (24, 1.001)), (30000 / 1001, (30, 1.001)), (29.97, (30, 1.001)),
        (60000 / 1001, (60, 1.001)), (59.94, (60, 1.001)), (12.5, (25, 2.0)), (6.25, (25, 4.0)), (5.0, (5, 1.0)), (0.5, (1, 2.0)),
    ],
)  # fmt: skip
def test_usual_rates_are_exact(fps, expected):
    assert module.rate_as_fraction(fps) == expected


@pytest.mark.parametrize("fps", [29.8461, 17.3, 0.31, 119.88, 239.76, 1000.0])
def test_any_rate_survives_blender(fps):
    module.match_rate(bpy.context.scene, fps)
    assert module.rate_of(bpy.context.scene) == pytest.approx(fps, rel=1e-5)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_no_such_rate(fps):
    with pytest.raises(ValueError, match="does not exist"):
        module.rate_as_fraction(fps)


def test_keys_keep_real_time(make_motion):
    motion = make_motion(numbers=[0, 1, 2, 30, 31], fps=30.0)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    np.testing.assert_array_equal(module.key_frames(motion, scene, 1), [1, 2, 3, 31, 32])
    scene.render.fps = 24
    frames = module.key_frames(motion, scene, 1)
    np.testing.assert_allclose((frames - 1) / 24, motion.times, atol=1e-12)


def test_rates_that_are_written_differently_are_the_same(make_motion):
    motion = make_motion(frames=1000, fps=29.97)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    np.testing.assert_array_equal(module.key_frames(motion, scene, 0), np.arange(1000))
    assert module.rate_note(29.97, 30 / 1.001) == "" and module.rate_note(30, 29.97) != ""
