"""The benchmark counts what it says and prints a spread."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_it_counts_every_key_and_prints_each_repetition():
    pytest.importorskip("bpy", reason="the add-on needs Blender or its bpy wheel")
    command = [sys.executable, "benchmarks/keying.py", "--frames", "50", "--repeat", "3"]
    found = json.loads(subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert found["keys"] == 50 * (24 * 4 + 3) and len(found["wall"]) == len(found["cpu"]) == 3 and min(found["wall"]) > 0
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.startswith("24 bones x 50 frames, 4950 keys: ") and "3 times" in said


def test_nothing_in_the_project_inserts_keys_one_by_one():
    sources = [path for folder in ("addon", "benchmarks", "examples", "docs", "engine") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 50
    assert [path.name for path in sources if "keyframe_insert" in path.read_text(encoding="utf-8")] == []
