"""The panel's side of retargeting: the list, the operators, what they say, and one step of undo."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import kinolift_drawing as drawing
import numpy as np
import pytest
from kinolift_extension import register, unregister
from kinolift_extension.addon.armature import build_armature
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import keep
from kinolift_extension.addon.keyframes import curves_of
from kinolift_extension.addon.panel import character
from kinolift_extension.addon.retarget import interface
from kinolift_extension.addon.retarget.presets import load_presets, save_preset
from kinolift_extension.addon.retarget.roles import CHAIN_ROLES, REQUIRED_ROLES, ROLES
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.motion_file import save_motion

sys.path.insert(0, str(Path(__file__).parent))
import rigify_rigs
from rigs import DOG, PERSON, build, mirrored


@pytest.fixture
def settings():
    register()
    yield bpy.context.scene.kinolift_retarget
    unregister()


@pytest.fixture
def motion_path(make_motion, tmp_path):
    path = tmp_path / "walk.npz"
    save_motion(make_motion(12), path)
    return path


def row(settings, role):
    return next(r for r in settings.bones if r.role == role)


def test_find_bones_fills_the_list(settings):
    settings.target = build(mirrored(PERSON))
    assert bpy.ops.kinolift.find_bones() == {"FINISHED"}
    assert settings.found_by == "structure" and {r.role for r in settings.bones} == set(ROLES)
    assert row(settings, "thigh.L").bone == "l1.L" and 0 < row(settings, "thigh.L").sureness < 1
    assert [r.bone for r in settings.bones if r.role == "spine"] == ["low", "mid", "top", ""], "chains have a free row"
    row(settings, "thigh.L").bone = "l2.L"
    assert row(settings, "thigh.L").sureness == 1.0, "what a person picks is sure"


def test_the_list_is_what_is_used(settings):
    settings.target = build(mirrored(PERSON))
    bpy.ops.kinolift.find_bones()
    before = interface.listed_mapping(settings, settings.target)
    assert not before.missing() and set(before.bones) == set(ROLES) and all(role in ROLES for role in CHAIN_ROLES)
    row(settings, "toe.L").bone = ""
    assert "toe.L" not in interface.listed_mapping(settings, settings.target).bones
    row(settings, "toe.L").bone = "l3.L"
    with pytest.raises(Failure, match=r"l3\.L stands for two"):
        interface.listed_mapping(settings, settings.target)
    row(settings, "toe.L").bone = "gone"
    with pytest.raises(Failure, match="no bones gone"):
        interface.listed_mapping(settings, settings.target)
    row(settings, "toe.L").bone = ""
    row(settings, "shin.R").bone = ""
    with pytest.raises(Failure, match="Right Shin"):
        interface.listed_mapping(settings, settings.target)


def test_retarget_makes_a_new_action_and_one_step(settings, motion_path):
    rig = build(mirrored(PERSON))
    old = bpy.data.actions.new("Mine")
    rig.animation_data_create().action = old
    settings.target, settings.source, settings.motion = rig, "file", str(motion_path)
    assert bpy.ops.kinolift.retarget() == {"FINISHED"}  # the list is filled by itself
    action = rig.animation_data.action
    assert action != old and old.name in bpy.data.actions and "9 frames" in settings.done  # 12 of 30 a second, in a scene of 24
    first, last = action.frame_range
    assert first == pytest.approx(bpy.context.scene.frame_start)
    bpy.context.scene.frame_set(round(first))
    here = np.array(rig.pose.bones["a2.L"].matrix)
    bpy.context.scene.frame_set(round(last))
    assert np.abs(np.array(rig.pose.bones["a2.L"].matrix) - here).max() > 1e-3, "it moves"
    assert "UNDO" in interface.KINOLIFT_OT_retarget.bl_options


def test_ik_controls_of_a_rigify_rig_and_one_step_back(motion_path):
    rig = rigify_rigs.open_rig()
    register()
    try:
        settings = bpy.context.scene.kinolift_retarget
        settings.target, settings.source, settings.motion = rig, "file", str(motion_path)
        bpy.ops.kinolift.find_bones()
        assert "use_ik" in [given["property"] for name, given in drawn(settings) if name == "prop"]
        settings.use_ik = settings.root_heading = True
        before = rig.pose.bones["thigh_parent.L"]["pole_vector"], rig.pose.bones["upper_arm_parent.L"]["IK_FK"]
        bpy.ops.ed.undo_push(message="before")
        assert bpy.ops.kinolift.retarget() == {"FINISHED"}
        bpy.context.scene.frame_set(3)
        assert rig.pose.bones["thigh_parent.L"]["pole_vector"] and any("hand_ik.L" in curve.data_path for curve in curves_of(rig))
        bpy.ops.ed.undo_push(message="Retarget")
        assert bpy.ops.ed.undo() == {"FINISHED"}
        rig = bpy.data.objects["rig"]
        assert not bpy.data.actions
        settings = bpy.context.scene.kinolift_retarget
        settings.target = build(mirrored(PERSON))  # without IK controls: what was chosen for the other character does not matter
        assert settings.use_ik and bpy.ops.kinolift.retarget() == {"FINISHED"}
        assert "use_ik" not in [given["property"] for name, given in drawn(settings) if name == "prop"]
        assert (rig.pose.bones["thigh_parent.L"]["pole_vector"], rig.pose.bones["upper_arm_parent.L"]["IK_FK"]) == before
    finally:
        unregister()


def test_a_take_brings_its_motion(settings, make_motion):
    take = build_armature(make_motion(12), "Take", bpy.context.collection)
    settings.target = build(mirrored(PERSON))
    assert interface.chosen_take(settings, bpy.context) == take
    with pytest.raises(RuntimeError, match="kept no motion in the file"):
        bpy.ops.kinolift.retarget()
    keep(take, make_motion(12))
    assert bpy.ops.kinolift.retarget() == {"FINISHED"} and "9 frames" in settings.done


def test_what_cannot_be_done_is_said(settings):
    assert not bpy.ops.kinolift.find_bones.poll() and not bpy.ops.kinolift.retarget.poll()
    settings.target = build(mirrored(DOG))
    with pytest.raises(RuntimeError, match="all fours"):
        bpy.ops.kinolift.find_bones()
    assert not settings.bones
    settings.target = build(mirrored(PERSON), "Person")
    settings.source = "file"
    with pytest.raises(RuntimeError, match="No motion file"):
        bpy.ops.kinolift.retarget()
    settings.source = "take"
    with pytest.raises(RuntimeError, match="no take"):
        bpy.ops.kinolift.retarget()


def test_a_failure_stays_in_the_panel_until_something_works(settings, motion_path):
    def sentences():
        return " ".join(given["text"] for name, given in drawn(settings) if name == "label")

    settings.target, settings.source, settings.motion = build(mirrored(PERSON)), "file", str(motion_path)
    bpy.ops.kinolift.retarget()
    row(settings, "thigh.L").bone = ""
    with pytest.raises(RuntimeError, match="no bone for Left Thigh"):
        bpy.ops.kinolift.retarget()
    assert settings.bones[settings.active].role == "thigh.L", "the list shows the row"
    assert "no bone for Left Thigh" in sentences() and "9 frames" not in sentences()
    row(settings, "thigh.L").bone = "l1.L"
    settings.target.pose.bones["l1.L"].constraints.new("LIMIT_ROTATION")
    bpy.ops.kinolift.retarget()
    assert "no bone for" not in sentences() and "9 frames" in sentences()
    assert settings.notes and all(word in sentences() for word in settings.notes.split()), "notes stay too"


def test_the_panel_names_the_preset_as_people_do(settings, tmp_path, monkeypatch):
    assert interface.found_title("mpfb_cmu") == interface.presets()["mpfb_cmu"].title != "mpfb_cmu"
    assert interface.found_title("structure") == "Shape" and interface.found_title("gone") == "gone"
    monkeypatch.setattr(interface, "presets", lambda: load_presets(tmp_path))
    settings.target = build(mirrored(PERSON))
    bpy.ops.kinolift.find_bones()
    mine = interface.listed_mapping(settings, settings.target)
    for title in ("Mine", "Mine, changed"):
        save_preset(mine, title, tmp_path / "mine.json")
        assert interface.found_title("mine") == title, "a changed file is read again"
    (tmp_path / "mine.json").write_text("{")
    assert interface.found_title("mine") == "mine"


def test_saving_a_preset_of_ones_own(settings, monkeypatch, tmp_path):
    from kinolift_extension.addon.retarget import mapping

    settings.target = build(mirrored(PERSON))
    bpy.ops.kinolift.find_bones()
    with pytest.raises(RuntimeError, match="install Kinolift as an extension"):
        bpy.ops.kinolift.save_rig_preset(title="Hero Rig")
    for module in (mapping, interface):
        monkeypatch.setattr(module, "user_folder", lambda: tmp_path)
    assert bpy.ops.kinolift.save_rig_preset(title="Hero Rig") == {"FINISHED"}
    assert [path.name for path in tmp_path.iterdir()] == ["hero_rig.json"]
    settings.preset = "hero_rig"
    bpy.ops.kinolift.find_bones()
    assert settings.found_by == "hero_rig" and all(r.sureness == 1.0 for r in settings.bones if r.role in REQUIRED_ROLES)
    (tmp_path / "broken.json").write_text("{")
    assert [item[0] for item in interface._items(None, None)] == ["auto", "structure"]
    with pytest.raises(RuntimeError, match=r"broken\.json"):
        bpy.ops.kinolift.find_bones()


def test_titles():
    assert interface.role_title("upper_arm.L") == "Left Upper Arm" and interface.role_title("hips") == "Hips"


def drawn(settings):
    """What the panel's fold and the rows of its list draw."""
    calls = drawing.draw(character.draw, None)
    for item in settings.bones:
        character.KINOLIFT_UL_bones.draw_item(None, None, drawing.Layout(calls), settings, item, 0, None, "")
    return calls


def test_the_panel_draws_the_list_and_flags_what_is_missing(settings, motion_path):
    assert ("operator", "kinolift.retarget") in [(name, given.get("operator")) for name, given in drawn(settings)]
    settings.target, settings.source, settings.motion = build(mirrored(PERSON)), "file", str(motion_path)
    bpy.ops.kinolift.retarget()

    def texts():
        return [given["text"] for name, given in drawn(settings) if name == "label"]

    assert "Left Upper Arm" in texts() and "Missing: Left Thigh" not in texts() and "9 frames" in " ".join(texts())
    assert f"{row(settings, 'thigh.L').sureness:.0%}" in texts()
    row(settings, "thigh.L").bone = "l1.L"
    for item in settings.bones:
        item.sureness = 1.0
    assert not any(text.endswith("%") for text in texts()), "what nobody guessed has no sureness"
    row(settings, "thigh.L").bone = ""
    assert "Missing: Left Thigh" in texts()


def test_a_take_whose_scene_has_another_rate_since_is_told(settings, make_motion):
    """As the importers of characters leave the scene: at 24 frames a second."""
    scene = bpy.context.scene
    take = place_motion(make_motion(61, fps=30.0), scene, "Take", Placement("match")).armature
    settings.target = build(mirrored(PERSON))
    assert bpy.ops.kinolift.retarget() == {"FINISHED"} and "frames a second" not in settings.notes
    scene.render.fps = 24
    assert bpy.ops.kinolift.retarget() == {"FINISHED"}
    assert "Take has its keys at 30 frames a second and the scene 24 now" in settings.notes
    bpy.context.view_layer.objects.active = take
    assert bpy.ops.kinolift.match_rate() == {"FINISHED"} and scene.render.fps == 30
    assert bpy.ops.kinolift.retarget() == {"FINISHED"} and "frames a second" not in settings.notes
