from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.kinematics.contacts import find_contacts, stretches
from engine.kinematics.feet import ANKLES, HIPS, KNEES, RAISED_ABOVE, TOES, Planted, plant_feet, standing_heights
from engine.kinematics.proportions import Proportions, fit_proportions
from engine.kinematics.rotations import fit_pose

from .people import HEIGHT, walk

FPS = 30.0


def person(noise: float, seconds: float = 3.0) -> tuple[np.ndarray, np.ndarray, Proportions, list[slice], np.ndarray]:
    """The walk with slow errors of its feet and root: joints, their truth, proportions, runs, contacts."""
    truth = walk(seconds, planted=True).body
    t = np.arange(len(truth)) / FPS
    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * rng.uniform(0.5, 2.0, (1, 22, 3)) * t[:, None, None] + rng.uniform(0, 6, (1, 22, 3)))
    joints = truth + noise * wave
    body = fit_proportions(truth, np.ones(truth.shape[:2]), HEIGHT, FPS)
    runs = [slice(0, len(truth))]
    contacts = find_contacts(truth[:, ANKLES], truth[:, TOES], body.ankle_height, body.toe_height, runs, FPS)
    return joints, truth, body, runs, contacts


def toe_speed(joints: np.ndarray) -> np.ndarray:
    """(T-1,2) cm/s, level."""
    return 100 * FPS * np.linalg.norm(np.diff(joints[:, TOES, :2], axis=0), axis=-1)


def test_standing_toes_stand_after_the_fit_too() -> None:
    joints, truth, body, runs, contacts = person(0.02)
    still = toe_speed(truth) < 10
    planted = plant_feet(joints, contacts, body, runs, FPS)
    before = fit_pose(joints, body.rest_offsets, runs, FPS).body
    after = fit_pose(planted.joints, body.rest_offsets, runs, FPS).body
    assert toe_speed(before)[still].mean() > 8
    assert toe_speed(after)[still].mean() < 0.5 * toe_speed(before)[still].mean()


def test_a_stand_that_drifts_is_held_on_one_spot() -> None:
    _, truth, body, _, _ = person(0.0)
    t = np.arange(120) / FPS
    standing = np.repeat(truth[:1], 120, 0)
    standing[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    drift = np.stack([0.05 * np.sin(2 * np.pi * 0.1 * t), 0.08 * np.sin(2 * np.pi * 0.12 * t), 0 * t], 1)
    runs = [slice(0, 120)]
    planted = plant_feet(standing + drift[:, None], np.ones((120, 2), bool), body, runs, FPS)
    assert toe_speed(planted.joints).max() < 0.5
    # the body goes along: the legs do not shear
    pelvis = (planted.joints[:, 0] - planted.joints[:, TOES].mean(1))[:, :2]
    assert np.abs(pelvis - pelvis.mean(0)).max() < 0.03


def test_the_body_of_who_lies_does_not_go_along_with_feet_that_are_misread() -> None:
    _, truth, body, _, _ = person(0.0)
    lying = np.repeat(truth[:1], 120, 0)
    lying = np.stack([lying[..., 0], lying[..., 2] - lying[:, :1, 2], 0.1 + 0.2 * lying[..., 1]], -1)
    lying[:, TOES + ANKLES, 2] -= 0.25  # under the ground
    runs, stands = [slice(0, 120)], np.ones((120, 2), bool)
    stays, goes = (plant_feet(lying, stands, body, runs, FPS, lies=lies).joints for lies in (1.0, 0.0))
    assert np.abs(stays[:, 0] - lying[:, 0]).max() < 1e-6 < 0.1 < np.abs(goes[:, 0] - lying[:, 0]).max()
    assert stays[:, TOES, 2].min() >= 0 and toe_speed(stays).max() < 0.5
    half = plant_feet(lying, stands, body, runs, FPS, lies=0.5).joints
    assert np.allclose(half[:, 0] - lying[:, 0], (goes[:, 0] - lying[:, 0]) / 2, atol=0.02)


def test_the_feet_of_who_lies_keep_the_height_and_the_tilt_that_they_were_read_with() -> None:
    """In push-ups toes stand on their tips, their joints 8 cm over the ground. To lay those feet flat on it bends the legs."""
    _, truth, body, _, _ = person(0.0)
    joints = np.repeat(truth[:1], 120, 0)
    line = joints[:, ANKLES] - joints[:, TOES]
    raised = line + np.array([0.0, 0.0, 0.04])
    raised *= np.linalg.norm(line, axis=-1, keepdims=True) / np.linalg.norm(raised, axis=-1, keepdims=True)
    joints[:, ANKLES] = joints[:, TOES] + raised
    trembling = joints + 0.01 * np.sin(np.arange(120) / 3.0)[:, None, None] * [1.0, 0.0, 0.0]
    runs, stands = [slice(0, 120)], np.ones((120, 2), bool)
    lies, bears = (plant_feet(trembling, stands, body, runs, FPS, lies=share).joints for share in (1.0, 0.0))
    assert np.abs(lies[:, TOES + ANKLES, 2] - joints[:, TOES + ANKLES, 2]).max() < 0.01
    assert np.abs(bears[:, TOES[1], 2] - joints[:, TOES[1], 2]).mean() > 0.015
    assert toe_speed(lies).max() < 0.5  # they are held all the same


def test_where_a_foot_stands_is_the_same_by_a_part_of_its_stand() -> None:
    """Squats: the toes are read in one place above and 6 cm beside it below, for about as long. A median is either of the two."""
    _, truth, body, _, _ = person(0.0)
    places = []
    for below in (0.45, 0.55):  # the shares of the time in two parts of it
        joints = np.repeat(truth[:1], 200, 0)
        joints[: round(200 * below), TOES[0], 1] += 0.06
        joints[:, TOES[0]] += np.random.default_rng(0).normal(size=(200, 3)) * 0.004
        planted = plant_feet(joints, np.ones((200, 2), bool), body, [slice(0, 200)], 5.0)
        assert np.ptp(planted.joints[:, TOES[0], 1]) < 0.005
        places.append(np.median(planted.joints[:, TOES[0], 1]))
    assert abs(places[0] - places[1]) < 0.02


def test_nothing_pops() -> None:
    """Corrections add no sudden motion: the accelerations stay near those of what was captured."""
    joints, _, body, runs, contacts = person(0.02)
    planted = plant_feet(joints, contacts, body, runs, FPS)
    before, after = (np.linalg.norm(np.diff(j, 2, axis=0), axis=-1) * FPS**2 for j in (joints, planted.joints))
    assert after.max() < 2.0 * before.max() + 5


def test_a_clean_walk_hardly_changes() -> None:
    joints, truth, body, runs, contacts = person(0.0)
    planted = plant_feet(joints, contacts, body, runs, FPS)
    assert np.linalg.norm(planted.joints - truth, axis=-1).mean() < 0.015


def test_legs_are_not_overstretched() -> None:
    joints, _, body, runs, contacts = person(0.0)
    higher = joints.copy()
    above = [i for i in range(22) if i not in (*ANKLES, *TOES)]
    higher[:, above, 2] += 0.08
    planted = plant_feet(higher, contacts, body, runs, FPS).joints
    reach = body.lengths["knee.L"] + body.lengths["ankle.L"]
    lengths = np.linalg.norm(planted[:, HIPS] - planted[:, ANKLES], axis=-1)
    assert np.percentile(lengths[contacts], 90) < 1.02 * reach


def test_knees_of_held_legs_have_their_bones() -> None:
    joints, _, body, runs, contacts = person(0.02)
    planted = plant_feet(joints, contacts, body, runs, FPS).joints
    for hip, knee, ankle in zip(HIPS, KNEES, ANKLES, strict=True):
        moved = np.linalg.norm((planted - joints)[:, ankle] - (planted - joints)[:, hip], axis=-1) > 0.005
        reached = np.linalg.norm((planted[:, ankle] - planted[:, hip])[moved], axis=-1) < body.lengths["knee.L"] + body.lengths["ankle.L"]
        assert moved.sum() > 20
        for a, b, name in ((hip, knee, "knee.L"), (knee, ankle, "ankle.L")):
            lengths = np.linalg.norm((planted[:, b] - planted[:, a])[moved], axis=-1)[reached]
            assert np.abs(lengths - body.lengths[name]).max() < 1e-6


def test_a_foot_that_is_brought_back_from_far_keeps_pointing_forward() -> None:
    """While sitting down the person slides backwards by more than a foot, and the feet are in contact: toe and heel go together."""
    _, truth, body, _, _ = person(0.0)
    t = np.arange(90) / FPS
    sliding = np.repeat(truth[:1], 90, 0)
    sliding[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    sliding[..., 1] -= (0.3 / (1 + np.exp(-(t - 2.0) / 0.1)))[:, None]
    planted = plant_feet(sliding, np.ones((90, 2), bool), body, [slice(0, 90)], FPS).joints
    for ankle, toe in zip(ANKLES, TOES, strict=True):
        before, after = (x[:, toe] - x[:, ankle] for x in (sliding, planted))
        cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
        assert cosine.min() > np.cos(np.radians(45))


def test_a_foot_that_moves_on_stands_on_another_spot_and_its_move_is_left_to_it() -> None:
    """A toe slides on by 0.3 m within one contact: still before and after, and in between not much faster than it was."""
    _, truth, body, _, _ = person(0.0)
    t = np.arange(120) / FPS
    moving = np.repeat(truth[:1], 120, 0)
    moving[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    moving[:, [TOES[0], ANKLES[0]], 1] -= (0.3 / (1 + np.exp(-(t - 2.0) / 0.1)))[:, None]
    moving += 0.01 * np.sin(2 * np.pi * 0.3 * t)[:, None, None]  # what is to be held
    planted = plant_feet(moving, np.ones((120, 2), bool), body, [slice(0, 120)], FPS).joints
    speed = toe_speed(planted)[:, 0]
    assert speed[:40].max() < 0.5 and speed[80:].max() < 0.5
    assert planted[-1, TOES[0], 1] - planted[0, TOES[0], 1] == pytest.approx(-0.3, abs=0.03)
    assert speed.max() < 2.0 * toe_speed(moving)[:, 0].max()


def moved_on(by: float) -> float:
    """Metres by which a toe is held further on after it went `by` metres within one contact."""
    _, truth, body, _, _ = person(0.0)
    t = np.arange(120) / FPS
    moving = np.repeat(truth[:1], 120, 0)
    moving[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    moving[:, [TOES[0], ANKLES[0]], 1] -= (by / (1 + np.exp(-(t - 2.0) / 0.04)))[:, None]
    planted = plant_feet(moving, np.ones((120, 2), bool), body, [slice(0, 120)], FPS).joints[:, TOES[0], 1]
    assert np.ptp(planted[:50]) < 0.005 and np.ptp(planted[70:]) < 0.005  # on either side it stands
    return float(planted[0] - planted[-1])


def test_whether_two_spots_are_one_is_no_leap() -> None:
    """A foot that seems to go 6 cm stays, one that goes 14 has gone, and no millimetre in between decides."""
    assert moved_on(0.06) == pytest.approx(0.0, abs=0.005) and moved_on(0.14) == pytest.approx(0.14, abs=0.01)
    gone = [moved_on(by) for by in (0.09, 0.1, 0.11, 0.119, 0.121)]
    assert gone == sorted(gone) and 0.01 < gone[0] < gone[1] < 0.09 and gone[4] - gone[3] < 0.01


def test_on_its_way_from_one_spot_to_another_a_foot_does_not_stand() -> None:
    """Low all the time and in one contact, it takes two steps of 0.3 m: only where it lies does it count as standing, nor for a moment."""
    _, truth, body, _, _ = person(0.0)
    t = np.arange(150) / FPS
    stepping = np.repeat(truth[:1], 150, 0)
    stepping[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    way = sum(0.3 / (1 + np.exp(-(t - at) / 0.06)) for at in (1.5, 3.5))
    stepping[:, [TOES[0], ANKLES[0]], 1] -= way[:, None]
    moves = np.abs(np.gradient(way, 1 / FPS)) > 0.5
    for mode in ("auto", "always"):
        stands = plant_feet(stepping, np.ones((150, 2), bool), body, [slice(0, 150)], FPS, mode).contacts
        assert stands[:, 1].all() and not stands[moves, 0].any() and stands[:, 0].mean() > 0.75
        lengths = [s.stop - s.start for s in stretches(stands[:, 0])]
        assert len(lengths) == 3 and min(lengths) > 0.5 * FPS


def test_a_toe_that_lies_still_in_the_picture_is_held_where_the_pose_lets_it_glide() -> None:
    _, truth, body, _, _ = person(0.0)
    gliding = np.repeat(truth[:1], 90, 0)
    gliding[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    gliding[..., 1] -= 0.8 * np.clip(np.arange(90)[:, None] / FPS - 1.3, 0, 0.4)  # by 0.32 m, at 0.8 m/s
    contacts, runs = np.ones((90, 2), bool), [slice(0, 90)]
    left = toe_speed(plant_feet(gliding, contacts, body, runs, FPS).joints)
    held = toe_speed(plant_feet(gliding, contacts, body, runs, FPS, seen=np.full((90, 2, 2), 0.03)).joints)
    assert left.max() > 50 and held.max() < 0.5


def standing(frames: int) -> tuple[np.ndarray, Proportions]:
    """A person who stands on flat feet with bent knees, and the body."""
    _, truth, body, _, _ = person(0.0)
    joints = np.repeat(truth[:1], frames, 0)
    joints[..., 2] -= 0.1
    for ankle, toe in zip(ANKLES, TOES, strict=True):
        ahead = (joints[:, toe] - joints[:, ankle]) * [1, 1, 0]
        level = np.sqrt(body.lengths["toe.L"] ** 2 - (body.ankle_height - body.toe_height) ** 2)
        joints[:, ankle, 2] = body.ankle_height
        joints[:, toe] = joints[:, ankle] + ahead * (level / np.linalg.norm(ahead, axis=-1))[:, None]
        joints[:, toe, 2] = body.toe_height
    return joints, body


def over_flat(joints: np.ndarray, body: Proportions) -> np.ndarray:
    """(T,2) metres by which the ankles are higher over their toes than those of flat feet."""
    return np.asarray(joints[:, ANKLES, 2] - joints[:, TOES, 2] - (body.ankle_height - body.toe_height))


def raised(centimetres: float) -> tuple[np.ndarray, Proportions, Planted]:
    """Whoever stands on flat feet, but is read with all but the toes so much higher: the joints, the body and what is made of them."""
    joints, body = standing(90)
    joints[:, [j for j in range(22) if j not in TOES], 2] += centimetres / 100
    for ankle, toe in zip(ANKLES, TOES, strict=True):  # a foot is as long as it is
        ahead = (joints[:, toe] - joints[:, ankle]) * [1, 1, 0]
        level = np.sqrt(body.lengths["toe.L"] ** 2 - (joints[:, ankle, 2] - joints[:, toe, 2]) ** 2)
        joints[:, toe, :2] = joints[:, ankle, :2] + ahead[:, :2] * (level / np.linalg.norm(ahead, axis=-1))[:, None]
    return joints, body, plant_feet(joints, np.ones((90, 2), bool), body, [slice(0, 90)], FPS)


@pytest.mark.parametrize("centimetres", [-2.0, 2.0, 5.0])
def test_a_foot_that_stands_still_lies_flat_and_the_body_goes_along(centimetres: float) -> None:
    joints, body, planted = raised(centimetres)
    assert np.abs(over_flat(planted.joints, body)).max() < 0.007
    legs = planted.joints[:, HIPS] - planted.joints[:, ANKLES]
    assert np.abs(np.linalg.norm(legs, axis=-1) - np.linalg.norm(joints[:, HIPS] - joints[:, ANKLES], axis=-1)).max() < 0.01


def test_who_stands_on_the_toes_keeps_the_heels_up() -> None:
    joints, body, planted = raised(100 * (RAISED_ABOVE + 0.005) * HEIGHT)
    assert over_flat(planted.joints, body).min() > 0.9 * over_flat(joints, body).min()


def test_a_heel_that_rises_over_a_standing_toe_is_not_pressed_down() -> None:
    """Two seconds flat, then the heel goes up by 12 cm within 0.4 s and stays up: flat first, up at the end, no jump."""
    joints, body = standing(100)
    rise = 0.12 * np.clip((np.arange(100) - 60) / 12, 0, 1)
    joints[:, ANKLES[0], 2] += rise
    planted = plant_feet(joints, np.ones((100, 2), bool), body, [slice(0, 100)], FPS).joints
    over = over_flat(planted, body)[:, 0]
    assert np.abs(over[:50]).max() < 0.01
    assert over[-1] > 0.5 * rise[-1]
    assert np.abs(np.diff(over)).max() < 1.5 * np.diff(rise).max()


def test_modes() -> None:
    joints, _, body, runs, contacts = person(0.0)
    never = plant_feet(joints, contacts, body, runs, FPS, "never")
    assert never.joints is joints and (never.contacts == contacts).all()
    # skating: in contact all the time and far on the way
    skating = joints.copy()
    skating[:, TOES + ANKLES, 2] = [body.toe_height] * 2 + [body.ankle_height] * 2
    skating += np.arange(len(joints))[:, None, None] / FPS * np.array([0.0, 0.25, 0.0]) - joints[:, :1] * [1, 1, 0]
    skating[:, TOES[0]] = skating[:1, TOES[0]] + np.arange(len(joints))[:, None] / FPS * np.array([0.0, 0.25, 0.0])
    every = np.ones(contacts.shape, bool)
    assert not plant_feet(skating, every, body, runs, FPS, "auto").contacts[:, 0].any()
    assert plant_feet(skating, every, body, runs, FPS, "always").contacts[:, 0].all()
    with pytest.raises(ValueError):
        plant_feet(joints, contacts, body, runs, FPS, "sometimes")


def test_no_contacts_change_nothing_but_sunk_feet() -> None:
    joints, _, body, runs, contacts = person(0.0)
    high = joints + np.array([0, 0, 0.5])
    assert np.allclose(plant_feet(high, 0 * contacts > 0, body, runs, FPS).joints, high)
    sunk = joints - np.array([0, 0, 0.3])
    assert plant_feet(sunk, 0 * contacts > 0, body, runs, FPS).joints[:, TOES, 2].min() > 0


def test_standing_heights_are_the_clip_s_within_reason() -> None:
    joints, _, body, _, contacts = person(0.0)
    ankle, toe = standing_heights(joints, contacts, body)
    assert toe == pytest.approx(body.toe_height, abs=0.01) and ankle == pytest.approx(body.ankle_height, abs=0.03)
    ankle, toe = standing_heights(joints + np.array([0, 0, 3.0]), contacts, body)
    assert ankle < 0.2 and toe < 0.2
    assert [BODY_22.joints[i] for i in TOES] == ["toe.L", "toe.R"]


def bent(joints: np.ndarray) -> np.ndarray:
    """(T,2) degrees by which the knees are bent."""
    thigh, shin = joints[:, KNEES] - joints[:, HIPS], joints[:, ANKLES] - joints[:, KNEES]
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(thigh, shin), axis=-1), (thigh * shin).sum(-1)))


def upright_person() -> tuple[np.ndarray, Proportions]:
    """(90,22,3) somebody who stands on flat feet with straight legs, and the body."""
    _, truth, body, _, _ = person(0.0)
    standing = np.repeat(truth[:1], 90, 0)
    for side in range(2):
        hip = standing[:, HIPS[side]]
        standing[:, ANKLES[side]] = hip - [0, 0, 0.999 * (body.lengths["knee.L"] + body.lengths["ankle.L"])]
        standing[:, KNEES[side]] = hip - [0, -0.01, body.lengths["knee.L"]]
        length = body.lengths["toe.L"]
        down = body.ankle_height - body.toe_height
        standing[:, TOES[side]] = standing[:, ANKLES[side]] + [0, -np.sqrt(length**2 - down**2), -down]
    standing[..., 2] += body.ankle_height - standing[0, ANKLES[0], 2]
    return standing, body


@pytest.mark.parametrize("wrong", [(0.03, -0.03), (-0.02, 0.03), (0.03, 0.03)])
def test_straight_legs_stay_straight_though_the_toes_heights_are_wrong(wrong: tuple[float, float]) -> None:
    """A toe that points at the camera is the joint whose height is known least: it turns about its heel, and the leg does not give way."""
    standing, body = upright_person()
    read = standing.copy()
    read[:, TOES, 2] += wrong
    planted = plant_feet(read, np.ones((90, 2), bool), body, [slice(0, 90)], FPS).joints
    assert bent(read).max() < 8 and bent(planted).max() < 16
    slopes = planted[:, ANKLES, 2] - planted[:, TOES, 2]
    assert np.abs(slopes - (body.ankle_height - body.toe_height)).max() < 0.01  # flat


def test_the_straighter_leg_says_how_high_the_body_is() -> None:
    standing, body = upright_person()
    read = standing.copy()
    read[:, [KNEES[0], ANKLES[0], TOES[0]], 2] += 0.025  # the left leg, which is bent for it
    read[:, KNEES[0], 1] -= 0.12
    planted = plant_feet(read, np.ones((90, 2), bool), body, [slice(0, 90)], FPS).joints
    assert bent(planted)[:, 1].max() < 16


def test_hips_do_not_sink_for_legs_that_lie() -> None:
    """Feet a centimetre out of reach of legs that lie: to sink would take the hips far down, for nothing."""
    standing, body = upright_person()
    turned = standing[..., [0, 2, 1]] * [1, 1, -1]  # on the back, hips as high as the feet
    turned[..., 2] += 0.15 - turned[0, HIPS[0], 2]
    turned[:, TOES + ANKLES, 1] -= 0.02
    planted = plant_feet(turned, np.ones((90, 2), bool), body, [slice(0, 90)], FPS, "always").joints
    assert np.abs(planted[:, HIPS, 2] - turned[:, HIPS, 2]).max() < 0.06
