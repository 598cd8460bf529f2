"""`train` from its words to its files, on motions and pairs in miniature."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.benchmark import Source
from engine.datasets.registry import load_poses
from engine.refiner.noise import MixtureNoise
from engine.refiner.pose_model import load_pose_model, predict
from engine.torch_networks import load_window
from engine.torch_weights import load_weights
from engine.training.command import main
from engine.training.evaluate import main as evaluate
from engine.training.guesses import find_lifter
from tests.engine.datasets.pairs import standing, write_pairs
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


def test_a_refiner_of_another_lifters_guesses(words, tmp_path, monkeypatch):
    """Called or stored, the same poses give the same network; the weights hold no lifter and are evaluated with that lifter again."""
    (tmp_path / "peer_for_training.py").write_text(
        "import numpy as np\n\ndef flat(points, clip):\n    poses = np.concatenate([points, 0 * points[..., :1]], -1)\n"
        "    return poses - poses[:, :1]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    called = [*words[:-1], str(tmp_path / "called")]
    assert main(["refiner", *called, "--lifter", "peer_for_training:flat"]) == 0
    lifter, stored = find_lifter("peer_for_training:flat"), {}
    for split in ("train", "validation"):
        clips = load_poses(Source("mocap", tmp_path / "data", "detected"), split)
        stored |= {clip.name: lifter(clip.keypoints, clip).astype(np.float32) for clip in clips.clips}
    np.savez(tmp_path / "peer.npz", **stored)
    assert main(["refiner", *words, "--predictions", str(tmp_path / "peer.npz")]) == 0
    one, other = (load_pose_model(tmp_path / name / "refiner.safetensors") for name in ("called", "out"))
    assert one.lifter is None and other.lifter is None
    assert all(torch.equal(a, b) for a, b in zip(one.refiner.state_dict().values(), other.refiner.state_dict().values(), strict=True))
    judge = ["--data", "mocap", "--path", str(tmp_path / "data"), "--weights", str(tmp_path / "out" / "refiner.safetensors")]
    assert evaluate([*judge, "--lifter", "peer_for_training:flat"]) == 0
    with pytest.raises(Failure, match="no lifter"):
        evaluate(judge)
    stored.pop(next(iter(stored)))
    np.savez(tmp_path / "peer.npz", **stored)
    with pytest.raises(Failure, match="has no poses for 1 of"):
        main(["refiner", *words[:-1], str(tmp_path / "third"), "--predictions", str(tmp_path / "peer.npz")])
    with pytest.raises(Failure, match="belong to the refiner"):
        main(["lifter", *words, "--predictions", str(tmp_path / "peer.npz")])


def test_whom_validation_holds_out(words, tmp_path, capsys):
    def validated_on():
        with safetensors.safe_open(tmp_path / "out" / "lifter.safetensors", framework="pt") as file:
            return json.loads(file.metadata()["kinolift"])["data"]

    assert main(["lifter", *words, "--held-out", "p3", "p4"]) == 0
    data = validated_on()
    assert data["validated_on"] == "p3, p4" and data["validation_frames"] == 80
    with pytest.raises(Failure, match="frames 240, not 280"):
        main(["lifter", *words, "--held-out", "p3", "--resume"])
    for name in ("p0", "nobody"):  # p0 is the test's
        with pytest.raises(Failure, match=f"{name} cannot be held out"):
            main(["lifter", *words[:-1], str(tmp_path / "other"), "--held-out", name])


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


def test_early_stopping_gives_the_average_of_that_step_of_the_whole_schedule(words, tmp_path):
    """By another route: the checkpoint that a stop at the same step leaves."""
    from engine.training import command

    assert main(["lifter", *words, "--until", "6"]) == 0
    early = load_pose_model(tmp_path / "out" / "lifter.safetensors").lifter.state_dict()
    kept = torch.load(tmp_path / "out" / "lifter.pt", weights_only=True)
    assert kept["step"] == 6 and all(torch.allclose(early[n], v, atol=1e-3) for n, v in kept["ema"].items())  # stored as float16
    assert main(["lifter", *words, "--resume"]) == 0  # and it can go on to the end
    whole = load_pose_model(tmp_path / "out" / "lifter.safetensors").lifter.state_dict()
    other = [*words[:-1], str(tmp_path / "other")]
    assert command.main(["lifter", *other]) == 0
    again = load_pose_model(tmp_path / "other" / "lifter.safetensors").lifter.state_dict()
    assert all(torch.equal(whole[n], again[n]) for n in whole) and any(not torch.equal(whole[n], early[n]) for n in whole)
    with pytest.raises(Failure, match="--until is 0"):
        main(["lifter", *words[:-1], str(tmp_path / "none"), "--until", "0"])


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
    assert len((tmp_path / "out" / "lifter.jsonl").read_text().splitlines()) == 1 and "stopped_at" not in lifter.header
    assert main(["lifter", *words[:-3], str(tmp_path / "early"), *words[-2:], "--until", "1"]) == 0
    assert load_weights(tmp_path / "early" / "lifter.safetensors").header["stopped_at"] == 1


def test_a_lifter_is_trained_with_a_model_of_the_detector(tmp_path):
    """On the motion capture of a person who stands; without the model the same training gives other weights."""
    for folder in ("pairs", "mocap"):
        (tmp_path / folder).mkdir()
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    right, down, forward = standing().T
    clip = np.rint(1000 * np.stack([right, -forward, 0.9 - down], -1))[None].repeat(60, 0)
    np.savez(
        tmp_path / "mocap" / "set.npz", joint_names=np.array(BODY_22.joints), delta=np.diff(clip, axis=0, prepend=0).astype(np.int16),
        clip_start=np.array([0, 60]), clip_name=np.array(["still"]), subject=np.array(["one"]),
        floor_ok=np.array([True]), fps=np.array(30.0),
    )  # fmt: skip
    (tmp_path / "s.toml").write_text(
        "[detector]\nsteps = 2\nbatch = 2\n[detector_layout]\nwidth = 8\ndilations = [1]\n"
        "[lifter]\nsteps = 2\nbatch = 4\ntransplant = 1.0\n[lifter_layout]\nwidth = 8\ndilations = [1]\n"
    )
    common = ["--data", "pairs", "--path", str(tmp_path / "pairs"), "--config", str(tmp_path / "s.toml"), "--device", "cpu"]
    mocap, model = ["--mocap", str(tmp_path / "mocap")], ["--detector", str(tmp_path / "out" / "detector.safetensors")]
    assert main(["detector", *common, "-o", str(tmp_path / "out")]) == 0
    assert main(["lifter", *common, *mocap, *model, "-o", str(tmp_path / "out")]) == 0
    assert main(["lifter", *common, *mocap, "-o", str(tmp_path / "plain")]) == 0
    detector, lifter = (load_weights(tmp_path / "out" / f"{name}.safetensors") for name in ("detector", "lifter"))
    assert detector.header["layout"]["width"] == 8 and "foreseen_world" in detector.header["validation"]
    assert lifter.header["detector"] == {"sha256": detector.sha256, "recipe": detector.header["recipe"]}
    plain = load_weights(tmp_path / "plain" / "lifter.safetensors")
    assert "detector" not in plain.header and any(not torch.equal(plain.tensors[n], lifter.tensors[n]) for n in plain.tensors)
    with pytest.raises(Failure, match="give both"):
        main(["lifter", *common, *model, "-o", str(tmp_path / "none")])
    with pytest.raises(Failure, match="detector"):
        main(["lifter", *common, *mocap, "-o", str(tmp_path / "out"), "--resume"])


def test_the_sequence_form_goes_on_from_a_single_frame_refiner(tmp_path):
    (tmp_path / "pairs").mkdir()
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    few = "steps = 2\nbatch = 2\npool = 1\ncomponents = 1\nclasses = 1\nevaluate_every = 2\n"
    (tmp_path / "s.toml").write_text(
        f"[lifter]\nsteps = 2\nbatch = 4\n[lifter_layout]\nwidth = 8\ndilations = [1]\n[refiner]\n{few}[sequence]\n{few}"
        "[refiner_layout]\nhidden = 8\nlayers = 2\nheads = 2\n"
    )
    out = tmp_path / "out"
    common = ["--data", "pairs", "--path", str(tmp_path / "pairs"), "--config", str(tmp_path / "s.toml"), "--device", "cpu", "-o", str(out)]
    for network in ("lifter", "refiner"):
        assert main([network, *common]) == 0
    assert main(["sequence", *common, "--start", str(out)]) == 0
    single, sequence = (load_weights(out / f"{name}.safetensors") for name in ("refiner", "sequence"))
    assert sequence.header["start"]["sha256"] == single.sha256 and "refined_accel" in sequence.header["validation"]
    taken = sequence.part("sequence")
    assert {name.removeprefix("refiner.") for name in taken if name.startswith("refiner.")} == set(single.part("refiner"))
    assert any(name.startswith("over_time.") for name in taken)


def test_the_refiner_over_windows_goes_on_from_its_own_weights(tmp_path):
    (tmp_path / "pairs").mkdir()
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    (tmp_path / "s.toml").write_text(
        "[lifter]\nsteps = 2\nbatch = 4\n[lifter_layout]\nwidth = 8\ndilations = [1]\n"
        "[window]\nsteps = 2\nbatch = 2\nevaluate_every = 2\n[window_layout]\nhidden = 4\nwidth = 16\ndilations = [[1], [1, 2]]\n"
    )
    common = ["--data", "pairs", "--path", str(tmp_path / "pairs"), "--config", str(tmp_path / "s.toml"), "--device", "cpu"]
    first, second = tmp_path / "a", tmp_path / "b"
    assert main(["lifter", *common, "-o", str(first)]) == 0
    assert main(["window", *common, "-o", str(first)]) == 0
    lifter = first / "lifter.safetensors"
    assert main(["window", *common, "--start", str(first), "--lifter", str(lifter), "-o", str(second)]) == 0
    begun, gone_on = (load_weights(folder / "window.safetensors") for folder in (first, second))
    assert gone_on.header["start"]["sha256"] == begun.sha256 and gone_on.header["lifter"] == load_weights(lifter).sha256
    _, refiner = load_window(gone_on)  # as a capture does
    assert refiner.config.dilations == ((1,), (1, 2)) and refiner.config.hints == 8
    assert not torch.equal(gone_on.part("window")["leave.weight"], begun.part("window")["leave.weight"])
    assert "known_up_mpjpe" in gone_on.header["validation"]


def test_what_cannot_be_is_said(words, tmp_path):
    with pytest.raises(Failure, match=r"no weights .*lifter\.safetensors"):
        main(["refiner", *words])
    with pytest.raises(Failure, match="belong to --data pairs"):
        main(["lifter", *words, "--mocap", str(tmp_path)])
    for network in ("detector", "sequence", "window"):
        with pytest.raises(Failure, match="belong to --data pairs"):
            main([network, *words])
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
    assert process.stderr is not None
    assert any(line.startswith("step 6 of 100000: loss") for line in process.stderr)  # a slow machine tells of earlier steps too
    process.terminate()
    _, rest = process.communicate(timeout=100)
    assert process.returncode == 130 and "--resume goes on from there" in rest
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"lifter.pt", "lifter.jsonl", "log"}
