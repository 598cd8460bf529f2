from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from contract.failure import Failure
from contract.skeleton import BODY_22, H36M_17, Skeleton
from engine.refiner.fast.backend import choose_exact
from engine.refiner.graph_lifter import GraphLifter, GraphLifterConfig
from engine.refiner.mixture import Mixture
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import FixedNoise, MixtureNoise
from engine.refiner.pose_model import ModeName, PaperModel, first_guess, load_pose_model, predict, save_pose_model
from engine.refiner.schedule import Schedule

LEFT, RIGHT = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]


def make(skeleton: Skeleton = H36M_17, mixed: bool = True, released: bool = False) -> PaperModel:
    torch.manual_seed(0)
    joints = len(skeleton)
    mixture = Mixture(torch.ones(joints, 1), torch.zeros(joints, 1, 5), 1e-4 * torch.eye(5).expand(joints, 1, 5, 5))
    noise = MixtureNoise(Schedule(), 5, mixture) if mixed else FixedNoise(Schedule(), 6)
    lifter = GraphLifter(skeleton, GraphLifterConfig(hidden=8, layers=1, heads=2)).eval()
    refiner = Refiner(skeleton, RefinerConfig(hidden=8, layers=2, heads=2, released=released)).eval()
    return PaperModel(skeleton, lifter, refiner, noise)


def points(seed: int = 1, joints: int = 17) -> Tensor:
    return 0.3 * torch.randn(6, joints, 2, generator=torch.Generator().manual_seed(seed))


def test_the_released_mode_written_out_by_hand() -> None:
    """Lift, start at step 6 with the guess itself, two steps, re-root; the same with points and guess mirrored; the mean."""
    model = make(released=True)
    assert model.lifter is not None and model.refiner is not None
    lifter, refiner = model.lifter, model.refiner
    alpha_bar = np.cumprod(1.0 - np.linspace(1e-4, 1e-3, 51))

    def flip(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[..., 0] *= -1
        values[:, LEFT + RIGHT] = values[:, RIGHT + LEFT]
        return values

    def chain(p: np.ndarray, guess: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            x = np.concatenate([p, guess], -1)
            for t, then in ((6, alpha_bar[0]), (0, 1.0)):
                noise = refiner(torch.from_numpy(x), torch.full((6,), t), torch.from_numpy(p)).numpy()
                clean = (x - noise * np.sqrt(1 - alpha_bar[t])) / np.sqrt(alpha_bar[t])
                x = (np.sqrt(then) * clean + np.sqrt(1 - then) * noise).astype(np.float32)
        return x[..., 2:] - x[:, :1, 2:]

    p = points()
    guess = lifter(p).detach().numpy()
    straight, twin = chain(p.numpy(), guess), flip(chain(flip(p.numpy()), flip(guess)))
    got = predict(model, p, "released").numpy()
    np.testing.assert_allclose(got, (straight + twin) / 2, atol=1e-5)
    np.testing.assert_array_equal(got, predict(model, p, "released", hypotheses=7, steps=5).numpy())  # neither means anything there
    np.testing.assert_allclose(predict(model, p, "released", flip=False).numpy(), straight, atol=1e-5)


def test_the_papers_mode_draws_hypotheses() -> None:
    model, p = make(), points()
    generator = torch.Generator()

    def run(hypotheses: int, seed: int) -> Tensor:
        return predict(model, p, "paper", hypotheses=hypotheses, steps=3, generator=generator.manual_seed(seed))

    assert torch.equal(run(4, 0), run(4, 0)) and not torch.equal(run(4, 0), run(4, 1))
    assert torch.equal(run(1, 0), run(1, 1))  # one is the guess itself
    few, many = (run(h, 0) - run(h, 1) for h in (2, 32))
    assert float(many.std()) < 0.5 * float(few.std())
    assert float(run(4, 0)[:, 0].abs().max()) == 0.0


@pytest.mark.parametrize("mode", ["released", "paper"])
def test_the_fast_network_gives_the_same_poses(mode: ModeName) -> None:
    model, p = make(released=mode == "released"), points()
    assert model.refiner is not None
    fast = choose_exact(model.refiner, torch.device("cpu"))
    plain, quick = (
        predict(model, p, mode, hypotheses=3, steps=3, generator=torch.Generator().manual_seed(0), network=network)
        for network in (None, fast)
    )
    assert fast is not model.refiner and float((plain - first_guess(model, p)).abs().max()) > 1e-3
    torch.testing.assert_close(quick, plain, atol=1e-5, rtol=0)


def test_a_mirrored_picture_gives_the_mirrored_pose() -> None:
    model, p = make(mixed=False), points()
    other = p.clone()
    other[..., 0] *= -1
    other[:, LEFT + RIGHT] = other[:, RIGHT + LEFT]
    for function in (lambda x: first_guess(model, x), lambda x: predict(model, x, "paper")):
        pose, twin = function(p), function(other).clone()
        twin[..., 0] *= -1
        twin[:, LEFT + RIGHT] = twin[:, RIGHT + LEFT]
        torch.testing.assert_close(pose, twin, atol=1e-5, rtol=0)


def test_another_lifters_guess_is_refined() -> None:
    model, p = make(), points()
    guess = first_guess(model, p)
    for mode in ("released", "paper"):
        alone = PaperModel(model.skeleton, None, model.refiner, model.noise)
        assert not torch.equal(predict(alone, p, mode, guess=guess), guess)
    torch.testing.assert_close(predict(alone, p, "paper", guess=guess), predict(model, p, "paper"))
    lifter_alone = PaperModel(model.skeleton, model.lifter, None, model.noise)
    assert torch.equal(predict(lifter_alone, p, "paper"), guess)
    with pytest.raises(Failure, match="no lifter"):
        predict(alone, p, "paper")


@pytest.mark.parametrize(("skeleton", "mixed"), [(H36M_17, True), (BODY_22, False)])
def test_stored_and_read_back(tmp_path: Path, skeleton: Skeleton, mixed: bool) -> None:
    model, p = make(skeleton, mixed), points(joints=len(skeleton))
    save_pose_model(tmp_path / "m.safetensors", model, {"recipe": {"seed": 3}})
    again = load_pose_model(tmp_path / "m.safetensors")
    assert [f.name for f in tmp_path.iterdir()] == ["m.safetensors"]
    assert again.skeleton == skeleton and type(again.noise) is type(model.noise) and again.noise.start_step == model.noise.start_step
    for mode in ("released", "paper"):
        one, other = (predict(m, p, mode, hypotheses=3, generator=torch.Generator().manual_seed(0)) for m in (model, again))
        assert torch.equal(one, other)


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "m.safetensors"
    with pytest.raises(Failure, match="no weights"):
        load_pose_model(path)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(Failure, match="no pose model"):
        load_pose_model(path)
    save_file({"a": torch.zeros(1)}, path, metadata={"kinolift": "{}"})
    with pytest.raises(Failure, match="capture weights"):
        load_pose_model(path)
    save_pose_model(path, make())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(Failure, match="no pose model"):
        load_pose_model(path)
    path.write_bytes(content.replace(b'\\"layers\\": 2', b'\\"layers\\": 3'))
    with pytest.raises(Failure, match=r"Missing key|Error\(s\) in loading"):
        load_pose_model(path)
