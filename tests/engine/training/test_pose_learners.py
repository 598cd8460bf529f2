"""What the paper's networks are given to learn, against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from contract.failure import Failure
from contract.skeleton import BODY_22, H36M_17
from engine.datasets.benchmark import Source
from engine.datasets.registry import load_poses
from engine.lifter.mirror import POINT_SIGNS, mirrored_joints
from engine.refiner.graph_lifter import lift
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import FixedNoise, MixtureNoise
from engine.training.diffusion import Sampling, refine_guess
from engine.training.pose_lifter import PoseLifterLearner
from engine.training.pose_refiner import (
    DiffusionRecipe,
    PoseRefinerLearner,
    guessed_states,
    make_noise,
    true_states,
)
from engine.training.pose_table import PoseTable, judge, pose_table
from engine.training.refiner import keep_the_guess
from tests.engine.datasets.pairs import write_pairs
from tests.engine.datasets.test_motion_benchmark import write_motions


def made_up(count=600, skeleton=H36M_17):
    g = torch.Generator().manual_seed(0)
    poses = 0.3 * torch.randn(count, len(skeleton), 3, generator=g)
    poses -= poses[:, :1].clone()
    exact = poses[..., :2] * 0.5
    guess = poses + 0.05 * torch.randn(poses.shape, generator=g)
    return PoseTable(skeleton, exact + 0.01 * torch.randn(exact.shape, generator=g), exact, poses), guess - guess[:, :1]


def test_the_table_holds_the_judged_frames(tmp_path):
    write_motions(tmp_path / "set.npz", frames=30)
    detected, exact = (load_poses(Source("mocap", tmp_path, keypoints), "train") for keypoints in ("detected", "gt"))
    table = pose_table(detected, exact, every=7)
    assert len(table) == -(-detected.frames // 7) and table.skeleton == BODY_22
    assert torch.equal(table.poses[1], torch.from_numpy(detected.clips[0].poses[7]))
    assert 0 < float((table.keypoints - table.exact).abs().mean()) < 0.05
    assert torch.equal(pose_table(detected).exact, pose_table(detected).keypoints)
    with pytest.raises(Failure, match="frames"):
        pose_table(detected, load_poses(Source("mocap", tmp_path, "gt"), "test"))


def test_half_of_the_lifters_rows_are_mirrored_whole():
    table, _ = made_up(1)
    keypoints, poses = PoseLifterLearner(table, table).draw(200)
    plain = (poses == table.poses).flatten(1).all(1)
    assert 60 < int(plain.sum()) < 140
    assert torch.allclose(poses[~plain], mirrored_joints(table.poses, H36M_17, (-1, 1, 1)).expand(int((~plain).sum()), -1, -1))
    assert torch.equal((keypoints == table.keypoints).flatten(1).all(1), plain)


def test_flip_averaging_leaves_a_symmetric_answer():
    """Whatever the network, the averaged guess of a mirrored picture is the mirrored guess."""
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(34, 51), torch.nn.Unflatten(1, (17, 3)))
    table, _ = made_up(5)
    one = lift(net, H36M_17, table.keypoints)
    other = lift(net, H36M_17, mirrored_joints(table.keypoints, H36M_17, (-1, 1)))
    assert torch.allclose(mirrored_joints(other, H36M_17, (-1, 1, 1)), one, atol=1e-6)
    assert not torch.allclose(lift(net, H36M_17, table.keypoints, flip=False), one, atol=1e-3)


def test_the_start_step_matches_the_guess_and_the_modes_differ():
    table, guess = made_up()
    paper, released = (make_noise(table, guess, DiffusionRecipe(mode=mode, components=1)) for mode in ("paper", "released"))
    rmse = float((guess - table.poses)[:, 1:].square().mean().sqrt())
    assert isinstance(paper, MixtureNoise) and isinstance(released, FixedNoise)
    assert paper.start_step == released.start_step == paper.schedule.start_step(rmse)
    assert make_noise(table, guess, DiffusionRecipe(mode="released", start_step=6)).start_step == 6
    sigma = paper.errors.classes[0].covariance.diagonal(dim1=-2, dim2=-1).sqrt()[1:].mean(0)
    assert torch.allclose(sigma, torch.tensor([0.01, 0.01, 0.07, 0.07, 0.07]).double(), rtol=0.1)  # the root's error is in every joint's
    assert torch.equal(true_states(table, DiffusionRecipe())[..., :2], table.exact)
    assert torch.equal(true_states(table, DiffusionRecipe(mode="released"))[..., :2], table.keypoints)


@pytest.mark.parametrize("recipe", [DiffusionRecipe(components=1), DiffusionRecipe("released"), DiffusionRecipe("paper", 1, True, 1.0)])
def test_the_noise_that_is_asked_for_leads_back_to_a_true_pose(recipe):
    """(h - sigma eps) / sqrt(abar) is one of the table's true states, mirrored or not."""
    table, guess = made_up(3)
    noise = make_noise(*made_up(), recipe)
    h, t, guide, eps = PoseRefinerLearner(table, guess, table, guess, noise, recipe).draw(64)
    kept, sigma = noise.schedule.coefficients(t, h)
    clean = (h - sigma * eps) / kept
    truth = true_states(table, recipe)
    both = torch.cat([truth, mirrored_joints(truth, H36M_17)])
    nearest = (clean[:, None] - both).abs().amax((2, 3))
    assert float(nearest.amin(1).max()) < 1e-4
    points = torch.cat([table.keypoints, mirrored_joints(table.keypoints, H36M_17, (-1, 1))])
    assert torch.allclose(guide, points[nearest.argmin(1)])


def test_the_lifters_whole_error_at_the_start_step_is_the_guess():
    table, guess = made_up(1)
    recipe = DiffusionRecipe(components=1, real_share=1.0)
    noise = make_noise(*made_up(), recipe)
    h, t, _, _ = PoseRefinerLearner(table, guess, table, guess, noise, recipe).draw(500)
    at = h[t == noise.start_step]
    state = guessed_states(table, guess)
    both = torch.cat([state, mirrored_joints(state, H36M_17)])
    assert len(at) > 20 and float((at[:, None] - both).abs().amax((2, 3)).amin(1).max()) < 1e-5


def test_a_network_that_sees_no_noise_leaves_the_guess():
    table, guess = made_up(50)
    for network in ({}, {"use_cce": False}, {"use_cag": False}):
        model = Refiner(H36M_17, RefinerConfig(8, 2, 2, **network)).eval()
        keep_the_guess(model)
        noise = make_noise(table, guess, DiffusionRecipe(components=1))
        refined = refine_guess(model, noise, H36M_17, guessed_states(table, guess), table.keypoints, POINT_SIGNS, Sampling())
        scale = noise.schedule.alpha_bar(noise.start_step) ** 0.5  # a state without noise counts as shrunk
        assert torch.allclose(refined.pose[..., 2:], guess / scale, atol=1e-5)


def test_the_errors_of_a_known_shift():
    table, _ = made_up(40)
    moved = table.poses + torch.tensor([0.0, 0.0, 1.0])
    assert judge(moved, table.poses, "x") == pytest.approx({"x_mpjpe": 0.0, "x_pa": 0.0}, abs=1e-3)
    grown = judge(1.1 * table.poses, table.poses, "x")
    assert grown["x_mpjpe"] == pytest.approx(100 * float(table.poses.norm(dim=-1).mean()), rel=1e-4)
    assert grown["x_pa"] == pytest.approx(0, abs=1e-3)


def test_what_there_is_no_such_thing_of_is_refused():
    with pytest.raises(Failure, match="released, paper"):
        DiffusionRecipe(mode="fast")
    with pytest.raises(Failure, match="first, draw"):
        DiffusionRecipe(gmm="mean")
    with pytest.raises(Failure, match="wants keypoints that are mixtures"):
        table, guess = made_up(3)
        PoseRefinerLearner(table, guess, table, guess, make_noise(*made_up(), DiffusionRecipe()), DiffusionRecipe(gmm="draw"))


def mixed(count):
    """Two kernels a joint: the first at the keypoints with weight 0.75, the other a unit to the right; the scales tell them apart."""
    table, guess = made_up(count)
    first = np.concatenate([np.full((count, 17, 1), 0.75), table.keypoints.numpy(), np.full((count, 17, 2), 0.2)], -1)
    second = first + np.array([-0.5, 1.0, 0.0, 0.4, 0.4])
    return replace(table, kernels=np.stack([first, second], 2).astype(np.float32)), guess


def test_kernels_are_drawn_by_weight_with_their_scales():
    table, guess = mixed(1)
    recipe = DiffusionRecipe("released", gmm="draw")
    learner = PoseRefinerLearner(table, guess, table, guess, make_noise(table, guess, recipe), recipe)
    truth, state, points, scales = learner.rows(torch.zeros(4000, dtype=torch.long))
    moved = (points - table.keypoints)[..., 0]
    other = moved > 0.5
    assert float(other.float().mean()) == pytest.approx(0.25, abs=0.01)
    assert torch.allclose(moved, other.float(), atol=1e-5)
    assert torch.equal(truth[..., :2], points) and torch.equal(state[..., :2], points)
    assert torch.allclose(scales[..., 0], torch.where(other, 0.6, 0.2), atol=1e-5) and bool((scales[..., 2:] == 1).all())


def test_the_noise_has_the_drawn_kernels_scales():
    table, guess = mixed(1)
    for gmm, sizes in (("draw", (0.2, 0.6)), ("first", (0.1,))):
        recipe = DiffusionRecipe("released", gmm=gmm)
        learner = PoseRefinerLearner(table, guess, table, guess, make_noise(table, guess, recipe), recipe)
        _, _, guide, eps = learner.draw(4000)
        for size in sizes:
            # the noise of one kernel, told by the guide: within 0.5 of the keypoints or of their mirror image
            near = [(guide[..., 0] - p[..., 0]).abs() < 0.5 for p in (table.keypoints, mirrored_joints(table.keypoints, H36M_17, (-1, 1)))]
            first = near[0] | near[1]
            rows = first if size < 0.5 else ~first
            assert float(eps[..., 0][rows].std()) == pytest.approx(size, rel=0.03)
            assert float(eps[..., 2].std()) == pytest.approx(1.0, rel=0.03)


def test_in_the_papers_mode_the_exact_2d_stays_true_when_a_kernel_is_drawn():
    table, guess = mixed(3)
    recipe = DiffusionRecipe(components=1, gmm="draw")
    learner = PoseRefinerLearner(table, guess, table, guess, make_noise(*made_up(), recipe), recipe)
    truth, state, points, _ = learner.rows(torch.arange(3))
    assert torch.equal(truth[..., :2], table.exact) and torch.equal(state[..., :2], points)


def test_the_mixture_knows_the_confidence_where_the_data_do(tmp_path):
    """Rendered pairs carry the detector's visibility; the table keeps it beside the frames' times."""
    write_pairs(tmp_path / "p.npz", segments=4, missing=tuple(range(20, 30)))
    table = pose_table(load_poses(Source("detections", tmp_path, "detected"), "test"))
    assert table.confidence.shape == table.poses.shape[:2] and table.frames.confidence is table.confidence
    assert torch.allclose(table.confidence[0], torch.full((22,), 230 / 255)) and float(table.confidence[25].max()) < 0.6
    gaps = table.times.diff()
    assert torch.allclose(gaps[:59], torch.full((59,), 1 / 30, dtype=torch.float64)) and float(gaps[59]) > 100
    guess = table.poses + 0.05 * torch.randn(table.poses.shape, generator=torch.Generator().manual_seed(0))
    plain = make_noise(replace(table, confidence=None), guess, DiffusionRecipe(components=1))
    assert isinstance(plain, MixtureNoise) and len(plain.errors.classes) == 1
