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
from engine.datasets.shot import make_shot
from tests.engine.datasets import bodies, test_drive_human


@pytest.fixture(scope="module")
def clip(steps_clip):
    return steps_clip(70)


@pytest.fixture(scope="module")
def renderer():
    try:
        with rendering.Renderer() as made:
            yield made
    except Failure as failure:
        pytest.skip(failure.message)


def shots(human, clip, count=6):
    random = np.random.default_rng(0)
    return [make_shot([human], [clip], random) for _ in range(count)]


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
            assert mask.any()
            places = shot.camera.pixels(shot.truth[frame])
            near = 2 + 0.06 * shot.camera.focal / shot.camera.axes(shot.truth[frame])[:, 2]  # the body is 4 cm thick about its bones
            rows, columns = np.nonzero(mask)
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


def test_pairs_are_read_by_the_trainers_reader(shared, tmp_path, renderer):
    """The CC0 humans with real motion; the detector finds most of them, where they are."""
    humans, mocap = shared / "data" / "humans", shared / "data" / "mocap"
    if not humans.is_dir():
        pytest.skip("shared/data/humans is not there")
    few = tmp_path / "mocap"
    few.mkdir()
    (few / "cmu_actions.npz").symlink_to(mocap / "cmu_actions.npz")
    folder = tmp_path / "pairs"
    folder.mkdir()
    words = ["--humans", str(humans), "--mocap", str(few), "-o", str(folder / "pairs.npz"), "--segments", "3", "--seed", "5"]
    assert rendering.main(words) == 0
    assert [path.name for path in folder.iterdir()] == ["pairs.npz"]
    with np.load(folder / "pairs.npz") as z, np.load(shared / "data" / "detections" / "pairs_1.npz") as given:
        ours, theirs = (
            {n: (f[n].ndim, f[n].dtype.kind, f[n].dtype.itemsize if f[n].dtype.kind != "U" else 0) for n in f.files if n != "detector"}
            for f in (z, given)
        )
        assert ours == theirs
        assert z["detected"].mean() > 0.5 and str(z["detector"]) == "heavy"
    segments = load_detections(folder)
    assert segments and {segment.source for segment in segments} == {"cmu_actions"}
    left, right = 11, 12  # the detector's shoulders
    off = []
    for segment in segments:
        truth = segment.truth[:, [BODY_22.index("shoulder.L"), BODY_22.index("shoulder.R")]].mean(axis=1)
        seen = segment.rays[:, [left, right]].mean(axis=1)
        off.append((np.linalg.norm(seen - truth[:, :2] / truth[:, 2:], axis=-1) * truth[:, 2])[segment.detected])
    assert np.median(np.concatenate(off)) < 0.15  # metres at the person's distance


def test_what_cannot_be(tmp_path, capsys):
    words = ["--mocap", str(tmp_path), "-o", str(tmp_path / "a.npz")]
    assert rendering.main(["--humans", str(tmp_path), *words]) == 3
    assert "There are no humans (.glb)" in capsys.readouterr().err
    assert rendering.main(["--humans", str(tmp_path), *words, "--segments", "0"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_held_out_people_and_sources_are_left_out_where_asked(tmp_path, capsys):
    """Made-up files of one body and one source, neither of which is held out: nothing is left to validate with."""
    bodies.write_body(tmp_path / "stick.glb", test_drive_human.rest_pose())
    standing = np.zeros((70, 22, 3), np.int16)
    np.savez(
        tmp_path / "made_up.npz", joint_names=np.array(BODY_22.joints), delta=standing, clip_start=np.array([0, 70]),
        clip_name=np.array(["a"]), subject=np.array(["a"]), floor_ok=np.array([True]), fps=30.0,
    )  # fmt: skip
    words = ["--humans", str(tmp_path), "--mocap", str(tmp_path), "-o", str(tmp_path / "a.npz"), "--only", "validation"]
    assert rendering.main(words) == 3
    assert "No body or no motion is left for --only validation" in capsys.readouterr().err
