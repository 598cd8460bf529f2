import pytest
import torch

from contract.failure import ExitCode, Failure
from engine import weights_file
from engine.torch_weights import load_into, load_weights, save_weights


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "net.safetensors"
    tensors = {"net.weight": torch.randn(3, 2), "net.bias": torch.zeros(3), "mixture.means": torch.tensor([1e-9, 0.1], dtype=torch.float64)}
    save_weights(path, tensors, {"layout": {"width": 3}})
    return path, tensors


def test_weights_come_back_with_their_header(stored):
    path, tensors = stored
    weights = load_weights(path)
    assert weights.header == {"layout": {"width": 3}}
    assert torch.allclose(weights.tensors["net.weight"], tensors["net.weight"], rtol=1e-3)
    assert weights.tensors["net.weight"].dtype == torch.float32
    assert torch.equal(weights.tensors["mixture.means"], tensors["mixture.means"])  # a variance of 1e-9 has no half precision
    assert set(weights.part("net")) == {"weight", "bias"}
    assert sorted(p.name for p in path.parent.iterdir()) == ["SHA256SUMS", "net.safetensors"]


def failure_of(path, code=ExitCode.BAD_INPUT):
    with pytest.raises(Failure) as failure:
        load_weights(path)
    assert failure.value.exit_code == code
    return failure.value.message


def test_a_missing_file_is_said(tmp_path):
    told = failure_of(tmp_path / "net.safetensors")
    assert f"{tmp_path / 'net.safetensors'} is missing; give one that a training wrote" in told


def test_of_the_installations_own_it_is_said_how_to_get_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(weights_file, "FOLDER", tmp_path)
    told = failure_of(tmp_path / "net.safetensors", ExitCode.NO_RESOURCES)
    assert "net.safetensors is missing; get the files of engine/weights again" in told


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-10], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b"", lambda b: b"<html>not found</html>"]
)
def test_a_damaged_file_is_said(stored, damage):
    path, _ = stored
    path.write_bytes(damage(path.read_bytes()))
    assert "damaged" in failure_of(path)


def test_another_layout_is_said(stored):
    with pytest.raises(Failure, match="another layout"):
        load_into(torch.nn.Linear(5, 3), load_weights(stored[0]).part("net"), "net")


def test_an_origin_names_the_sum_and_what_the_header_has(tmp_path):
    save_weights(tmp_path / "w.safetensors", {"lifter.a": torch.ones(2)}, {"layout": {}, "recipe": {"steps": 3}, "stopped_at": 2})
    stored = load_weights(tmp_path / "w.safetensors")
    assert stored.origin("recipe", "start") == {"sha256": stored.sha256, "recipe": {"steps": 3}}
