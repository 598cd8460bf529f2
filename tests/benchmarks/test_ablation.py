import json

from benchmarks.ablation import (
    BY_CONFIDENCE,
    SAMPLINGS,
    VARIANTS,
    WHOLE,
    Setting,
    ablate,
    main,
    markdown,
    read_tables,
    spread,
    train_guess,
    variants_of,
)
from engine.datasets.benchmark import Source
from engine.datasets.registry import load_poses
from engine.refiner.network import RefinerConfig
from engine.training.pose_refiner import DiffusionRecipe
from engine.training.pose_table import pose_table
from tests.engine.datasets.pairs import write_pairs
from tests.engine.datasets.test_motion_benchmark import write_motions

TINY = Setting(steps=2, lifter_steps=2, batch=4, hidden=8, layers=2, every=(1, 1, 4))


def test_every_part_has_its_row_and_its_seeds(tmp_path):
    write_motions(tmp_path / "set.npz", frames=20)
    tables = read_tables(Source("mocap", tmp_path), TINY)
    told = []
    rows = ablate(train_guess(tables, TINY), TINY, 2, lambda rows: told.append(len(rows)))
    assert set(rows) == {"the lifter's guess", *(v.name for v in VARIANTS), *SAMPLINGS, "without EMA (the last step's weights)"}
    assert all(len(figures) == 2 for name, figures in rows.items() if name != "the lifter's guess")
    assert len(told) == 2 * len(VARIANTS)
    assert all(-1 <= f["spread"] <= 1 for f in rows["hypotheses 5"])
    assert len({f["mpjpe"] for name in (v.name for v in VARIANTS) for f in rows[name]}) == 2 * len(VARIANTS)  # each is another network


def test_confidence_is_a_part_where_the_data_hold_it(tmp_path):
    (tmp_path / "mocap").mkdir()
    (tmp_path / "pairs").mkdir()
    write_motions(tmp_path / "mocap" / "set.npz", frames=20)
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    assert variants_of(read_tables(Source("mocap", tmp_path / "mocap"), TINY)) == VARIANTS
    tables = {"train": pose_table(load_poses(Source("detections", tmp_path / "pairs", "detected"), "test"))}
    assert variants_of(tables) == (*VARIANTS, BY_CONFIDENCE)
    assert [v.name for v in variants_of(tables, ["whole method", "CAG"])] == [WHOLE, "without CAG"]


def test_the_variants_change_one_thing_each():
    whole = {**vars(RefinerConfig()), **vars(DiffusionRecipe())}
    for variant in (*VARIANTS, BY_CONFIDENCE):
        changed = {**vars(RefinerConfig(**variant.network)), **vars(DiffusionRecipe(**variant.diffusion))}
        assert sum(changed[name] != whole[name] for name in whole) == (0 if variant.name == WHOLE else 1)


def test_the_table_s_differences_are_those_of_each_seed():
    rows = {
        "the lifter's guess": [{"mpjpe": 50.0, "pa": 40.0}],
        WHOLE: [{"mpjpe": 45.0, "pa": 38.0}, {"mpjpe": 41.0, "pa": 36.0}],
        "without CAG": [{"mpjpe": 46.0, "pa": 38.0}, {"mpjpe": 44.0, "pa": 36.0}],
    }
    lines = markdown(rows).splitlines()
    assert lines[3] == f"| {WHOLE} | 43.00 ± 2.00 | 37.00 ± 1.00 |  |"
    assert lines[4] == "| without CAG | 45.00 ± 1.00 | 37.00 ± 1.00 | +2.00 ± 1.00 |"
    assert lines[2] == "| the lifter's guess | 50.00 | 40.00 | +7.00 ± 2.00 |"
    assert spread([1.0]) == "1.00"


def test_the_command_tells_of_a_missing_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ablation.py", "--mocap", str(tmp_path / "none"), "--json", str(tmp_path / "a.json")])
    assert main() == 3
    assert "none" in capsys.readouterr().err and not (tmp_path / "a.json").exists()


def test_the_figures_are_kept_as_json(tmp_path, monkeypatch, capsys):
    write_motions(tmp_path / "set.npz", frames=60)
    words = ["--mocap", tmp_path, "--seeds", 1, "--steps", 1, "--lifter-steps", 1, "--batch", 2, "--hidden", 8, "--layers", 1]
    monkeypatch.setattr("sys.argv", ["ablation.py", *map(str, words), "--json", str(tmp_path / "a.json")])
    assert main() == 0
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["setting"]["steps"] == 1 and len(kept["rows"][WHOLE]) == 1 and kept["frames"]["train"] > 0
    assert capsys.readouterr().out.count("\n") == len(kept["rows"]) + 2
