"""Blended bodies: a mean of bodies has the mean's bones, and clothes change no joint."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets.blended_human import blend, bodies_of, draw_blend, draw_person, dress, put_on
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
    assert {h.name for h in humans} & HELD_OUT_HUMANS


@pytest.fixture(scope="module")
def dressed(shared):
    folder = shared / "data" / "humans" / "dressed"
    if not folder.is_dir():
        pytest.skip("shared/data/humans/dressed is not there")
    return [read_human(folder / f"{name}.glb") for name in ("f42_dress", "boy9_stocky", "m38_obese", "m25_thin_painted")]


def test_clothes_fit_every_body_as_the_data_s_own_reader_has_them(dressed, shared):
    """On their own body exactly; on another within some millimetres of what `read_dressed.refit` says, which weighs the skin otherwise."""
    folder = shared / "data" / "humans" / "dressed"
    spec = importlib.util.spec_from_file_location("read_dressed", folder / "read_dressed.py")
    reader = importlib.util.module_from_spec(spec)
    sys.modules["read_dressed"] = reader
    spec.loader.exec_module(reader)
    upright = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    for owner in dressed:
        theirs = reader.read(folder / f"{owner.name}.glb")
        for body in (owner, dressed[2]):
            ours = put_on(body, owner.wardrobe, owner.name)
            assert len(ours.vertices) == len(theirs.vertices) and ours.body == theirs.body
            expected = (
                theirs.vertices if body is owner else reader.refit(theirs, reader.read(folder / f"{body.name}.glb", ()).vertices)
            ) @ upright.T
            expected[:, 2] -= expected[:, 2].min()
            off = np.linalg.norm(ours.vertices - expected, axis=1)
            middle, most = (1e-6, 1e-6) if body is owner else (0.003, 0.06)
            assert np.median(off) < middle and off.max() < most, (owner.name, body.name)
            assert len(ours.faces) == len(theirs.faces)  # the same of the body is hidden


def test_dressed_people_stand_on_their_soles_and_have_smooth_normals(dressed):
    random = np.random.default_rng(0)
    outfits = set()
    for _ in range(12):
        person = draw_person(dressed, random)
        outfits.add(person.outfit)
        assert person.vertices[:, 2].min() == pytest.approx(0, abs=1e-9) and 1.1 < person.stature < 2.1
        assert person.faces.max() < len(person.vertices) and len(person.parts) <= 18
        length = np.linalg.norm(person.normals, axis=1)
        assert (length[person.faces] > 0.99).mean() > 0.99
        used = np.unique(person.faces)
        same = person.seam[used]
        order = np.argsort(same, kind="stable")
        pairs = np.flatnonzero(np.diff(same[order]) == 0)
        np.testing.assert_allclose(person.normals[used][order][pairs], person.normals[used][order][pairs + 1])
        # what is painted on the body goes where the clothes go
        if "+" not in person.outfit and person.outfit in ("f42_dress", "boy9_stocky", "m38_obese"):
            assert "shirt" not in {person.parts[k] for k in np.unique(person.part[: person.body])}
    assert len(outfits) > 3


def test_bones_blend_as_bodies_do_and_clothes_follow(dressed):
    half = blend(dressed[:2], np.array([0.5, 0.5]))
    assert half.wardrobe == () and half.stature == pytest.approx(np.mean([h.stature for h in dressed[:2]]), abs=0.02)
    worn = put_on(half, dressed[0].wardrobe, "f42_dress")
    rise = worn.rest.head["Head"][2] - half.rest.head["Head"][2]
    assert 0 <= rise < 0.06 and worn.stature == pytest.approx(half.stature)
    for thing in dressed[0].wardrobe:
        near = np.linalg.norm(thing.fitted(half.vertices)[:, None] - half.vertices[thing.near], axis=-1).min(1)
        assert near.max() < 0.45  # a skirt stands off furthest
