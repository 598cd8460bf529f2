from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import cpu_refiner
from engine.poses import PoseModel
from engine.training.refiner import StateTable

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"


def test_the_passes_are_timed_and_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cpu_refiner, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(cpu_refiner, "ROUNDS", 1)
    before = torch.get_num_threads()
    try:
        assert cpu_refiner.main(["--batch", "3", "--repeat", "2", "--profile"]) == 0
    finally:
        torch.set_num_threads(before)
    out = capsys.readouterr().out
    for name in ("as written", "network.py", "fused, float32", "fused, bfloat16"):
        assert f"│ {name}" in out
    assert "linear" in out  # of the profile


def test_all_passes_compute_the_same() -> None:
    off = cpu_refiner.differences(cpu_refiner.passes(1), 2)
    assert off.pop("as written") == 0.0
    assert off.pop("fused, bfloat16", 0.0) < 1e-2
    assert off and all(value < 1e-5 for value in off.values())


def test_the_error_is_that_of_the_poses_given() -> None:
    """Guesses that are a centimetre off in some joints have about that error; the refined ones differ by the precision."""
    torch.manual_seed(0)
    truth = 0.3 * torch.randn(6, 22, 5)
    guess = truth.clone()
    guess[:, ::3, 2] += 0.01
    table = cpu_refiner.accuracy(PoseModel("cpu"), StateTable(guess, truth, 0.3 * torch.randn(6, 22, 6), torch.arange(6) / 30.0))
    rows = dict(zip(("guess", "float32", "bfloat16"), zip(*(column.cells for column in table.columns), strict=True), strict=True))
    assert 1.0 < float(rows["guess"][1]) < 20.0
    assert float(rows["float32"][2]) == 0.0 == float(rows["float32"][3])
    assert 0.0 < float(rows["bfloat16"][3]) < 10.0
    assert np.isfinite([float(value) for row in rows.values() for value in row[1:]]).all()


def test_captures_are_judged_in_both_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The precision reaches the capture, and each row has its own figures."""

    def judge(path: Path, truth: object, model: PoseModel, options: object) -> tuple[dict[str, tuple[float, float, float]]]:
        first = 2.0 if model.network.dtype == torch.bfloat16 else 1.0
        return ({"refiner": (first, 3.0, 4.0), "motion": (10 * first, 30.0, 40.0)},)

    monkeypatch.setattr("benchmarks.accuracy.judge", judge)
    table = cpu_refiner.captures(PoseModel("cpu"), [SAMPLE])
    assert list(zip(*(column.cells for column in table.columns), strict=True)) == [
        ("sample", stage, precision, value, *rest)
        for stage, values, rest in (
            ("refiner", ("1.000", "2.000"), ("3.000", "4.000")),
            ("motion", ("10.000", "20.000"), ("30.000", "40.000")),
        )
        for precision, value in zip(("float32", "bfloat16"), values, strict=True)
    ]


@pytest.mark.parametrize("wrong", [["--batch", "0"], ["--repeat", "0"]])
def test_wrong_numbers_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cpu_refiner.main(wrong)
    assert caught.value.code == 2
