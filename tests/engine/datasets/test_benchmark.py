import numpy as np
import pytest

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.benchmark import PoseClips, Source, choose, make_clip, normalise_screen
from engine.datasets.registry import load_poses
from tests.engine.datasets.pairs import standing

STANDING = np.stack([standing()] * 4) + np.array([0.1, 0.2, 3.0])


def clip(**changes):
    joints = STANDING
    values = {"keypoints": joints[..., :2] / 3.0, "joints": joints} | changes
    return make_clip(subject="S", action="Walk 1", camera="c", fps=50.0, image_size=(1000, 1002), **values)


def test_poses_are_relative_to_the_root_and_the_path_is_kept():
    made = clip()
    assert np.allclose(made.poses + made.root[:, None], STANDING, atol=1e-6)
    assert not made.poses[:, 0].any() and made.valid.all() and len(made) == 4 and made.name == "S / Walk 1 / c"


def test_frames_that_are_not_judged_are_left_out_of_the_stack():
    part = clip(valid=np.array([1, 0, 0, 1]))
    clips = PoseClips("x", "gt", "test", BODY_22, (part, clip()))
    assert clips.frames == 8 and clips.stacked_poses().shape == (6, 22, 3) and clips.stacked_keypoints().shape == (6, 22, 2)


def test_what_cannot_be_is_said():
    joints = STANDING
    broken = joints.copy()
    broken[2, 5, 1] = np.nan
    for changes, said in (
        ({"joints": broken}, "3D pose of 1 frames holds NaN or infinity, first in frame 2"),
        ({"keypoints": broken[..., :2]}, "2D keypoints of 1 frames"),
        ({"keypoints": joints[:3, :, :2]}, "do not belong together"),
        ({"joints": joints * 1000.0}, "not metres"),
    ):
        with pytest.raises(Failure, match=said):
            clip(**changes)
    assert not np.isfinite(clip(joints=broken, valid=np.array([1, 1, 0, 1])).poses).all()  # nobody judges that frame


def test_the_screen_keeps_the_aspect():
    corners = normalise_screen(np.array([[0.0, 0.0], [1920.0, 1080.0], [960.0, 540.0]]), 1920, 1080)
    assert np.allclose(corners, [[-1, -0.5625], [1, 0.5625], [0, 0]])


def test_splits_share_nobody():
    train, test = ("S1", "S5", "S6"), ("S9",)
    assert choose("train", train, test, ("S6",)) == ("S1", "S5")
    assert choose("validation", train, test, ("S6",)) == ("S6",)
    assert choose("test", train, test, ("S6",)) == ("S9",)
    assert choose("train", train, test, ()) == train
    with pytest.raises(Failure, match="S9 cannot be held out"):
        choose("train", train, test, ("S9",))


def test_unknown_data_is_refused(tmp_path):
    with pytest.raises(Failure, match=r"no data set coco; there are .*mocap"):
        load_poses(Source("coco", tmp_path), "test")
