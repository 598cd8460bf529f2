import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.commands import run
from engine.datasets.benchmark import Source
from engine.datasets.registry import load_poses
from engine.refiner.error_model import ErrorModel
from engine.refiner.noise import MixtureNoise
from engine.refiner.pose_model import PaperModel, save_pose_model
from engine.training import evaluate
from engine.training.evaluate import main
from engine.training.guesses import save_poses
from tests.engine.datasets.human36m_files import write_human36m
from tests.engine.datasets.mpi_inf_3dhp_files import write_test
from tests.engine.datasets.test_motion_benchmark import write_motions
from tests.engine.refiner.test_pose_model import make

ROOT = Path(__file__).resolve().parents[3]


def figures(capsys, *words):
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def h36m(tmp_path):
    write_human36m(tmp_path)
    return tmp_path


def test_the_truth_scores_nothing_and_a_known_error_what_it_is(h36m, capsys):
    clips = load_poses(Source("h36m", h36m, "gt"), "test")
    shift = np.zeros((17, 3))
    shift[1:, 1] = 0.017  # 16 of 17 joints, 17 mm
    save_poses(h36m / "exact.npz", clips, [c.poses for c in clips.clips])
    save_poses(h36m / "off.npz", clips, [c.poses + shift for c in clips.clips])
    exact = figures(capsys, "--data", "h36m", "--path", h36m, "--keypoints", "gt", "--predictions", h36m / "exact.npz")
    assert {r["name"] for r in exact["rows"]} == {"Directions", "WalkDog", "Walking"} and exact["used"] == "mean of the actions"
    assert exact["averages"][0]["P1 mm"] == pytest.approx(0.0, abs=1e-4)
    off = figures(capsys, "--data", "h36m", "--path", h36m, "--predictions", h36m / "off.npz")
    assert off["averages"][0]["P1 mm"] == pytest.approx(16.0, abs=1e-3)
    assert off["keypoints"] == "cpn" and off["published"][0]["figures"] == {"P1 mm": 49.4, "P2 mm": 39.05}
    assert any("543,344" in note for note in off["notes"])


def test_weights_lift_and_refine_and_their_poses_can_be_stored(h36m, capsys):
    save_pose_model(h36m / "m.safetensors", make())
    words = ("--data", "h36m", "--path", h36m)
    ours = figures(capsys, *words, "--weights", h36m / "m.safetensors", "--hypotheses", 2, "--save", h36m / "poses.npz")
    stored = figures(capsys, *words, "--predictions", h36m / "poses.npz")
    for one, other in zip(ours["averages"], stored["averages"], strict=True):
        assert one["name"] == other["name"] and one["P1 mm"] == pytest.approx(other["P1 mm"], abs=1e-3)
    assert ours["initial_guess"]["P1 mm"] != ours["averages"][0]["P1 mm"] and stored["initial_guess"] is None
    released = [figures(capsys, *words, "--weights", h36m / "m.safetensors", "--mode", "released", "--hypotheses", h) for h in (1, 5)]
    assert released[0]["averages"] == released[1]["averages"] != ours["averages"]


def test_the_table_is_the_plain_networks(h36m, capsys, monkeypatch):
    """What the fast network prints, to the figures' last place but one."""
    save_pose_model(h36m / "m.safetensors", make())
    words = ("--data", "h36m", "--path", h36m, "--weights", h36m / "m.safetensors", "--hypotheses", 2, "--every", 6)
    asked = []

    def plain(model, device):
        asked.append(device.type)
        return model

    fast = figures(capsys, *words)
    monkeypatch.setattr(evaluate, "choose_exact", plain)
    slow = figures(capsys, *words)
    assert len(asked) == 1
    for one, other in zip(fast["rows"], slow["rows"], strict=True):
        assert one["P1 mm"] == pytest.approx(other["P1 mm"], abs=0.02) and one["P2 mm"] == pytest.approx(other["P2 mm"], abs=0.02)


def test_a_first_look_at_some_of_the_frames(h36m, capsys):
    clips = load_poses(Source("h36m", h36m, "cpn"), "test")
    poses = [c.poses + 0.01 * np.arange(len(c))[:, None, None] * (np.arange(17) > 0)[:, None] for c in clips.clips]
    save_poses(h36m / "p.npz", clips, poses)
    words = ("--data", "h36m", "--path", h36m, "--predictions", h36m / "p.npz")
    whole, part = figures(capsys, *words), figures(capsys, *words, "--every", 5)
    # 12 frames with errors of 0, 1, .. 11 times 10 mm along the diagonal; of these 0, 5 and 10
    assert whole["averages"][0]["P1 mm"] == pytest.approx(5.5 * 10 * 3**0.5 * 16 / 17, rel=1e-4)
    assert part["averages"][0]["P1 mm"] == pytest.approx(5.0 * 10 * 3**0.5 * 16 / 17, rel=1e-4)
    assert part["averages"][0]["frames"] == 5 * 4 * 3 and any("not comparable: 60 frames" in note for note in part["notes"])


def test_the_mode_is_that_of_the_training_unless_another_is_asked_for(h36m, capsys):
    words = ("--data", "h36m", "--path", h36m, "--weights", h36m / "m.safetensors")
    for mixed, mode in ((True, "paper"), (False, "released")):
        save_pose_model(h36m / "m.safetensors", make(mixed=mixed))
        assert figures(capsys, *words)["mode"] == mode
    with pytest.raises(Failure, match="has no mixture"):
        main([*map(str, words), "--mode", "paper"])


def test_hypotheses_by_confidence_want_one(h36m, capsys):
    """The same file of keypoints with a third number, and without."""
    made = make()
    (plain,) = made.noise.errors.classes
    by_confidence = ErrorModel((plain, plain), torch.full((17, 1), 0.5), torch.zeros(17, 5), torch.zeros(17))
    noise = MixtureNoise(made.noise.schedule, made.noise.start_step, by_confidence)
    save_pose_model(h36m / "m.safetensors", PaperModel(made.skeleton, made.lifter, made.refiner, noise))
    words = ("--data", "h36m", "--path", h36m, "--weights", h36m / "m.safetensors", "--every", 6)
    with pytest.raises(Failure, match="these keypoints have none; use --hypotheses 1"):
        main([*map(str, words), "--hypotheses", "2"])
    assert figures(capsys, *words)["averages"] and figures(capsys, *words, "--hypotheses", 2, "--mode", "released")["averages"]
    found = np.load(h36m / "data_2d_h36m_cpn_ft_h36m_dbb.npz", allow_pickle=True)["positions_2d"].item()
    scored = {s: {a: [np.concatenate([v, np.ones((*v.shape[:2], 1))], -1) for v in views] for a, views in takes.items()}
              for s, takes in found.items()}  # fmt: skip
    np.savez(h36m / "scored.npz", positions_2d=scored)
    assert figures(capsys, *words, "--hypotheses", 2, "--keypoints", h36m / "scored.npz")["averages"]


def test_another_lifter_is_judged_and_refined(h36m, capsys, monkeypatch):
    (h36m / "peer_lifter.py").write_text(
        "import numpy as np\n\ndef flat(points, clip):\n    return np.concatenate([points, 0 * points[..., :1]], -1)\n\nnumber = 3\n"
    )
    monkeypatch.chdir(h36m)
    monkeypatch.setattr(sys, "path", [*sys.path])
    words = ("--data", "h36m", "--path", h36m, "--keypoints", "gt")
    alone = figures(capsys, *words, "--lifter", "peer_lifter:flat")
    model = make()
    save_pose_model(h36m / "m.safetensors", PaperModel(model.skeleton, None, model.refiner, model.noise))
    refined = figures(capsys, *words, "--lifter", "peer_lifter:flat", "--weights", h36m / "m.safetensors")
    assert refined["initial_guess"]["P1 mm"] == pytest.approx(alone["averages"][0]["P1 mm"], abs=1e-3)
    for name, said in (("peer_lifter:wings", "no lifter"), ("none_such:flat", "no lifter"), ("peer_lifter:number", "cannot be called")):
        with pytest.raises(Failure, match=said):
            main([*map(str, words), "--lifter", name])


def test_the_other_data_sets(tmp_path, capsys):
    write_test(tmp_path / "3dhp")
    save_pose_model(tmp_path / "m.safetensors", make())
    table = figures(capsys, "--data", "mpi_inf_3dhp", "--path", tmp_path / "3dhp", "--weights", tmp_path / "m.safetensors")
    assert [r["name"] for r in table["rows"]] == [f"TS{i}" for i in range(1, 7)] and table["used"] == "mean of the frames"
    assert set(table["averages"][0]) == {"name", "frames", "PCK %", "AUC %", "MPJPE mm"} and table["published"]
    write_motions(tmp_path / "set.npz")
    words = ("--data", "mocap", "--path", tmp_path, "--weights", tmp_path / "m.safetensors")
    with pytest.raises(Failure, match="is for H36M_17 and the data are BODY_22; give --skeleton H36M_17"):
        main([*map(str, words)])
    assert figures(capsys, *words, "--skeleton", "H36M_17")["averages"][0]["frames"] == 80


def test_weights_of_22_joints_are_judged_in_the_fields_17(tmp_path, capsys):
    """Exact but for the toes, which Human3.6M does not count."""
    (tmp_path / "motions").mkdir()
    write_motions(tmp_path / "motions" / "set.npz")
    clips = load_poses(Source("mocap", tmp_path / "motions", "detected"), "test")
    off = np.zeros((22, 3))
    off[[BODY_22.index("toe.L"), BODY_22.index("knee.L")]] = [[0.5, 0, 0], [0.0, 0.017, 0]]
    save_poses(tmp_path / "p.npz", clips, [clip.poses + off for clip in clips.clips])
    made = make(skeleton=BODY_22)
    save_pose_model(tmp_path / "m.safetensors", PaperModel(BODY_22, made.lifter, None, made.noise))
    words = ["--data", "mocap", "--path", tmp_path / "motions", "--weights", tmp_path / "m.safetensors"]
    words += ["--predictions", tmp_path / "p.npz"]
    assert figures(capsys, *words, "--skeleton", "H36M_17")["averages"][0]["P1 mm"] == pytest.approx(1.0, abs=1e-3)
    assert figures(capsys, *words)["averages"][0]["P1 mm"] == pytest.approx(517 / 22, abs=1e-2)


def test_what_a_person_reads(h36m, capsys):
    save_pose_model(h36m / "m.safetensors", make())
    assert main(["--data", "h36m", "--path", str(h36m), "--weights", str(h36m / "m.safetensors"), "--mode", "released"]) == 0
    out = capsys.readouterr().out
    for said in ("released mode", "<- used", "initial guess", "Jiang & Chen 2024", "README of jjkislele/monoMotionDiff", "not comparable"):
        assert said in out
    assert max(map(len, out.splitlines())) < 200


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [([], 2, "Nothing to evaluate"), (["--weights", "none.safetensors"], 3, "no weights"), (["--predictions", "none.npz"], 3, "no file"),
     (["--lifter", "a:b", "--hypotheses", "0"], 2, "at least 1"),
     (["--lifter", "a:b", "--every", "2", "--save", "x.npz"], 2, "every frame")],
)  # fmt: skip
def test_failures_are_a_sentence_and_an_exit_code(h36m, capsys, words, code, said):
    assert run("evaluate", ["--data", "h36m", "--path", str(h36m), *words]) == code
    captured = capsys.readouterr()
    assert said in captured.err and not captured.out


def test_the_command_from_outside(h36m):
    words = [sys.executable, "-m", "engine", "evaluate", "--data", "h36m", "--path", h36m, "--predictions", h36m / "cut.npz"]
    (h36m / "cut.npz").write_bytes(b"PK")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "download it again" in done.stderr
