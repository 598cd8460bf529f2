"""Presets: the shipped ones are whole and symmetric, prefixes, wrong files, saving, and real rigs."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import bpy
import pytest
from kinolift_extension.addon.retarget import mapping
from kinolift_extension.addon.retarget.mapping import find_mapping
from kinolift_extension.addon.retarget.presets import SCHEMA, SHIPPED, load_presets, parse_preset, read_preset, save_preset
from kinolift_extension.addon.retarget.roles import CHAIN_ROLES, REQUIRED_ROLES, ROLES, Mapping, Switch
from kinolift_extension.contract.failure import Failure

sys.path.insert(0, str(Path(__file__).parent))
from rigs import DOG, PERSON, build, load, mirrored

NAMES = sorted(path.stem for path in SHIPPED.glob("*.json"))
# how each kind of name is mirrored; the first pair that changes the name counts
SIDES = (
    ("Left", "Right"),
    ("left", "right"),
    (".L", ".R"),
    (".l", ".r"),
    ("_L", "_R"),
    ("_l", "_r"),
    ("L_", "R_"),
    ("l_", "r_"),
    ("l", "r"),
)


def mirror(name):
    for left, right in SIDES:
        if (left == "l" or left.endswith("_")) and name.startswith(left):
            return right + name[len(left) :]
        if left.startswith("_") and (name.endswith(left) or f"{left}_" in name):
            return name.replace(left, right) if name.endswith(left) else name.replace(f"{left}_", f"{right}_")
        if left[0] not in "_" and left != "l" and not left.endswith("_") and left in name:
            return name.replace(left, right)
    return name


PLACES = {
    "forearm": (0.45, 0, 1.4), "arm": (0.2, 0, 1.4), "hand": (0.7, 0, 1.4), "thigh": (0.1, 0, 1.0), "shin": (0.1, 0, 0.5),
    "foot": (0.1, 0, 0.1), "toe": (0.1, -0.1, 0),
}  # fmt: skip


def plain_rig(preset, prefix=""):
    """A rig with the preset's bones: presets look at names, at what hangs on what, and at whether the legs hang below the arms."""
    rows = {}
    hips = prefix + preset.bones["hips"][0][0]
    for role, slots in preset.bones.items():
        x, y, z = next((place for part, place in PLACES.items() if part in role), (0, 0, 1.2))
        carrier = {"forearm": "upper_arm", "shin": "thigh"}.get(role[:-2])
        above = None if role in ("root", "hips") else prefix + preset.bones[f"{carrier}{role[-2:]}"][0][0] if carrier else hips
        rows |= {prefix + slot[0]: (above, (x if role.endswith("L") else -x, y + 1e-3 * n, z)) for n, slot in enumerate(slots, len(rows))}
    rows = {**dict.fromkeys(preset.ik.values(), (None, (0, 0, 0))), **rows}
    return build([(name, *row) for name, row in rows.items()])


def test_all_rigs_are_there():
    wanted = """kinolift rigify_metarig rigify_deform rigify_controls mixamo unreal_4 unreal_5 unity_humanoid vrm_0 vrm_1 mpfb_default
    mpfb_game_engine mpfb_cmu auto_rig_pro daz_g8 daz_g9 reallusion_cc rokoko"""
    assert set(wanted.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_preset_is_whole_and_symmetric(name):
    preset = load_presets()[name]
    assert set(REQUIRED_ROLES) <= set(preset.bones)
    for role, slots in preset.bones.items():
        assert role in CHAIN_ROLES or len(slots) == 1
        if role.endswith(".L"):
            right = preset.bones[f"{role[:-2]}.R"]
            assert [[mirror(n) for n in slot] for slot in slots] == [list(slot) for slot in right]
            assert slots != right
    assert {role[:-2] for role in preset.ik if role.endswith(".L")} == {role[:-2] for role in preset.ik if role.endswith(".R")}
    firsts = [slot[0] for slots in preset.bones.values() for slot in slots]
    assert len(firsts) == len(set(firsts)), "no bone has two roles"


@pytest.mark.parametrize("name", NAMES)
def test_its_own_rig_is_recognised(name):
    preset = load_presets()[name]
    found = find_mapping(plain_rig(preset))
    same = {"mpfb_game_engine", "unreal_4"}  # the same names
    assert found.preset == name or {found.preset, name} == same
    assert found.bones == {role: tuple(slot[0] for slot in slots) for role, slots in preset.bones.items()}
    assert set(found.sureness.values()) == {1.0} and not found.missing()


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig1:", "mixamorig12:", "mixamorig_", "mixamorig7_", "Someone:"])
def test_prefixes(prefix):
    found = find_mapping(plain_rig(load_presets()["mixamo"], prefix))
    assert found.preset == "mixamo" and found.bone("hips") == f"{prefix}Hips" and found.bone("foot.R") == f"{prefix}RightFoot"


@pytest.mark.parametrize(
    ("path", "preset"),
    [("rigs/mixamo.fbx", {"mixamo"}), ("rigs/mixamo_unity.glb", {"mixamo"}), ("rigs/game_engine.fbx", {"unreal_4", "mpfb_game_engine"}),
     ("humans/adult_f.glb", {"mpfb_cmu"}), ("humans/adult_heavy.glb", {"mpfb_cmu"})],
)  # fmt: skip
def test_real_rigs(path, preset):
    found = find_mapping(load(path))
    assert found.preset in preset and not found.missing() and {"neck", "head", "toe.L", "clavicle.R"} <= set(found.bones)


def test_our_own_armature(make_motion):
    from kinolift_extension.addon.armature import build_armature

    found = find_mapping(build_armature(make_motion(3), "Take", bpy.context.collection))
    assert found.preset == "kinolift" and not found.missing()
    assert found.bones["spine"] == ("spine", "chest") and found.bone("upper_arm.L") == "upper_arm.L"


def test_rigify():
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_basic_human_metarig_add()
    metarig = bpy.context.object
    assert find_mapping(metarig).preset == "rigify_metarig"
    bpy.ops.pose.rigify_generate()
    (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE" and thing != metarig)
    controls, deform = find_mapping(rig), find_mapping(rig, "rigify_deform")
    assert controls.preset == "rigify_controls" and controls.ik["foot.L"] == "foot_ik.L"
    for found in (controls, deform):
        assert not found.missing() and set(found.bones) == set(ROLES)
        assert all(name in rig.data.bones for names in found.bones.values() for name in names)
    assert all(name.startswith("DEF-") for role, names in deform.bones.items() for name in names if role != "root")
    assert all(name in rig.data.bones for name in (*controls.ik.values(), *controls.ik_rest))
    assert {(switch.bone, switch.property) for switch in controls.switches if switch.fk == 1.0} == {
        (f"{bone}.{side}", "IK_FK") for bone in ("upper_arm_parent", "thigh_parent") for side in "LR"
    }
    for switch in controls.switches:
        bone = rig.pose.bones[switch.bone]
        assert switch.property in bone or switch.property in bone.bl_rna.properties, switch


def test_switches_and_resting_controls_are_saved_and_read_back(tmp_path):
    rig = build(mirrored(PERSON))
    found = find_mapping(rig)
    switches = (Switch("a3.L", "IK_FK", 1.0, 0.0), Switch("l1.L", "pole", ik=1.0))
    save_preset(replace(found, ik={"foot.L": "l3.L"}, ik_rest=("f1.L", "f2.L"), switches=switches), "Mine", tmp_path / "mine.json")
    again = find_mapping(rig, str(tmp_path / "mine.json"))
    assert again.switches == switches and again.ik_rest == ("f1.L", "f2.L")
    rig.data.bones["f2.L"].name = "finger"
    rig.data.bones["f1.R"].name = "other"
    with pytest.raises(Failure, match=r"names: f2\.L;"):
        find_mapping(rig, str(tmp_path / "mine.json"))


def test_saving_and_reading_back(tmp_path, monkeypatch):
    rig = build(mirrored(PERSON))
    by_shape = find_mapping(rig)
    assert by_shape.preset == "structure"
    path = tmp_path / "new" / "my_rig.json"
    save_preset(by_shape, "My Rig", path)
    assert [p.name for p in path.parent.iterdir()] == ["my_rig.json"]
    assert read_preset(path).title == "My Rig"
    assert find_mapping(rig, str(path)).bones == by_shape.bones
    monkeypatch.setattr(mapping, "user_folder", lambda: path.parent)
    assert find_mapping(rig).preset == "my_rig", "one's own presets are tried too"


def test_a_preset_without_required_bones_is_not_saved(tmp_path):
    with pytest.raises(Failure, match=r"upper_arm\.L") as caught:
        save_preset(Mapping({"hips": ("a",)}, "structure"), "x", tmp_path / "x.json")
    assert caught.value.code == "bad_rig" and not list(tmp_path.iterdir())


def test_bones_that_do_not_exist_are_named(tmp_path):
    rig = build(mirrored(PERSON))
    path = tmp_path / "mine.json"
    save_preset(find_mapping(rig), "Mine", path)
    rig.data.bones["l4.R"].name = "another"  # a toe: not required, but a file of one's own must fit whole
    with pytest.raises(Failure, match=r"l4\.R") as caught:
        find_mapping(rig, str(path))
    assert caught.value.code == "bad_rig"
    with pytest.raises(Failure, match=r"CMU.*Hips"):
        find_mapping(rig, "mpfb_cmu")
    with pytest.raises(Failure, match="no preset 'nonsense'"):
        find_mapping(rig, "nonsense")


@pytest.mark.parametrize(
    ("change", "said"),
    [({"schema": "kinolift.rig/2"}, "kinolift.rig/2"), ({"bones": {"tail": "t"}}, "'tail'"), ({"bones": {"hips": 3}}, "hips"),
     ({"bones": []}, "bones"),
     ({"bones": {"spine": [["a"], 4]}}, "spine"), ({"prefixes": "a"}, "prefixes"), ({"prefixes": ["(a+)+$"]}, "plain text"),
     ({"prefixes": ["a"] * 51}, "50 prefixes"), ({"title": ["x"]}, "title"), ({"rank": 10**400}, "rank"),
     ({"switches": [{"bone": "a", "property": "p", "ik": 10**400}]}, "switches"),
     ({"switches": [{"bone": "a", "property": "p", "ik": float("inf")}]}, "switches"),

     ({"ik": {"foot.L": 1}}, "ik"),
     ({"bonse": {}}, "bonse"), ({"rank": "high"}, "rank"), ({"ik": {"wing.L": "w"}}, "wing.L"),
     ({"ik_rest": "a"}, "ik_rest"), ({"switches": {}}, "switches"), ({"switches": [{"bone": "a", "property": "p"}]}, "switches"),
     ({"switches": [{"bone": "a", "property": "p", "ik": "on"}]}, "switches"), ({"switches": [{"bone": "a", "ik": 1}]}, "switches")],
)  # fmt: skip
def test_wrong_presets_name_the_file_and_the_fault(change, said):
    content = {"schema": SCHEMA, "bones": {"hips": "h"}, **change}
    with pytest.raises(Failure) as caught:
        parse_preset("x", content, "folder/x.json")
    assert caught.value.code == "bad_input" and said in caught.value.message and "folder/x.json" in caught.value.message


def test_files_that_are_no_presets(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(Failure, match="There is no preset"):
        read_preset(path)
    for text in ("{", json.dumps([1]), "", "[" * 100_000, "1" * 5000, '{"schema": NaN}', '"\\ud800"', " " * 2**20 + "{}"):
        path.write_text(text)
        with pytest.raises(Failure, match=r"x\.json"):
            read_preset(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Failure, match=r"x\.json"):
        read_preset(path)


def test_prefixes_are_plain_text_and_a_dot_is_a_dot():
    preset = parse_preset("x", {"schema": SCHEMA, "bones": {"hips": "h"}, "prefixes": ["a.b(", "(a|a)"]}, "x.json")
    assert preset.fit(["a.b(h"])[0].bones == {"hips": ("a.b(h",)} and not preset.fit(["aXb(h"])[0].bones
    assert preset.fit(["(a|a)h"])[1] == 1.0 and preset.fit(["a" * 100_000 + "h"])[1] == 0.0


def test_an_animal_with_a_persons_names_is_refused():
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_basic_quadruped_metarig_add()
    with pytest.raises(Failure, match="all fours"):
        find_mapping(bpy.context.object)
    for preset in ("auto", "structure", "kinolift"):
        with pytest.raises(Failure, match="all fours"):
            find_mapping(build(mirrored(DOG)), preset)
