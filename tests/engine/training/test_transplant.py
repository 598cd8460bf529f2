from dataclasses import fields

import numpy as np
import pytest
import torch

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.mixed_motion import Mixing
from engine.detection.landmarks import LANDMARK_JOINT
from engine.training.augmentation import Pairs
from engine.training.transplant import Motions, transplant
from tests.engine.datasets.pairs import standing

MARKS = list(LANDMARK_JOINT)


def test_another_motion_takes_over_the_detectors_errors(pairs):
    """Landmarks that stood on the joints stand on the joints of the new body too, which is where the old one was."""
    motions = Motions([np.cumsum(np.random.default_rng(i).normal(0, 0.01, (70, 22, 3)), 0) + standing_up() for i in range(3)])
    changed = transplant(pairs, motions, 1.0, np.random.default_rng(0))
    assert (changed.truth - pairs.truth).norm(dim=-1).mean() > 0.05
    assert torch.allclose(changed.rays, (changed.truth[..., :2] / changed.truth[..., 2:])[:, :, MARKS], atol=1e-6)
    assert torch.allclose(changed.truth[:, :, 0].mean(1), pairs.truth[:, :, 0].mean(1), atol=0.3)
    up = changed.truth[:, :, BODY_22.index("head_top"), 1] - changed.truth[:, :, BODY_22.index("ankle.L"), 1]
    assert (up < 0).all()  # y down
    bones = [(f"{a}.{side}", f"{b}.{side}") for side in "LR" for a, b in (("hip", "knee"), ("knee", "ankle"))]
    legs = sum((changed.truth[:, :, BODY_22.index(a)] - changed.truth[:, :, BODY_22.index(b)]).norm(dim=-1).mean(1) for a, b in bones) / 2
    assert torch.allclose(legs / changed.stature, torch.tensor(0.491, dtype=torch.float64), atol=1e-3)
    assert transplant(pairs, motions, 0.0, np.random.default_rng(0)) is pairs


def test_mixed_motions_have_one_persons_bones_and_anothers_arms():
    """Every clip has its own bone lengths and its own bend of the elbow; a mixed draw takes them from different clips."""
    clips = []
    for k in range(4):
        body = np.tile(standing_up() * (1 + 0.1 * k), (120, 1, 1))
        for side in "LR":  # the forearm turned about the elbow
            elbow, wrist, hand = (BODY_22.index(f"{j}.{side}") for j in ("elbow", "wrist", "hand"))
            upper = body[:, elbow] - body[:, BODY_22.index(f"shoulder.{side}")]
            fore = np.linalg.norm(body[:, wrist] - body[:, elbow], axis=-1, keepdims=True)
            across = np.cross(upper, [0.0, 1.0, 0.0])
            bend = np.radians(20 * (k + 1))
            direction = np.cos(bend) * upper / np.linalg.norm(upper, axis=-1, keepdims=True)
            direction = direction + np.sin(bend) * across / np.linalg.norm(across, axis=-1, keepdims=True)
            body[:, hand] += body[:, elbow] + fore * direction - body[:, wrist]
            body[:, wrist] = body[:, elbow] + fore * direction
        clips.append(body)
    rng = np.random.default_rng(0)
    mixtures = 0
    for _ in range(30):
        drawn = draw(Motions(clips, mixed=1.0, mixing=Mixing(bent=0.0)), 48, rng)
        assert drawn.shape == (48, 22, 3)
        thigh = np.linalg.norm(drawn[0, BODY_22.index("knee.L")] - drawn[0, BODY_22.index("hip.L")])
        owner = int(np.argmin([abs(thigh - np.linalg.norm(c[0, BODY_22.index("knee.L")] - c[0, BODY_22.index("hip.L")])) for c in clips]))
        bends = []
        for side in "LR":
            shoulder, elbow, wrist = (drawn[0, BODY_22.index(f"{j}.{side}")] for j in ("shoulder", "elbow", "wrist"))
            own = clips[owner][0, BODY_22.index(f"wrist.{side}")] - clips[owner][0, BODY_22.index(f"elbow.{side}")]
            np.testing.assert_allclose(np.linalg.norm(wrist - elbow), np.linalg.norm(own), atol=1e-9)
            a, b = elbow - shoulder, wrist - elbow
            bends.append(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))) / 20 - 1)
        assert np.allclose(bends, np.round(bends), atol=1e-6) and set(np.round(bends)) <= {0, 1, 2, 3}
        mixtures += any(round(b) != owner for b in bends)
    assert 10 < mixtures < 30
    plain = draw(Motions(clips), 48, rng)
    assert any(np.array_equal(plain, c[:48]) for c in clips)


def draw(motions, frames, rng):
    return motions.gather([motions.pick(frames, rng)], frames)[0].numpy()


def test_the_batch_is_what_one_run_after_another_gives(pairs):
    """The same draws, one run at a time in numpy, joint by joint where that says more."""
    clips = [np.cumsum(np.random.default_rng(i).normal(0, 0.01, (40 + 30 * i, 22, 3)), 0) + standing_up() for i in range(3)]
    share, frames = 0.6, pairs.detected.shape[1]
    changed = transplant(pairs, Motions(clips), share, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    runs = np.flatnonzero(rng.random(len(pairs.stature)) < share)
    assert 0 < len(runs) < len(pairs.stature)
    usable = np.array([len(c) if len(c) >= frames else 0 for c in clips])
    expected = pairs.truth.numpy().copy()
    for run in runs:
        clip = clips[rng.choice(3, p=usable / usable.sum())]
        start = rng.integers(0, len(clip) - frames + 1)
        azimuth, elevation = rng.uniform(-np.pi, np.pi), rng.normal(np.radians(8.0), np.radians(14.0))
        x, y, z = np.moveaxis(clip[start : start + frames], -1, 0)
        right, away = np.cos(azimuth) * x - np.sin(azimuth) * y, np.sin(azimuth) * x + np.cos(azimuth) * y
        down, forward = np.cos(elevation) * -z - np.sin(elevation) * away, np.cos(elevation) * away - np.sin(elevation) * z
        placed = np.stack([right, down, forward], -1)  # the camera looks down by the elevation: what is higher is nearer
        expected[run] = placed - placed[:, 0].mean(0) + expected[run][:, 0].mean(0)
        up = np.array([0.0, -np.cos(elevation), -np.sin(elevation)])  # the vertical before that camera, by hand
        np.testing.assert_allclose(changed.up[run].numpy(), np.tile(up, (frames, 1)), atol=1e-6)
    np.testing.assert_allclose(changed.truth.numpy(), expected, atol=1e-6)
    still = [i for i in range(len(pairs.stature)) if i not in runs]
    for name in ("truth", "stature"):
        assert torch.equal(getattr(changed, name)[still], getattr(pairs, name)[still])
    for name in ("rays", "world"):
        assert torch.allclose(getattr(changed, name)[still], getattr(pairs, name)[still], atol=1e-7)


def test_nobody_is_put_on_the_camera_and_clips_must_be_long_enough(pairs):
    far = np.tile(standing_up(), (70, 1, 1))
    far[:, BODY_22.index("hand.L")] += [50.0, 50.0, 50.0]  # so long an arm reaches behind every camera, or far before it
    changed = transplant(pairs, Motions([far]), 1.0, np.random.default_rng(0))
    kept = (changed.truth == pairs.truth).flatten(1).all(1)
    assert (changed.truth[..., 2] > 0.5).all() and 0 < kept.sum() < len(kept)
    assert torch.equal(changed.stature[kept], pairs.stature[kept])
    with pytest.raises(Failure, match="as long as") as caught:
        transplant(pairs, Motions([far[:5]]), 1.0, np.random.default_rng(0))
    assert caught.value.code == "bad_input"


@pytest.mark.parametrize("mixed", [0.0, 0.5])
def test_everything_stays_on_the_device(pairs, mixed):
    """The `meta` device has shapes and no numbers: anything that fetched a number from it, or mixed devices, would fail."""
    motions = Motions([np.tile(standing_up(), (200, 1, 1))], mixed).to("meta")
    there = Pairs(**{field.name: getattr(pairs, field.name).to("meta") for field in fields(Pairs)})
    changed = transplant(there, motions, 1.0, np.random.default_rng(0))
    for field in fields(Pairs):
        value = getattr(changed, field.name)
        assert value.device.type == "meta" and value.shape == getattr(pairs, field.name).shape
        assert value.dtype == getattr(pairs, field.name).dtype


def standing_up():
    """(22,3) the standing person with Z up."""
    return standing()[:, [0, 2, 1]] * [1, 1, -1] + [0, 0, 0.9]
