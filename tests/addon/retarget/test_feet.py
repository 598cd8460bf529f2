"""Planted feet: on the person's own proportions nothing changes, on others every contact has its footprint and limbs turn little."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.retarget.feet import RAMP, _footprints, contact_weight
from kinolift_extension.addon.retarget.retarget import RetargetOptions, retarget

sys.path.insert(0, str(Path(__file__).parent))
import made_rigs


def strays(points):
    """Metres: the farthest that (T,3) points are from their middle."""
    return float(np.linalg.norm(points - points.mean(0), axis=1).max())


def tips(rig, frames, side="L"):
    """(T,3) where Blender shows the toe's end of the foot."""
    found = []
    for frame in range(frames):
        bpy.context.scene.frame_set(frame)
        found.append(np.array(rig.matrix_world @ rig.pose.bones[f"pad.{side}"].tail))
    return np.array(found)


def test_the_weight_of_a_contact():
    contact = np.zeros(40, bool)
    contact[15:20] = True
    weight = contact_weight(contact, 30.0)
    reach = round(RAMP * 30)
    assert weight[15:20] == pytest.approx(1.0) and not weight[: 15 - reach].any() and not weight[19 + reach :].any()
    assert (np.diff(weight[:16]) >= 0).all() and (np.diff(weight[19:]) <= 0).all()
    assert not contact_weight(np.zeros(40, bool), 30.0).any()


def test_footprints_are_the_mean_of_each_contact_and_go_over_smoothly():
    contact = np.zeros(30, bool)
    contact[3:8] = contact[20:26] = True
    away = np.random.default_rng(0).normal(size=(30, 3))
    shift = _footprints(contact, away, np.zeros((30, 3)))
    for stretch, first, last in ((slice(3, 8), 0, 8), (slice(20, 26), 20, 30)):
        assert shift[first:last, :2] == pytest.approx(np.tile(away[stretch, :2].mean(0), (last - first, 1)))
    assert not shift[:, 2].any(), "the ground stays where it is"
    between = shift[7:21, 0]
    assert ((np.diff(between) > 0) == (between[-1] > between[0])).all()
    steps = np.zeros((30, 3))
    steps[:, 0] = 0.01
    moving = _footprints(contact, away, steps)
    assert np.diff(moving[3:8, 0]) == pytest.approx(0.01) and moving[3:8, 0].mean() == pytest.approx(away[3:8, 0].mean())


@pytest.mark.parametrize("options", [{}, {"heel": 35.0}, {"slide": 0.3}], ids=str)
def test_on_the_person_s_own_proportions_nothing_changes(make_motion, options):
    moving = made_rigs.standing(make_motion, **options)
    rig, mapping = made_rigs.build_rig(moving, drop=45, roll=3, toes=False)
    shown = []
    for feet in ("never", "auto"):
        retarget(moving, rig, mapping, RetargetOptions(feet=feet))
        worst, ankles = made_rigs.measure(rig, mapping, moving, every=1)
        assert worst < 0.1
        shown.append(ankles)
    assert np.abs(shown[0] - shown[1]).max() < 1e-3
    true = np.stack([moving.positions_world[:, moving.joint(f"ankle.{side}")] for side in "LR"], 1)
    assert np.linalg.norm(shown[1] - true, axis=-1).max() < 0.01


@pytest.mark.parametrize("shape", [{"hips": 1.5}, {"hips": 0.6}, {"hips": 1.4, "stretch": 1.3}], ids=str)
def test_a_person_who_stands_still_keeps_the_pose_on_other_hips(make_motion, shape):
    """No person's footprint scaled by the legs fits these hips; the character's own does."""
    moving = made_rigs.standing(make_motion, lift=False, sway=0.0)
    rig, mapping = made_rigs.build_rig(moving, **shape)
    retarget(moving, rig, mapping)
    worst, ankles = made_rigs.measure(rig, mapping, moving, every=5)
    assert worst < 0.1 and max(strays(ankles[:, 0]), strays(ankles[:, 1])) < 1e-3


def test_swaying_hips_of_another_width_cost_the_legs_little(make_motion):
    """Turned by 14 degrees on planted feet: hips half as wide again move the hip joints by 1.4 cm sideways and 6 mm along, of 83 cm."""
    moving = made_rigs.standing(make_motion, lift=False)
    rig, mapping = made_rigs.build_rig(moving, hips=1.5)
    retarget(moving, rig, mapping)
    worst, ankles = made_rigs.measure(rig, mapping, moving, every=1)
    assert worst < 2.0
    assert max(strays(ankles[:, 0]), strays(ankles[:, 1])) < 0.003


@pytest.mark.parametrize("feet", [0.6, 1.5])
def test_a_heel_that_rises_over_longer_or_shorter_feet(make_motion, feet):
    """The toe stands while the ankle takes the way that these feet need."""
    moving = made_rigs.standing(make_motion, lift=False, sway=0.3, heel=40.0)
    rig, mapping = made_rigs.build_rig(moving, feet=feet, toes=False)
    retarget(moving, rig, mapping)
    shown = tips(rig, len(moving))
    assert strays(shown) < 0.01
    retarget(moving, rig, mapping, RetargetOptions(feet="never"))
    assert strays(tips(rig, len(moving))) > 0.02, "the test can fail"


@pytest.mark.parametrize("feet", ["auto", "always"])
def test_feet_that_slide_do_so_or_not(make_motion, feet):
    moving = made_rigs.standing(make_motion, sway=0.3, slide=0.4)
    rig, mapping = made_rigs.build_rig(moving, hips=1.2)
    retarget(moving, rig, mapping, RetargetOptions(feet=feet))
    _, ankles = made_rigs.measure(rig, mapping, moving, every=1)
    travelled = ankles[-1, 0] - ankles[0, 0]
    if feet == "auto":
        assert travelled[1] == pytest.approx(-0.4, abs=0.01)
        return
    assert strays(ankles[:, 0]) < 0.003
    for standing in (slice(0, 20), slice(40, 60)):
        assert strays(ankles[standing, 1]) < 0.003
    assert ankles[50, 1, 1] < ankles[10, 1, 1] - 0.05, "the foot that steps gets on"


def test_a_hole_in_time_is_not_bridged(make_motion):
    """Before the hole the right foot stands and after it the motion is elsewhere: neither side pulls at the other's frames."""
    moving = made_rigs.standing(make_motion, lift=False, sway=0.3)
    numbers = np.arange(len(moving)) + np.where(np.arange(len(moving)) >= 30, 500, 0)
    contacts = moving.contacts.copy()
    contacts[30:] = False
    apart = moving.__class__(**{**vars(moving), "times": numbers / moving.fps, "contacts": contacts})
    rig, mapping = made_rigs.build_rig(moving, hips=1.5)
    shown = []
    for motion in (apart, moving.__class__(**{**vars(apart), "contacts": np.zeros_like(contacts)})):
        retarget(motion, rig, mapping, frames=np.arange(60.0))
        shown.append(made_rigs.measure(rig, mapping, moving, every=1)[1])
    assert np.abs(shown[0] - shown[1])[30:].max() < 1e-5 < np.abs(shown[0] - shown[1])[:30].max()
