"""A clip's picture in the report: the frame in the middle, as the camera saw the person and from the side, drawn as lines (SVG)."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...contract.motion_file import Motion

WIDTH: Final = 150  # of which the left half is the camera's view and the right one that from the side
HEIGHT: Final = 100
_COLOURS: Final = {"L": "#0072b2", "R": "#e67800"}  # as the preview's


def picture(motion: Motion) -> str:
    """The SVG element."""
    frame = len(motion) // 2
    seen = motion.image_points[frame] * min(WIDTH / 2 / motion.image_size[0], HEIGHT / motion.image_size[1])
    both = _bones(motion, seen) + _bones(motion, _side(motion, frame))
    return f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">{both}</svg>'


def _side(motion: Motion, frame: int) -> np.ndarray:
    """(J,2) places in the right half: seen at a right angle to the camera, two metres high."""
    joints = motion.positions_world[frame].astype(float)
    ahead = motion.camera_to_world[:2, 2] / max(float(np.linalg.norm(motion.camera_to_world[:2, 2])), 1e-6)
    across = (joints[:, :2] - joints[0, :2]) @ ahead
    scale = HEIGHT / 2.2
    return np.stack([0.75 * WIDTH + scale * across, HEIGHT * 0.95 - scale * joints[:, 2]], 1)


def _bones(motion: Motion, points: np.ndarray) -> str:
    lines = []
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            (a, b), (c, d) = np.clip(points[[parent, joint]], -500, 500).tolist()
            colour = _COLOURS.get(str(motion.joint_names[joint])[-1], "#444")
            lines.append(f'<path d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" stroke="{colour}" stroke-width="2" stroke-linecap="round"/>')
    return "".join(lines)
