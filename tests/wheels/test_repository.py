"""A studio's own repository: Blender's tool makes its index from our zip, and installs Kinolift from it; no server is needed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wheels.extension import blender_tool, build

ROOT = Path(__file__).resolve().parents[2]


def tool(*words: str) -> str:
    result = subprocess.run([sys.executable, "-I", str(blender_tool(Path(sys.executable))), *words], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_index_of_a_folder_and_an_installation_from_it(tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="the tool comes with Blender")
    staging, repository, local = tmp_path / "staging", tmp_path / "repository", tmp_path / "local"
    staging.mkdir()
    for name in ("addon", "contract"):
        shutil.copytree(ROOT / name, staging / name, ignore=shutil.ignore_patterns("__pycache__"))
    weights = staging / "engine" / "weights"
    weights.mkdir(parents=True)
    for name in ("LICENSE", "__init__.py", "blender_manifest.toml", "engine/weights/LICENSE-Apache-2.0.txt"):
        shutil.copyfile(ROOT / name, staging / name)
    repository.mkdir()
    (path,) = build(Path(sys.executable), staging, repository, with_wheels=False)
    with zipfile.ZipFile(path) as archive:  # the licences of the code and of the detector's networks; each wheel brings its own
        assert {"LICENSE", "engine/weights/LICENSE-Apache-2.0.txt"} <= set(archive.namelist())

    tool("server-generate", "--repo-dir", str(repository), "--html")
    (entry,) = json.loads((repository / "index.json").read_text(encoding="utf-8"))["data"]
    assert (entry["id"], entry["archive_url"]) == ("kinolift", f"./{path.name}")
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert (repository / "index.html").is_file()

    local.mkdir()
    url = f"{repository.as_uri()}/index.json"
    tool("sync", "--local-dir", str(local), "--remote-url", url)
    tool("install", "kinolift", "--local-dir", str(local), "--remote-url", url, "--blender-version", "4.5.0", "--python-version", "3.11.7")
    assert (local / "kinolift" / "addon" / "panel" / "__init__.py").read_bytes() == (ROOT / "addon" / "panel" / "__init__.py").read_bytes()
