"""`train` from its words to its files, on motions and pairs in miniature."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from contract.failure import Failure
from engine.refiner.noise import MixtureNoise
from engine.refiner.pose_model import load_pose_model, predict
from engine.refiner.weights import load_weights
from engine.training.command import main
from tests.engine.datasets.pairs import write_pairs
from tests.engine.datasets.test_motion_benchmark import write_motions

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """
[lifter]
steps = 12
batch = 8
warm_up = 2
validate_every = 6
[lifter_layout]
hidden = 8
layers = 1
heads = 2
[refiner]
steps = 8
batch = 8
warm_up = 2
validate_every = 4
[refiner_layout]
hidden = 8
layers = 2
heads = 2
[diffusion]
components = 2
"""


@pytest.fixture
def words(tmp_path):
    (tmp_path / "data").mkdir()
    write_motions(tmp_path / "data" / "set.npz")
    (tmp_path / "s.toml").write_text(SETTINGS)
    paths = ["--path", tmp_path / "data", "--config", tmp_path / "s.toml", "-o", tmp_path / "out"]
    return ["--data", "mocap", "--keypoints", "detected", "--device", "cpu", *map(str, paths)]


def test_the_papers_networks_from_words_to_weights(words, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["lifter", *words]) == 0
    assert main(["refiner", *words, "--exact", "gt"]) == 0
    assert {p.name for p in out.iterdir()} == {
        "lifter.pt", "lifter.jsonl", "lifter.safetensors", "refiner.pt", "refiner.jsonl", "refiner.safetensors", "log",
    }  # fmt: skip
    model = load_pose_model(out / "refiner.safetensors")
    assert isinstance(model.noise, MixtureNoise) and model.noise.errors.classes[0].weights.shape == (22, 2)
    assert float(model.noise.errors.classes[0].covariance[3, 0, 0]) > 1e-6  # the detector's own error, from the exact keypoints
    keypoints = torch.zeros(3, 22, 2)
    assert predict(model, keypoints, "paper", hypotheses=2).shape == (3, 22, 3)
    lifter = load_pose_model(out / "lifter.safetensors").lifter
    assert all(torch.equal(a, b) for a, b in zip(lifter.state_dict().values(), model.lifter.state_dict().values(), strict=True))
    told = capsys.readouterr().err
    assert "step 12 of 12: loss" in told and "poses/s" in told and "GFLOP/s" in told
    logged = EventAccumulator(str(out / "log" / "refiner"))
    logged.Reload()
    assert {"training/loss", "training/learning_rate", "validation/refined_mpjpe"} <= set(logged.Tags()["scalars"])
    assert [event.step for event in logged.Scalars("training/loss")] == [4, 8]


def test_a_stopped_training_goes_on_to_the_same_weights(words, tmp_path, monkeypatch):
    from engine.training import command

    assert main(["lifter", *words]) == 0
    whole = load_pose_model(tmp_path / "out" / "lifter.safetensors").lifter
    other = [*words[:-1], str(tmp_path / "other")]
    real = command.Run
    monkeypatch.setattr(command, "Run", lambda *a, **k: real(*a, **k, stop_at=6))
    with pytest.raises(Failure, match="Stopped after 6 of 12") as failure:
        main(["lifter", *other])
    assert failure.value.exit_code == 130 and not (tmp_path / "other" / "lifter.safetensors").exists()
    monkeypatch.setattr(command, "Run", real)
    assert main(["lifter", *other, "--resume"]) == 0
    again = load_pose_model(tmp_path / "other" / "lifter.safetensors").lifter
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_products_networks(tmp_path):
    (tmp_path / "pairs").mkdir()
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    (tmp_path / "s.toml").write_text(
        "[lifter]\nsteps = 2\nbatch = 2\n[lifter_layout]\nwidth = 8\ndilations = [1]\n"
        "[refiner]\nsteps = 2\nbatch = 4\npool = 1\ncomponents = 1\n[refiner_layout]\nhidden = 8\nlayers = 1\nheads = 2\n"
    )
    words = ["--data", "pairs", "--path", tmp_path / "pairs", "--config", tmp_path / "s.toml", "-o", tmp_path / "out", "--device", "cpu"]
    words = list(map(str, words))
    assert main(["lifter", *words]) == 0 and main(["refiner", *words]) == 0
    lifter, refiner = (load_weights(tmp_path / "out" / f"{name}.safetensors") for name in ("lifter", "refiner"))
    assert refiner.header["lifter"] == lifter.sha256 and lifter.header["layout"]["width"] == 8
    assert len((tmp_path / "out" / "lifter.jsonl").read_text().splitlines()) == 1


def test_what_cannot_be_is_said(words, tmp_path):
    with pytest.raises(Failure, match=r"no weights .*lifter\.safetensors"):
        main(["refiner", *words])
    with pytest.raises(Failure, match="belong to --data pairs"):
        main(["lifter", *words, "--mocap", str(tmp_path)])
    (tmp_path / "s.toml").write_text("[lifter]\nstep = 3")
    with pytest.raises(Failure, match="no setting step"):
        main(["lifter", *words])


def test_the_worker_knows_the_command_and_ends_in_order(words, tmp_path):
    """As a process: Ctrl-C's exit code with a checkpoint that goes on, after the first progress."""
    (tmp_path / "s.toml").write_text(SETTINGS.replace("steps = 12", "steps = 100000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "train", "lifter", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stderr is not None and process.stderr.readline().startswith("step 6 of 100000")
    process.terminate()
    _, rest = process.communicate(timeout=100)
    assert process.returncode == 130 and "--resume goes on from there" in rest
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"lifter.pt", "lifter.jsonl", "log"}
