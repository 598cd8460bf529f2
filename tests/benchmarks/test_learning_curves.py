"""Learning curves on made-up pairs: every training is of its share and width, and says what it learnt from beside what it did not."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import learning_curves
from benchmarks.learning_curves import Bench, curves, main, markdown, part_of
from engine.datasets.detections import load_detections
from engine.datasets.split import split_segments
from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from tests.engine.datasets.pairs import write_pairs


@pytest.fixture
def bench(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=8)
    split = split_segments(load_detections(tmp_path))
    torch.manual_seed(0)
    return Bench(split.train, split.validation, None, Lifter(LifterConfig(width=8, dilations=(1,))), 4, 2)


def test_shares_are_taken_from_all_over():
    assert part_of(range(8), 1.0) == list(range(8))
    assert part_of(range(8), 0.25) == [0, 4]
    assert part_of(range(3), 0.01) == [0]


@pytest.mark.parametrize("network", learning_curves.NETWORKS)
def test_every_training_has_its_row(bench, network):
    heard = []
    found = curves(network, bench, [0.5, 1.0], [16, 24], lambda rows: heard.append(len(rows)))
    assert [(one.share, one.width) for one in found] == [(0.5, 16), (1.0, 16), (1.0, 24)] and heard == [1, 2, 3]
    assert found[0].frames * 2 == found[1].frames == sum(len(one.truth) for one in bench.segments)
    assert all(one.steps == (1, 2, 3, 4) and len(one.held) == 4 and one.known > 0 for one in found)
    assert found[0].guess == found[1].guess and found[0].held != found[1].held  # the same people, other networks
    table = markdown(found).splitlines()
    assert len(table) == 5 and all(row.count("|") == 9 for row in table)


def test_a_lifter_that_learns_long_enough_knows_what_it_was_shown(bench):
    """The detector of these pairs stands exactly on the joints and its world is the truth's: what is learnt is to leave it as it is."""
    long = curves("lifter", Bench(bench.segments, bench.judge, None, None, 40, 2), [1.0], [16])[0]
    assert long.held[-1] < 0.9 * max(long.held) or long.held[-1] < long.guess


def test_the_command_prints_a_table_and_refuses_what_it_cannot_use(tmp_path, capsys):
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    write_pairs(pairs / "p.npz", segments=4)
    words = ["lifter", "--data", str(pairs), "--judge", str(pairs), "--shares", "1", "--widths", "16", "--steps", "4", "--batch", "2"]
    told = [*words, "--json", str(tmp_path / "curves.json")]
    assert main(told) == 0
    assert "of what it learnt from" in capsys.readouterr().out
    assert json.loads((tmp_path / "curves.json").read_text())[0]["width"] == 16
    assert main(told) != 0 and "curves.json" in capsys.readouterr().err  # it is there
    assert main([*words, "--json", str(tmp_path / "other.json"), "--data", str(tmp_path / "nowhere")]) != 0
    with pytest.raises(SystemExit):
        main([*words, "--shares", "1.5"])


def test_what_was_given_to_read_is_never_written_over(tmp_path, capsys):
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    write_pairs(pairs / "p.npz", segments=4)
    lifter, link = tmp_path / "lifter.json", tmp_path / "link.json"
    lifter.write_text("weights")
    link.symlink_to(pairs / "p.npz")
    before = (pairs / "p.npz").read_bytes()
    words = ["window", "--data", str(pairs), "--judge", str(pairs), "--lifter", str(lifter), "--overwrite"]
    for out in (lifter, link):
        assert main([*words, "--json", str(out)]) != 0 and out.name in capsys.readouterr().err
    assert lifter.read_text() == "weights" and (pairs / "p.npz").read_bytes() == before
