from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract.camera_path import FRAMES, SECONDS, CameraPath, load_camera, save_camera
from contract.failure import Failure


def example(**changed: object) -> CameraPath:
    places, lens = np.tile(np.eye(4), (2, 1, 1)), np.array([[0.9, 0.5, 0.45], [1.2, 0.5, 0.45]])
    values = {"unit": SECONDS, "at": np.array([0.0, 0.5]), "camera_to_world": places, "lens": lens}
    return CameraPath(**{**values, **changed})  # type: ignore[arg-type]


def test_a_camera_comes_back_as_it_was(tmp_path: Path) -> None:
    path = example(unit=FRAMES)
    save_camera(path, tmp_path / "camera.npz")
    read = load_camera(tmp_path / "camera.npz")
    assert read.unit == FRAMES and read.times(25.0) == pytest.approx([0, 0.02])
    assert all((getattr(read, name) == getattr(path, name)).all() for name in ("at", "camera_to_world", "lens"))
    assert read.zooms and not example(lens=np.tile([0.9, 0.5, 0.5], (2, 1))).zooms


def test_a_file_of_the_first_schema_has_one_lens(tmp_path: Path) -> None:
    old = {"unit": FRAMES, "at": np.arange(2.0), "camera_to_world": np.tile(np.eye(4), (2, 1, 1)), "lens": np.array([0.9, 0.5, 0.45])}
    np.savez(tmp_path / "camera.npz", allow_pickle=False, schema=np.array("kinolift.camera/1"), **old)
    read = load_camera(tmp_path / "camera.npz")
    assert read.lens == pytest.approx(np.array([[0.9, 0.5, 0.45]] * 2)) and not read.zooms


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"at": np.array([0.5, 0.5])}, "do not rise"),
        ({"camera_to_world": np.tile(np.eye(4), (3, 1, 1))}, "do not fit"),
        ({"camera_to_world": np.tile(np.diag([1.0, 1, 2, 1]), (2, 1, 1))}, "rotations"),
        ({"camera_to_world": np.tile(np.diag([1.0, 1, -1, 1]), (2, 1, 1))}, "rotations"),
        ({"lens": np.array([[0.9, 0.5, 0.5], [0.0, 0.5, 0.5]])}, "focal length"),
        ({"lens": np.full((2, 3), np.nan)}, "not finite"),
        ({"lens": np.array([0.9, 0.5, 0.5])}, "do not fit"),
        ({"unit": "hours"}, "unit"),
        ({"at": np.array(0.5)}, "do not fit"),
        ({"at": np.array([["a", "b"]])}, "no numbers"),
        ({"at": np.array([0.0, 1e300])}, "too large"),
        ({"lens": np.array([[0.9, 0.5, 0.5], [1e-300, 0.5, 0.5]])}, "focal length"),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    save_camera(example(**changed), tmp_path / "camera.npz")
    with pytest.raises(Failure, match=said) as refused:
        load_camera(tmp_path / "camera.npz")
    assert refused.value.code == "bad_input"


def test_no_file_and_another_file(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no camera file"):
        load_camera(tmp_path / "camera.npz")
    (tmp_path / "camera.npz").write_text("hello")
    with pytest.raises(Failure, match="not a camera file"):
        load_camera(tmp_path / "camera.npz")
