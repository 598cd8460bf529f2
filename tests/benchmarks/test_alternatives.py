from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import alternatives
from benchmarks.alternatives import Judged, judge, judged_people, limb_errors, rows
from contract.alternatives import alternatives_of
from contract.failure import ExitCode, Failure
from contract.skeleton import ARMATURE_24, BODY_22
from engine.kinematics.alternatives import taken
from tests.benchmarks.test_world import segment
from tests.engine.datasets.pairs import write_pairs
from tests.engine.kinematics.test_alternatives import walked

OF_BODY = [ARMATURE_24.index(name) for name in BODY_22.joints]


def test_an_alternative_that_is_the_truth_is_found_to_be_it() -> None:
    motion = walked()
    one = max(alternatives_of(motion), key=len)
    truth = taken(motion, one).positions_camera[:, OF_BODY].astype(float)
    found, errors = judge(motion, truth)
    assert len(found) == len(alternatives_of(motion))
    (right,) = [each for each in found if each.nearer and each.other < 1e-6]
    assert right.kind == one.limb[:3] and right.own > 0.05 and right.frames <= len(one)
    own, best = errors[right.kind]
    assert best.mean() < own.mean() and len(own) == 2 * len(motion)
    np.testing.assert_allclose(limb_errors(motion, motion.positions_camera[:, OF_BODY].astype(float), one.limb), 0, atol=1e-6)


def test_the_table_is_counted_by_frames() -> None:
    made = [Judged("arm", 1, 30, 0.2, 0.1), Judged("arm", 1, 10, 0.1, 0.3), Judged("arm", 2, 5, 0.1, 0.09), Judged("leg", 1, 5, 0.1, 0.0)]
    assert rows(made) == [
        ["arm", "1", "2", "40", "0.500", "0.750", "200", "100", "175"],
        ["arm", "2", "1", "5", "0.000", "0.000", "0", "0", "100"],
        ["leg", "1", "1", "5", "1.000", "1.000", "100", "0", "100"],
    ]


def test_only_people_whom_nothing_learnt_from_are_judged() -> None:
    made, _ = segment(None)
    with pytest.raises(Failure, match="no held-out people"):
        judged_people([made], 1)
    known = [replace(made, human=name) for name in ("adult_f", "somebody", "m45_suit", "adult_f")]
    assert [each.human for each in judged_people(known, 2)] == ["adult_f", "adult_f"]


def test_pairs_without_them_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_pairs(tmp_path / "pairs.npz")
    monkeypatch.setattr("engine.datasets.split.HELD_OUT_HUMANS", frozenset())
    monkeypatch.setattr(alternatives, "HELD_OUT_HUMANS", frozenset())
    monkeypatch.setattr("sys.argv", ["alternatives.py", "--data", str(tmp_path)])
    assert alternatives.main() == ExitCode.BAD_INPUT
    assert "no held-out people" in capsys.readouterr().err
