"""Rigs out of files: VRM 0 and 1 with their own list of bones, several armatures, rigs saved in edit mode, linked and overridden ones."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.retarget.mapping import find_mapping
from kinolift_extension.addon.retarget.roles import REQUIRED_ROLES
from kinolift_extension.addon.retarget.source import load_rig
from kinolift_extension.addon.retarget.vrm import HUMAN_BONES, human_bones
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.motion_file import save_motion

sys.path.insert(0, str(Path(__file__).parent))
from rigs import PERSON, build, mirrored

# Role -> bones of the made-up person, whose names say nothing.
LIMBS = {
    "clavicle": "col", "upper_arm": "a1", "forearm": "a2", "hand": "a3", "thigh": "l1", "shin": "l2", "foot": "l3", "toe": "l4",
}  # fmt: skip
BONES = {
    "hips": ("pel",),
    "spine": ("low", "mid", "top"),
    "neck": ("nk",),
    "head": ("hd",),
    **{f"{role}.{side}": (f"{bone}.{side}",) for side in "LR" for role, bone in LIMBS.items()},
}


def fresh():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


@pytest.fixture(scope="module")
def glb(tmp_path_factory):
    """The person with a small mesh, as Blender's exporter writes it."""
    fresh()
    rig = build(mirrored(PERSON), "Avatar")
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata([(0, 0, 0), (0.1, 0, 0), (0, 0.1, 1)], [], [(0, 1, 2)])
    body = bpy.data.objects.new("Body", mesh)
    bpy.context.collection.objects.link(body)
    body.parent = rig
    body.modifiers.new("Armature", "ARMATURE").object = rig
    body.vertex_groups.new(name="pel").add([0, 1, 2], 1.0, "REPLACE")
    path = tmp_path_factory.mktemp("vrm") / "avatar.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB")
    fresh()
    return path


def with_extension(source, path, version, leave_out=()):
    """The file with the extension of a VRM of that version, which lists the bones."""
    content = source.read_bytes()
    size = struct.unpack_from("<I", content, 12)[0]
    document, rest = json.loads(content[20 : 20 + size]), content[20 + size :]
    node = {entry["name"]: index for index, entry in enumerate(document["nodes"])}
    listed = {
        bone: node[name] for role, bones in HUMAN_BONES.items() if role in BONES and role not in leave_out
        for bone, name in zip(bones, BONES[role], strict=False)
    }  # fmt: skip
    if version == 0:
        extension = {"VRM": {"specVersion": "0.0", "humanoid": {"humanBones": [{"bone": b, "node": n} for b, n in listed.items()]}}}
    else:
        extension = {"VRMC_vrm": {"specVersion": "1.0", "humanoid": {"humanBones": {b: {"node": n} for b, n in listed.items()}}}}
    document["extensions"] = extension
    document["extensionsUsed"] = sorted({*document.get("extensionsUsed", ()), *extension})
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest)) + struct.pack("<I4s", len(text), b"JSON") + text + rest)
    return path


@pytest.mark.parametrize("version", [0, 1])
def test_a_vrm_says_itself_which_bone_is_what(glb, tmp_path, version):
    path = with_extension(glb, tmp_path / "avatar.vrm", version)
    assert human_bones(path) == BONES
    armature = load_rig(path, bpy.context.scene)
    mapping = find_mapping(armature)
    assert mapping.bones == BONES and mapping.preset == "vrm" and set(mapping.sureness.values()) == {1.0}
    assert find_mapping(armature, "structure").preset == "structure"
    armature.data.bones["l1.L"].name = "renamed"
    assert find_mapping(armature).preset == "structure", "a list whose bones are gone is not believed"


@pytest.mark.parametrize("version", [0, 1])
def test_a_motion_on_a_vrm(glb, tmp_path, version, make_motion, capsys):
    motion = make_motion(10)
    save_motion(motion, tmp_path / "walk.npz")
    rig, out = with_extension(glb, tmp_path / "avatar.vrm", version), tmp_path / "out.fbx"
    assert main(["retarget", str(tmp_path / "walk.npz"), "--rig", str(rig), "-o", str(out)]) == 0
    assert "walk on Avatar: 10 frames" in capsys.readouterr().out
    fresh()
    bpy.ops.wm.fbx_import(filepath=str(out))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    for frame in range(0, 10, 3):
        bpy.context.scene.frame_set(frame + 1)
        for first, last, start, end in (("a1.L", "a2.L", "shoulder.L", "elbow.L"), ("l2.R", "l3.R", "knee.R", "ankle.R")):
            shown = np.array(
                armature.matrix_world @ armature.pose.bones[last].head - armature.matrix_world @ armature.pose.bones[first].head
            )
            true = motion.positions_world[frame, motion.joint(end)] - motion.positions_world[frame, motion.joint(start)]
            assert shown @ true > np.cos(np.radians(0.1)) * np.linalg.norm(shown) * np.linalg.norm(true)


def test_a_vrm_that_lists_too_little_or_nothing_is_a_rig_like_others(glb, tmp_path):
    for path in (with_extension(glb, tmp_path / "few.vrm", 1, leave_out=("thigh.L",)), glb):
        fresh()
        mapping = find_mapping(load_rig(path, bpy.context.scene))
        assert mapping.preset == "structure" and set(REQUIRED_ROLES) <= set(mapping.bones)
    (tmp_path / "no.vrm").write_bytes(b"glTF but no more")
    assert human_bones(tmp_path / "no.vrm") == {} and human_bones(tmp_path / "gone.vrm") == {}
    with pytest.raises(Failure, match=r"Blender cannot read no\.vrm"):
        load_rig(tmp_path / "no.vrm", bpy.context.scene)


@pytest.fixture
def person_file(tmp_path):
    armature = build(mirrored(PERSON), "Avatar")
    if armature.users_collection == (bpy.context.scene.collection,):
        inner = bpy.data.collections.new("Character")
        bpy.context.scene.collection.children.link(inner)
        inner.objects.link(armature)
        bpy.context.scene.collection.objects.unlink(armature)
    path = tmp_path / "avatar.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def test_a_rig_that_was_saved_in_edit_mode_is_read_as_it_is(tmp_path):
    build(mirrored(PERSON), "Avatar")
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "edit.blend"))
    fresh()
    armature = load_rig(tmp_path / "edit.blend", bpy.context.scene)
    assert armature.mode == "OBJECT" and find_mapping(armature).bones["hips"] == ("pel",)


@pytest.mark.parametrize("how", ["linked", "overridden", "instance"])
def test_rigs_that_come_from_another_file(person_file, tmp_path, make_motion, how):
    """The rig's file links its armature, or a collection that an empty shows, from a second file: it is made local here, and both stay."""
    fresh()
    with bpy.data.libraries.load(str(person_file), link=True) as (there, here):
        if how == "instance":
            here.collections = list(there.collections)
        else:
            here.objects = list(there.objects)
    if how == "instance":
        shown = bpy.data.objects.new("Shown", None)
        shown.instance_type, shown.instance_collection = "COLLECTION", here.collections[0]
        bpy.context.collection.objects.link(shown)
    else:
        for thing in here.objects:
            bpy.context.collection.objects.link(thing)
        armature = next(thing for thing in here.objects if thing.type == "ARMATURE")
        if how == "overridden":
            assert armature.override_create(remap_local_usages=True) is not None
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    fresh()
    save_motion(make_motion(4), tmp_path / "walk.npz")
    kept = [path.read_bytes() for path in (person_file, tmp_path / "shot.blend")]
    for out in ("out.glb", "out.blend") if how == "linked" else ("out.glb",):
        assert main(["retarget", str(tmp_path / "walk.npz"), "--rig", str(tmp_path / "shot.blend"), "-o", str(tmp_path / out)]) == 0
        assert not bpy.data.libraries and not bpy.data.objects and len(bpy.data.scenes) == 1, "nothing of the file stays"
    assert kept == [path.read_bytes() for path in (person_file, tmp_path / "shot.blend")]
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "out.glb"))
    (read,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert read.name == "Avatar" and len(read.data.bones) == len(mirrored(PERSON)) and read.animation_data is not None


def test_the_open_file_is_no_rig_file(person_file):
    with pytest.raises(Failure, match=r"avatar\.blend is the file that is open here; open another one or none"):
        load_rig(person_file, bpy.context.scene)
