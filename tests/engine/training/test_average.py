import pytest
import torch

from engine.lifter.layout import LifterConfig
from engine.lifter.network import Lifter
from engine.torch_weights import load_weights, save_weights
from engine.training.average import main, told_once
from engine.weights_file import FOLDER
from tests.engine.datasets.pairs import write_pairs


def write(folder, seed, **layout):
    """A small lifter with drawn weights."""
    torch.manual_seed(seed)
    config = LifterConfig(**({"width": 8, "dilations": (1,)} | layout))
    folder.mkdir()
    tensors = {f"lifter.{name}": torch.randn_like(value) / 50 for name, value in Lifter(config).state_dict().items()}
    layout = {"width": config.width, "dilations": list(config.dilations), "joints": config.joints, "features": config.features}
    save_weights(folder / "lifter.safetensors", tensors, {"layout": layout, "recipe": {"seed": seed}, "stopped_at": 10 * seed})
    return folder


@pytest.fixture
def pairs(tmp_path):
    (tmp_path / "pairs").mkdir()
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    return ["--data", str(tmp_path / "pairs"), "-o", str(tmp_path / "out")]


def test_every_weight_is_the_mean_and_the_header_tells_of_what(tmp_path, pairs, capsys):
    folders = [write(tmp_path / f"w{seed}", seed) for seed in (1, 2, 4)]
    assert main([*map(str, folders), *pairs]) == 0
    made = load_weights(tmp_path / "out" / "lifter.safetensors")
    each = [load_weights(folder / "lifter.safetensors") for folder in folders]
    for name, value in made.tensors.items():
        mean = sum(w.tensors[name].double() for w in each) / 3
        assert torch.allclose(value.double(), mean, atol=2e-4)  # stored as float16
    assert [o["sha256"] for o in made.header["average_of"]] == [w.sha256 for w in each]
    assert [o["stopped_at"] for o in made.header["average_of"]] == [10, 20, 40]
    assert made.header["layout"] == each[0].header["layout"]
    assert made.header["validation"]["lifter_mpjpe"] > 0
    assert f"MPJPE {made.header['validation']['lifter_mpjpe']:.1f} mm" in capsys.readouterr().out


def test_weights_that_were_told_of_are_named_by_their_sum_alone(tmp_path, pairs):
    """Means of trainings that went on from one another told all that came before as often as there were trainings."""
    first, second = ({"sha256": name * 64, "recipe": {"steps": 3}} for name in "ab")
    later = {"sha256": "c" * 64, "start": first, "average_of": [first, second, {"sha256": "d" * 64, "start": second}]}
    named = [{"sha256": "a" * 64}, second, {"sha256": "d" * 64, "start": {"sha256": "b" * 64}}]
    assert told_once([later, {"sha256": "e" * 64, "start": later}]) == [
        {"sha256": "c" * 64, "start": first, "average_of": named}, {"sha256": "e" * 64, "start": {"sha256": "c" * 64}},
    ]  # fmt: skip


def test_shares_say_how_much_each_counts(tmp_path, pairs):
    folders = [write(tmp_path / f"w{seed}", seed) for seed in (1, 2)]
    assert main([*map(str, folders), *pairs, "--shares", "3", "1"]) == 0
    made, first, second = (load_weights(f / "lifter.safetensors") for f in (tmp_path / "out", *folders))
    for name, value in made.tensors.items():
        assert torch.allclose(value, 0.75 * first.tensors[name] + 0.25 * second.tensors[name], atol=2e-4)
    assert made.header["shares"] == [3.0, 1.0]


def test_what_has_no_mean_is_refused(tmp_path, pairs, capsys):
    one, other = write(tmp_path / "a", 1), write(tmp_path / "b", 1, width=4)
    assert main([str(one), *pairs]) == 2 and "at least two" in capsys.readouterr().err
    assert main([str(one), str(other), *pairs]) == 2 and "another layout" in capsys.readouterr().err
    for shares in (["1"], ["1", "0"]):
        assert main([str(one), str(one), *pairs, "--shares", *shares]) == 2 and "--shares" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    before = (one / "lifter.safetensors").read_bytes()
    assert main([str(one), str(one), *pairs[:-1], str(one), "--overwrite"]) == 2 and "is an input" in capsys.readouterr().err
    assert (one / "lifter.safetensors").read_bytes() == before


def test_a_mean_of_refiners_keeps_the_last_ones_noise(tmp_path, pairs):
    """The shipped refiner and one whose network is three times as large: the mean is twice it, the noise stays."""
    shipped = load_weights(FOLDER / "refiner.safetensors")
    larger = {n: 3 * v if n.startswith("refiner.") else v for n, v in shipped.tensors.items()}
    (tmp_path / "larger").mkdir()
    save_weights(tmp_path / "larger" / "refiner.safetensors", larger, shipped.header | {"start_step": 3})
    assert main(["--network", "refiner", str(tmp_path / "larger"), str(FOLDER), *pairs]) == 0
    made = load_weights(tmp_path / "out" / "refiner.safetensors")
    for name, value in made.tensors.items():
        factor = 2 if name.startswith("refiner.") else 1
        assert torch.allclose(value.double(), factor * shipped.tensors[name].double(), rtol=2e-3, atol=1e-6)
    assert made.header["start_step"] == shipped.header["start_step"] and len(made.header["average_of"]) == 2
    assert made.header["validation"]["refined_mpjpe"] > 0


def test_of_a_window_both_networks_have_a_mean(tmp_path, pairs, capsys):
    """The shipped one, and the same with other numbers."""
    one, other = FOLDER, tmp_path / "other"
    other.mkdir()
    stored = load_weights(one / "window.safetensors")
    changed = {name: value * 0.5 if value.is_floating_point() else value for name, value in stored.tensors.items()}
    save_weights(other / "window.safetensors", changed, {name: stored.header[name] for name in ("layout", "gravity_layout", "start_step")})
    assert main([str(one), str(other), "--network", "window", *pairs]) == 0
    made = load_weights(tmp_path / "out" / "window.safetensors")
    for part in ("gravity", "window"):
        name = next(name for name, value in stored.tensors.items() if name.startswith(part) and value.abs().max() > 0.1)
        assert torch.allclose(made.tensors[name], 0.75 * stored.tensors[name], atol=2e-3)
    assert made.header["gravity_layout"] == stored.header["gravity_layout"] and made.header["start_step"] == stored.header["start_step"]
    assert f"MPJPE {made.header['validation']['refined_mpjpe']:.1f} mm" in capsys.readouterr().out
