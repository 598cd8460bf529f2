"""Where the networks run, what they need for it, and that a capture reads only what it uses."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contract.failure import Failure
from engine import networks, weights_file
from engine.networks import Files, OnnxNetworks, choose_device

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_driver_or_without_torch_there_is_no_cuda(monkeypatch):
    monkeypatch.setattr(networks, "_driver_is_here", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    with pytest.raises(Failure, match="setup --cuda") as failure:
        choose_device("cuda")
    assert failure.value.code == "no_cuda"
    monkeypatch.setattr(networks, "_driver_is_here", lambda: True)
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    assert choose_device("auto") == "cpu"


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch, of the training extra, is not installed here")
def test_torch_says_whether_its_device_is_there(monkeypatch):
    import torch

    monkeypatch.setattr(networks, "_driver_is_here", lambda: True)
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert choose_device("auto") == device


@pytest.mark.parametrize("name", ["lifter", "refiner", "window"])
def test_missing_weights_are_said(tmp_path, name, monkeypatch):
    monkeypatch.setattr(networks.weights_file, "FOLDER", tmp_path)
    with pytest.raises(Failure, match=f"{name}.safetensors is missing") as failure:
        OnnxNetworks(Files(**{name: tmp_path / f"{name}.safetensors"}))
    assert failure.value.code == "bad_installation"


def test_a_network_is_read_when_it_is_asked_for_and_once(monkeypatch):
    """Before that only the noise is, which is no graph: a detector is at work beside the loading, and has no memory to spare."""
    asked, read = [], networks.weights_file.load_weights
    monkeypatch.setattr(networks.weights_file, "load_weights", lambda path, prefix="": asked.append(prefix) or read(path, prefix))
    loaded = OnnxNetworks()
    assert asked == ["mixture."] * 3
    assert [len(stored.tensors) > 0 for stored in loaded.weights.values()] == [False, True, False]
    features, base = np.zeros((1, 5, 203), np.float32), np.zeros((1, 5, 22, 3), np.float32)
    assert loaded.lift(features, base)[0].shape == base.shape and asked[3:] == ["lifter."]
    up, _ = loaded.find_up(features, loaded.lift(features, base)[0], np.ones((1, 5, 3), np.float32))
    assert up.shape == (1, 5, 3) and asked[4:] == ["gravity."]


def test_graphs_that_do_not_fit_are_told_before_anything_is_loaded(tmp_path, monkeypatch):
    """All of them: the last is asked for when a capture's hours are behind it."""
    for path in weights_file.FOLDER.iterdir():
        if path.suffix in (".onnx", ".safetensors") or path.name == weights_file.SUMS:
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(weights_file, "FOLDER", tmp_path)
    files = Files(*(tmp_path / f"{name}.safetensors" for name in ("lifter", "refiner", "window")))
    OnnxNetworks(files)
    for name in ("lifter", "refiner", "gravity", "window"):
        graph = (tmp_path / f"{name}.onnx").read_bytes()
        (tmp_path / f"{name}.onnx").write_bytes(graph.replace(b'"width": ', b'"width": 1').replace(b'"hidden": ', b'"hidden": 1'))
        with pytest.raises(Failure, match=f"another layout .*{name}.onnx") as failure:
            OnnxNetworks(files)
        assert failure.value.code == "bad_installation"
        (tmp_path / f"{name}.onnx").unlink()
        with pytest.raises(Failure, match=f"{name}.onnx cannot be read"):
            OnnxNetworks(files)
        (tmp_path / f"{name}.onnx").write_bytes(graph)


def test_a_capture_needs_neither_torch_nor_scikit_learn(tmp_path):
    """The worker's own command on the sample, in a process where importing them fails."""
    video, out = ROOT / "examples" / "sample.mp4", tmp_path / "take.npz"
    arguments = ["engine", "capture", str(video), "-o", str(out), "--end", "0.5"]
    program = f"""
import importlib.machinery, runpy, sys
find, hidden = importlib.machinery.PathFinder.find_spec, ("torch", "sklearn", "onnx", "safetensors.torch")
hide = lambda name, *more: None if name.startswith(tuple(h + "." for h in hidden)) or name in hidden else find(name, *more)
importlib.machinery.PathFinder.find_spec = staticmethod(hide)
sys.argv = {arguments!r}
runpy.run_module("engine", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.is_file() and '"event": "result"' in done.stdout.replace('"event":"', '"event": "')
