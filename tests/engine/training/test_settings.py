from dataclasses import asdict, replace

import pytest

from contract.failure import Failure
from engine.lifter.layout import LifterConfig
from engine.poses import LIFTER_FILE, REFINER_FILE, WINDOW_FILE
from engine.refiner.graph_lifter import GraphLifterConfig
from engine.refiner.layout import WindowConfig
from engine.refiner.network import RefinerConfig
from engine.refiner.state import GUIDE_SIGNS
from engine.training.command import TABLES
from engine.training.detector_model import DetectorConfig, DetectorRecipe
from engine.training.diffusion import Sampling
from engine.training.lifter import LifterRecipe
from engine.training.loop import LoopRecipe
from engine.training.pose_refiner import DiffusionRecipe
from engine.training.refiner import RefinerRecipe
from engine.training.sequence_refiner import SequenceRecipe
from engine.training.settings import CONFIGS, fill, read_toml
from engine.training.window_refiner import WindowRecipe
from engine.weights_file import load_weights

PAPER = {
    "lifter": LoopRecipe, "lifter_layout": GraphLifterConfig, "refiner": LoopRecipe, "refiner_layout": RefinerConfig,
    "diffusion": DiffusionRecipe, "sampling": Sampling,
}  # fmt: skip
PRODUCT = {
    "lifter": LifterRecipe, "lifter_layout": LifterConfig, "refiner": RefinerRecipe, "refiner_layout": RefinerConfig,
    "window": WindowRecipe, "window_layout": WindowConfig,
    "sequence": SequenceRecipe, "detector": DetectorRecipe, "detector_layout": DetectorConfig,
}  # fmt: skip


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_file_fits(file):
    tables = read_toml(file, TABLES)
    kinds = PAPER if file.stem.startswith("paper") else PRODUCT
    for name, values in tables.items():
        if values:
            fill(kinds[name], values, name)


def test_the_shipped_files_are_found_by_name_and_hold_the_recipes(tmp_path):
    assert fill(LifterRecipe, read_toml(tmp_path / "product_lifter", TABLES)["lifter"], "lifter") == LifterRecipe()
    assert fill(RefinerRecipe, read_toml(tmp_path / "product_refiner", TABLES)["refiner"], "refiner") == RefinerRecipe()
    layout = read_toml(tmp_path / "product_lifter", TABLES)["lifter_layout"]
    assert fill(LifterConfig, layout, "lifter_layout") == LifterConfig()
    paper = fill(LoopRecipe, read_toml(tmp_path / "paper_cpn", TABLES)["refiner"], "refiner")
    epoch = -(-1559752 // 1024)
    assert paper.steps == 800 * round(1559752 / 1024) and paper.stair_steps == 60 * round(1559752 / 1024) and epoch == 1524


def test_the_shipped_refiners_recipes_are_those_in_its_header(tmp_path):
    """It is the mean of two trainings, of which the second went on from the first."""
    header = load_weights(REFINER_FILE).header
    first, second = header["average_of"]
    for number, stage in ((1, first), (2, second)):
        tables = read_toml(tmp_path / f"shipped_refiner_{number}", TABLES)
        recipe = asdict(fill(RefinerRecipe, tables["refiner"], "refiner"))
        assert {name: recipe[name] for name in stage["recipe"]} == stage["recipe"]
        layout = fill(RefinerConfig, tables["refiner_layout"], "refiner_layout")
        assert replace(layout, guide_signs=GUIDE_SIGNS) == RefinerConfig.from_dict(header["layout"])
    assert second["start"] == {"sha256": first["sha256"], "recipe": first["recipe"]}


def recipe_of(stage):
    """That of a lifter's header, what older ones do not name as it was: nothing was asked of directions and flexion."""
    return asdict(LifterRecipe(**{"direction": 0.0, "flexion": 0.0} | stage["recipe"]))


def told_in_full(header, sha256):
    """What a header says of the weights with that sum, in the one place where it says it."""
    if isinstance(header, list):
        return next(filter(None, (told_in_full(each, sha256) for each in header)), None)
    if not isinstance(header, dict):
        return None
    if header.get("sha256") == sha256 and len(header) > 1:
        return header
    return told_in_full(list(header.values()), sha256)


def test_the_shipped_lifters_recipes_are_those_in_its_header(tmp_path):
    """Half is what shipped before, and two trainings that went on from that a quarter each. Two fifths of that were what shipped before it,
    and three trainings that went on from that a fifth each. Half of that was what shipped before it,
    and two trainings that went on from that a quarter each. That was two thirds of what shipped
    before it, and two trainings a sixth each. And that is the mean of four trainings, of which three went on from the first and the first
    from a mean: four parts of the mean of four stages, and one part of a fifth, which went on from that. The stages went on from one
    another, the first from product_lifter's."""
    header = load_weights(LIFTER_FILE).header
    for number, shares, trainings in (
        (10, [2.0, 1.0, 1.0], ({}, {"steps": 6000, "learning_rate": 4e-4, "warm_up": 100, "seed": 104})),
        (9, [2.0, 1.0, 1.0, 1.0], ({"seed": 96}, {"seed": 97, "learning_rate": 6e-5}, {"seed": 98})),
        (8, [2.0, 1.0, 1.0], ({"seed": 64}, {"seed": 65})),
    ):
        before, *last = header["average_of"]
        assert header["shares"] == shares
        recipe = asdict(fill(LifterRecipe, read_toml(tmp_path / f"shipped_lifter_{number}", TABLES)["lifter"], "lifter"))
        for stage, told in zip(last, trainings, strict=True):
            assert recipe_of(stage) == recipe | told and stage["start"]["sha256"] == before["sha256"]
        header = before | {"layout": header["layout"]}
    before, *last = header["average_of"]
    assert header["shares"] == [4.0, 1.0, 1.0]
    seventh = asdict(fill(LifterRecipe, read_toml(tmp_path / "shipped_lifter_7", TABLES)["lifter"], "lifter"))
    for stage, steps, seed, warm_up in zip(last, (2300, 1500), (51, 52), (100, 50), strict=True):
        told = {"steps": steps, "seed": seed, "warm_up": warm_up, "evaluate_every": 0}
        assert recipe_of(stage) | {"evaluate_every": 0} == seventh | told and stage["start"]["sha256"] == before["sha256"]
    header = before | {"layout": header["layout"]}
    heavy = asdict(fill(LifterRecipe, read_toml(tmp_path / "shipped_lifter_6", TABLES)["lifter"], "lifter"))
    sixth, *others = header["average_of"]
    for stage, steps, seed in zip(header["average_of"], (1050, 2100, 2100, 1400), (41, 42, 43, 44), strict=True):
        assert recipe_of(stage) | {"evaluate_every": 0} == heavy | {"steps": steps, "seed": seed, "evaluate_every": 0}
    assert {stage["start"]["sha256"] for stage in others} == {sixth["sha256"]}
    layout, header = header["layout"], sixth["start"]
    tables = {number: read_toml(tmp_path / f"shipped_lifter_{number}", TABLES) for number in (2, 3, 4, 5)}
    recipes = {number: asdict(fill(LifterRecipe, table["lifter"], "lifter")) for number, table in tables.items()}
    for table in tables.values():
        assert fill(LifterConfig, table["lifter_layout"], "lifter_layout") == LifterConfig.from_dict(layout)
    mean, fifth = header["average_of"]
    assert header["shares"] == [4.0, 1.0] and recipe_of(fifth) == recipes[5] and fifth["start"]["sha256"] == mean["sha256"]
    detector = told_in_full(load_weights(LIFTER_FILE).header, fifth["detector"]["sha256"])
    assert detector["recipe"] == asdict(fill(DetectorRecipe, read_toml(tmp_path / "detector", TABLES)["detector"], "detector")) | {
        "steps": 1500,
        "learning_rate": 6e-4,
    }
    stages = mean["average_of"]
    assert [recipe_of(stage) for stage in stages] == [recipes[number] for number in (2, 3, 4, 4)]
    assert [stage.get("stopped_at") for stage in stages] == [6000, None, 1400, None]
    for stage, before in zip(stages[1:], (stages[0], stages[1], stages[1]), strict=True):
        assert stage["start"] == {"sha256": before["sha256"]}
    first = asdict(fill(LifterRecipe, read_toml(tmp_path / "product_lifter", TABLES)["lifter"], "lifter"))
    assert stages[0]["start"]["recipe"].items() <= first.items()


def test_the_shipped_windows_recipe_is_that_in_its_header(tmp_path):
    """Half is what shipped before, and half a training that went on from that. Of that three quarters were what shipped before it, and a
    quarter a training that went on from it, cross-fitted with two lifters."""
    header = load_weights(WINDOW_FILE).header
    before, last = header["average_of"]
    third = asdict(fill(WindowRecipe, read_toml(tmp_path / "shipped_window_3", TABLES)["window"], "window"))
    assert "shares" not in header and last["start"]["sha256"] == before["sha256"] and last["recipe"] == third
    header = before
    before, last = header["average_of"]
    assert header["shares"] == [3.0, 1.0] and last["start"]["sha256"] == before["sha256"] and len(set(last["lifters"])) == 2
    table = read_toml(tmp_path / "shipped_window_2", TABLES)
    assert last["recipe"] == asdict(fill(WindowRecipe, table["window"], "window"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[lifter]\nstep = 3", "[lifter] has no setting step"),
        ("[lifter]\nsteps = 'many'", "[lifter] steps is 'many'"),
        ("[lifter]\nsteps = 1.5", "[lifter] steps is 1.5"),
        ("[lifters]\nsteps = 3", "no table [lifters]"),
        ("steps = 3", "no table [steps]"),
        ("[lifter", "is not a TOML file"),
        ("[lifter]\na = " + "[" * 100_000, "is not a TOML file"),
        ("[lifter]\nsteps = 1" + "0" * 400, "[lifter] steps is no number"),
        ("[lifter]\nlearning_rate = nan", "[lifter] learning_rate is no number"),
        ("[" + "9" * 5000 + "]", f"no table [{'9' * 40}]"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, words):
    file = tmp_path / "a.toml"
    file.write_text(text)
    with pytest.raises(Failure) as failure:
        fill(LoopRecipe, read_toml(file, TABLES)["lifter"], "lifter")
    assert words in failure.value.message and failure.value.code == "bad_input"


def test_numbers_and_lists_take_the_setting_s_kind(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("[lifter]\nlearning_rate = 1\n[lifter_layout]\ndilations = [1, 2]")
    tables = read_toml(file, TABLES)
    assert fill(LoopRecipe, tables["lifter"], "lifter").learning_rate == 1.0
    assert fill(LifterConfig, tables["lifter_layout"], "lifter_layout").dilations == (1, 2)


def test_a_missing_file_names_the_shipped_ones(tmp_path):
    shipped = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
    assert "product_lifter" in shipped and "shipped_refiner_2" in shipped
    with pytest.raises(Failure, match=shipped):
        read_toml(tmp_path / "mine.toml", TABLES)
