"""Another person in the first one's world: as tall as the common ground tells, and lifted only once for that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract.options import CaptureOptions
from engine.beside import beside
from engine.finish import finish
from engine.poses import PoseModel
from engine.progress import Progress
from engine.recall import FORGOTTEN
from tests.engine.cameras.test_turning import FOV, placed, walker
from tests.engine.kinematics import people

COUNT = 60
SHORTER = 0.85


def test_somebody_shorter_is_known_by_the_ground_and_lifted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = placed([np.eye(3)] * COUNT)
    farther = cameras.copy()
    farther[:, :3, 3] /= SHORTER  # from there she looks as somebody so much shorter does from where the camera is
    (main, info), (other, _) = walker(cameras), walker(farther)
    model, runs = PoseModel("cpu"), []
    options = CaptureOptions(height=people.HEIGHT, steps=0, fov=FOV)
    first = finish(main, info, lambda: model, options, None, Progress())
    run = PoseModel.run

    def counted(self, *read, **more):
        runs.append(read)
        return run(self, *read, **more)

    monkeypatch.setattr(PoseModel, "run", counted)
    done = beside(first, other, info, lambda: model, options, Progress(), None, FORGOTTEN)
    assert len(runs) == 1
    stature = done.summary["stature"]
    assert stature == done.options.height == pytest.approx(SHORTER * people.HEIGHT, abs=0.04)
    # as if she had been made through that camera and of that height from the first
    again = finish(other, info, lambda: model, replace(options, height=stature), first.camera, Progress()).motion
    assert np.abs(done.motion.positions_world - again.positions_world).max() < 1e-3
    assert (done.motion.contacts == again.contacts).all() and np.abs(done.motion.spread - again.spread).max() < 1e-4
