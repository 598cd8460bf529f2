import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.failure import Failure
from contract.motion_file import load_motion
from contract.options import CaptureOptions
from contract.skeleton import ARMATURE_24
from engine import capture as capture_module
from engine import weights_file
from engine.capture import capture_to_file
from engine.detection.model_bundle import MODELS
from engine.progress import Progress

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
TRUTH = SAMPLE.with_name("sample.truth.npz")
LIMBS = [f"{j}.{s}" for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for s in "LR"]
QUICK = CaptureOptions(end="60f", refiner="window", hypotheses=1, steps=1)


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """Two seconds of the sample, captured once: (motion, summary, events)."""
    out = tmp_path_factory.mktemp("capture") / "take.npz"
    events = []
    with np.load(TRUTH) as truth:
        options = replace(QUICK, height=float(truth["height"]))
    (done,), _ = capture_to_file(SAMPLE, out, options, Progress(lambda name, fields: events.append((name, fields))))
    return load_motion(out), done.summary, events


def test_every_frame_has_its_pose(taken):
    motion, summary, _ = taken
    assert list(motion.frame_numbers) == list(range(60))
    assert motion.fps == 30.0 and np.allclose(motion.times, np.arange(60) / 30)
    assert summary["frames_read"] == summary["frames_detected"] == summary["frames"] == 60
    assert summary["fov_from"] == "estimate" and 45 < summary["fov_degrees"] < 80 and 1 < summary["fov_error_degrees"] < 12
    assert [str(n) for n in motion.joint_names] == list(ARMATURE_24.joints)


def test_a_single_hypothesis_is_not_called_certain(taken):
    motion, *_ = taken
    assert motion.provenance["spread"] == "expected" and motion.provenance["quality"]["implausible"] == []
    assert (motion.spread[:, 0] == 0).all() and (motion.spread[:, 1:] > 0.01).all() and motion.spread.max() < 0.6


def test_forward_kinematics_gives_the_positions(taken):
    """By a plain loop over frames and joints."""
    motion, *_ = taken
    for t in range(0, 60, 7):
        place, turn = {}, {}
        for j, parent in enumerate(motion.parents):
            w, x, y, z = motion.rotations[t, j].astype(float)
            r = np.array(
                [
                    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
                ]
            )
            turn[j] = r if parent < 0 else turn[parent] @ r
            place[j] = motion.root_translation[t].astype(float) if parent < 0 else place[parent] + turn[parent] @ motion.rest_offsets[j]
            assert np.linalg.norm(place[j] - motion.positions_world[t, j]) < 1e-3


def test_camera_and_world_are_the_same_joints(taken):
    motion, *_ = taken
    there = motion.positions_camera.astype(float) @ motion.camera_to_world[:3, :3].T + motion.camera_to_world[:3, 3]
    assert np.abs(there - motion.positions_world).max() < 1e-3
    assert motion.positions_world[..., 2].min() > -0.01  # Z up, on the ground
    head, toe = motion.joint("head_top"), motion.joint("toe.L")
    assert np.all(motion.positions_world[:, head, 2] > motion.positions_world[:, toe, 2])


def test_quaternions_are_unit_and_never_jump(taken):
    rotations = taken[0].rotations.astype(float)
    assert np.allclose(np.linalg.norm(rotations, axis=-1), 1, atol=1e-4)
    assert (np.sum(rotations[1:] * rotations[:-1], axis=-1) > 0.8).all()  # under 74 degrees a frame, signs kept


def test_it_beats_a_plain_reading_of_the_world_landmarks(taken):
    from engine.detection.detector import Detector
    from engine.detection.landmarks import LANDMARKS
    from engine.footage.video import open_video

    motion, *_ = taken
    video = open_video(SAMPLE)
    world = Detector().detect(video.frames(None, (60.0, "f")), video.info, Progress()).world
    with np.load(TRUTH) as file:
        names, truth = [str(n) for n in file["joint_names"]], file["camera"][:60]

    def error(joints):
        a, b = joints, truth[:, [names.index(j) for j in LIMBS]]
        a, b = (x - (x[:, :1] + x[:, 1:2]) / 2 for x in (a, b))
        return np.linalg.norm(a - b, axis=-1).mean() * 1000

    ours = error(motion.positions_camera[:, [motion.joint(j) for j in LIMBS]])
    plain = error(world[:, [LANDMARKS.index(j) for j in LIMBS]])
    assert ours < 0.8 * plain


def test_the_provenance_says_where_it_comes_from(taken):
    provenance = taken[0].provenance
    assert provenance["source"]["name"] == "sample.mp4" and len(provenance["source"]["sha256"]) == 64
    assert provenance["weights"]["lifter"] == weights_file.read_sums(weights_file.FOLDER)["lifter.safetensors"]
    assert provenance["weights"]["precision"] in ("bf16", "fp32", "fp16", "tf32", "plain")
    assert provenance["options"]["steps"] == 1 and provenance["quality"]["frames"] == 60
    assert set(provenance["timings"]) == {"start", "detect", "lift", "refine", "motion"}
    assert str(SAMPLE.parent) not in json.dumps(provenance)  # nothing of the machine


def test_the_detector_is_the_one_that_was_asked_for(taken):
    full = capture_module.capture(SAMPLE, replace(QUICK, end="12f", detector="full"), Progress()).motion
    assert full.provenance["weights"]["detector"] == MODELS["full"].sha256
    assert taken[0].provenance["weights"]["detector"] == MODELS["heavy"].sha256
    assert np.abs(full.image_points[:12] - taken[0].image_points[:12]).max() > 1.0


def test_stages_come_in_their_order(taken):
    stages = [fields["stage"] for name, fields in taken[2] if name == "progress"]
    assert list(dict.fromkeys(stages)) == ["start", "detect", "lift", "refine", "motion"]


def test_the_same_seed_gives_the_same_file(tmp_path):
    options = replace(QUICK, end="8f", refiner="window", hypotheses=2, seed=3)
    for name in ("a", "b"):
        capture_to_file(SAMPLE, tmp_path / f"{name}.npz", options, Progress())
    a, b = (load_motion(tmp_path / f"{name}.npz") for name in "ab")
    assert np.array_equal(a.rotations, b.rotations) and np.array_equal(a.positions_world, b.positions_world)
    assert a.provenance["spread"] == "hypotheses" and 0 < a.spread[:, 1:].mean() < 0.3


def a_video(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (320, 240))
    for f in range(frames):
        writer.write(np.full((240, 320, 3), 40 + f, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda folder: folder / "none.mp4", "no_such_file"),
        (lambda folder: folder, "not_a_video"),
        (lambda folder: shutil.copy(__file__, folder / "text.mp4"), "not_a_video"),
        (lambda folder: (folder / "empty.mp4").write_bytes(b"") or folder / "empty.mp4", "not_a_video"),
        (lambda folder: a_video(folder / "nobody.mp4", 12), "no_person"),
    ],
    ids=["missing", "folder", "text", "empty", "nobody"],
)
def test_bad_videos_are_one_sentence_and_leave_nothing(tmp_path, make, code):
    source = tmp_path / "in"
    source.mkdir()
    video = Path(make(source))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(Failure) as failure:
        capture_to_file(video, out / "take.npz", CaptureOptions(), Progress())
    assert failure.value.code in (code, "bad_input")
    assert failure.value.message.count("\n") == 0 and failure.value.message.endswith(".")
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    ("output", "code"), [("take.avi", "unknown_extension"), ("nowhere/take.npz", "not_writable"), (".npz", "unknown_extension")]
)
def test_outputs_that_cannot_be_are_said_before_any_work(tmp_path, monkeypatch, output, code):
    monkeypatch.setattr(capture_module, "captures", lambda *_: pytest.fail("the work began"))
    with pytest.raises(Failure) as failure:
        capture_to_file(SAMPLE, tmp_path / output, CaptureOptions(), Progress())
    assert failure.value.code == code


def test_a_preview_has_a_picture_of_every_frame(tmp_path):
    capture_to_file(SAMPLE, tmp_path / "take.npz", replace(QUICK, end="9f"), Progress(), tmp_path / "look.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["look.mp4", "take.npz"]
    video = cv2.VideoCapture(str(tmp_path / "look.mp4"))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 9


def test_a_preview_of_another_kind_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(capture_module, "captures", lambda *_: pytest.fail("the work began"))
    with pytest.raises(Failure, match=r"\.mp4"):
        capture_to_file(SAMPLE, tmp_path / "take.npz", QUICK, Progress(), tmp_path / "look.gif")


def test_a_pause_is_a_hole_in_time_and_the_rate_stays(shared, tmp_path):
    """paused_8s.mp4: 60 pictures at 20 a second, whose time stamps jump by 8 seconds in the middle."""
    progress = Progress()
    options = CaptureOptions(detector="full", steps=0)
    done = capture_module.capture(shared / "data" / "videos" / "situations" / "paused_8s.mp4", options, progress)
    motion, gaps = done.motion, np.diff(done.motion.times)
    assert motion.fps == 20.0 and done.summary["file_fps"] == 20.0
    np.testing.assert_allclose(motion.times * 20.0, np.rint(motion.times * 20.0), atol=1e-6)
    assert (gaps > 8.0).sum() == 1 and np.allclose(gaps[gaps < 8.0], 0.05)
    assert len(motion) == 60
    assert [code for code, _ in progress.warnings] == ["recording_paused"]


@pytest.mark.parametrize("how", ["preview", "link", "camera"])
def test_no_output_of_the_worker_is_an_input(tmp_path, monkeypatch, how):
    monkeypatch.setattr(capture_module, "captures", lambda *_: pytest.fail("the work began"))
    video = tmp_path / "in.mp4"
    shutil.copy(SAMPLE, video)
    (tmp_path / "link.mp4").symlink_to(video)
    camera = tmp_path / "camera.npz"
    camera.write_bytes(b"measured")
    preview = {"preview": video, "link": tmp_path / "link.mp4", "camera": None}[how]
    output = camera if how == "camera" else tmp_path / "take.npz"
    options = replace(QUICK, camera=str(camera) if how == "camera" else "")
    with pytest.raises(Failure, match="is an input") as failure:
        capture_to_file(video, output, options, Progress(), preview, overwrite=True)
    assert failure.value.code == "bad_arguments"
    assert video.read_bytes() == SAMPLE.read_bytes() and camera.read_bytes() == b"measured"


def short(monkeypatch):
    """The capture of nine frames, once for the tests that look at what comes after it."""
    done = capture_module.capture(SAMPLE, replace(QUICK, end="9f"), Progress())
    monkeypatch.setattr(capture_module, "captures", lambda *_: iter([done]))


def test_a_preview_that_fails_leaves_the_motion(tmp_path, monkeypatch):
    short(monkeypatch)
    for error, code in ((Failure("disk_full", "The disk is full."), "disk_full"), (RuntimeError("a codec"), "internal")):

        def fails(*_, error=error):
            assert len(load_motion(tmp_path / "take.npz")) == 9  # it is there before the preview is drawn
            raise error

        monkeypatch.setattr(capture_module, "write_preview", fails)
        (done,), failed = capture_to_file(SAMPLE, tmp_path / "take.npz", QUICK, Progress(), tmp_path / "look.mp4")
        assert done.summary["frames"] == 9 and failed is not None and failed.code == code
        assert [path.name for path in tmp_path.iterdir()] == ["take.npz"]


def test_a_motion_whose_folder_goes_while_it_is_made_is_kept(tmp_path, monkeypatch):
    short(monkeypatch)
    whole = capture_module.captures
    (tmp_path / "out").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def unplugged(*words):
        (tmp_path / "out").rmdir()
        return whole(*words)

    monkeypatch.setattr(capture_module, "captures", unplugged)
    with pytest.raises(Failure, match="The motion is kept in") as failure:
        capture_to_file(SAMPLE, tmp_path / "out" / "take.npz", QUICK, Progress())
    (kept,) = (tmp_path / "temporary").rglob("take.npz")
    assert str(kept) in failure.value.message and len(load_motion(kept)) == 9
    shutil.rmtree(kept.parent)
    (tmp_path / "out").mkdir()
    with pytest.raises(Failure, match="cannot be written") as failure:  # it is made again from this in a second
        capture_to_file(SAMPLE, tmp_path / "out" / "take.npz", QUICK, Progress(), keep_at=tmp_path / "detection.npz")
    assert "is kept in" not in failure.value.message and not list((tmp_path / "temporary").iterdir())


SIDES = [f"{j}.{s}" for s in "LR" for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]


def test_a_part_of_a_clip_is_that_part_of_the_whole(tmp_path):
    """Left and right the same in every frame, the picture's points and the joints in the same places."""
    options = CaptureOptions(detector="full", fov=60.0)
    whole = capture_module.capture(SAMPLE, options, Progress()).motion
    first, last = len(whole) // 3, 2 * len(whole) // 3
    done = capture_module.capture(SAMPLE, replace(options, start=f"{first}f", end=f"{last}f"), Progress())
    part = done.motion
    assert list(part.frame_numbers) == list(range(first, last)) and done.summary["frames_read"] == last - first
    assert part.provenance["quality"]["frames"] == last - first
    there, here = (m.positions_camera - m.positions_camera[:, :1] for m in (whole, part))
    apart = np.linalg.norm(there[first:last] - here, axis=-1)
    assert apart.mean() < 0.005
    assert np.linalg.norm(whole.image_points[first:last] - part.image_points, axis=-1).mean() < 2.0
    joints = [part.joint(j) for j in SIDES]
    other = [part.joint(j) for j in SIDES[6:] + SIDES[:6]]
    as_named = np.linalg.norm(there[first:last, joints] - here[:, joints], axis=-1).mean(1)
    exchanged = np.linalg.norm(there[first:last, other] - here[:, joints], axis=-1).mean(1)
    assert (as_named < exchanged).all()
    assert np.allclose(part.positions_world[0, 0, :2], 0, atol=0.02)  # it begins at the origin


QUICKLY = {"detector": "full", "fov": 60.0}


def apart(whole, part):
    """(T,24) metres between the joints of a part and of the whole, as the camera sees them from the pelvis; sides must be the same."""
    rows = np.isin(whole.frame_numbers, part.frame_numbers)
    assert rows.sum() == len(part)
    there, here = (m.positions_camera - m.positions_camera[:, :1] for m in (whole, part))
    joints, other = ([part.joint(j) for j in names] for names in (SIDES, SIDES[6:] + SIDES[:6]))
    as_named, exchanged = (np.linalg.norm(there[rows][:, places] - here[:, joints], axis=-1).mean(1) for places in (joints, other))
    assert (as_named < exchanged).all()
    return np.linalg.norm(there[rows] - here, axis=-1)


@pytest.fixture(scope="module")
def sample_kept(tmp_path_factory):
    """The sample's motion, and its detection file."""
    kept = tmp_path_factory.mktemp("kept") / "detection.npz"
    return capture_module.capture(SAMPLE, CaptureOptions(detector="full", fov=60.0), Progress(), kept).motion, kept


@pytest.mark.parametrize(("start", "end"), [("", "1.1"), ("", "1.5"), ("3.5", ""), ("4.7", "")])
def test_a_short_part_that_sees_little_of_the_clip_is_that_part(sample_kept, start, end):
    """About half of the clip is looked at, or less: bones and up, the lean and the sides have other frames to go by."""
    whole, kept = sample_kept
    part = capture_module.capture(kept, CaptureOptions(fov=60.0, start=start, end=end), Progress())
    assert part.summary["frames_read"] < 0.4 * len(whole)
    assert apart(whole, part.motion).mean() < 0.005


@pytest.mark.parametrize(
    ("name", "asked", "start", "end"),
    [
        ("situations/cut.mp4", QUICKLY, "16f", "33f"), ("dev_pushup.mp4", QUICKLY, "32f", "64f"),
        ("situations/feet_outside.mp4", {}, "62f", "124f"), ("sit_stand.mp4", QUICKLY, "62f", "124f"),
        ("squats.mp4", {}, "21f", "43f"),
    ],
)  # fmt: skip
def test_a_part_shows_nothing_that_the_whole_does_not(shared, tmp_path, name, asked, start, end):
    """A part that ends a second before a cut has nothing of the next shot in it; a short clip is looked at as a whole; who sits in the part
    and walks before and behind it, or is half outside the picture, has the same bones and the same lean in both; and feet of who squats
    stand in the same place. The joints lie where those of the whole do, to 5 mm: they were 39, 6.3, 34, 12 and 7.7 mm off."""
    options, kept = CaptureOptions(**asked), tmp_path / "detection.npz"
    whole = capture_module.capture(shared / "data" / "videos" / name, options, Progress(), kept).motion
    part = capture_module.capture(kept, replace(options, start=start, end=end), Progress()).motion
    assert len(part) == int(end[:-1]) - int(start[:-1])
    assert apart(whole, part).mean() < 0.005


def test_a_shot_is_a_take_of_its_own(shared, tmp_path):
    """cut.mp4: two seconds of walk, then two of sword: each half the same as those two seconds alone, to a millimetre as the camera sees it
    and in the world, which begins at the first pelvis. With filters that still held the walker it was 8 mm off there. The second half's
    times differ by rounding, so landmarks by 0.3 pixels; one heel lies flat some frames sooner or later by that."""
    videos = shared / "data" / "videos"
    options = CaptureOptions(detector="full", fov=60.0, shot="all")
    progress = Progress()
    written, failed = capture_to_file(videos / "situations" / "cut.mp4", tmp_path / "cut.npz", options, progress, overwrite=False)
    assert failed is None and [take.path.name for take in written] == ["cut.shot1.npz", "cut.shot2.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.shot1.npz", "cut.shot2.npz"]
    assert [shot["start"] for shot in written[1].summary["shots"]] == [0.0, 2.0] and written[1].summary["shot"] == 2
    for take, first in zip(written, (0, 50), strict=True):
        half = load_motion(take.path)
        assert list(half.frame_numbers) == list(range(first, first + 50))
        alone = part_of(videos / "situations" / "cut.mp4", first, tmp_path)
        single = capture_module.capture(alone, options, Progress()).motion
        for name in ("positions_camera", "positions_world"):
            apart = np.linalg.norm(getattr(half, name) - getattr(single, name), axis=-1)
            assert apart.mean() < 0.001 and np.quantile(apart, 0.99) < 0.005 and apart.max() < 0.02


def part_of(whole, first, folder):
    """Fifty frames of a video as one of their own, without loss."""
    source, frames = cv2.VideoCapture(str(whole)), []
    while (read := source.read())[0]:
        frames.append(read[1])
    path = folder / f"from{first}.avi"
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (width, height))
    for frame in frames[first : first + 50]:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The sample's first frames beside themselves, mirrored and in other colours."""
    path = tmp_path_factory.mktemp("pair") / "pair.mp4"
    video = cv2.VideoCapture(str(SAMPLE))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (960, 480))
    for _ in range(36):
        picture = video.read()[1][:, 80:560]
        writer.write(np.hstack([picture, 255 - picture[:, ::-1, ::-1] // 2]))
    writer.release()
    return path


def test_two_people_are_a_take_each(pair, tmp_path):
    """And from what was kept of them the same, or one of them alone."""
    options = CaptureOptions(detector="full", fov=60.0, person="all")
    kept_at = tmp_path / "pair.detection.npz"
    written, failed = capture_to_file(pair, tmp_path / "pair.npz", options, Progress(), keep_at=kept_at)
    assert failed is None and [take.path.name for take in written] == ["pair.person1.npz", "pair.person2.npz"]
    motions = [load_motion(take.path) for take in written]
    sides = [float(np.median(motion.image_points[..., 0])) for motion in motions]
    assert min(sides) < 400 and max(sides) > 560
    for number, (take, motion) in enumerate(zip(written, motions, strict=True), 1):
        assert take.summary["people_seen"] == 2 and take.summary["person"] == number and len(motion) >= 30
        assert [one["number"] for one in take.summary["people"]] == [1, 2]
        np.testing.assert_allclose(motion.camera_to_world, motions[0].camera_to_world, atol=1e-6)  # one world
        assert motion.provenance["options"]["person"] == str(number) and motion.provenance["quality"]["people_seen"] == 2
        x, _, width, _ = take.summary["people"][number - 1]["box"]
        assert abs(x + width / 2 - sides[number - 1]) < 80
    assert [take.summary["world_of"] for take in written] == [1, 1]
    for number, take in enumerate(written, 1):  # one of them again: where she was, in the world of both
        height = float(motions[number - 1].provenance["options"]["height"])
        calmer = replace(options, person=str(number), smooth=0.8, height=height)
        (anew,), _ = capture_to_file(kept_at, tmp_path / f"anew{number}.npz", calmer, Progress(), world=take.path)
        there, here = motions[number - 1], load_motion(anew.path)
        np.testing.assert_allclose(here.camera_to_world, there.camera_to_world, atol=1e-6)
        assert not np.array_equal(here.rotations, there.rotations)
        off = np.linalg.norm(here.positions_world - there.positions_world, axis=-1)
        assert np.median(off) < 0.15, "metres"
        same = ("fov_degrees", "level_from", "world_of", "stature", "height_asked")
        assert {name: anew.summary.get(name) for name in same} == {name: take.summary.get(name) for name in same}
    own = replace(options, person="2")
    (later,), _ = capture_to_file(kept_at, tmp_path / "later.npz", own, Progress(), world=written[0].path)  # as all would have put her
    np.testing.assert_allclose(load_motion(later.path).positions_world, motions[1].positions_world, atol=2e-3)
    progress = Progress()
    (one,), _ = capture_to_file(kept_at, tmp_path / "left.npz", replace(options, person="left"), progress)
    left = load_motion(one.path)
    there = motions[one.summary["person"] - 1]
    np.testing.assert_array_equal(left.image_points, there.image_points)
    assert np.median(left.image_points[..., 0]) < 400
    (main,), _ = capture_to_file(kept_at, tmp_path / "main.npz", replace(options, person="main"), progress)
    np.testing.assert_array_equal(load_motion(main.path).positions_world, motions[0].positions_world)
    assert main.summary["person"] == 1 and any(code == "people" for code, _ in progress.warnings)
    with pytest.raises(Failure, match=r"There is no person 3: pair.mp4 shows 2 people") as failure:
        capture_to_file(kept_at, tmp_path / "third.npz", replace(options, person="3"), Progress())
    assert failure.value.code == "bad_arguments" and not (tmp_path / "third.npz").exists()


def test_somebody_alone_is_the_same_to_the_digit_whether_others_are_looked_for(tmp_path):
    options = CaptureOptions(detector="full", end="40f", fov=60.0)
    done = [capture_module.capture(SAMPLE, replace(options, people=people), Progress()) for people in (1, 4)]
    for name, value in vars(done[0].motion).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(done[1].motion, name), name)
    assert "people_seen" not in done[0].summary and done[1].summary["people_seen"] == 1


def test_who_is_small_in_a_wide_picture_is_captured_as_if_she_was_near(tmp_path, taken):
    """The sample at half its size in a corner of 1920x1080: 125 pixels of 1080, where the whole picture shows the networks nobody."""
    wide, place = tmp_path / "wide.mp4", (1150, 500)
    video, writer = cv2.VideoCapture(str(SAMPLE)), cv2.VideoWriter(str(wide), cv2.VideoWriter_fourcc(*"mp4v"), 30, (1920, 1080))
    hall = cv2.resize(np.random.default_rng(0).integers(60, 200, (9, 16, 3), np.uint8), (1920, 1080), interpolation=cv2.INTER_CUBIC)
    for _ in range(45):
        _, picture = video.read()
        small, (x, y) = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), place
        hall[y : y + small.shape[0], x : x + small.shape[1]] = small
        writer.write(hall)
    video.release()
    writer.release()
    near, _, _ = taken
    for people in (1, 4):
        (done,), _ = capture_to_file(wide, tmp_path / f"{people}.npz", replace(QUICK, end="", people=people), Progress())
        assert done.summary["frames_detected"] == 45 and done.summary.get("people_seen", 1) == 1
        far = load_motion(done.path)
        seen = (far.image_points - place) / 0.5 - near.image_points[:45]
        assert np.median(np.linalg.norm(seen, axis=-1)) < 6, "pixels of the sample"
        a, b = (m.positions_camera[:45] - m.positions_camera[:45, :1] for m in (near, far))
        u, _, v = np.linalg.svd(np.einsum("tji,tjk->ik", a, b))  # a corner of a wide picture is seen from another direction
        assert np.linalg.norm(a @ (u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v) - b, axis=-1).mean() < 0.07
