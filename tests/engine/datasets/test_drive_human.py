"""Driving the sample's human: a made-up body with other proportions than the motion's, checked by forward kinematics."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.datasets import drive_human
from engine.datasets.flexion import angle_between, limb_flexion
from tests.engine.datasets import figures

SIDES = (("Left", "L", 1.0), ("Right", "R", -1.0))


def rest_pose() -> object:
    """A body of 1.7 m with the sample rig's bone names, arms hanging outwards, facing -Y."""
    head = {
        "Hips": (0, 0, 0.92), "LowerBack": (0, 0.02, 1.0), "Spine": (0, 0.02, 1.13), "Spine1": (0, 0.03, 1.27),
        "Neck": (0, 0, 1.46), "Neck1": (0, -0.02, 1.5), "Head": (0, -0.03, 1.55),
    }  # fmt: skip
    parent: dict[str, str | None] = {
        "Hips": None, "LowerBack": "Hips", "Spine": "LowerBack", "Spine1": "Spine", "Neck": "Spine1", "Neck1": "Neck", "Head": "Neck1",
    }  # fmt: skip
    for side, letter, sign in SIDES:
        arm = [("Shoulder", 0.02, 0, 1.4), ("Arm", 0.18, 0, 1.38), ("ForeArm", 0.35, 0, 1.18), ("Hand", 0.48, -0.15, 1.05),
               ("FingerBase", 0.5, -0.2, 1.03)]  # fmt: skip
        leg = [("UpLeg", 0.1, 0, 0.91), ("Leg", 0.12, -0.02, 0.49), ("Foot", 0.15, 0, 0.07), ("ToeBase", 0.16, -0.14, 0.03)]
        for chain, start in ((arm, "Spine1"), (leg, f"{letter}HipJoint")):
            before = start
            for bone, x, y, z in chain:
                head[side + bone], parent[side + bone] = (sign * x, y, z), before
                before = side + bone
        head[f"{letter}HipJoint"], parent[f"{letter}HipJoint"] = head["Hips"], "Hips"
    order: dict[str, str | None] = {}
    while len(order) < len(parent):
        order |= {n: p for n, p in parent.items() if n not in order and (p is None or p in order)}
    tail = {n: np.array(p, float) for n, p in head.items()}
    for side, _, sign in SIDES:
        tail[f"{side}ToeBase"] = np.array([sign * 0.165, -0.24, 0.01])
    return drive_human.Rest({n: np.array(p, float) for n, p in head.items()}, tail, order)


def steps(frames: int = 60) -> dict[str, np.ndarray]:
    """Somebody of other proportions who lifts one foot after the other, turning by a right angle, with moving arms."""
    t = np.linspace(0, 1, frames)
    yaw = t * np.pi / 2
    turn = np.zeros((frames, 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(yaw)
    turn[:, 1, 0] = np.sin(yaw)
    turn[:, 0, 1] = -np.sin(yaw)
    turn[:, 2, 2] = 1
    local: dict[str, np.ndarray] = {}
    for name, place in (("pelvis", (0, 0, 0.98)), ("spine", (0, 0, 1.25)), ("chest", (0, 0, 1.38)), ("neck", (0, 0, 1.52)),
                        ("head", (0, -0.03, 1.62)), ("head_top", (0, -0.03, 1.82))):  # fmt: skip
        local[name] = np.tile(np.array(place, float), (frames, 1))
    for phase, (_, letter, sign) in enumerate(SIDES):
        lift = 0.15 * np.maximum(0, np.sin(4 * np.pi * t + phase * np.pi)) ** 2
        swing = 0.5 * np.sin(2 * np.pi * t + phase)
        ankle = np.stack([np.full(frames, sign * 0.12), np.zeros(frames), 0.08 + lift], -1)
        hip = np.tile([sign * 0.09, 0.0, 0.97], (frames, 1))
        half = np.sqrt(np.maximum(0.45**2 - (np.linalg.norm(hip - ankle, axis=-1) / 2) ** 2, 0))
        local[f"hip.{letter}"], local[f"ankle.{letter}"] = hip, ankle
        local[f"knee.{letter}"] = (hip + ankle) / 2 + np.stack([np.zeros(frames), -half, np.zeros(frames)], -1)
        local[f"toe.{letter}"] = ankle + np.array([0, -0.18, -0.06])
        shoulder = np.tile([sign * 0.19, 0, 1.47], (frames, 1))
        elbow = shoulder + 0.28 * np.stack([np.full(frames, sign * 0.3), -np.sin(swing), -np.sqrt(0.91 - np.sin(swing) ** 2)], -1)
        wrist = elbow + 0.25 * np.stack([np.zeros(frames), -np.cos(swing / 2), np.sin(swing / 2)], -1)
        local |= {f"shoulder.{letter}": shoulder, f"elbow.{letter}": elbow, f"wrist.{letter}": wrist}
        local[f"hand.{letter}"] = wrist + 0.09 * (wrist - elbow) / 0.25
    return {name: np.einsum("tij,tj->ti", turn, place) for name, place in local.items()}


@pytest.fixture(scope="module")
def driven() -> tuple:
    rest, motion = rest_pose(), steps()
    pose = drive_human.drive(motion, rest)
    return rest, motion, pose, drive_human.heads(pose, rest)


def test_rotations_are_rotations(driven: tuple) -> None:
    rest, motion, pose, _ = driven
    assert set(pose.rotation) == set(rest.head)
    for turn in pose.rotation.values():
        assert turn.shape == (len(motion["pelvis"]), 3, 3)
        assert np.allclose(turn @ np.swapaxes(turn, -1, -2), np.eye(3), atol=1e-6)
        assert np.allclose(np.linalg.det(turn), 1)


def test_bones_keep_their_lengths(driven: tuple) -> None:
    rest, _, _, at = driven
    for name, parent in rest.parent.items():
        if parent:
            length = np.linalg.norm(at[name] - at[parent], axis=-1)
            assert np.allclose(length, np.linalg.norm(rest.head[name] - rest.head[parent]), atol=1e-6)


def test_arms_point_as_the_motions_arms(driven: tuple) -> None:
    _, motion, _, at = driven
    for side, letter, _ in SIDES:
        for bone, end, a, b in (("Arm", "ForeArm", "shoulder", "elbow"), ("ForeArm", "Hand", "elbow", "wrist")):
            mine, wanted = at[side + end] - at[side + bone], motion[f"{b}.{letter}"] - motion[f"{a}.{letter}"]
            cosine = (mine * wanted).sum(-1) / np.linalg.norm(mine, axis=-1) / np.linalg.norm(wanted, axis=-1)
            assert cosine.min() > 1 - 1e-6


def test_feet_stand_where_the_motions_feet_stand(driven: tuple) -> None:
    """Scaled by the legs, and the sole never in the floor: the lowest of heel, ball and tip is at the lifted height."""
    rest, motion, pose, at = driven
    scale = drive_human._leg(rest, "Left")[2] / drive_human._motion_leg(motion)
    for side, letter, _ in SIDES:
        assert np.abs(at[f"{side}Foot"][:, :2] - scale * motion[f"ankle.{letter}"][:, :2]).max() < 0.005
        ankle, tip = rest.head[f"{side}Foot"], rest.tail[f"{side}ToeBase"]
        heel = at[f"{side}Foot"] + pose.rotation[f"{side}Foot"] @ (ankle * [1, 1, 0] + [0, 0.06, 0] - ankle)
        ball = at[f"{side}Foot"] + pose.rotation[f"{side}Foot"] @ (rest.head[f"{side}ToeBase"] * [1, 1, 0] - ankle)
        toes = at[f"{side}ToeBase"] + pose.rotation[f"{side}ToeBase"] @ (tip * [1, 1, 0] - rest.head[f"{side}ToeBase"])
        lowest = np.min([heel[:, 2], ball[:, 2], toes[:, 2]], axis=0)
        assert lowest.min() > -0.004
        standing = motion[f"ankle.{letter}"][:, 2] < 0.085
        assert np.abs(lowest[standing]).max() < 0.004
        assert lowest[~standing].max() > 0.08


def test_knees_bend_forward(driven: tuple) -> None:
    _, _, _, at = driven
    for side, _, _ in SIDES:
        hip, knee, ankle, toe = (at[side + bone] for bone in ("UpLeg", "Leg", "Foot", "ToeBase"))
        assert (((knee - (hip + ankle) / 2) * (toe - ankle) * [1, 1, 0]).sum(-1) > 0).all()


def test_a_foot_that_never_stands_flat_is_driven_too() -> None:
    """Tiptoe all along, one foot or the other in the air: no frame says what flat is, and nothing becomes NaN."""
    motion, rest = steps(), rest_pose()
    for letter in "LR":
        lift = 0.05 + 0.04 * np.sin(np.linspace(0, 9, 60))
        motion[f"ankle.{letter}"] = motion[f"ankle.{letter}"] + np.stack([0 * lift, 0 * lift, lift], -1)
        motion[f"toe.{letter}"] = motion[f"toe.{letter}"] + np.stack([0 * lift, 0 * lift, 0.09 - lift], -1)
    pose = drive_human.drive(motion, rest)
    assert all(np.isfinite(turn).all() for turn in pose.rotation.values()) and np.isfinite(pose.root).all()


@pytest.mark.parametrize("knee", [1.0, 4.0, 8.0, 20.0])
def test_knees_are_as_bent_as_the_motions(knee: float) -> None:
    """Somebody of other proportions who stands: before, no driven knee was straighter than 11.5 degrees."""
    places = figures.standing(60, knee, 6.0)
    rest = rest_pose()
    pose = drive_human.drive({name: places[:, j] for j, name in enumerate(BODY_22.joints)}, rest)
    at = drive_human.heads(pose, rest)
    for side, _, _ in SIDES:
        for bones, expected, near in ((("UpLeg", "Leg", "Foot"), knee, 1.2), (("Arm", "ForeArm", "Hand"), 6.0, 1e-6)):
            a, b, c = (at[side + bone] for bone in bones)
            assert np.degrees(angle_between(b - a, c - b)) == pytest.approx(expected, abs=near)
        assert at[f"{side}Foot"][:, 2] == pytest.approx(rest.head[f"{side}Foot"][2], abs=0.002)  # the feet stand on the floor


def test_walking_people_are_not_bent_by_the_step_s_end() -> None:
    places = figures.walking(90)
    rest = rest_pose()
    at = drive_human.heads(drive_human.drive({name: places[:, j] for j, name in enumerate(BODY_22.joints)}, rest), rest)
    bent = [np.degrees(angle_between(at[f"{s}Leg"] - at[f"{s}UpLeg"], at[f"{s}Foot"] - at[f"{s}Leg"])) for s, _, _ in SIDES]
    recorded = np.degrees(np.stack([limb_flexion(places, "knee", letter) for _, letter, _ in SIDES])).min(0)
    off = np.min(bent, axis=0) - recorded
    assert np.abs(np.median(off)) < 2 and np.percentile(off, 90) < 5


def test_a_body_can_be_lifted() -> None:
    places = figures.lying(30)
    motion = {name: places[:, j] for j, name in enumerate(BODY_22.joints)}
    low, high = (drive_human.drive(motion, rest_pose(), lift).root for lift in (0.0, np.full(30, 0.1)))
    assert high[:, 2] - low[:, 2] == pytest.approx(0.1, abs=0.01)


def test_an_arm_that_is_raised_lifts_its_shoulder() -> None:
    """Hanging arms leave it where it is at rest; level by two to six centimetres, overhead by more; on both sides alike."""
    rest, motion = rest_pose(), steps()
    heights = []
    for raised in (0.0, 90.0, 170.0):
        bent = dict(motion)
        for _, letter, sign in SIDES:
            way = np.array([sign * np.sin(np.radians(raised)), 0.0, -np.cos(np.radians(raised))])
            for joint, far in (("elbow", 0.28), ("wrist", 0.53), ("hand", 0.62)):
                bent[f"{joint}.{letter}"] = motion[f"shoulder.{letter}"] + far * way
        pose = drive_human.drive(bent, rest)
        at = drive_human.heads(pose, rest)
        along = [at[f"{side}Arm"] - at["Neck"] for side, _, _ in SIDES]
        heights.append([float(np.mean(np.einsum("ti,ti->t", way, pose.rotation["Spine1"][..., 2]))) for way in along])
    level, overhead = (np.array(heights[k]) - heights[0] for k in (1, 2))
    assert np.ptp(level) < 0.005 and (level > 0.015).all() and (level < 0.06).all() and (overhead > level).all()
