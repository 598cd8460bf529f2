"""How well balance tells up: on people who are tipped by a known angle, and from the command line."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import balance
from engine.datasets.motion_kind import KINDS
from tests.engine.kinematics import people


def test_who_is_tipped_is_off_by_that_angle_by_both() -> None:
    body = people.walk().body[:60]
    upright = balance.leans(body, 30.0)
    tipped = balance.leans(body @ people.about("x", 5.0).T, 30.0)
    assert upright is not None and tipped is not None
    assert np.allclose(tipped - upright, [[0.0, -5.0]] * 2, atol=0.2)


def test_who_never_stands_tells_nothing() -> None:
    body = people.walk().body[:60]
    assert balance.leans(body + np.arange(60)[:, None, None] * [0.3, 0.0, 0.2], 30.0) is None


def test_stretches_are_sorted_by_what_is_done() -> None:
    rows = balance.by_kind([(people.walk().body, 30.0)])
    assert set(rows) <= set(KINDS) and rows
    assert all(off.shape[1] == 2 and len(off) == len(kind["body"]) for kind in rows.values() for off in kind.values())


def test_the_figures_of_a_gaussian() -> None:
    off = 2.0 * np.random.default_rng(0).normal(size=(20000, 2))
    robust, rms, most = (float(value) for value in balance.figures(off).split(", "))
    assert robust == pytest.approx(2.0, abs=0.11) and rms == pytest.approx(2.0, abs=0.11)
    assert most == pytest.approx(2.0 * np.sqrt(-2 * np.log(0.1)), abs=0.11)  # of Rayleigh's distribution


def test_a_folder_without_motions_is_told(tmp_path, capsys) -> None:
    assert balance.main([str(tmp_path)]) != 0
    assert "Error" in capsys.readouterr().err
