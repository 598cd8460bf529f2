import numpy as np
import torch

from contract.skeleton import BODY_22
from engine.landmarks import LANDMARK_JOINT
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
        drawn = Motions(clips, mixed=1.0).draw(48, rng)
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
    plain = Motions(clips).draw(48, rng)
    assert any(np.array_equal(plain, c[:48]) for c in clips)


def standing_up():
    """(22,3) the standing person with Z up."""
    return standing()[:, [0, 2, 1]] * [1, 1, -1] + [0, 0, 0.9]
