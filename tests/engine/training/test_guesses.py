import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import H36M_17
from engine.datasets.benchmark import PoseClips, make_clip
from engine.training.guesses import foreign_guesses, save_poses, stacked_guesses, stored_poses


def two_clips():
    """Of 5 and 3 frames; the second's middle frame is not judged."""
    rng = np.random.default_rng(0)
    clips = []
    for name, frames in (("a", 5), ("b", 3)):
        joints = rng.normal(size=(frames, 17, 3)) * 0.3 + [0, 0, 4]
        valid = np.arange(frames) != 1 if name == "b" else None
        clips.append(make_clip(
            subject=name, action="walk", camera="0", fps=50.0, keypoints=joints[..., :2], joints=joints, image_size=(100, 100), valid=valid,
        ))  # fmt: skip
    return PoseClips("h36m", "gt", "train", H36M_17, tuple(clips))


def test_stored_poses_come_back_rooted_and_in_the_tables_order(tmp_path):
    clips = two_clips()
    save_poses(tmp_path / "p.npz", clips, [clip.poses + 1.0 for clip in clips.clips])
    found = foreign_guesses(clips, None, tmp_path / "p.npz")
    for clip, poses in zip(clips.clips, found, strict=True):
        np.testing.assert_allclose(poses, clip.poses, atol=1e-6)
    np.testing.assert_allclose(stacked_guesses(clips, found), clips.stacked_poses(), atol=1e-6)
    assert foreign_guesses(clips) is None


def test_a_called_lifter_is_given_the_keypoints_and_the_clip(tmp_path, monkeypatch):
    (tmp_path / "peer_of_guesses.py").write_text(
        "import numpy as np\n\ndef lift(points, clip):\n    return np.concatenate([points, clip.poses[..., 2:]], -1)\n\n"
        "def half(points, clip):\n    return points\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    clips = two_clips()
    first = foreign_guesses(clips, "peer_of_guesses:lift")[0]
    np.testing.assert_allclose(first[..., :2], clips.clips[0].keypoints - clips.clips[0].keypoints[:, :1], atol=1e-6)
    with pytest.raises(Failure, match=r"gave an array of \(5, 17, 2\) for a / walk / 0"):
        foreign_guesses(clips, "peer_of_guesses:half")


def test_poses_that_do_not_fit_are_refused(tmp_path):
    clips = two_clips()
    save_poses(tmp_path / "p.npz", PoseClips("h36m", "gt", "train", H36M_17, clips.clips[:1]), [clips.clips[0].poses])
    with pytest.raises(Failure, match="no poses for 1 of 2 clips, first b / walk / 0"):
        stored_poses(tmp_path / "p.npz", clips)
    good = [clip.poses.astype(np.float64) for clip in clips.clips]
    with pytest.raises(Failure, match="instead of"):
        stacked_guesses(clips, [good[0][:4], good[1]])
    unjudged = good[1].copy()
    unjudged[1] = np.nan
    assert np.isfinite(stacked_guesses(clips, [good[0], unjudged])).all()
    unjudged[0] = np.nan
    with pytest.raises(Failure, match="NaN"):
        stacked_guesses(clips, [good[0], unjudged])
