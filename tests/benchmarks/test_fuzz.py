"""Every parser against the same damaged files each time; `benchmarks/fuzz.py --minutes N` goes on where this stops."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.fuzz import TARGETS, Target, fault, main, mutated, outcome
from contract.failure import Failure

INPUTS = 25  # of each parser


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_damaged_file_is_told_in_a_sentence(target: Target, tmp_path: Path) -> None:
    if target.name in ("preset.json", "avatar.vrm"):
        pytest.importorskip("bpy", reason="the add-on needs Blender or its bpy wheel")
    (tmp_path / "whole").mkdir()
    assert outcome(target, target.example(), tmp_path / "whole") in ("read", "told")
    draw, example = random.Random(f"0/{target.name}"), target.example()
    (tmp_path / "damaged").mkdir()
    for i in range(INPUTS):
        answer = outcome(target, mutated(example, draw), tmp_path / "damaged")
        assert answer in ("read", "told"), f"input {i}: {answer}"


def test_the_same_seed_makes_the_same_files() -> None:
    example = TARGETS[0].example()
    one, other = ([mutated(example, draw) for _ in range(20)] for draw in (random.Random(3), random.Random(3)))
    assert one == other and len(set(one)) > 15


def test_what_is_no_clear_sentence_counts_as_a_crash() -> None:
    assert not fault(Failure("bad_input", "a.npz is cut off; get it again."))
    assert "exit code 2" in fault(Failure("bad_arguments", "No."))
    assert "memory" in fault(Failure("out_of_memory", "No."))
    for text in ("two\nlines.", "no end", "x" * 2000 + "."):
        assert "no clear sentence" in fault(Failure("bad_input", text))


def test_a_crash_in_a_parser_is_seen(tmp_path: Path) -> None:
    def read(path: Path) -> object:
        raise ZeroDivisionError("x")

    assert "crash: ZeroDivisionError" in outcome(Target("a", lambda: b"", read), b"", tmp_path)


def test_the_command_prints_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--minutes", "0.05", "--only", "camera"]) == 0
    assert "camera.npz" in capsys.readouterr().out
    assert main(["--only", "nonsense"]) == 2
