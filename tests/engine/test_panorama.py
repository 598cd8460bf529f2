"""The panorama of a room whose pictures are drawn from directions: a place of it stays where it is, however the camera turns or zooms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.panorama import Panorama, has_panorama
from engine.preview import write_preview
from tests.engine.footage.drawn_room import FOCAL, SIZE, picture, texture, turned
from tests.engine.test_preview import FPS, make_motion

COUNT = 20
LENS = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1.0]])


def filmed(step: float, zoom: float = 1.0):
    """A motion whose camera turns by so many degrees a frame, or zooms, and what it sees."""
    motion = make_motion([k / FPS for k in range(COUNT)])
    turns = [turned(step * (k - COUNT / 2)) for k in range(COUNT)]
    places = np.tile(motion.camera_to_world, (COUNT, 1, 1))
    places[:, :3, :3] = motion.camera_to_world[:3, :3] @ np.array(turns)
    lenses = np.tile(LENS, (COUNT, 1, 1))
    lenses[:, [0, 1], [0, 1]] *= np.linspace(1, zoom, COUNT)[:, None]
    seen = (motion.positions_world - places[:, None, :3, 3]) @ places[:, :3, :3]
    motion = replace(
        motion, camera_matrix=lenses[0], camera_to_world=places[0], camera_path=places if step else None,
        camera_lenses=lenses if zoom != 1 else None, positions_camera=seen.astype(np.float32),
    )  # fmt: skip
    return motion, [picture(turn, texture(), FOCAL * share) for turn, share in zip(turns, np.linspace(1, zoom, COUNT), strict=True)]


def away(drawn: np.ndarray, once: np.ndarray, known: np.ndarray) -> float:
    """Mean grey values between two strips where both are `known`."""
    return float(np.abs(drawn.astype(float) - once)[known].mean())


@pytest.mark.parametrize(("step", "zoom"), [(2.0, 1.0), (1.0, 1.4)])
def test_the_background_stands_still_while_the_camera_turns(step: float, zoom: float) -> None:
    motion, pictures = filmed(step, zoom)
    assert has_panorama(motion)
    strips = []
    for frame in (0, COUNT - 1):  # what each alone shows
        alone = Panorama(motion, 400, 200)
        strips.append((alone.draw(pictures[frame], frame), alone._count > 0))
    known = strips[0][1] & strips[1][1]
    assert known.mean() > 0.15
    assert away(strips[0][0], strips[1][0], known) < 12.0  # of 255; the outlines and bones differ
    all_of_them = Panorama(motion, 400, 200)
    for frame, image in enumerate(pictures):
        drawn = all_of_them.draw(image, frame)
    assert drawn.shape == (all_of_them.size[1], 400, 3) and all_of_them.size[1] <= 200
    assert (all_of_them._count > 0).sum() > 1.1 * strips[0][1].sum()
    # with a camera that was followed wrongly it would not
    wrong = replace(motion, camera_path=np.tile(motion.camera_to_world, (COUNT, 1, 1)))
    blind = Panorama(wrong, 400, 200)
    first, count = blind.draw(pictures[0], 0), blind._count > 0
    other = Panorama(wrong, 400, 200)
    assert away(first, other.draw(pictures[-1], COUNT - 1), count & (other._count > 0)) > 30.0


def test_a_still_camera_has_none_and_the_preview_of_one_that_turns_has_one_below(tmp_path: Path) -> None:
    assert not has_panorama(make_motion([0.0, 0.04])) and not has_panorama(filmed(0.05)[0])
    motion, pictures = filmed(2.0)
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
    for image in pictures:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    heights = []
    for one in (motion, replace(motion, camera_path=None)):
        write_preview(path, one, tmp_path / "preview.mp4")
        read = cv2.VideoCapture(str(tmp_path / "preview.mp4"))
        heights.append((read.get(cv2.CAP_PROP_FRAME_HEIGHT), read.get(cv2.CAP_PROP_FRAME_COUNT)))
        read.release()
    assert heights[1] == (SIZE[1], COUNT) and SIZE[1] < heights[0][0] <= 1.5 * SIZE[1] and heights[0][1] == COUNT


def test_the_person_is_drawn_where_she_stands() -> None:
    motion, pictures = filmed(2.0)
    strip = Panorama(motion, 400, 200)
    columns = []
    for frame in (2, COUNT - 3):
        drawn = strip.draw(np.zeros_like(pictures[0]), frame)
        columns.append(float(np.flatnonzero((np.abs(drawn - np.array([230.0, 120, 0])).sum(-1) < 90).any(0)).mean()))
    assert columns[0] == pytest.approx(columns[1], abs=2.0)  # she stands, and so does the room
