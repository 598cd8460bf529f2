"""The refiner over time on a run: frames in between, pieces that agree, several steps."""

import numpy as np
import pytest
import torch

from contract.skeleton import BODY_22
from engine.lifter.codec import encode
from engine.lifter.mirror import POSE_SIGNS, mirrored, mirrored_directions, mirrored_joints, mirrored_marks
from engine.refiner.layout import STRIDE, WindowConfig
from engine.refiner.schedule import Schedule
from engine.refiner.state import METRES, states
from engine.refiner.window import WindowRefiner
from engine.refiner.window_run import STRAIGHT, UPRIGHT, Lifted, between, lift_both_ways, refine_runs, stands

LEGS = [[BODY_22.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle")] for side in "LR"]
CONFIG = WindowConfig(hidden=4, heads=1, width=8, dilations=((1,),), hints=3)


@pytest.fixture
def lifted():
    generator = torch.Generator().manual_seed(0)
    rays = torch.randn(1, 12, 33, 2, generator=generator) * 0.1
    visibility, world = torch.rand(1, 12, 33, generator=generator), torch.randn(1, 12, 33, 3, generator=generator)
    encoded = encode(rays, visibility, world, torch.ones(1, 12))
    for hip, knee, ankle in LEGS:  # straight ones
        thigh = encoded.base[..., knee, :] - encoded.base[..., hip, :]
        encoded.base[..., ankle, :] = encoded.base[..., knee, :] + 1.1 * thigh
    return Lifted(encoded, visibility, encoded.base, torch.randn(1, 12, 3, generator=generator))


def up_of(lifted):
    """Along the trunk of everybody, who is upright so."""
    trunk = lifted.guess[..., BODY_22.index("neck"), :] - lifted.guess[..., 0, :]
    return torch.nn.functional.normalize(trunk, dim=-1), torch.full(lifted.guess.shape[:2], 0.1)


@pytest.mark.parametrize("begin", range(STRIDE))
def test_between_frames_lies_the_straight_line(begin):
    known = np.arange(begin, 11, STRIDE)
    values = np.random.default_rng(0).normal(size=len(known))
    found = between(torch.from_numpy(values)[None, :, None], 11, begin)[0, :, 0].numpy()
    assert np.allclose(found, np.interp(np.arange(11), known, values))  # numpy keeps the ends too


def test_the_clean_state_is_taken_and_the_root_stays(lifted):
    pushed = []

    def network(x, t, guide, *told):
        pushed.append((x.shape, int(t[0])))
        return x + METRES * torch.tensor([0.0, 0.0, 0.1, 0.0, 0.2])

    refined = refine_runs(network, lifted, *up_of(lifted), [16])
    assert torch.allclose(refined, lifted.guess, atol=1e-5)  # all joints moved alike, the root among them
    assert pushed == [((1, 6, 22, 5), 16)]


def test_several_steps_follow_the_deterministic_sampler(lifted):
    goal = states(lifted.encoded, 1.1 * lifted.guess).unflatten(0, (1, 12))[:, ::STRIDE]
    visited = []

    def network(x, t, guide, *told):
        visited.append(x)
        return goal

    refined = refine_runs(network, lifted, *up_of(lifted), [16, 4])
    schedule = Schedule()
    start = states(lifted.encoded, lifted.guess).unflatten(0, (1, 12))[:, ::STRIDE]
    noise = (start - schedule.alpha_bar(16) ** 0.5 * goal) / schedule.sigma(16)
    assert torch.allclose(visited[1], schedule.alpha_bar(4) ** 0.5 * goal + schedule.sigma(4) * noise, atol=1e-4)
    assert torch.allclose(refined[:, ::STRIDE], 1.1 * lifted.guess[:, ::STRIDE], atol=1e-4)


def test_a_piece_of_a_run_refines_the_same_frames_alike(lifted):
    torch.manual_seed(1)
    net = WindowRefiner(CONFIG).eval()
    torch.nn.init.normal_(net.leave.weight, std=0.05)
    with torch.inference_mode():
        whole = refine_runs(net.clean, lifted, *up_of(lifted), [16])
        e = lifted.encoded
        part = Lifted(type(e)(*(getattr(e, f)[:, 3:] for f in ("features", "base", "points", "rotation"))), *(
            x[:, 3:] for x in (lifted.visibility, lifted.guess, lifted.hints)))  # fmt: skip
        piece = refine_runs(net.clean, part, *(x[:, 3:] for x in up_of(lifted)), [16], begin=1)
    inner = STRIDE * CONFIG.reach + STRIDE
    assert torch.allclose(piece[:, inner:], whole[:, 3 + inner :], atol=1e-5)


def in_the_mirror(pose):
    return mirrored_joints(pose, BODY_22, POSE_SIGNS)


def test_both_ways_the_guess_is_the_mean_and_a_mirrored_run_gives_the_mirrored_pose(lifted):
    """What a network makes of a run and of its mirror image is then the same but for the mirror, however lopsided the network is."""
    weight = torch.randn(lifted.encoded.features.shape[-1], 66, generator=torch.Generator().manual_seed(3)) * 0.01

    def lift(features, base):
        return base + (features @ weight).unflatten(-1, (22, 3)), features[..., :3]

    def network(x, t, guide, features, hints, guess, up, error, level):
        return x * 1.1 + 0.3 * guide[..., :1] + 0.01 * up[:, :, None, :1] + 0.02 * hints[..., None, :1]

    other = mirrored(lifted.encoded)
    plain, twin = lift_both_ways(lift, lifted.encoded, lifted.visibility), lift_both_ways(lift, other, mirrored_marks(lifted.visibility))
    one, two = (lift(way.features, way.base)[0] for way in (lifted.encoded, other))
    assert torch.allclose(plain.guess, (one + in_the_mirror(two)) / 2) and not torch.allclose(one, in_the_mirror(two), atol=1e-3)
    assert torch.allclose(twin.guess, in_the_mirror(plain.guess), atol=1e-6)
    up, error = torch.tensor([0.3, -0.9, 0.1]).expand(1, 12, 3), torch.full((1, 12), 0.1)
    refined = refine_runs(network, plain, up, error, [16, 4])
    again = refine_runs(network, twin, mirrored_directions(up), error, [16, 4])
    assert torch.allclose(again, in_the_mirror(refined), atol=1e-5)
    moved = states(lifted.encoded, 1.2 * plain.guess).unflatten(0, (1, 12))[:, ::STRIDE]
    drawn = refine_runs(network, plain, up, error, [16], 0, moved)
    drawn_again = refine_runs(network, twin, mirrored_directions(up), error, [16], 0, mirrored_joints(moved, BODY_22))
    assert torch.allclose(drawn_again, in_the_mirror(drawn), atol=1e-5)


def leaning(degrees, *knees):
    """(1,1,22,3): somebody whose trunk is so far off the vertical, the camera level, and whose left and right knee are bent so far."""
    pose = torch.zeros(1, 1, 22, 3, dtype=torch.float64)
    angle = np.radians(degrees)
    pose[..., BODY_22.index("neck"), :] = 0.3 * torch.tensor([np.sin(angle), -np.cos(angle), 0.0])
    for (_, knee, ankle), bent in zip(LEGS, np.radians(knees or (0.0, 0.0)), strict=True):
        pose[..., knee, :] = torch.tensor([0.0, 0.25, 0.0])
        pose[..., ankle, :] = pose[..., knee, :] + 0.25 * torch.tensor([0.0, np.cos(bent), np.sin(bent)])
    return pose


def test_the_refiner_has_its_say_of_who_stands_and_none_of_who_lies_or_crouches(lifted):
    up = torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64).expand(1, 1, 3)
    shares = [float(stands(leaning(degrees), up)) for degrees in (0, UPRIGHT[0], 50, UPRIGHT[1], 90, 180)]
    assert shares[0] == 1.0 and shares[1] == pytest.approx(1.0) and 0 < shares[2] < 1 and max(shares[3:]) == pytest.approx(0.0)
    legs = [float(stands(leaning(0, left, right), up)) for left, right in ((0, STRAIGHT[0]), (35, 35), (0, 90), (90, 0), STRAIGHT[1:] * 2)]
    assert legs[0] == pytest.approx(1.0) and 0 < legs[1] < 1 and legs[2:] == pytest.approx([0.5, 0.5, 0.0])  # each leg has half of it

    def network(x, t, guide, *told):
        return x * 1.3

    axis, error = up_of(lifted)
    rooted = lifted.guess - lifted.guess[..., :1, :]
    upright, lies = (refine_runs(network, lifted, side * axis, error, [16]) for side in (1, -1))
    assert torch.allclose(lies, rooted, atol=1e-6) and not torch.allclose(upright, rooted, atol=1e-2)
    drawn = states(lifted.encoded, 1.2 * lifted.guess).unflatten(0, (1, 12))[:, ::STRIDE]
    assert not torch.allclose(refine_runs(network, lifted, -axis, error, [16], 0, drawn), rooted, atol=1e-2)
