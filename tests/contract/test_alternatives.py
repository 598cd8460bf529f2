from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from contract.alternatives import LIMBS, Alternative, alternatives_of, columns_of
from contract.failure import Failure
from contract.motion_file import Motion, load_motion, save_motion
from contract.skeleton import ARMATURE_24

from .test_motion_file import a_motion


def turns(frames: int, seed: int = 0) -> np.ndarray:
    rotations = np.random.default_rng(seed).normal(size=(frames, 3, 4))
    return (rotations / np.linalg.norm(rotations, axis=-1, keepdims=True)).astype(np.float32)


TWO = [Alternative("arm.L", slice(1, 4), turns(3)), Alternative("leg.R", slice(0, 2), turns(2, 1))]


def with_two(**changes: np.ndarray | None) -> Motion:
    return dataclasses.replace(a_motion(), **columns_of(TWO) | changes)


def test_every_limb_is_three_joints_of_the_armature_each_the_next_one_s_parent() -> None:
    for joints in LIMBS.values():
        at = [ARMATURE_24.index(joint) for joint in joints]
        assert [ARMATURE_24.parents[joint] for joint in at[1:]] == at[:-1]


def test_alternatives_go_through_the_file(tmp_path) -> None:
    save_motion(with_two(), tmp_path / "take.npz")
    back = alternatives_of(load_motion(tmp_path / "take.npz"))
    assert [(one.limb, one.frames, len(one)) for one in back] == [("arm.L", slice(1, 4), 3), ("leg.R", slice(0, 2), 2)]
    for before, after in zip(TWO, back, strict=True):
        np.testing.assert_array_equal(before.rotations, after.rotations)


def test_a_file_of_before_has_none(tmp_path) -> None:
    save_motion(a_motion(), tmp_path / "take.npz")
    with np.load(tmp_path / "take.npz") as file:
        assert not any(name.startswith("alternative") for name in file.files)
    assert alternatives_of(load_motion(tmp_path / "take.npz")) == [] and columns_of([]) == dict.fromkeys(columns_of(TWO))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alternative_limbs": None}, "not all that belongs to it"),
        ({"alternative_limbs": np.array(["arm.L", "tail"])}, "alternatives of 'tail'"),
        ({"alternative_limbs": np.array(["arm.L"])}, "alternative_frames has the shape"),
        ({"alternative_frames": np.array([[1, 4], [4, 6]])}, "in frames that it has not"),
        ({"alternative_frames": np.array([[1, 4], [3, 3]])}, "in frames that it has not"),
        ({"alternative_frames": np.array([[1, 4], [0, 3]])}, "more or fewer frames than rotations"),
        ({"alternative_rotations": np.full((5, 3, 4), np.nan, np.float32)}, "not finite"),
    ],
)
def test_what_does_not_fit_is_never_written(tmp_path, changes, said) -> None:
    with pytest.raises(Failure, match=said) as raised:
        save_motion(with_two(**changes), tmp_path / "take.npz")
    assert raised.value.code == "bad_motion" and not list(tmp_path.iterdir())


def test_a_file_of_others_is_read_with_care(tmp_path) -> None:
    """Arrays that we would never write, put into a file by hand."""
    save_motion(with_two(), tmp_path / "take.npz")
    with np.load(tmp_path / "take.npz") as file:
        arrays = {name: file[name] for name in file.files}
    for name, value, said in (
        ("alternative_frames", np.array([[1, 4], [9, 11]]), "in frames that it has not"),
        ("alternative_rotations", np.zeros((5, 3, 4), np.float32), "quaternions of no length"),
        ("alternative_limbs", np.array([1, 2]), "values of the type"),
    ):
        np.savez(tmp_path / "other.npz", **arrays | {name: value})
        with pytest.raises(Failure, match=said):
            load_motion(tmp_path / "other.npz")
