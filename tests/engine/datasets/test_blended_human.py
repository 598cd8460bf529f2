"""Blended bodies: a mean of bodies has the mean's bones, and clothes change no joint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets.blended_human import blend, bodies_of, draw_blend, dress
from engine.datasets.human import read_human
from engine.datasets.split import HELD_OUT_HUMANS


def larger(human, factor, name):
    rest = human.rest
    heads, tails = ({k: factor * v for k, v in places.items()} for places in (rest.head, rest.tail))
    return replace(human, name=name, vertices=factor * human.vertices, rest=replace(rest, head=heads, tail=tails))


def test_between_two_bodies_lies_a_body_between(human):
    mixed = blend([human, larger(human, 2.0, "giant")], np.array([0.25, 0.75]))
    assert mixed.stature == pytest.approx(1.75 * human.stature) and mixed.name == "stick+giant"
    for name, place in human.rest.head.items():
        np.testing.assert_allclose(mixed.rest.head[name], 1.75 * place, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(mixed.normals, axis=1), 1.0)
    assert bodies_of(mixed.name) == ("stick", "giant") and bodies_of("adult_f") == ("adult_f",)


def test_random_blends_are_people(human):
    """The factors of the bodies are known, so a blend's factor is bounded by how far it may go beyond them."""
    humans = [larger(human, f, str(f)) for f in (0.9, 1.0, 1.1)]
    found = [draw_blend(humans, np.random.default_rng(seed)).stature / human.stature for seed in range(60)]
    assert min(found) > 0.9 - 0.25 * 0.2 and max(found) < 1.1 + 0.25 * 0.2 and np.std(found) > 0.04


def test_other_meshes_are_refused(human):
    with pytest.raises(Failure, match="other meshes"):
        blend([human, replace(human, parts=("shirt",))], np.array([0.5, 0.5]))


def test_clothes_move_no_joint_and_bare_the_right_bones(human):
    worn = replace(human, parts=("skin", "shirt"), part=np.ones_like(human.part))
    main = np.array([human.bone_names[k] for k in human.bones[np.arange(len(human.part)), human.weights.argmax(1)]])
    bared = 0
    for seed in range(30):
        dressed = dress(worn, np.random.default_rng(seed))
        assert dressed.rest is worn.rest
        skin = dressed.part == 0
        assert not {*main[skin]} - {"LeftForeArm", "RightForeArm", "LeftArm", "RightArm"}
        off = np.linalg.norm(dressed.vertices - worn.vertices, axis=1)
        assert (off[skin] == 0).all() and off.max() <= 0.025 + 1e-9
        bared += skin.any()
    assert 5 < bared < 29
    assert dress(replace(human, parts=("cloth",)), np.random.default_rng(0)).parts == ("cloth",)


def test_the_cc0_humans_blend_without_the_held_out(shared):
    folder = shared / "data" / "humans"
    if not folder.is_dir():
        pytest.skip("shared/data/humans is not there")
    humans = [read_human(path) for path in sorted(folder.glob("*.glb"))]
    mixed = blend(humans, np.full(len(humans), 1 / len(humans)))
    assert mixed.stature == pytest.approx(np.mean([h.stature for h in humans]), abs=0.02)
    assert {h.name for h in humans} >= HELD_OUT_HUMANS
