import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.mocap import load_mocap


def write_mocap(path, joints=BODY_22.joints):
    rng = np.random.default_rng(0)
    clips = [np.cumsum(rng.integers(-9, 9, (n, 22, 3)), axis=0) + 900 for n in (7, 5)]
    delta = np.concatenate([np.concatenate([c[:1], np.diff(c, axis=0)]) for c in clips]).astype(np.int16)
    arrays = {
        "joint_names": np.array(joints), "parents": np.array(BODY_22.parents), "delta": delta, "clip_start": np.array([0, 7, 12]),
        "clip_name": np.array(["walk", "run#1"]), "subject": np.array(["a:1", "a:2"]), "floor_ok": np.array([True, False]),
        "source_fps": np.array([120.0, 30.0]), "fps": np.array(30.0),
    }  # fmt: skip
    np.savez(path, **arrays)
    return clips, arrays


def test_clips_come_back_in_metres(tmp_path):
    written, _ = write_mocap(tmp_path / "set.npz")
    clips = load_mocap(tmp_path)
    assert [(c.source, c.index, c.name, c.subject, c.floor_ok, c.fps) for c in clips] == [
        ("set", 0, "walk", "a:1", True, 30.0), ("set", 1, "run#1", "a:2", False, 30.0),
    ]  # fmt: skip
    for clip, millimetres in zip(clips, written, strict=True):
        assert np.allclose(clip.positions, millimetres / 1000.0)


def test_what_is_not_such_a_file_is_said(tmp_path):
    with pytest.raises(Failure, match="no motion capture"):
        load_mocap(tmp_path)
    _, arrays = write_mocap(tmp_path / "set.npz")
    for change, said in (
        ({"joint_names": np.array(BODY_22.joints[::-1])}, "other joints"),
        ({"clip_start": np.array([0, 7, 13])}, "incomplete"),
    ):
        np.savez(tmp_path / "set.npz", **(arrays | change))
        with pytest.raises(Failure, match=said):
            load_mocap(tmp_path)
    (tmp_path / "set.npz").write_text("text")
    with pytest.raises(Failure, match="documented layout"):
        load_mocap(tmp_path)


def test_the_real_clips_stand_on_the_floor(shared):
    clips = load_mocap(shared / "data" / "mocap")
    assert len(clips) == 968
    toes = [BODY_22.index("toe.L"), BODY_22.index("toe.R")]
    lowest = [np.percentile(c.positions[:, toes, 2].min(1), 10) for c in clips if c.floor_ok]
    assert np.abs(np.median(lowest)) < 0.05
