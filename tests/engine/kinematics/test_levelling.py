from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.cameras.level import Level, SceneLines
from engine.kinematics import levelling
from engine.kinematics.levelling import levelled
from engine.kinematics.upright import up_of
from engine.kinematics.world import Up


def body(tilt: float, roll: float) -> Up:
    up = up_of(tilt, roll)
    return Up(up, up)


def upright_lines(tilt: float, roll: float, count: int = 30) -> SceneLines:
    """Planes through up, at random."""
    up = up_of(tilt, roll)
    normals = np.cross(np.random.default_rng(1).normal(size=(count, 3)), up)
    return SceneLines(normals / np.linalg.norm(normals, axis=1, keepdims=True), np.full(count, 0.02), np.full(count, 0.3))


def degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def test_of_somebody_upright_before_no_lines_nothing_changes() -> None:
    found = body(-8.0, 1.5)
    told = levelled(found, up_of(-12.0, 0.0), None, "auto")
    assert told.up is found.believed and told.known_from == "body"


def test_lines_correct_what_an_upright_body_says() -> None:
    told = levelled(body(-3.0, 5.0), up_of(-9.0, 0.0), upright_lines(-14.0, 0.5), "auto")
    assert told.known_from == "lines" and told.lies == 0.0 and degrees(told.up, up_of(-14.0, 0.5)) < 1.0


@pytest.mark.parametrize("option", ["auto", "camera"])
def test_somebody_who_lies_is_not_stood_upright(option: str) -> None:
    told = levelled(body(-10.0, 80.0), up_of(-20.0, -14.0), upright_lines(-18.0, 0.0), option)
    assert told.known_from == "lines" and told.lies == 1.0 and degrees(told.up, up_of(-18.0, 0.0)) < 1.0


def test_of_somebody_who_lies_before_a_plain_wall_the_camera_is_held_as_cameras_are() -> None:
    told = levelled(body(-10.0, 80.0), up_of(-15.0, -8.0), None, "auto")
    assert told.known_from == "camera" and told.lies == 1.0 and degrees(told.up, up_of(-12.0, 0.0)) < 8.0


def test_who_wants_the_body_gets_the_body() -> None:
    found = body(-10.0, 80.0)
    told = levelled(found, up_of(-15.0, 0.0), upright_lines(-18.0, 0.0), "body")
    assert told.up is found.believed and told.known_from == "body"


def test_lines_far_from_a_body_that_the_networks_find_upright_too_are_told_and_not_believed() -> None:
    found = body(-40.0, 0.0)
    told = levelled(found, up_of(-38.0, 0.0), upright_lines(-5.0, 0.0, 80), "auto")
    assert told.known_from == "body" and told.up is found.believed and told.apart == pytest.approx(35.0, abs=2.0)


@pytest.mark.parametrize("lines", [upright_lines(-10.0, 0.0), None])
def test_somebody_who_leans_further_and_further_is_nowhere_suddenly_lying(lines: SceneLines | None) -> None:
    """The body's axis leaves what the networks say by a degree at a time: up and what follows from lying go along, and never jump."""
    told = [levelled(body(-10.0, lean), up_of(-10.0, 0.0), lines, "auto") for lean in np.arange(0.0, 60.0, 1.0)]
    ups, lies = np.array([one.up for one in told]), np.array([one.lies for one in told])
    assert max(degrees(a, b) for a, b in pairwise(ups)) < 4.0
    assert np.abs(np.diff(lies)).max() < 0.25 and lies[0] == 0.0 and lies[-1] == 1.0


def test_lines_that_are_nearly_sure_are_believed_as_far_as_they_are_near_the_body(monkeypatch):
    """Up goes over from the body's to the lines' without a leap as they get surer, and stays the body's where they are far from it: a part
    of a take and the whole have other lines."""

    def tilted(degrees):
        return np.array([0.0, -np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])

    def off(degrees, share):
        monkeypatch.setattr(levelling, "level", lambda lines, body, error: Level(tilted(degrees), 1.0, share >= 0.85, share))
        told = levelled(Up(tilted(0.0), tilted(0.0)), None, None, "auto")
        return float(np.degrees(np.arccos(np.clip(told.up @ tilted(0.0), -1, 1)))), told.known_from

    shares = np.linspace(0.0, 1.0, 201)
    for apart, most in ((4.0, 0.15), (6.5, 0.3), (14.0, 1.0)):  # degrees
        ups = np.array([off(apart, share)[0] for share in shares])
        assert np.abs(np.diff(ups)).max() < most and (np.diff(ups) > -1e-6).all()
        assert ups[0] == pytest.approx(0.0, abs=1e-6) and ups[-1] == pytest.approx(apart, abs=1e-6)
    assert off(4.0, 0.7) == (pytest.approx(4.0, abs=1e-6), "lines") and off(4.0, 0.3) == (pytest.approx(0.0, abs=1e-6), "body")
    assert off(12.0, 0.7) == (pytest.approx(0.0, abs=1e-6), "body") and off(12.0, 0.9) == (pytest.approx(12.0, abs=1e-6), "lines")
    assert off(40.0, 0.9)[0] == pytest.approx(0.0, abs=1e-6)  # of who is upright it is the lines that mislead
