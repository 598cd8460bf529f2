from dataclasses import replace

import torch

from contract.skeleton import BODY_22
from engine.detection.landmarks import LANDMARK_JOINT, LANDMARK_MIRROR, LANDMARKS
from engine.lifter.codec import WORLD_TO_STATURE, view_rotation
from engine.training import augmentation
from engine.training.augmentation import augment

MARKS = list(LANDMARK_JOINT)


def only(monkeypatch, **sigmas):
    for name in vars(augmentation):
        if not name.endswith(("_SIGMA", "_SHARE", "_MEAN")) or name.startswith(("ROLL", "WIDE")):
            continue
        monkeypatch.setattr(augmentation, name, sigmas.get(name, 0.0))


def test_landmarks_stay_on_the_joints_of_the_changed_body(pairs, monkeypatch):
    only(monkeypatch, BUILD_SIGMA=0.1, TURN_SIGMA=0.4, DEPTH_SIGMA=0.2)
    changed, _ = augment(pairs, torch.Generator().manual_seed(0))
    assert (changed.truth - pairs.truth).norm(dim=-1).mean() > 0.1
    seen = changed.truth[..., :2] / changed.truth[..., 2:]
    assert torch.allclose(changed.rays, seen[:, :, MARKS], atol=1e-9)
    root = changed.truth[:, :, :1]
    view = view_rotation(root[:, :, 0, :2] / root[:, :, 0, 2:])
    expected = (changed.truth - root) @ view / changed.stature[:, None, None, None] / WORLD_TO_STATURE
    assert torch.allclose(changed.world, expected[:, :, MARKS], atol=1e-6)


def test_bones_change_alike_on_both_sides_and_stay_constant(pairs, monkeypatch):
    only(monkeypatch, BUILD_SIGMA=0.1)
    monkeypatch.setattr(augmentation, "mirrored", lambda p, g: p)

    def lengths(truth):
        return torch.stack([(truth[:, :, c] - truth[:, :, p]).norm(dim=-1) for p, c in BODY_22.edges], -1)

    before, after = lengths(pairs.truth), lengths(augment(pairs, torch.Generator().manual_seed(1))[0].truth)
    ratio = after / before
    assert ratio.std(1).max() < 1e-6
    children = [c for _, c in BODY_22.edges]
    for i, c in enumerate(children):
        assert torch.allclose(ratio[..., i], ratio[..., children.index(BODY_22.mirror[c])], atol=1e-6)
    assert ratio.std(0).min() > 0.01


def test_trunks_grow_and_hips_narrow_as_people_have_them(pairs, monkeypatch):
    """Of many draws; everything else stays as it is."""
    only(monkeypatch, TRUNK_SIGMA=augmentation.TRUNK_SIGMA, TRUNK_MEAN=augmentation.TRUNK_MEAN, HIPS_MEAN=augmentation.HIPS_MEAN)
    monkeypatch.setattr(augmentation, "mirrored", lambda p, g: p)

    def length(truth, first, second):
        return (truth[:, 0, BODY_22.index(first)] - truth[:, 0, BODY_22.index(second)]).norm(dim=-1)

    trunks, hips, thighs = [], [], []
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        changed = augment(pairs, generator)[0].truth
        for found, ends in ((trunks, ("pelvis", "spine")), (hips, ("hip.L", "hip.R")), (thighs, ("hip.L", "knee.L"))):
            found.append(length(changed, *ends) / length(pairs.truth, *ends))
    logs = torch.log(torch.cat(trunks))
    assert abs(float(logs.mean()) - augmentation.TRUNK_MEAN) < 0.02 and abs(float(logs.std()) - augmentation.TRUNK_SIGMA) < 0.015
    assert torch.allclose(torch.log(torch.cat(hips)), torch.tensor(augmentation.HIPS_MEAN, dtype=hips[0].dtype), atol=1e-5)
    assert torch.allclose(torch.cat(thighs), torch.ones_like(thighs[0]).repeat(100), atol=1e-5)


def test_errors_of_a_run_that_is_cleared_are_smaller_by_one_share(pairs, monkeypatch):
    """With everything taken away the landmarks stand on the joints, and faces, fingers and heels where they were beside them."""
    only(monkeypatch, CLEARED_SHARE=1.0)
    monkeypatch.setattr(augmentation, "mirrored", lambda p, g: p)
    noise = torch.Generator().manual_seed(5)
    off = {name: 0.05 * torch.randn(getattr(pairs, name).shape, dtype=pairs.world.dtype, generator=noise) for name in ("world", "rays")}
    wrong = replace(pairs, **{name: getattr(pairs, name) + value for name, value in off.items()})
    changed, _ = augment(wrong, torch.Generator().manual_seed(4))
    own = [i for i, name in enumerate(LANDMARKS) if name in BODY_22.joints]
    for name in ("world", "rays"):
        left = (getattr(changed, name) - getattr(pairs, name))[:, :, own] / off[name][:, :, own]
        assert left.std((1, 2, 3)).max() < 1e-3 and left.min() > 1 - augmentation.CLEARED_MOST - 1e-3 and left.max() < 1 + 1e-3
        assert left.mean((1, 2, 3)).std() > 0.05
    monkeypatch.setattr(augmentation, "CLEARED_MOST", 0.0)
    same, _ = augment(wrong, torch.Generator().manual_seed(4))
    assert torch.allclose(same.world, wrong.world, atol=1e-4) and torch.allclose(same.rays, wrong.rays, atol=1e-4)


def test_mirroring_leaves_a_person_of_the_same_shape(pairs, monkeypatch):
    only(monkeypatch)
    changed, _ = augment(pairs, torch.Generator().manual_seed(2))
    flipped = (changed.truth - pairs.truth).abs().amax((1, 2, 3)) > 1e-9
    assert 0 < int(flipped.sum()) < len(flipped)
    signs, order = torch.tensor([-1.0, 1.0, 1.0]), list(BODY_22.mirror)
    assert torch.allclose(changed.truth[flipped], (pairs.truth[:, :, order] * signs)[flipped])
    assert torch.allclose(changed.world[flipped], (pairs.world[:, :, list(LANDMARK_MIRROR)] * signs)[flipped])


def test_exchanges_are_short_and_only_rename(pairs, monkeypatch):
    only(monkeypatch, SWAP_SHARE=1.0)
    monkeypatch.setattr(augmentation, "mirrored", lambda p, g: p)
    changed, _ = augment(pairs, torch.Generator().manual_seed(3))
    moved = (changed.rays - pairs.rays).abs().amax((2, 3)) > 1e-9
    assert moved.any(1).sum() >= 6
    assert int(moved.sum(1).max()) <= augmentation.SWAP_LONGEST
    assert torch.equal(changed.truth, pairs.truth)
    both = torch.minimum(
        (changed.rays - pairs.rays).abs().amax(-1), (changed.rays - pairs.rays[:, :, list(LANDMARK_MIRROR)]).abs().amax(-1)
    )
    assert both.max() < 1e-9


def test_the_same_seed_gives_the_same_variations(pairs):
    first, roll = augment(pairs, torch.Generator().manual_seed(4))
    again, roll_again = augment(pairs, torch.Generator().manual_seed(4))
    assert torch.equal(first.rays, again.rays) and torch.equal(roll, roll_again)
