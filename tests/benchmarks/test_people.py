"""What the table of people counts, on motions whose errors are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.people import LIMBS, apart, exchanged, main, mpjpe, pixels, told_ratio

MATRIX = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]])
COUNT = 20


def truth(x: float):
    """Somebody who stands at x, four metres away."""
    body = np.zeros((12, 3)) + np.array([x, 0.0, 4.0])
    body[:, 0] += np.tile([0.1, -0.1], 6)
    body[:, 1] += np.repeat(np.linspace(0, 1, 6), 2)
    joints = np.repeat(body[None], COUNT, 0)
    names = np.array(LIMBS)
    return {"joint_names": names, "camera": joints, "world": joints[..., [0, 2, 1]], "fps": np.array(25.0), "camera_matrix": MATRIX}


def motion(of, off=0.0, seen=None):
    """That person, the limbs below the hips `off` metres aside; `seen`: whom the points show in each frame."""
    joints = of["camera"].copy()
    joints[:, 2:, 0] += off
    points = pixels(of) if seen is None else np.stack([pixels(who)[k] for k, who in enumerate(seen)])
    return SimpleNamespace(
        joint_names=of["joint_names"], times=np.arange(COUNT) / 25.0, positions_camera=joints, positions_world=joints[..., [0, 2, 1]],
        image_points=points, detected=np.ones(COUNT, bool),
    )  # fmt: skip


def test_distances_are_millimetres_about_the_hips():
    one = truth(0.5)
    assert mpjpe(motion(one), one) == 0.0
    assert mpjpe(motion(one, 0.06), one) == pytest.approx(60.0 * 10 / 12)


def test_frames_that_show_the_other_are_counted():
    one, other = truth(-1.0), truth(1.0)
    assert exchanged(motion(one), one, other) == 0
    assert exchanged(motion(one, seen=[one] * 12 + [other] * 8), one, other) == 8


def test_the_way_from_one_to_the_other_is_compared_after_one_turn():
    one, other = truth(-1.0), truth(1.0)
    off, long = apart([motion(one), motion(other)], [one, other])
    assert off == pytest.approx(0.0, abs=1e-9) and long == pytest.approx(2.0)
    off, _ = apart([motion(one), motion(truth(1.3))], [one, other])
    assert off == pytest.approx(0.3)


def test_unknown_tables_and_folders_are_told(tmp_path, capsys):
    assert main([str(tmp_path), "--clips", "all"]) == 2 and "cross, beside, cost" in capsys.readouterr().err
    assert main([str(tmp_path), "--clips", "cross"]) == 3 and "There is no truth" in capsys.readouterr().err


def test_a_ratio_has_the_error_that_its_median_really_has():
    generator = np.random.default_rng(0)
    middles = [float(told_ratio(generator.normal(1.04, 0.07, 12)).split(" +- ")[0]) for _ in range(400)]
    errors = [float(told_ratio(generator.normal(1.04, 0.07, 12)).split(" +- ")[1]) for _ in range(400)]
    assert np.mean(middles) == pytest.approx(1.04, abs=0.005)
    assert np.mean(errors) == pytest.approx(np.std(middles), rel=0.25)
    assert told_ratio(np.array([1.0, 1.02, 1.5])).startswith("1.020 +- ")
