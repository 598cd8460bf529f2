import dataclasses
import errno
import os

import numpy as np
import pytest

from contract import motion_file, npz
from contract.failure import Failure
from contract.motion_file import SCHEMA, Motion, load_motion, save_motion
from contract.skeleton import ARMATURE_24


def a_motion(frames=5):
    joints = len(ARMATURE_24)
    rng = np.random.default_rng(3)
    rotations = rng.normal(size=(frames, joints, 4))
    return Motion(
        joint_names=np.array(ARMATURE_24.joints), parents=np.array(ARMATURE_24.parents), fps=30000 / 1001,
        times=np.array([0, 1, 2, 9, 10][:frames]) * 1001 / 30000,
        positions_camera=rng.normal(size=(frames, joints, 3)).astype(np.float32),
        positions_world=rng.normal(size=(frames, joints, 3)).astype(np.float32),
        rest_offsets=rng.normal(size=(joints, 3)).astype(np.float32), rotations=rotations.astype(np.float32),
        root_translation=rng.normal(size=(frames, 3)).astype(np.float32), image_points=np.zeros((frames, joints, 2), np.float32),
        confidence=np.ones((frames, joints), np.float32), spread=np.zeros((frames, joints), np.float32),
        contacts=np.zeros((frames, 2), bool), camera_matrix=np.eye(3), camera_to_world=np.eye(4), image_size=np.array([640, 480]),
        detected=np.ones(frames, bool), provenance={"source": {"name": "clip.mp4"}, "quality": {"jitter": 0.5}},
    )  # fmt: skip


def test_a_motion_comes_back_as_it_was(tmp_path):
    motion = a_motion()
    save_motion(motion, tmp_path / "take.npz")
    back = load_motion(tmp_path / "take.npz")
    for field in dataclasses.fields(Motion):
        before, after = getattr(motion, field.name), getattr(back, field.name)
        assert np.array_equal(before, after) if isinstance(before, np.ndarray) else before == after, field.name
    assert list(back.frame_numbers) == [0, 1, 2, 9, 10]
    assert back.joint("hand.R") == ARMATURE_24.index("hand.R")
    assert [p.name for p in tmp_path.iterdir()] == ["take.npz"]


def test_a_camera_that_moves_or_zooms_is_kept(tmp_path):
    path, lenses = np.random.default_rng(1).normal(size=(2, 5, 4, 4))
    save_motion(dataclasses.replace(a_motion(), camera_path=path), tmp_path / "moves.npz")
    save_motion(dataclasses.replace(a_motion(), camera_lenses=lenses[:, :3, :3]), tmp_path / "zooms.npz")
    moves, zooms = load_motion(tmp_path / "moves.npz"), load_motion(tmp_path / "zooms.npz")
    assert np.array_equal(moves.camera_path, path) and moves.camera_lenses is None
    assert np.array_equal(zooms.camera_lenses, lenses[:, :3, :3]) and zooms.camera_path is None


def test_a_camera_of_other_frames_is_refused(tmp_path):
    with pytest.raises(Failure, match="camera_path has the shape"):
        save_motion(dataclasses.replace(a_motion(), camera_path=np.zeros((4, 4, 4))), tmp_path / "take.npz")


def test_the_file_holds_no_pickle(tmp_path):
    save_motion(a_motion(), tmp_path / "take.npz")
    with np.load(tmp_path / "take.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind != "O" for name in file.files)
        assert str(file["schema"]) == SCHEMA


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rotations": np.zeros((5, 3, 4), np.float32)}, "rotations has the shape"),
        ({"positions_world": np.full((5, len(ARMATURE_24), 3), np.nan, np.float32)}, "positions_world holds values that are not finite"),
        ({"fps": 0.0}, "frame rate is 0"),
        ({"parents": np.zeros(len(ARMATURE_24), int)}, "joints are out of order"),
    ],
)
def test_arrays_that_do_not_fit_are_never_written(tmp_path, change, said):
    with pytest.raises(Failure, match=said):
        save_motion(dataclasses.replace(a_motion(), **change), tmp_path / "take.npz")
    assert not list(tmp_path.iterdir())


def test_no_frames_is_said(tmp_path):
    with pytest.raises(Failure, match="no frames"):
        save_motion(a_motion(0), tmp_path / "take.npz")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, code):
    save_motion(a_motion(), tmp_path / "take.npz")
    before = (tmp_path / "take.npz").read_bytes()

    def fails(file, *_):
        file.write(b"half of it")
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(motion_file, "write_npz", fails)
    with pytest.raises(Failure) as failure:
        save_motion(a_motion(), tmp_path / "take.npz")
    assert failure.value.code == {errno.ENOSPC: "disk_full", errno.EACCES: "not_writable"}[code]
    assert [p.name for p in tmp_path.iterdir()] == ["take.npz"]
    assert (tmp_path / "take.npz").read_bytes() == before


def test_an_array_can_be_let_go_after_each_piece_and_a_fault_far_behind_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "PIECE", 100)
    motion, told = a_motion(), []
    save_motion(motion, tmp_path / "take.npz", told.append)
    assert sum(a is motion.rotations for a in told) == 2 * len(motion)  # looked at, then written, a frame at a time
    motion.rotations[-1, -1, -1] = np.inf
    with pytest.raises(Failure, match="rotations holds values"):
        save_motion(motion, tmp_path / "take.npz")


def test_a_folder_that_does_not_exist_is_said(tmp_path):
    with pytest.raises(Failure) as failure:
        save_motion(a_motion(), tmp_path / "nowhere" / "take.npz")
    assert failure.value.code == "not_writable"


def test_files_that_are_not_motions_are_told_apart(tmp_path):
    with pytest.raises(Failure, match="no motion file"):
        load_motion(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "newer.npz", schema=np.array("kinolift.motion/9"))
    np.savez(tmp_path / "partly.npz", schema=np.array(SCHEMA), fps=np.array(30.0))
    save_motion(a_motion(), tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:-400])
    np.save(tmp_path / "bare.npy", np.zeros(3))
    (tmp_path / "bare.npy").rename(tmp_path / "bare.npz")
    for name, said in {
        "text": "not a motion file", "empty": "not a motion file", "cut": "not a motion file", "bare": "not a motion file",
        "other": "schema is ''", "newer": "kinolift.motion/9", "partly": "lacks joint_names",
    }.items():  # fmt: skip
        with pytest.raises(Failure, match=said) as failure:
            load_motion(tmp_path / f"{name}.npz")
        assert failure.value.code == "bad_motion"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"times": np.array([0, 1, 2, 2, 3]) / 30}, "times do not rise"),
        ({"times": np.array([0, 1, 2, 9, 1e300])}, "times do not rise"),
        ({"times": np.zeros((5, 1))}, "times has the shape"),
        ({"fps": np.array(1e-300)}, "frame rate"),
        ({"fps": np.array([30.0, 30.0])}, "fps is no number"),
        ({"joint_names": np.array(["a"] * len(ARMATURE_24))}, "two joints of one name"),
        ({"joint_names": np.array("pelvis")}, "joint_names has the shape"),
        ({"positions_world": np.zeros((5, len(ARMATURE_24), 3), "U1")}, "values of the type <U1"),
        ({"contacts": np.zeros((5, 2), float)}, "values of the type float64"),
        ({"rotations": np.zeros((5, len(ARMATURE_24), 4), np.float32)}, "no length"),
        ({"root_translation": np.full((5, 3), 3e38, np.float32)}, "too large"),
        ({"image_size": np.array([0, 480])}, "image_size is not positive"),
        ({"provenance": np.array("[]")}, "provenance"),
        ({"provenance": np.array("[" * 10_000)}, "nested too deep"),
        ({"provenance": np.array('{"quality": {"acceleration": "fast"}}')}, "no numbers"),
        ({"provenance": np.array('{"quality": {"acceleration": NaN}}')}, "NaN"),
        ({"provenance": np.array('{"quality": {"unsure": [{"start": 1}]}}')}, "a stretch"),
    ],
)
def test_nonsense_is_told_with_exit_code_3(tmp_path, change, said):
    save_motion(a_motion(), tmp_path / "take.npz")
    with np.load(tmp_path / "take.npz") as file:
        np.savez_compressed(tmp_path / "take.npz", **{**file, **change})
    with pytest.raises(Failure, match=said) as failure:
        load_motion(tmp_path / "take.npz")
    assert failure.value.code == "bad_motion" and failure.value.exit_code == 3
