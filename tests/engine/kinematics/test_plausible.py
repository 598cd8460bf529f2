"""What people do not do, in motions made for it."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import ARMATURE_24
from engine.kinematics.plausible import find_implausible, sentences

HEIGHT = 1.8
REST = np.zeros((len(ARMATURE_24), 3))
for _name, _z in {"ankle": 0.05, "toe": 0.02, "knee": 0.28, "hip": 0.52}.items():
    for _side in "LR":
        REST[ARMATURE_24.index(f"{_name}.{_side}")] = (0.1, 0, _z * HEIGHT)
for _joint, _name in enumerate(ARMATURE_24.joints):
    if _name.partition(".")[0] not in ("ankle", "toe", "knee", "hip"):
        REST[_joint] = (0, 0, 0.6 * HEIGHT)


def standing(fps, seconds=4.0):
    """A person who walks at 1.5 m/s: positions (T,24,3), rotations (T,24,4), times (T,)."""
    times = np.arange(round(fps * seconds)) / fps
    positions = np.repeat(REST[None], len(times), axis=0)
    positions[..., 0] += 1.5 * times[:, None]
    rotations = np.zeros((len(times), len(ARMATURE_24), 4))
    rotations[..., 0] = 1
    return positions, rotations, times


def found(positions, rotations, times, fps, runs=None):
    runs = [slice(0, len(times))] if runs is None else runs
    return find_implausible(positions.astype(np.float32), rotations.astype(np.float32), runs, fps, times, HEIGHT)


@pytest.mark.parametrize("fps", [24.0, 30.0, 120.0])
def test_nothing_is_said_of_a_walk_and_a_leap(fps):
    positions, rotations, times = standing(fps)
    positions[..., 2] += 0.4 * np.sin(np.pi * np.clip((times - 1) / 0.9, 0, 1))[:, None]
    assert found(positions, rotations, times, fps) == [] and sentences([]) == []


@pytest.mark.parametrize("fps", [24.0, 30.0, 120.0])
def test_hovering(fps):
    positions, rotations, times = standing(fps)
    positions[(times >= 1) & (times < 2.5), :, 2] += 0.08
    (one,) = found(positions, rotations, times, fps)
    assert one["what"] == "hovering" and one["value"] == pytest.approx(0.08, abs=0.011)
    assert one["start"] == pytest.approx(1, abs=1 / fps) and one["end"] == pytest.approx(2.5, abs=1 / fps)
    ((code, said),) = sentences([one])
    assert code == "hovering" and said.startswith("The person is 8 cm over the ground at 1.0")


def test_a_person_who_lies_does_not_hover():
    positions, rotations, times = standing(30.0)
    positions[..., 2] = 0.11
    for side in "LR":
        positions[:, ARMATURE_24.index(f"toe.{side}"), 2] = 0.3
    assert found(positions, rotations, times, 30.0) == []


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_a_root_that_is_too_fast(fps):
    positions, rotations, times = standing(fps)
    positions[times >= 2, :, 1] += 0.5  # the step that a cut or another person makes
    (one,) = found(positions, rotations, times, fps)
    assert one["what"] == "root_speed" and one["value"] >= 0.5 * fps - 0.1 and one["start"] < 2 <= one["end"]
    holes = [slice(0, round(2 * fps)), slice(round(2 * fps), len(times))]
    assert found(positions, rotations, times, fps, holes) == [], "across a hole in time a person may be anywhere"


@pytest.mark.parametrize(("fps", "degrees", "told"), [(30.0, 100.0, 1), (30.0, 80.0, 0), (120.0, 100.0, 1)])
def test_a_head_that_turns_at_once(fps, degrees, told):
    """By the neck, and by the whole body: what counts is the head in the world."""
    for joint in ("neck", "pelvis"):
        positions, rotations, times = standing(fps)
        half = np.radians(degrees) / 2
        rotations[times >= 2, ARMATURE_24.index(joint)] = (np.cos(half), 0, 0, np.sin(half))
        heads = [one for one in found(positions, rotations, times, fps) if one["what"] == "head_turn"]
        assert len(heads) == told
        assert all(one["value"] == pytest.approx(degrees, abs=0.1) for one in heads)


def test_the_worst_place_is_named():
    first = {"what": "head_turn", "start": 1.0, "end": 1.1, "value": 95.0}
    second = {"what": "head_turn", "start": 3.0, "end": 3.1, "value": 170.0}
    ((_, said),) = sentences([first, second])
    assert said == "The head turns by 170 degrees in a frame at 3.00 to 3.10 s and in 1 more places: look at it."


@pytest.mark.parametrize("fps", [24.0, 120.0])
def test_who_does_not_move_at_all_is_a_picture(fps):
    positions, rotations, times = standing(fps)
    positions[..., 0] = 0.002 * np.sin(times)[:, None]
    (one,) = found(positions, rotations, times, fps)
    assert one["what"] == "motionless" and one["value"] == pytest.approx(4.0, abs=0.1)
    ((code, said),) = sentences([one])
    assert code == "motionless" and "a statue" in said
    # who stands still sways, and a frozen moment is none
    positions[..., 0] = 0.02 * np.sin(4 * times)[:, None]
    assert found(positions, rotations, times, fps) == []
    moving = standing(fps)[0]
    moving[(times >= 1) & (times < 1.8)] = moving[np.searchsorted(times, 1.0)]
    assert all(one["what"] != "motionless" for one in found(moving, rotations, times, fps))
