import pickle

import pytest
import torch

from contract.failure import Failure
from engine.training import checkpoint

CPU = torch.device("cpu")
SETTINGS = {"layout": {"hidden": 4}, "recipe": {"steps": 2, "betas": (0.9, 0.99)}}


def test_it_comes_back_and_nothing_stays_beside_it(tmp_path):
    file = tmp_path / "new" / "c.pt"
    checkpoint.save(file, SETTINGS, {"x": torch.arange(3.0), "step": 7, "text": "{}"})
    back = checkpoint.load(file, SETTINGS, CPU)
    assert torch.equal(back["x"], torch.arange(3.0)) and (back["step"], back["text"]) == (7, "{}")
    assert [p.name for p in file.parent.iterdir()] == ["c.pt"]


class Evil:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(Evil()), pickle.dumps({"schema": "other"})])
def test_what_is_no_checkpoint_is_told_and_never_run(tmp_path, content, capsys):
    file = tmp_path / "c.pt"
    file.write_bytes(content)
    with pytest.raises(Failure) as failure:
        checkpoint.load(file, SETTINGS, CPU)
    assert failure.value.code == "bad_input" and str(file) in failure.value.message
    assert capsys.readouterr().out == "" and file.read_bytes() == content


def test_a_missing_one_is_told(tmp_path):
    with pytest.raises(Failure, match="leave out --resume") as failure:
        checkpoint.load(tmp_path / "none.pt", SETTINGS, CPU)
    assert failure.value.code == "no_such_file"


def test_torchs_random_numbers_go_on():
    torch.manual_seed(3)
    state = checkpoint.random_state(CPU)
    first = torch.rand(5)
    checkpoint.set_random_state(state, CPU)
    assert torch.equal(torch.rand(5), first)
