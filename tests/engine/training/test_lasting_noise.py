import torch

from engine.refiner.error_model import ErrorModel
from engine.refiner.weights import FOLDER, load_weights
from engine.training.lasting_noise import main
from tests.engine.datasets.pairs import write_pairs


def test_only_the_time_constants_are_new(tmp_path, capsys):
    (tmp_path / "pairs").mkdir()
    write_pairs(tmp_path / "pairs" / "p.npz", segments=4)
    assert main(["--data", str(tmp_path / "pairs"), "-o", str(tmp_path / "out")]) == 0
    shipped, made = load_weights(FOLDER / "refiner.safetensors"), load_weights(tmp_path / "out" / "refiner.safetensors")
    constants = {"mixture.deviate_seconds", "mixture.component_seconds"}
    assert set(made.tensors) == set(shipped.tensors) | constants
    assert all(torch.equal(made.tensors[name], value) for name, value in shipped.tensors.items() if name not in constants)
    assert {name: value for name, value in made.header.items() if name in shipped.header and name != "time_constants"} == {
        name: value for name, value in shipped.header.items() if name != "time_constants"
    }
    assert made.header["time_constants"]["without"] == shipped.sha256 and ErrorModel.from_tensors(made.tensors).lasts
    assert main(["--data", str(tmp_path / "none"), "-o", str(tmp_path / "out")]) == 3
    assert "no detections" in capsys.readouterr().err
