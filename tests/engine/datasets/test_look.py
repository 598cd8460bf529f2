"""Looks: within their bounds, and the picture's faults as asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.datasets.look import BLOTCHES, draw_look, worsen

TRUTH = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 22, 3)) + np.array([0, 0, 1])


PARTS = ("skin", "shirt", "hair", "hair_style", "eyes")


@pytest.mark.parametrize("camera", [(0.0, -3.0, 1.5), (2.0, 2.0, 0.4)])
def test_camera_and_person_are_inside_the_room(camera):
    for seed in range(30):
        look = draw_look(TRUTH, np.array(camera), PARTS, np.random.default_rng(seed))
        centre, half = look.boxes[-1]
        for place in (*TRUTH.reshape(-1, 3), camera):
            assert (np.abs(place - centre) < half).all()
        floor = centre[2] - half[2]
        assert floor == pytest.approx(0)
        for surface, parts in ((look.clothes, 5), (look.box_surface, len(look.boxes))):
            assert surface.first.shape == surface.second.shape == (parts, 3) and surface.pattern.shape == (parts, 4)
            assert (surface.first > 0).all() and (surface.first <= 1.16).all()
            assert set(surface.pattern[:, 0]) <= set(range(BLOTCHES + 1))
        hair = [look.clothes.first[k] for k in (2, 3)]
        np.testing.assert_array_equal(*hair)  # the scalp has the colour of the hair on it
        assert look.clothes.first[4].min() > 0.8


def test_the_picture_gets_the_faults_asked_for():
    look = draw_look(TRUTH, np.array([0.0, -3.0, 1.5]), PARTS, np.random.default_rng(0))
    flat, before = (np.full((8, 6, 3), v, np.uint8) for v in (100, 200))
    none = np.zeros((8, 6, 3), np.int16)
    plain = replace(look, blur=0.0, contrast=1.0, brightness=0.0)
    np.testing.assert_array_equal(worsen(flat, before, plain, none), 100)
    np.testing.assert_array_equal(worsen(flat, before, replace(plain, blur=0.25), none), 125)
    np.testing.assert_array_equal(worsen(flat, None, replace(plain, blur=0.25), none), 100)
    np.testing.assert_array_equal(worsen(flat, None, replace(plain, contrast=0.5, brightness=10.0), none), 123)  # 127.5 - 13.75 + 10
    assert worsen(flat, None, plain, none + 300).max() == 255
