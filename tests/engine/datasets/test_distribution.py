"""The table of what people in pairs do: made-up people whose figures are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets import distribution
from engine.datasets.detections import load_detections
from engine.datasets.motion_kind import FLOOR, STANDING, WALKING
from tests.engine.datasets import figures, pairs

FRONT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # world -> axes of a camera that stands before somebody who faces -Y


def test_figures_of_made_up_people():
    found = distribution.measure([figures.standing(90, 4.0, 30.0), figures.standing(30, 20.0, 5.0), figures.walking(60), figures.lying(20)])
    assert found.frames == 200
    assert found.kinds[[STANDING, WALKING, FLOOR]] == pytest.approx([0.6, 0.3, 0.1])
    standing = found.straighter_knee[found.kind == STANDING]
    assert (standing < distribution.STRAIGHT).mean() == pytest.approx(0.75)
    assert len(found.elbows) == 2 * 180 and (found.elbows < 8).mean() == pytest.approx(60 / 360)  # a lying person's arms do not hang
    # nobody but who stands straight; the figures' shoulders are ahead of hips over straight legs by their lean and a half of their knees
    assert len(found.hips) >= 2 * 90 and np.median(found.hips) == pytest.approx(-5.0 - 4.0 / 2, abs=0.5)
    assert np.median(found.lean) == pytest.approx(5.0) and found.facing is None


@pytest.mark.parametrize(
    ("turned", "quarter"), [(0, "from the front"), (90, "from the left"), (180, "from behind"), (270, "from the right")]
)
def test_facing(turned, quarter):
    """A person turned to the right by 90 degrees, as seen from above, shows the left side to a camera that stood in front."""
    c, s = np.cos(np.radians(turned)), np.sin(np.radians(turned))
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    seen = figures.standing(10) @ turn.T @ FRONT.T
    found = distribution.measure([figures.standing(10)], [seen])
    assert found.facing[distribution.QUARTERS.index(quarter)] == 1.0


def test_a_folder_of_pairs_becomes_a_table(tmp_path, capsys, monkeypatch):
    pairs.write_pairs(tmp_path / "pairs.npz")
    assert distribution.main([str(tmp_path)]) == 3
    assert "do not say where their cameras stood" in capsys.readouterr().err
    place = np.eye(4)
    place[:3, :3], place[2, 3] = FRONT.T, 0.95
    known = [
        replace(segment, camera_to_world=np.tile(place, (len(segment.truth), 1, 1)), truth=segment.truth - segment.truth[:, :1])
        for segment in load_detections(tmp_path)
    ]  # fmt: skip
    monkeypatch.setattr(distribution, "load_detections", lambda _: known)
    assert distribution.main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"| {sum(len(s.truth) for s in known)} frames") and all(line.count("|") == 4 for line in lines)
    assert any(line.startswith("| frames standing | 100%") for line in lines) and any("seen from behind" in line for line in lines)


def test_of_pairs_without_cameras_is_refused(tmp_path):
    pairs.write_pairs(tmp_path / "pairs.npz")
    with pytest.raises(Failure, match="render them anew"):
        distribution.of_pairs(load_detections(tmp_path))
