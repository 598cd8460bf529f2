"""Up by the lines of a made-up room: upright edges at random places, seen by cameras that are known, among lines that lie anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.cameras import level as level_module
from engine.cameras.level import level, scene_lines
from engine.cameras.pinhole import camera_matrix, project
from engine.detection.background_rows import Background
from engine.kinematics.upright import up_of
from tests.engine.kinematics import people

SIZE = 1280, 720
MATRIX = camera_matrix(SIZE, 60.0)


def background(lines: np.ndarray) -> Background:
    return Background(np.arange(1), np.zeros(1), np.zeros(1, int), np.zeros((1, 60, 4), np.float32), np.zeros(len(lines), int),
                      lines.astype(np.float32))  # fmt: skip


def room(tilt: float, roll: float, edges: int, others: int, seed: int = 0) -> np.ndarray:
    """(N,4) what a camera sees of upright edges of one to two metres, half a pixel off, and of others."""
    rng = np.random.default_rng(seed)
    world_to_camera = people.camera_rotation(tilt, roll)
    feet = rng.uniform([-3, 3, -1.5], [3, 8, 0.5], (edges, 3))
    tops = feet + np.stack([np.zeros(edges), np.zeros(edges), rng.uniform(1, 2, edges)], 1)
    seen = np.concatenate([project(ends @ world_to_camera.T, MATRIX) for ends in (feet, tops)], 1) + rng.normal(scale=0.5, size=(edges, 4))
    at, way = rng.uniform([100, 100], [1180, 620], (others, 2)), rng.uniform(0, np.pi, others)
    half = rng.uniform(30, 90, (others, 1)) * np.stack([np.cos(way), np.sin(way)], 1)
    return np.concatenate([seen, np.concatenate([at - half, at + half], 1)])


def nobody() -> np.ndarray:
    return np.full((1, 33, 2), np.nan, np.float32)


def off(up: np.ndarray, tilt: float, roll: float) -> float:
    return math.degrees(math.acos(np.clip(up @ up_of(tilt, roll), -1, 1)))


@pytest.mark.parametrize(("tilt", "roll"), [(-20.0, 0.0), (-5.0, 8.0), (15.0, -3.0), (-35.0, 0.0)])
def test_upright_edges_tell_how_the_camera_was_held(tilt: float, roll: float) -> None:
    lines = scene_lines(background(room(tilt, roll, 14, 40)), nobody(), MATRIX, SIZE)
    for body in (None, up_of(tilt + 12, roll - 20)):  # whatever the body says
        found = level(lines, body, 15.0)
        assert found.sure and off(found.up, tilt, roll) < max(1.5, 2.5 * found.error) and found.error < 2.5


def test_a_phone_on_its_side_comes_out_by_the_nearest_quarter() -> None:
    for quarter in (90.0, -90.0):
        lines = scene_lines(background(room(-10.0, quarter, 14, 30)), nobody(), MATRIX, SIZE)
        found = level(lines, up_of(-5.0, quarter + 25), 15.0)
        assert found.sure and off(found.up, -10.0, quarter) < 2.0


@pytest.mark.parametrize("seed", range(6))
def test_lines_that_lie_anywhere_are_sure_of_nothing(seed: int) -> None:
    lines = scene_lines(background(room(0, 0, 0, 60, seed)), nobody(), MATRIX, SIZE)
    assert not level(lines, up_of(-10, 2), 8.0).sure


def test_without_lines_the_body_and_the_habits_of_cameras_are_weighed() -> None:
    assert scene_lines(background(np.zeros((0, 4))), nobody(), MATRIX, SIZE) is None
    found = level(None, up_of(-15, 6), 15.0)
    assert not found.sure and off(found.up, -15, 6) < 12 and abs(math.degrees(math.atan2(found.up[0], -found.up[1]))) < 3


def test_lines_on_the_person_are_none_of_the_scene() -> None:
    person = np.tile(np.array([640.0, 360.0], np.float32), (1, 33, 1))
    person[0, 11:] += np.linspace(-250, 250, 22)[:, None] * [0, 1]
    on = np.array([[630.0, 200, 650, 500]])
    assert scene_lines(background(on), person, MATRIX, SIZE) is None
    assert scene_lines(background(on - 500), person, MATRIX, SIZE) is not None


def test_all_at_once_or_in_parts_is_the_same(monkeypatch):
    lines = scene_lines(background(room(-12.0, 3.0, 12, 20)), nobody(), MATRIX, SIZE)
    found = []
    for at_once in (7, 10**9):
        monkeypatch.setattr(level_module, "_UPS", at_once)
        found.append(level(lines, up_of(-10.0, 0.0), 8.0))
    np.testing.assert_allclose(found[0].up, found[1].up, atol=1e-12)
    assert found[0].sure is found[1].sure


def boards(tilt: float, roll: float, aside: float, many: int, across: int, seed: int = 0) -> np.ndarray:
    """(N,4) what a camera 1.5 metres up sees of the edges of boards on the ground along a level direction, and of some across them."""
    rng = np.random.default_rng(seed)
    turn = np.radians(aside)
    along = np.array([[np.cos(turn), np.sin(turn), 0.0], [-np.sin(turn), np.cos(turn), 0.0]])[np.repeat([0, 1], [many, across])]
    middle = rng.uniform([-1.5, 3, -1.5], [1.5, 6, -1.5], (many + across, 3))
    half = along * rng.uniform(0.4, 0.8, (many + across, 1))
    world_to_camera = people.camera_rotation(tilt, roll)
    seen = np.concatenate([project(ends @ world_to_camera.T, MATRIX) for ends in (middle - half, middle + half)], 1)
    return seen + rng.normal(scale=0.5, size=seen.shape)


@pytest.mark.parametrize("seed", range(4))
def test_the_edges_of_boards_do_not_pass_for_upright_ones_but_help(seed: int) -> None:
    """Boards that lead away look upright in the picture, and are many; of upright edges there are three, too few to tell by themselves."""
    lines = np.concatenate([room(-18.0, 0.0, 3, 12, seed), boards(-18.0, 0.0, 80.0, 40, 14, seed)])
    found = level(scene_lines(background(lines), nobody(), MATRIX, SIZE), up_of(-8.0, 4.0), 15.0)
    assert found.sure and off(found.up, -18.0, 0.0) < 0.5


def test_boards_alone_are_sure_of_nothing() -> None:
    lines = scene_lines(background(boards(-18.0, 0.0, 80.0, 40, 0)), nobody(), MATRIX, SIZE)
    assert not level(lines, up_of(-8.0, 4.0), 15.0).sure
