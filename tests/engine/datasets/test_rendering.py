"""Rendered people: the truth projects onto the person in the picture, and the file is the one that the trainers read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets import rendering
from engine.datasets.detections import load_detections
from engine.datasets.drive_human import drive
from engine.datasets.human import joints, read_human
from engine.datasets.look import CHECKS, Surface
from engine.datasets.motion_draw import COMPOSED, MotionDraw
from engine.datasets.shot import draw_pose, lowest_point, make_shot
from engine.datasets.shot_camera import STILL
from tests.engine.datasets import bodies, figures, test_drive_human


@pytest.fixture(scope="module")
def clip(steps_clip):
    return steps_clip(130)


@pytest.fixture(scope="module")
def renderer():
    try:
        with rendering.Renderer() as made:
            yield made
    except Failure as failure:
        pytest.skip(failure.message)


def shots(human, clip, count=6):
    random = np.random.default_rng(0)
    motions = MotionDraw([clip, *figures.clips()])
    return [make_shot([human], motions, random) for _ in range(count)]


def test_the_human_is_read_as_it_was_written(human):
    rest = test_drive_human.rest_pose()
    lowest = -min(human.rest.head["LeftToeBase"][2] - rest.head["LeftToeBase"][2], 0)
    for name, place in rest.head.items():
        np.testing.assert_allclose(human.rest.head[name] - human.rest.head["Hips"], place - rest.head["Hips"], atol=1e-6, err_msg=name)
    assert human.vertices[:, 2].min() == pytest.approx(0) and lowest < 0.1
    assert human.rest.parent == rest.parent and next(iter(human.rest.parent)) == "Hips"
    with pytest.raises(Failure, match="no skinned human"):
        read_human(Path(__file__))


def test_joints_are_the_bones_heads(human, clip):
    motion = {name: clip.positions[:, j].astype(float) for j, name in enumerate(BODY_22.joints)}
    pose = drive(motion, human.rest)
    found = dict(zip(BODY_22.joints, np.moveaxis(joints(human, pose), 1, 0), strict=True))
    rest = human.rest
    for side, letter in (("Left", "L"), ("Right", "R")):
        upper = np.linalg.norm(found[f"elbow.{letter}"] - found[f"shoulder.{letter}"], axis=-1)
        np.testing.assert_allclose(upper, np.linalg.norm(rest.head[f"{side}ForeArm"] - rest.head[f"{side}Arm"]), atol=1e-9)
    np.testing.assert_allclose(found["pelvis"], (found["hip.L"] + found["hip.R"]) / 2)
    total = np.linalg.norm(found["neck"] - found["pelvis"], axis=-1)
    assert (np.linalg.norm(found["spine"] - found["pelvis"], axis=-1) / total).mean() == pytest.approx(0.5, abs=0.06)


def test_the_truth_lies_on_the_person_in_the_picture(human, clip, renderer):
    checked = 0
    for shot in shots(human, clip):
        width, height = shot.camera.size
        for frame in (0, len(shot.truth) // 2, len(shot.truth) - 1):
            mask = renderer.mask(shot, frame)
            places = shot.camera.pixels(shot.truth)[frame]
            near = 2 + 0.06 * shot.camera.focal / shot.camera.axes(shot.truth)[frame, :, 2]  # the body is 4 cm thick about its bones
            rows, columns = np.nonzero(mask)
            if not len(rows):  # cut off by the picture's edge
                continue
            for (x, y), reach in zip(places, near, strict=True):
                if 0 <= x < width and 0 <= y < height:
                    assert np.hypot(columns + 0.5 - x, rows + 0.5 - y).min() < reach
                    checked += 1
    assert checked > 200


def test_pictures_have_a_person_and_noise(human, clip, renderer):
    shot = shots(human, clip, 1)[0]
    pictures = list(renderer.frames(shot, np.random.default_rng(1)))
    assert len(pictures) == len(shot.truth) and pictures[0].shape == (*shot.camera.size[::-1], 3)
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 0.5


def test_patterns_stay_on_the_cloth(human, clip, renderer):
    """The same frame with and without a pattern of two colours: on the person both colours are seen, nothing else changes."""
    shot = shots(human, clip, 1)[0]
    clear = replace(shot.look, noise=0.0, blur=0.0, contrast=1.0, brightness=0.0, ambient=1.0)
    surface = Surface(np.ones((1, 3)), np.zeros((1, 3)), np.array([[CHECKS, 20.0, 1.0, 0.0]]))
    plain = replace(surface, second=surface.first)
    pictures = [
        next(renderer.frames(replace(shot, look=replace(clear, clothes=clothes)), np.random.default_rng(0))) for clothes in (plain, surface)
    ]
    mask = renderer.mask(shot, 0)
    bright, checked = (picture[mask].mean(-1) for picture in pictures)
    seen = bright > 150  # a box may stand in front of the person
    assert seen.any() and 0.2 < (checked[seen] < 20).mean() < 0.8
    np.testing.assert_array_equal(pictures[0][~mask], pictures[1][~mask])


def test_a_still_camera_sees_the_same_room_and_a_turning_one_does_not(human, clip, renderer):
    seen = {True: 0, False: 0}
    for shot in shots(human, clip, 30):
        clear = replace(shot, look=replace(shot.look, noise=0.0, blur=0.0))
        still = shot.camera.movement == STILL
        if seen[still] == 3:
            continue
        seen[still] += 1
        pictures = list(renderer.frames(clear, np.random.default_rng(0)))
        away = ~(renderer.mask(clear, 0) | renderer.mask(clear, len(pictures) - 1))
        changed = (np.abs(pictures[0].astype(int) - pictures[-1]).max(-1) > 2)[away].mean()
        assert changed == 0 if still else changed > 0
    assert seen[True] == 3 and seen[False] >= 1


def test_cloth_is_lit_on_both_sides(human, clip, renderer):
    """Normals turned inside out give the same picture."""
    shot = shots(human, clip, 1)[0]
    shot = replace(shot, look=replace(shot.look, noise=0.0, blur=0.0))
    turned = replace(shot, human=replace(shot.human, normals=-shot.human.normals))
    a, b = (next(renderer.frames(s, np.random.default_rng(0))).astype(int) for s in (shot, turned))
    assert np.abs(a - b).max() <= 1


def test_one_frame_in_two_is_drawn_as_if_all_were(human, clip, renderer):
    shot = shots(human, clip, 1)[0]
    shot = replace(shot, look=replace(shot.look, noise=0.0, blur=0.0))
    whole, half = (list(renderer.frames(shot, np.random.default_rng(0), every)) for every in (1, 2))
    assert len(half) == (len(whole) + 1) // 2
    for one, other in zip(half, whole[::2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_are_read_by_the_trainers_reader(shared, tmp_path, renderer):
    """The CC0 humans, dressed, with real motion; the detector finds most of them, where they are; what was made is not made again."""
    humans, mocap = shared / "data" / "humans", shared / "data" / "mocap"
    if not (humans / "dressed").is_dir():
        pytest.skip("shared/data/humans/dressed is not there")
    for folder in ("mocap", "people", "full", "pairs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mocap" / "cmu_actions.npz").symlink_to(mocap / "cmu_actions.npz")
    for name in ("m45_suit", "f42_dress"):
        (tmp_path / "people" / f"{name}.glb").symlink_to(humans / "dressed" / f"{name}.glb")
    words = ["--humans", str(tmp_path / "people"), "--mocap", str(tmp_path / "mocap"), "--segments", "3", "--seed", "5"]
    words += ["--only", "validation", "--full", str(tmp_path / "pairs")]
    assert rendering.main(words) == 0
    assert [path.name for path in (tmp_path / "pairs").iterdir()] == ["pairs_5.npz"]
    made = (tmp_path / "pairs" / "pairs_5.npz").stat().st_mtime_ns
    assert rendering.main(words) == 0 and (tmp_path / "pairs" / "pairs_5.npz").stat().st_mtime_ns == made
    with np.load(tmp_path / "pairs" / "pairs_5.npz") as z, np.load(shared / "data" / "detections" / "pairs_1.npz") as given:
        for name in given.files:
            assert z[name].ndim == given[name].ndim and z[name].dtype.kind == given[name].dtype.kind, name
        assert z["detected"].mean() > 0.5 and str(z["detector"]) == "full"
        assert z["camera_to_world"].shape == (len(z["truth"]), 4, 4) and z["camera_to_world"].dtype == np.float32
        assert len(z["kind"]) == len(z["moving_camera"]) == len(z["outfit"]) == 3
        start = z["segment_start"]
        for k, moving in enumerate(z["moving_camera"]):
            cameras = z["camera_to_world"][start[k] : start[k + 1]]
            assert (np.ptp(cameras, axis=0).max() > 1e-6) == moving
        world = np.einsum("nij,nkj->nki", z["camera_to_world"][:, :3, :3], z["truth"] / 1000.0) + z["camera_to_world"][:, None, :3, 3]
        toes = world[:, [BODY_22.index("toe.L"), BODY_22.index("toe.R")], 2].min(1)
        assert np.abs(np.median(toes)) < 0.05  # people stand on the floor of the world
    segments = load_detections(tmp_path / "pairs")
    assert segments and {segment.source for segment in segments} == {"cmu_actions"}
    assert all(segment.camera_to_world.shape == (len(segment.truth), 4, 4) and segment.kind for segment in segments)
    left, right = 11, 12  # the detector's shoulders
    off = []
    for segment in segments:
        truth = segment.truth[:, [BODY_22.index("shoulder.L"), BODY_22.index("shoulder.R")]].mean(axis=1)
        seen = segment.rays[:, [left, right]].mean(axis=1)
        off.append((np.linalg.norm(seen - truth[:, :2] / truth[:, 2:], axis=-1) * truth[:, 2])[segment.detected])
    assert np.median(np.concatenate(off)) < 0.15  # metres at the person's distance


def test_between_two_frames_that_were_looked_at_lies_what_is_between_them():
    seen = [np.full((33, 6), value, np.float32) for value in (0.0, 3.0, 9.0)]
    found = rendering.filled([seen[0], seen[1], None, seen[2]], 3)
    assert [None if row is None else float(row[0, 0]) for row in found] == [0.0, 1.0, 2.0, 3.0, None, None, None, None, None, 9.0]
    assert np.array_equal(rendering.filled(seen, 1), seen) and rendering.filled([], 4) == []
    swing = [np.full((33, 6), np.sin(k), np.float32) for k in np.arange(9) * 0.8]  # once a second, looked at 7.5 times
    found = np.array([row[0, 0] for row in rendering.filled(swing, 4)])
    assert np.abs(found[4:-4] - np.sin(0.2 * np.arange(4, 29))).max() < 0.01


def test_what_is_put_together_from_poses_is_driven_by_its_bones(human):
    """Directions of the limbs are those of the motion, whatever the body's proportions, and the body's skin is on the floor."""
    motions = MotionDraw(figures.clips(), ["floor"], composed=1.0)
    random = np.random.default_rng(0)
    for _ in range(6):
        pose, _, (source, _, _) = draw_pose(human, motions, random)
        found, wanted = joints(human, pose), source.positions
        assert source.source == COMPOSED and len(found) == len(wanted)
        for bone in (("hip.L", "knee.L"), ("knee.R", "ankle.R"), ("elbow.L", "wrist.L"), ("shoulder.R", "elbow.R")):
            a, b = ([places[:, BODY_22.index(name)] for name in bone] for places in (found, wanted))
            cosine = np.einsum("ti,ti->t", *((d / np.linalg.norm(d, axis=-1, keepdims=True)) for d in (a[1] - a[0], b[1] - b[0])))
            assert cosine.min() > 0.999, bone
        assert np.median(np.abs(lowest_point(human, pose))) < 0.05


def test_what_cannot_be(tmp_path, capsys):
    words = ["--mocap", str(tmp_path), "--heavy", str(tmp_path)]
    assert rendering.main(["--humans", str(tmp_path), *words]) == 3
    assert "There are no humans (.glb)" in capsys.readouterr().err
    assert rendering.main(["--humans", str(tmp_path), *words, "--segments", "0"]) == 2
    assert rendering.main(["--humans", str(tmp_path), *words, "--composed", "2"]) == 2
    assert rendering.main(["--humans", str(tmp_path), "--mocap", str(tmp_path)]) == 2
    assert "Give the folder of at least one network" in capsys.readouterr().err
    assert rendering.main(["--humans", str(tmp_path), "--mocap", str(tmp_path), "--full", str(tmp_path / "none")]) != 0
    both = ["--full", str(tmp_path), "--heavy", str(tmp_path)]
    assert rendering.main(["--humans", str(tmp_path), "--mocap", str(tmp_path), *both]) == 2
    assert "named twice" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_held_out_people_and_sources_are_left_out_where_asked(tmp_path, capsys):
    """Made-up files of one body and one source, neither of which is held out: nothing is left to validate with."""
    bodies.write_body(tmp_path / "stick.glb", test_drive_human.rest_pose())
    standing = np.zeros((70, 22, 3), np.int16)
    np.savez(
        tmp_path / "made_up.npz", joint_names=np.array(BODY_22.joints), delta=standing, clip_start=np.array([0, 70]),
        clip_name=np.array(["a"]), subject=np.array(["a"]), floor_ok=np.array([True]), fps=30.0,
    )  # fmt: skip
    words = ["--humans", str(tmp_path), "--mocap", str(tmp_path), "--heavy", str(tmp_path), "--only", "validation"]
    assert rendering.main(words) == 3
    assert "No body or no motion is left for --only validation" in capsys.readouterr().err
