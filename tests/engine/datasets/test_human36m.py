import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets.benchmark import SPLITS, Source
from engine.datasets.human36m import load_human36m
from engine.datasets.human36m_cameras import LENSES, PLACES, project, rotation, world_to_camera
from tests.engine.datasets.human36m_files import SUBJECTS, motion, seen_by, write_human36m

CPN = "data_2d_h36m_cpn_ft_h36m_dbb.npz"


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("camera", range(4))
def test_the_cameras_stand_upright_about_the_room_and_see_its_middle(subject, camera):
    turn, place = PLACES[subject][camera]
    assert np.linalg.norm(turn) == pytest.approx(1.0, abs=1e-5)
    assert 3.5 < np.linalg.norm(np.array(place[:2]) / 1000) < 6.0 and 1.3 < place[2] / 1000 < 1.7
    assert rotation(turn)[2, 1] < -0.95  # the picture's down is the room's down
    middle = project(world_to_camera(np.array([0.0, 0.0, 1.0]), subject, camera), camera)
    assert (np.abs(middle / np.array(LENSES[camera].size) - 0.5) < 0.2).all()


def test_projection_by_a_second_route():
    world = motion(5, 0)
    for camera in range(4):
        np.testing.assert_allclose(project(world_to_camera(world, "S9", camera), camera), seen_by(world, "S9", camera), atol=1e-5)


def test_every_split_with_exact_keypoints(tmp_path):
    worlds = write_human36m(tmp_path)
    wanted = {"train": {"S1", "S5", "S6", "S7"}, "validation": {"S8"}, "test": {"S9", "S11"}}
    for split in SPLITS:
        clips = load_human36m(Source("h36m", tmp_path, "gt"), split)
        assert {c.subject for c in clips.clips} == wanted[split]
        for clip in clips.clips:
            camera = [lens.name for lens in LENSES].index(clip.camera)
            world = worlds[clip.subject][clip.action]
            joints = (clip.poses + clip.root[:, None]) @ rotation(PLACES[clip.subject][camera][0]).T
            np.testing.assert_allclose(joints + np.array(PLACES[clip.subject][camera][1]) / 1000, world, atol=2e-5)
            w, h = clip.image_size
            pixels = (clip.keypoints + np.array([1, h / w])) * w / 2
            np.testing.assert_allclose(pixels, seen_by(world, clip.subject, camera), atol=2e-3)
            assert h == (1002 if camera in (0, 3) else 1000)
    assert {c.subject for c in load_human36m(Source("h36m", tmp_path, "gt", held_out=()), "train").clips} == wanted["train"] | {"S8"}


def test_the_corrupt_take_is_left_out_and_its_like_is_not(tmp_path):
    write_human36m(tmp_path)
    names = {(c.subject, c.action) for c in load_human36m(Source("h36m", tmp_path, "gt"), "test").clips}
    assert ("S11", "Directions") not in names and ("S9", "Directions") in names and len(names) == 5


def test_detections_longer_than_the_motion_are_cut(tmp_path):
    write_human36m(tmp_path, frames=12)
    exact, found = (load_human36m(Source("h36m", tmp_path, k), "test") for k in ("gt", "cpn"))
    assert found.frames == exact.frames == 5 * 4 * 12
    error = (found.stacked_keypoints() - exact.stacked_keypoints()) * 500
    assert error.std() == pytest.approx(4.0, rel=0.05) and abs(error.mean()) < 0.1


def test_without_the_file_of_the_truth_it_is_projected(tmp_path):
    write_human36m(tmp_path)
    written = load_human36m(Source("h36m", tmp_path, "gt"), "test").stacked_keypoints()
    (tmp_path / "data_2d_h36m_gt.npz").unlink()
    np.testing.assert_allclose(load_human36m(Source("h36m", tmp_path, "gt"), "test").stacked_keypoints(), written, atol=1e-5)


def test_any_detectors_file_and_the_mixtures_of_diffpose(tmp_path):
    write_human36m(tmp_path)
    plain = np.load(tmp_path / CPN, allow_pickle=True)["positions_2d"].item()
    mixed = {
        s: {a: [np.concatenate([np.ones((*v.shape[:2], 1, 1)), v[:, :, None], np.full((*v.shape[:2], 1, 2), 0.1)], -1) for v in views]
            for a, views in actions.items()} for s, actions in plain.items()
    }  # fmt: skip
    np.savez(tmp_path / "mine.npz", positions_2d=mixed)
    clips = load_human36m(Source("h36m", tmp_path, str(tmp_path / "mine.npz")), "test")
    want = load_human36m(Source("h36m", tmp_path, "cpn"), "test")
    np.testing.assert_allclose(clips.stacked_keypoints(), want.stacked_keypoints(), atol=1e-6)
    kernels = clips.clips[0].kernels
    assert kernels is not None and kernels.shape == (12, 17, 1, 5)
    np.testing.assert_allclose(kernels[:, :, 0, 1:3], clips.clips[0].keypoints, atol=1e-6)
    assert (kernels[..., 3:] == np.float32(0.1)).all()  # the scales stay as stored


def test_a_detector_may_say_how_sure_it_is(tmp_path):
    write_human36m(tmp_path)
    plain = np.load(tmp_path / CPN, allow_pickle=True)["positions_2d"].item()

    def write(confidence):
        scored = {
            s: {a: [np.concatenate([v, np.full((*v.shape[:2], 1), confidence)], -1) for v in views] for a, views in actions.items()}
            for s, actions in plain.items()
        }
        np.savez(tmp_path / "scored.npz", positions_2d=scored)
        return load_human36m(Source("h36m", tmp_path, str(tmp_path / "scored.npz")), "test")

    clips, want = write(0.75), load_human36m(Source("h36m", tmp_path, "cpn"), "test")
    np.testing.assert_allclose(clips.stacked_keypoints(), want.stacked_keypoints(), atol=1e-6)
    assert (clips.clips[0].confidence == np.full((12, 17), 0.75, np.float32)).all() and want.clips[0].confidence is None
    with pytest.raises(Failure, match="must be from 0 to 1"):
        write(75.0)


def rewrite(path, key, change):
    content = np.load(path, allow_pickle=True)[key].item()
    change(content)
    np.savez(path, **{key: content})


def cut_views(content):
    content["S9"]["WalkDog"] = [v[:5] for v in content["S9"]["WalkDog"]]


def break_pose(content):
    content["S9"]["WalkDog"][3, 2] = np.nan


def millimetres(content):
    content["S9"]["WalkDog"] = content["S9"]["WalkDog"] * 1000


def seventeen(content):
    content["S9"]["WalkDog"] = content["S9"]["WalkDog"][:, :17]


@pytest.mark.parametrize(
    ("file", "key", "change", "said"),
    [
        ("data_3d_h36m.npz", "positions_3d", lambda c: c.pop("S9"), "has no S9, only S1, S11"),
        (CPN, "positions_2d", lambda c: c.pop("S11"), "has no S11"),
        (CPN, "positions_2d", lambda c: c["S9"].pop("WalkDog"), "has no S9 WalkDog"),
        (CPN, "positions_2d", lambda c: c["S9"]["WalkDog"].pop(), "seen by 3 cameras"),
        (CPN, "positions_2d", cut_views, "5 frames of 2D keypoints for 12"),
        ("data_3d_h36m.npz", "positions_3d", break_pose, "S9 / WalkDog / 54138969: the 3D pose of 1 frames holds NaN.*frame 3"),
        ("data_3d_h36m.npz", "positions_3d", millimetres, "not metres"),
        ("data_3d_h36m.npz", "positions_3d", seventeen, r"\(12, 17, 3\) instead of \(frames, 32, 3\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_copy_is_said(tmp_path, file, key, change, said):
    write_human36m(tmp_path)
    rewrite(tmp_path / file, key, change)
    with pytest.raises(Failure, match=said) as caught:
        load_human36m(Source("h36m", tmp_path, "cpn"), "test")
    assert caught.value.exit_code == 3


def test_missing_and_mistaken_files(tmp_path):
    with pytest.raises(Failure, match=r"data_3d_h36m.npz"):
        load_human36m(Source("h36m", tmp_path, "cpn"), "test")
    write_human36m(tmp_path, subjects=("S9",))
    (tmp_path / "data_3d_h36m.npz").write_bytes((tmp_path / CPN).read_bytes())
    with pytest.raises(Failure, match="holds positions_2d, so it is the other"):
        load_human36m(Source("h36m", tmp_path, "cpn"), "test")
    with pytest.raises(Failure, match="not vitpose"):
        load_human36m(Source("h36m", tmp_path, "vitpose"), "test")
