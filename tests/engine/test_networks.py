"""Where the networks run, what they need for it, and that a capture reads only what it uses."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from contract.failure import Failure
from engine import networks
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
def test_missing_weights_are_said(tmp_path, name):
    with pytest.raises(Failure, match=f"{name}.safetensors is missing") as failure:
        OnnxNetworks(Files(**{name: tmp_path / f"{name}.safetensors"}))
    assert failure.value.code == "bad_installation"


def test_a_refiner_is_read_when_it_is_asked_for(monkeypatch):
    asked, read = [], networks.weights_file.load_weights
    monkeypatch.setattr(networks.weights_file, "load_weights", lambda path, prefix="": asked.append(prefix) or read(path, prefix))
    loaded = OnnxNetworks()
    assert asked == ["", "mixture.", "gravity."]
    assert all(name.startswith("mixture.") for stored in loaded.weights.values() for name in stored.tensors)  # the rest is in the graphs
    assert loaded._window.inputs[0] == "x" and asked[3:] == ["window."]
    assert loaded._refiner.inputs[0] == "x" and asked[4:] == ["refiner."]


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
