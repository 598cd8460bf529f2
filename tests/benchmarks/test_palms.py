"""The palm's benchmark: forearms are turned by what it says, and readings that are right are read as such."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from benchmarks import palms
from benchmarks.palms import Palm, read_palm, rows_of, turn_forearms
from contract.skeleton import BODY_22
from engine.datasets.human import joints
from engine.datasets.motion_draw import MotionDraw
from engine.datasets.shot import Shot, make_shot
from engine.detection.landmarks import LANDMARKS
from engine.kinematics.turns import direction
from engine.lifter.codec import view_rotation
from tests.engine.datasets.conftest import human, steps_clip  # noqa: F401 - fixtures

DEGREES = np.array([-80.0, -30.0, 0.0, 50.0])


@pytest.fixture
def shot(human, steps_clip) -> Shot:  # noqa: F811
    return make_shot([human], MotionDraw([steps_clip(130)]), np.random.default_rng(0))


def turns(shot: Shot) -> dict[str, np.ndarray]:
    return {side: np.radians(np.resize(DEGREES, len(shot.truth))) for side in "LR"}


def test_forearms_turn_about_themselves_and_hands_keep_their_direction(shot: Shot) -> None:
    turned = turns(shot)
    there = turn_forearms(shot, turned)
    before, after = (joints(shot.human, s.pose) for s in (shot, there))
    assert np.abs(before - after).max() < 1e-6
    for side, name in (("L", "Left"), ("R", "Right")):
        fore = direction(before[:, BODY_22.index(f"wrist.{side}")] - before[:, BODY_22.index(f"elbow.{side}")])
        for bone, share in ((f"{name}ForeArm", 0.5), (f"{name}Hand", 1.0)):
            made = Rotation.from_matrix(there.pose.rotation[bone] @ np.swapaxes(shot.pose.rotation[bone], 1, 2)).as_rotvec()
            assert np.degrees(np.linalg.norm(made, axis=-1)) == pytest.approx(np.abs(np.resize(DEGREES, len(made))) * share, abs=3.0)
            if share < 1:
                assert made == pytest.approx(fore * turned[side][:, None] / 2, abs=1e-6)


@pytest.mark.parametrize(("side", "sign"), [("L", 1.0), ("R", -1.0)])
def test_a_palm_is_read_as_it_is_turned(side: str, sign: float) -> None:
    """A hand along x whose thumb looks up: by hand, turned about x."""
    angle = np.radians(DEGREES)
    world = np.zeros((len(angle), 33, 3))
    world[:, LANDMARKS.index(f"index.{side}")] = np.stack([0 * angle + 0.1, 0.03 * np.cos(angle), 0.03 * np.sin(angle)], 1)
    hand, up = np.tile([1.0, 0, 0], (len(angle), 1)), np.tile([0, 1.0, 0], (len(angle), 1))
    assert read_palm(world, side, hand, up) == pytest.approx(sign * DEGREES)


def test_a_detector_that_sees_the_palm_is_right(shot: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = shot.human.rest

    def sideways(_: object, side: str) -> np.ndarray:
        name = palms.SIDES[side]
        return direction(np.cross(rest.head[f"{name}FingerBase"] - rest.head[f"{name}Hand"], [0.2, 1.0, 0.3]))

    monkeypatch.setattr(palms, "across", sideways)
    turned = turns(shot)
    there = turn_forearms(shot, turned)
    camera, trunk = there.camera, [LANDMARKS.index(f"{joint}.{side}") for joint in ("hip", "shoulder") for side in "LR"]
    pixels = camera.pixels(there.truth[:, [BODY_22.index(LANDMARKS[k]) for k in trunk]])
    slopes = (pixels.mean(1) - np.array(camera.size) / 2) / camera.focal
    rows = np.zeros((len(there.truth), 33, 6), np.float32)
    rows[:, trunk, :2], rows[..., 2] = pixels, 0.9
    for side, name in palms.SIDES.items():
        palm = there.pose.rotation[f"{name}Hand"] @ sideways(None, side)
        palm = (camera.rotation @ palm[..., None])[..., 0]
        rows[:, LANDMARKS.index(f"index.{side}"), 3:] = 0.03 * np.einsum(
            "tji,tj->ti", view_rotation(torch.from_numpy(slopes)).numpy(), palm
        )
    found = list(palms.palms(there, turned, [None, *rows[1:]]))
    assert [len(palm.read) for palm in found] == [len(rows) - 1] * 2
    for palm in found:
        assert np.abs((palm.read - palm.turned + 180) % 360 - 180).max() < 0.1 and palm.sure == pytest.approx(0.9)
    assert not list(palms.palms(there, turned, [None] * len(rows)))


def test_the_table_tells_a_reading_that_follows_from_one_that_does_not() -> None:
    turned = np.linspace(-80, 80, 100)
    for read, mean, error in ((turned, -62.0, 0.0), (0 * turned, 0.0, 62.0)):
        first = rows_of([Palm(turned, read, np.full(100, 0.97))])[0]
        assert first[:2] == ["0.95-1.00", "-90 to -45"]
        assert [float(first[k]) for k in (3, 5, 6)] == pytest.approx([mean, error, 62.0], abs=2)
