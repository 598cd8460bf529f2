from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.kinematics.upright import (
    BALANCE_ERROR,
    DEPTH_ERROR,
    LEAN_DOUBT,
    SIGHT,
    angles,
    balance_up,
    balanced_up,
    believed_up,
    body_up,
    centre_of_mass,
    depth_lean,
    mean_axes,
    straighten,
    up_of,
)  # fmt: skip

from . import people

LEGS = [BODY_22.index(f"{part}.{side}") for side in "LR" for part in ("knee", "ankle", "toe")]
UPPER = [
    i
    for i, name in enumerate(BODY_22.joints)
    if name.split(".")[0] in ("spine", "chest", "neck", "head", "head_top", "shoulder", "elbow", "wrist", "hand")
]
Z = np.array([0, 0, 1.0])


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def bent(degrees: float, frames: int = 60) -> np.ndarray:
    """A person who stands and leans forward at the hips, the hips going back so that the weight stays over the feet."""
    standing = np.repeat(people.walk().body[:1], frames, 0)
    pelvis = standing[:, :1]
    out = standing.copy()
    out[:, UPPER] = (standing[:, UPPER] - pelvis) @ people.about("x", degrees).T + pelvis
    feet = [BODY_22.index(f"{part}.{side}") for side in "LR" for part in ("ankle", "toe")]
    off = centre_of_mass(out)[0] - centre_of_mass(standing)[0]
    above = [i for i in range(22) if i not in feet]
    out[:, above, 1] -= off[1] / 0.97  # the feet's own share of the mass stays
    return out


@pytest.mark.parametrize(("tilt", "roll"), [(0, 0), (-25, 0), (20, 10), (0, 90), (-10, -90), (5, 180), (-80, 0)])
def test_up_is_found_for_any_camera(tilt: float, roll: float) -> None:
    turn = people.camera_rotation(tilt, roll, 40.0)
    body = people.walk().body @ turn.T
    ones = np.ones(body.shape[:2])
    assert degrees_between(mean_axes(body - body[:, :1], ones)[0], turn[:, 2]) < 6.0
    up, covariance = body_up(body - body[:, :1], ones, np.ones((len(body), 2)))
    assert degrees_between(up, turn[:, 2]) < 6.0
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_bending_down_for_a_while_does_not_tip_the_world() -> None:
    body = people.walk().body
    down = body.copy()
    pelvis = body[30:50, :1]
    down[30:50, UPPER] = (body[30:50, UPPER] - pelvis) @ people.about("x", 80.0).T + pelvis
    assert degrees_between(mean_axes(down, np.ones(down.shape[:2]))[0], Z) < 8.0


def test_unseen_legs_do_not_tip_the_world() -> None:
    body, confidence = people.walk().body.copy(), np.ones((90, 22))
    body[:, LEGS] = body[:, :1] + np.array([0.0, 0.9, 0.1])
    confidence[:, LEGS] = 0.0
    assert degrees_between(mean_axes(body, confidence)[0], Z) < 8.5


def test_the_weight_stands_over_the_feet_where_the_body_leans() -> None:
    body, straight = bent(45.0), bent(0.0)
    ones, stands = np.ones(body.shape[:2]), np.ones((len(body), 2))
    balance, before = balance_up(body, stands), balance_up(straight, stands)
    assert balance is not None and before is not None
    # the axes of trunk and legs lean, the weight does not
    assert degrees_between(balance, before) < 1.5
    assert degrees_between(mean_axes(body, ones)[0], mean_axes(straight, ones)[0]) > 3.0
    assert balance_up(body, 0 * stands) is None


def test_who_bends_is_upright_by_the_balance_and_where_no_foot_stands_by_the_body() -> None:
    """Over the feet the weight is however the trunk leans; what the axes say of who bends would be taken for an error of the depths."""
    ones, stands = np.ones((60, 22)), np.ones((60, 2))
    straight, _ = balanced_up(bent(0.0), ones, stands)
    for degrees in (15.0, 30.0):
        body = bent(degrees)
        up, covariance = balanced_up(body, ones, stands)
        assert degrees_between(up, straight) < 1.0
        assert degrees_between(mean_axes(body, ones)[0], mean_axes(bent(0.0), ones)[0]) > 2.0
        across, along = np.array([1.0, 0, 0]), SIGHT
        assert across @ covariance @ across == pytest.approx(np.radians(BALANCE_ERROR) ** 2, rel=0.05)
        assert along @ covariance @ along == pytest.approx(np.radians(BALANCE_ERROR) ** 2 + np.radians(DEPTH_ERROR) ** 2, rel=0.05)
    for found, wanted in zip(balanced_up(body, ones, 0 * stands), body_up(body, ones, 0 * stands), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_who_sits_is_told_by_the_body_for_the_weight_is_on_the_chair() -> None:
    """Level thighs, upright shins, the feet before the body by a thigh's length: by the balance she would lean back by over 20 degrees."""
    standing = people.walk().body[:1]
    seated = np.repeat(standing, 60, 0)
    for side in "LR":
        hip, knee, ankle, toe = (BODY_22.index(f"{part}.{side}") for part in ("hip", "knee", "ankle", "toe"))
        thigh, shin = (np.linalg.norm(standing[0, b] - standing[0, a]) for a, b in ((hip, knee), (knee, ankle)))
        seated[:, knee] = seated[:, hip] + [0.0, -thigh, 0.0]
        seated[:, ankle] = seated[:, knee] + [0.0, 0.0, -shin]
        seated[:, toe] = seated[:, ankle] + [0.0, -0.18, -0.05]
    ones, stands = np.ones((60, 22)), np.ones((60, 2))
    balance = balance_up(seated, stands)
    assert balance is not None and degrees_between(balance, Z) > 20.0
    for found, wanted in zip(balanced_up(seated, ones, stands), body_up(seated, ones, stands), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_the_centre_of_mass_lies_where_the_body_has_it() -> None:
    standing = people.walk().body[:1]
    centre = centre_of_mass(standing)[0]
    height = (centre[2] - standing[0, :, 2].min()) / people.HEIGHT
    assert 0.5 < height < 0.6  # of standing people: 0.55 to 0.57
    moved = centre_of_mass(standing + np.array([1.0, -2.0, 3.0]))[0]
    assert np.allclose(moved - centre, [1.0, -2.0, 3.0], atol=1e-9)


def test_a_bent_body_and_the_line_of_sight_are_less_sure() -> None:
    turn = people.camera_rotation(0, 0)
    deviations = []
    for lean in (0.0, 45.0):
        body = bent(lean) @ turn.T
        covariance = body_up(body - body[:, :1], np.ones(body.shape[:2]), np.ones((len(body), 2)))[1]
        deviations.append(np.degrees(np.sqrt(np.diag(covariance))))
    straight, bending = deviations
    assert straight[2] > straight[0]  # depth is worse than across
    assert bending[2] > straight[2] + 2.0


@pytest.mark.parametrize("quarter", [0, 90, -90, 180])
def test_a_small_roll_is_believed_level_and_a_large_one_is_kept(quarter: float) -> None:
    covariance = np.radians(4.0) ** 2 * np.eye(3)
    for off, low, high in ((2.0, 0.0, 0.8), (5.0, 0.0, 3.5), (25.0, 22.0, 25.0)):
        tilt, roll = angles(believed_up(up_of(-8.0, quarter + off), covariance))
        assert tilt == pytest.approx(-8.0, abs=1.0)
        assert low <= (roll - quarter + 180) % 360 - 180 <= high
    down = np.array([0.05, -0.05, -0.99])
    assert np.allclose(believed_up(down, covariance), down)


def test_a_sure_tilt_is_kept_and_an_unsure_one_goes_to_the_usual() -> None:
    for error, low, high in ((1.0, -30.0, -29.0), (6.0, -29.0, -22.0), (20.0, -18.0, -8.0)):
        tilt, _ = angles(believed_up(up_of(-30.0, 0.0), np.radians(error) ** 2 * np.eye(3)))
        assert low <= tilt <= high


def test_belief_is_the_mean_under_the_mixtures_computed_on_a_grid() -> None:
    """Against the posterior summed up point by point."""
    from engine.kinematics.upright import ROLLS, TILTS

    error, read = 5.0, (-22.0, 4.0)
    tilt, roll = np.meshgrid(np.arange(-120, 80, 0.25), np.arange(-90, 90, 0.25), indexing="ij")

    def prior(x: np.ndarray, kinds: tuple[tuple[float, float, float], ...]) -> np.ndarray:
        return np.sum([share / spread * np.exp(-0.5 * ((x - middle) / spread) ** 2) for share, middle, spread in kinds], axis=0)

    # the roll of a tilted camera is read less surely: a small error of up turns further about the line of sight
    likely = np.exp(-0.5 * (((tilt - read[0]) / error) ** 2 + ((roll - read[1]) * np.cos(np.radians(read[0])) / error) ** 2))
    weight = likely * prior(tilt, TILTS) * prior(roll, ROLLS)
    expected = [(weight * x).sum() / weight.sum() for x in (tilt, roll)]
    found = angles(believed_up(up_of(*read), np.radians(error) ** 2 * np.eye(3)))
    assert found == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("tilt", "roll"), [(0, 0), (-20, 30), (60, -120), (5, 180)])
def test_angles_and_up_are_ways_back_and_forth(tilt: float, roll: float) -> None:
    assert angles(up_of(tilt, roll)) == pytest.approx((tilt, roll))
    assert np.allclose(up_of(tilt, roll), people.camera_rotation(tilt, roll)[:, 2])


def test_a_lean_is_an_error_of_depth_by_its_share_of_the_variance() -> None:
    believed, read = up_of(-10.0, 0.0), up_of(-14.0, 0.0)
    # as much variance again from how people lean: half; and a little less, since 4 degrees may be a real lean
    covariance = np.radians(DEPTH_ERROR) ** 2 * (np.eye(3) + np.outer(SIGHT, SIGHT))
    lean = depth_lean(read, believed, covariance)
    assert lean == pytest.approx((read - believed) / 2 / (1 + (4 / LEAN_DOUBT) ** 2), rel=1e-3)
    assert np.abs(depth_lean(believed, believed, covariance)).max() < 1e-12
    # somebody who lies down does lie
    lying = depth_lean(up_of(70.0, 0.0), believed, covariance)
    assert np.linalg.norm(lying) < 0.03


def test_a_body_that_leans_in_depth_is_set_upright_and_stays_in_the_picture() -> None:
    turn = people.camera_rotation(-8, 0)
    body = people.walk().body @ turn.T
    truth = body - body[:, :1]
    ones, sight = np.ones(truth.shape[:2]), np.tile(SIGHT, (len(truth), 1))
    wrong = truth.copy()
    wrong[..., 2] += np.tan(np.radians(7.0)) * truth[..., 1]
    before, after = mean_axes(wrong, ones)[0], mean_axes(truth, ones)[0]
    assert degrees_between(before, after) > 5
    out = straighten(wrong, before, before - after, sight)
    assert np.array_equal(out[..., :2], wrong[..., :2])
    assert degrees_between(mean_axes(out, ones)[0], after) < 1.0
    assert np.abs(out - truth).mean() < 0.3 * np.abs(wrong - truth).mean()
