import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import H36M_17
from engine.datasets.benchmark import SPLITS, Source
from engine.datasets.mpi_inf_3dhp import CAMERAS, FROM_H36M, TO_H36M, load_3dhp
from tests.engine.datasets.mpi_inf_3dhp_files import JOINTS, pixels, universal, write_pstmo, write_test, write_train


def source(folder, **options):
    return Source("mpi_inf_3dhp", folder, **options)


def in_own_order(poses):
    """(..,17,C) from Human3.6M's order to the data set's own."""
    return poses[..., FROM_H36M, :]


def test_the_joints_mean_the_same_in_both_orders():
    names = {"neck": "thorax", "head": "nose"}  # what Human3.6M's joints at those places are called
    assert tuple(names.get(JOINTS[i], JOINTS[i]) for i in TO_H36M) == H36M_17.joints
    assert [TO_H36M[i] for i in FROM_H36M] == list(range(17))


@pytest.mark.parametrize("universally", [True, False])
def test_the_original_test_set(tmp_path, universally):
    truth = write_test(tmp_path)
    clips = load_3dhp(source(tmp_path, universal=universally), "test")
    assert [c.subject for c in clips.clips] == [f"TS{i}" for i in range(1, 7)]
    for clip in clips.clips:
        annotated, valid = truth[clip.subject]
        poses = universal(annotated) if universally else annotated
        np.testing.assert_allclose(1000 * in_own_order(clip.poses), poses - poses[:, 14:15], atol=1e-2)
        np.testing.assert_array_equal(clip.valid, valid)
        assert clip.image_size == ((1920, 1080) if clip.subject in ("TS5", "TS6") else (2048, 2048))
        w, h = clip.image_size
        shown = (in_own_order(clip.keypoints) + np.array([1, h / w])) * w / 2
        np.testing.assert_allclose(shown, pixels(annotated, clip.image_size), atol=1e-2)


def test_the_original_training_set(tmp_path):
    truth = write_train(tmp_path)
    train, held_out = (load_3dhp(source(tmp_path, universal=False), split) for split in SPLITS[:2])
    assert {c.subject for c in train.clips} == {f"S{i}" for i in range(1, 8)} and {c.subject for c in held_out.clips} == {"S8"}
    assert len(held_out.clips) == 2 * len(CAMERAS) and {c.camera for c in held_out.clips} == {str(c) for c in CAMERAS}
    for clip in train.clips:
        poses = truth[clip.subject, clip.action, int(clip.camera)]
        np.testing.assert_allclose(1000 * in_own_order(clip.poses), poses - poses[:, 14:15], atol=1e-2)
        np.testing.assert_allclose(in_own_order(clip.keypoints), pixels(poses, (2048, 2048)) / 1024 - 1, atol=1e-5)
    assert {(c.subject, c.action): c.fps for c in train.clips}["S1", "Seq2"] == 50.0


@pytest.mark.parametrize("variant", ["", "_ori"])
def test_pstmos_files_say_the_same(tmp_path, variant):
    (tmp_path / "mat").mkdir()
    (tmp_path / "npz").mkdir()
    write_pstmo(tmp_path / "npz", write_test(tmp_path / "mat"), write_train(tmp_path / "mat"), variant)
    for split in SPLITS:
        one, other = (load_3dhp(source(tmp_path / f, universal=not variant), split) for f in ("mat", "npz"))
        assert [c.name for c in one.clips] == [c.name for c in other.clips]
        np.testing.assert_allclose(one.stacked_poses(), other.stacked_poses(), atol=1e-6)
        np.testing.assert_allclose(one.stacked_keypoints(), other.stacked_keypoints(), atol=1e-6)


def test_a_detectors_keypoints(tmp_path):
    truth = write_test(tmp_path)
    sizes = {s: (1920, 1080) if s in ("TS5", "TS6") else (2048, 2048) for s in truth}
    np.savez(tmp_path / "mine.npz", **{s: pixels(p, sizes[s]) + 3.0 for s, (p, _) in truth.items()})
    exact, mine = (load_3dhp(source(tmp_path, keypoints=k), "test") for k in ("gt", str(tmp_path / "mine.npz")))
    for a, b in zip(exact.clips, mine.clips, strict=True):
        np.testing.assert_allclose((b.keypoints - a.keypoints) * a.image_size[0] / 2, 3.0, atol=1e-3)
    np.savez(tmp_path / "short.npz", **{s: pixels(p, sizes[s])[:4] for s, (p, _) in truth.items()})
    with pytest.raises(Failure, match=r"\(4, 17, 2\) for TS1 instead of \(10, 17, 2\)"):
        load_3dhp(source(tmp_path, keypoints=str(tmp_path / "short.npz")), "test")


def test_what_is_wrong_with_a_copy_is_said(tmp_path):
    with pytest.raises(Failure, match=r"no TS1/annot_data.mat"):
        load_3dhp(source(tmp_path), "test")
    with pytest.raises(Failure, match=r"no .*annot.mat"):
        load_3dhp(source(tmp_path), "train")
    truth = write_test(tmp_path)
    file = tmp_path / "TS3" / "annot_data.mat"
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(Failure, match="cut off"):
        load_3dhp(source(tmp_path), "test")
    train = write_train(tmp_path)
    file = tmp_path / "S4" / "Seq2" / "annot.mat"
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(Failure, match=r"annot.mat is not .*cut off"):
        load_3dhp(source(tmp_path), "train")
    write_pstmo(tmp_path, {s: v for s, v in truth.items() if s != "TS6"}, train)
    with pytest.raises(Failure, match="no TS6"):
        load_3dhp(source(tmp_path), "test")
    np.savez(tmp_path / "data_test_3dhp.npz", other=np.arange(3))
    with pytest.raises(Failure, match="no dictionary"):
        load_3dhp(source(tmp_path), "test")
