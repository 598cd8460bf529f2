"""Whose Esc it is, and what a fault leaves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import bpy
from kinolift_extension.addon.manners import over_the_panel, panel_is_shown, tell, write_log
from kinolift_extension.contract.failure import Failure


def window(tab="Kinolift", width=300):
    sidebar = SimpleNamespace(type="UI", x=1000, y=20, width=width, height=700, active_panel_category=tab)
    view = SimpleNamespace(type="WINDOW", x=0, y=20, width=1000, height=700)
    areas = [SimpleNamespace(type="VIEW_3D", regions=[view, sidebar]), SimpleNamespace(type="TIMELINE", regions=[view])]
    return SimpleNamespace(window=SimpleNamespace(screen=SimpleNamespace(areas=areas)))


def mouse(x, y):
    return SimpleNamespace(mouse_x=x, mouse_y=y)


def test_esc_is_ours_over_our_panel_only():
    assert over_the_panel(window(), mouse(1100, 300))
    assert not over_the_panel(window(), mouse(500, 300)) and not over_the_panel(window(), mouse(1100, 800))
    assert not over_the_panel(window(tab="Item"), mouse(1100, 300))
    assert panel_is_shown(window()) and not panel_is_shown(window(tab="Item")) and not panel_is_shown(window(width=1))
    assert not panel_is_shown(SimpleNamespace(window=None))


def test_scripts_get_an_error():
    told = []
    operator = SimpleNamespace(options=SimpleNamespace(is_invoke=False), report=lambda kind, text: told.append((kind, text)))
    tell(operator, window(), "No.")
    assert told == [({"ERROR"}, "No.")]


def test_the_log_is_written_for_faults_that_it_explains():
    assert write_log(["a"], Failure("no_person", "Nobody.")) is None
    path = write_log(["torn", "apart"], Failure("worker_died", "Dead."))
    assert path == Path(bpy.app.tempdir) / "kinolift-log.txt" and path.read_text().splitlines()[1:] == ["torn", "apart"]
