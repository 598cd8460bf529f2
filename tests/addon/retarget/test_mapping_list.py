"""A mapping in words, the refusal of one that is not sure, and `--show-mapping` and `--save-mapping` of the command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy
import pytest
from kinolift_extension.addon.command_line import main
from kinolift_extension.addon.retarget.mapping_list import check_sure, mapping_lines, summary
from kinolift_extension.addon.retarget.roles import REQUIRED_ROLES, Mapping
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.motion_file import save_motion

sys.path.insert(0, str(Path(__file__).parent))
import made_characters

BONES = {role: (role,) for role in REQUIRED_ROLES}


def save(character, path):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    made_characters.build(character)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return path


def test_a_line_a_role_with_how_and_how_sure():
    mapping = Mapping({**BONES, "spine": ("a", "b")}, "names", {"hips": 0.98, "foot.L": 0.5}, found={"hips": "name", "foot.L": "shape"})
    lines = mapping_lines(mapping)
    assert len(lines) == len(mapping.bones)
    assert any(line.split() == ["Hips", "hips", "name", "98%"] for line in lines)
    assert any(line.split() == ["Left", "Foot", "foot.L", "shape", "50%"] for line in lines)
    assert any("a, b" in line and "preset" in line for line in lines)
    assert summary(mapping, "Hero") == f"Hero: {len(BONES) + 2} bones found by their names; least sure Left Foot (50%)."
    assert summary(Mapping(BONES, "mixamo"), "Hero") == f"Hero: {len(BONES)} bones found by the preset mixamo."


def test_what_is_not_sure_enough_is_refused_with_the_list_and_what_to_do():
    check_sure(Mapping(BONES, "structure", dict.fromkeys(BONES, 0.7)), "Hero")
    with pytest.raises(Failure, match="not sure enough") as caught:
        check_sure(Mapping(BONES, "structure", {"thigh.L": 0.4}, found={"thigh.L": "shape"}), "Hero")
    assert caught.value.code == "bad_rig"
    assert "--save-mapping" in caught.value.message
    assert any(line.split()[2:] == ["thigh.L", "shape", "40%"] for line in caught.value.message.splitlines())


@pytest.fixture
def doubtful(tmp_path, make_motion):
    save_motion(make_motion(6), tmp_path / "walk.npz")
    return save(made_characters.unclear()[1], tmp_path / "doubtful.blend")


def test_the_command_refuses_saves_and_takes_what_was_corrected(doubtful, tmp_path, capsys):
    words = ["retarget", str(tmp_path / "walk.npz"), "--rig", str(doubtful), "-o", str(tmp_path / "out.bvh")]
    assert main(words) == 3
    assert "not sure enough" in capsys.readouterr().err and not (tmp_path / "out.bvh").exists()
    mine = tmp_path / "mine.json"
    assert main(["retarget", "--rig", str(doubtful), "--save-mapping", str(mine)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Wrote {mine}"
    assert set(REQUIRED_ROLES) <= set(json.loads(mine.read_text())["bones"])
    assert main(["retarget", "--rig", str(doubtful), "--save-mapping", str(mine)]) == 2, "what is there is not replaced"
    assert main([*words, "--preset", str(mine)]) == 0 and (tmp_path / "out.bvh").exists()


def test_the_command_shows_the_mapping_and_ends(tmp_path, capsys):
    character = next(c for c in made_characters.characters() if c.title == "HumanIK, Unity-chan")
    rig = save(character, tmp_path / "chan.blend")
    capsys.readouterr()
    assert main(["retarget", "--rig", str(rig), "--show-mapping"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "bones found by their names" in lines[0]
    assert any(line.split() == ["Left", "Forearm", "Character1_LeftForeArm", "name", "98%"] for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chan.blend"]


def test_a_retarget_without_motion_or_output_is_a_bad_argument(doubtful, capsys):
    assert main(["retarget", "--rig", str(doubtful)]) == 2
    assert "needs a MOTION file and -o OUT" in capsys.readouterr().err
