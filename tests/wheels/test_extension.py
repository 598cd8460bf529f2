"""What the zip carries, and the manifest that Blender's own tool has to accept. The zip's life is in tests/test_extension.py."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from wheels.extension import blender_tool, carried, manifest_with
from wheels.lock import PACKAGES_FILE, read_lock

ROOT = Path(__file__).resolve().parents[2]
LOCK = read_lock()
# the tags for add-ons that Blender's own platform knows and that could be ours
KNOWN_TAGS = {"3D View", "Animation", "Camera", "Import-Export", "Pipeline", "Rigging", "Scene", "Sequencer", "Tracking"}
MANIFEST = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("platform", ["linux-x64", "windows-x64", "macos-arm64"])
@pytest.mark.parametrize("python", LOCK.pythons)
def test_every_zip_carries_what_a_capture_needs_and_nothing_more(platform: str, python: str) -> None:
    names = {package.name for package in carried(LOCK, platform, python)}
    assert {"mediapipe", "opencv-python-headless", "scipy", "onnxruntime", "safetensors"} <= names
    assert not names & {"numpy", "bpy", "pytest", "tensorboard", "h5py", "torch", "sympy", "scikit-learn"}
    assert "rich" in names and not names & {"pygments", "markdown-it-py", "mdurl"}
    assert len(names) < 20


def test_a_progress_bar_needs_none_of_what_stays_out_of_the_zip() -> None:
    """rich asks for these packages and imports them for code and Markdown alone."""
    left_out = tomllib.loads(PACKAGES_FILE.read_text(encoding="utf-8"))["not_in_the_zip"]
    modules = [{"markdown-it-py": "markdown_it"}.get(name, name) for name in left_out]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({modules!r}))
from rich.progress import Progress
from rich.console import Console
with Progress(console=Console(force_terminal=True)) as progress:
    progress.advance(progress.add_task("detect", total=3))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "detect" in done.stdout, done.stderr


def test_the_manifest_gets_the_lists_at_its_top_level() -> None:
    text = manifest_with(MANIFEST, ["a-1-py3-none-any.whl", "b-1-py3-none-any.whl"], ["linux-x64"])
    content = tomllib.loads(text)
    assert content["wheels"] == ["./wheels/a-1-py3-none-any.whl", "./wheels/b-1-py3-none-any.whl"]
    assert content["platforms"] == ["linux-x64"]
    plain = tomllib.loads(MANIFEST)
    assert {key: content[key] for key in plain} == plain
    assert tomllib.loads(manifest_with(MANIFEST, [], [])) == plain


def test_the_manifest_in_the_repository_is_the_same_for_every_machine() -> None:
    content = tomllib.loads(MANIFEST)
    assert content["id"] == "kinolift"
    assert content["license"] == ["SPDX:GPL-3.0-or-later", "SPDX:Apache-2.0"]
    assert set(content["tags"]) <= KNOWN_TAGS
    assert not {"wheels", "platforms", "build"} & set(content)
    for text in (content["tagline"], *content["permissions"].values()):
        assert len(text) <= 64
        assert not text.endswith(".")


@pytest.mark.parametrize("extra", [[], ["torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"]])
def test_blenders_own_validator_accepts_the_manifest(extra: list[str], tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="the validator comes with Blender")
    (tmp_path / "blender_manifest.toml").write_text(manifest_with(MANIFEST, extra, ["linux-x64"] if extra else []))
    (tmp_path / "__init__.py").touch()
    for wheel in extra:
        (tmp_path / "wheels").mkdir()
        (tmp_path / "wheels" / wheel).touch()
    command = [sys.executable, "-I", str(blender_tool(Path(sys.executable))), "validate", "--valid-tags", "", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_validator_would_refuse_a_bad_manifest(tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="the validator comes with Blender")
    (tmp_path / "blender_manifest.toml").write_text(MANIFEST.replace('tagline = "', 'tagline = "' + "x" * 60))
    (tmp_path / "__init__.py").touch()
    command = [sys.executable, "-I", str(blender_tool(Path(sys.executable))), "validate", str(tmp_path)]
    assert subprocess.run(command, capture_output=True).returncode != 0
