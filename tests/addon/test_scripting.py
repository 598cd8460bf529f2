"""docs/scripting.md: its examples run as they stand there, and no operator is left out."""

from __future__ import annotations

import re
from pathlib import Path

import bpy
import pytest
from kinolift_extension import addon

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scripting.md"
BLOCK = re.compile(r"^```python( window)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


def test_the_examples_run(fake_python, tmp_path, monkeypatch, capsys):
    fake_python("fine", frames=30)
    (tmp_path / "dance.mp4").write_bytes(b"not looked at by the stand-in")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for in_window, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        code = compile(text, str(PAGE), "exec")
        if not in_window:
            exec(code, names)
    assert names["take"].name == "dance" and names["hero"].animation_data.action.name == "dance on dance.003"
    assert {"dance.fbx", "dance.glb", "dance.npz"} <= {path.name for path in tmp_path.iterdir()}
    assert "dance (1.0, 30.0)" in capsys.readouterr().out


def test_every_operator_is_in_the_page():
    page = PAGE.read_text(encoding="utf-8")
    operators = dir(bpy.ops.kinolift)
    assert len(operators) > 20
    assert [name for name in operators if f"bpy.ops.kinolift.{name}(" not in page] == []
    for name in re.findall(r"bpy\.ops\.kinolift\.(\w+)\(", page):
        assert name in operators
