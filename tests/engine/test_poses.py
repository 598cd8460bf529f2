from pathlib import Path

import numpy as np
import pytest

from contract.options import DEFAULT_FOV
from contract.skeleton import BODY_22
from engine import poses as pose_module
from engine.cameras.pinhole import camera_matrix
from engine.detection import segments
from engine.detection.landmarks import LANDMARK_JOINT
from engine.footage.video import open_video
from engine.person.track import Track, make_track
from engine.poses import LIFTER_FILE, REFINER_FILE, WINDOW_FILE, PoseModel
from engine.progress import Progress
from engine.refiner.error_model import ErrorModel
from engine.refiner.noise import MixtureNoise
from engine.refiner.sampler import Ddim
from engine.torch_networks import TorchNetworks

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
MATRIX = np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]])


@pytest.fixture(scope="module")
def model():
    return PoseModel("cpu")


def a_track(seconds=1.5, fps=30.0, noise=0.0, runs=1):
    """Somebody who waves, seen by a detector that stands on the joints; `runs` stretches with a hole of a second between them."""
    count = round(seconds * fps) + 1
    times = np.concatenate([np.arange(count) / fps + r * (count / fps + 1.0) for r in range(runs)])
    base = {"pelvis": (0, 0), "spine": (0, -0.27), "chest": (0, -0.4), "neck": (0, -0.54), "head": (0, -0.66), "head_top": (0, -0.85),
            "shoulder": (0.2, -0.5), "elbow": (0.4, -0.45), "wrist": (0.55, -0.6), "hand": (0.6, -0.7), "hip": (0.09, 0),
            "knee": (0.11, 0.42),
            "ankle": (0.11, 0.83), "toe": (0.15, 0.88)}  # fmt: skip
    joints = np.array([(base[j.split(".")[0]][0] * (-1 if j.endswith(".R") else 1), base[j.split(".")[0]][1], 0.0) for j in BODY_22.joints])
    body = np.tile(joints, (len(times), 1, 1))
    body[:, [BODY_22.index("wrist.L"), BODY_22.index("hand.L")], 0] += 0.15 * np.sin(2 * np.pi * times)[:, None]
    marks = list(LANDMARK_JOINT)
    rng = np.random.default_rng(0)
    world = body[:, marks] + noise * rng.normal(size=(len(times), 33, 3))
    absolute = body[:, marks] + [0.2, 0.1, 3.5]
    image = absolute[..., :2] / absolute[..., 2:] * 600 + [320, 240]
    ones = np.ones((len(times), 33), np.float32)
    slices = [slice(r * count, (r + 1) * count) for r in range(runs)]
    return Track(
        times, image.astype(np.float32), ones, world.astype(np.float32), np.ones(len(times), bool), slices, fps, len(times), len(times)
    )


def run(model, track, matrix=MATRIX, **options):
    given = {"steps": 1, "hypotheses": 1, "seed": 0, "refiner": "frame"} | options
    return model.run(track, matrix, 1.7, progress=Progress(), **given)


def test_the_shipped_weights_see_a_person_as_tall_as_told(model):
    track = a_track()
    joints = run(model, track, refiner="window").joints
    assert joints.shape == (len(track), 22, 3) and np.allclose(joints[:, 0], 0)
    height = joints[:, BODY_22.index("toe.L"), 1] - joints[:, BODY_22.index("head_top"), 1]
    assert np.all((height > 1.4) & (height < 1.95))
    twice = model.run(track, MATRIX, 3.4 / 2 * 1.2, steps=1, hypotheses=1, seed=0, progress=Progress(), refiner="window").joints
    assert np.allclose(twice, 1.2 * joints, atol=1e-5)  # the height is a scale and nothing else


@pytest.mark.parametrize("fps", [15.0, 24000 / 1001, 25.0, 29.97, 50.0, 60.0, 120.0])
def test_the_frame_rate_does_not_matter(model, fps):
    reference = a_track(fps=30.0)
    track = a_track(fps=fps)
    at = np.arange(0.2, 1.3, 0.1)
    a, b = run(model, reference, steps=0).joints, run(model, track, steps=0).joints
    wrist = BODY_22.index("wrist.L")
    for axis in range(3):
        one, other = (np.interp(at, t.times, j[:, wrist, axis]) for t, j in ((reference, a), (track, b)))
        assert np.abs(one - other).max() < 0.03
    assert np.linalg.norm(a.mean(0) - b.mean(0), axis=-1).max() < 0.015


def test_chunks_have_no_seams(model, monkeypatch):
    track = a_track(4.0, noise=0.02)
    whole = run(model, track, steps=0).joints
    monkeypatch.setattr(pose_module, "CHUNK", 40)
    assert np.abs(run(model, track, steps=0).joints - whole).max() < 1e-5


@pytest.mark.parametrize("hypotheses", [1, 2])
def test_chunks_of_windows_have_no_seams(model, monkeypatch, hypotheses):
    track = a_track(4.0, noise=0.02)
    whole = run(model, track, refiner="window", hypotheses=hypotheses)
    monkeypatch.setattr(pose_module, "CHUNK", 45)  # odd, so that pieces begin with frames that are refined and with those in between
    pieces = run(model, track, refiner="window", hypotheses=hypotheses)
    assert np.abs(pieces.up - whole.up).max() < 1e-5
    if hypotheses == 1:
        assert np.abs(pieces.joints - whole.joints).max() < 1e-4


def test_a_short_take_is_lifted_once_and_a_long_one_is_the_same(model, monkeypatch):
    track = a_track(noise=0.02, runs=2)
    calls, lift = [], model.networks.lift
    monkeypatch.setattr(model.networks, "lift", lambda *inputs: calls.append(len(inputs[0])) or lift(*inputs))
    once = run(model, track, refiner="window")
    assert calls == [2, 2]  # each run once, together with its mirror image
    monkeypatch.setattr(pose_module, "CHUNK", 50)  # a run is still one piece, but both are more than one
    twice = run(model, track, refiner="window")
    assert len(calls) == 2 + 4
    np.testing.assert_array_equal(once.joints, twice.joints)
    np.testing.assert_array_equal(once.up, twice.up)


def test_windows_have_an_up_and_are_told_another(model):
    track = a_track(1.0, noise=0.02)
    found = run(model, track, refiner="window")
    assert found.up.shape == (3,) and np.linalg.norm(found.up) == pytest.approx(1.0, abs=1e-5)
    assert found.up @ [0, -1, 0] > np.cos(np.radians(40)) and 0 < found.up_error < np.radians(90)  # somebody stands before the camera
    assert np.allclose(run(model, track).up, found.up) and np.allclose(run(model, track, steps=0).up, found.up)
    told = run(model, track, refiner="window", ups=np.tile(found.up, (len(track), 1)))
    assert told.up is None and np.abs(told.joints - found.joints).max() < 0.03  # the same up, but surer
    aslant = np.tile([np.sin(0.7), -np.cos(0.7), 0.0], (len(track), 1))
    assert np.abs(run(model, track, refiner="window", ups=aslant).joints - told.joints).max() > 1e-3


def test_a_part_has_the_up_of_its_own_time(model, monkeypatch):
    """The camera is held askew in the second half: the first is refined as it is alone, and not towards an up between the two."""
    whole, first = a_track(8.0, noise=0.02), a_track(4.0, noise=0.02)
    half = len(first)
    turn = np.array([[np.cos(0.6), np.sin(0.6)], [-np.sin(0.6), np.cos(0.6)]], np.float32)
    for points in (whole.image, whole.world):
        middle = np.array([320, 240], np.float32) if points is whole.image else np.zeros(2, np.float32)
        points[half:, :, :2] = (points[half:, :, :2] - middle) @ turn.T + middle
    first.world[:] = whole.world[:half]

    def apart():
        both, alone = (run(model, track, refiner="window") for track in (whole, first))
        return np.linalg.norm(both.joints[: half - 60] - alone.joints[: half - 60], axis=-1).mean()

    near = apart()
    monkeypatch.setattr(pose_module, "UP_SECONDS", 60.0)  # the mean of all that is seen, as good as
    assert near < 5e-4 and near < apart() / 5


def test_windows_draw_by_their_seed(model):
    track = a_track(0.5, noise=0.02)
    first, again, other = (run(model, track, hypotheses=3, seed=s, refiner="window") for s in (5, 5, 6))
    assert np.array_equal(first.joints, again.joints) and np.array_equal(first.spread, again.spread)
    assert not np.array_equal(first.joints, other.joints) and np.median(first.spread[:, 1:]) > 1e-3
    two_steps = run(model, track, steps=2, refiner="window")
    assert np.isfinite(two_steps.joints).all() and not np.array_equal(two_steps.joints, run(model, track, refiner="window").joints)


def test_runs_do_not_see_each_other(model):
    both, first = a_track(1.0, runs=2, noise=0.02), a_track(1.0, runs=1, noise=0.02)
    assert np.allclose(run(model, both, steps=0).joints[: len(first)], run(model, first, steps=0).joints, atol=2e-3)


def test_one_seed_one_result_and_hypotheses_that_differ(model):
    track = a_track(0.5, noise=0.02)
    first, again, other = (run(model, track, hypotheses=3, seed=s) for s in (5, 5, 6))
    assert np.array_equal(first.joints, again.joints) and np.array_equal(first.spread, again.spread)
    assert not np.array_equal(first.joints, other.joints)
    assert np.all(first.spread[:, 1:] > 0) and np.allclose(first.spread[:, 0], 0)
    assert np.median(first.spread[:, 1:]) < 0.1
    assert not run(model, track).spread.any()


def test_hypotheses_last_over_frames_and_chunks(model, monkeypatch):
    """A hypothesis that keeps its error does not shake: the spread and the mean move less from frame to frame than where each is new."""
    track, shipped = a_track(1.0, noise=0.02), model.noise.errors.classes[0]
    joints = len(BODY_22)

    def spread(seconds):
        errors = ErrorModel((shipped,), np.zeros((joints, 0)), np.full((joints, 5), seconds), np.full(joints, seconds))
        monkeypatch.setattr(model, "noise", MixtureNoise(model.noise.schedule, model.noise.start_step, errors))
        return run(model, track, hypotheses=2).spread[:, 1:]

    each, whole = spread(0.0), spread(0.5)
    monkeypatch.setattr(pose_module, "REFINE_CHUNK", 7)
    pieces = spread(0.5)
    for lasting in (whole, pieces):
        assert np.abs(np.diff(lasting, axis=0)).mean() / lasting.mean() < 0.6 * np.abs(np.diff(each, axis=0)).mean() / each.mean()
    jumps = np.abs(np.diff(pieces, axis=0)).mean(1)
    assert jumps[6::7].mean() < 2.0 * jumps.mean()  # no seam where a chunk ends


def test_larger_batches_draw_the_same_noise_and_notices_are_told(model, monkeypatch):
    """As on CUDA: one call for many frames gives what many calls give, and why it is slow, where it is, reaches the progress."""

    own = model.networks.refiner

    class Whole:
        batch, sizes = 4096, []

        def __call__(self, x, t, p=None):
            return own(x, t, p)

        def sample(self, schedule, x, guide, times):
            self.sizes.append(len(x))
            return Ddim(schedule).sample(lambda x, t, p: self(x, t, p), x, guide, times)

    monkeypatch.setattr(pose_module, "REFINE_CHUNK", 5)
    track, progress = a_track(0.5, noise=0.02), Progress()
    expected = run(model, track, hypotheses=3)
    monkeypatch.setattr(model.networks, "refiner", Whole())
    monkeypatch.setattr(model, "notices", [("slow_refiner", "It is slow.")])
    got = model.run(track, MATRIX, 1.7, steps=1, hypotheses=3, seed=0, progress=progress, refiner="frame")
    assert Whole.sizes == [3 * len(track)]
    assert np.allclose(got.joints, expected.joints, atol=1e-4) and np.allclose(got.spread, expected.spread, atol=1e-4)
    assert progress.warnings == [("slow_refiner", "It is slow.")]


@pytest.mark.parametrize("refiner", ["window", "frame"])
def test_onnx_runtime_gives_torchs_joints(model, monkeypatch, refiner):
    """Of the shipped networks on somebody who moves: to a fiftieth of a millimetre, of whose joints are 0.05 mm allowed."""
    track = a_track(2.0, noise=0.02)
    found = run(model, track, refiner=refiner)
    monkeypatch.setattr(model, "networks", TorchNetworks("cpu", LIFTER_FILE, REFINER_FILE, WINDOW_FILE, lambda *_: None))
    exact = run(model, track, refiner=refiner)
    assert np.abs(found.joints - exact.joints).max() < 2e-5 and np.abs(found.up - exact.up).max() < 1e-5
    assert model.precision == "fp32"


@pytest.mark.parametrize("refiner", ["window", "frame"])
def test_a_single_frame_is_enough(model, refiner):
    assert np.isfinite(run(model, a_track(0.0), refiner=refiner).joints).all()


def test_progress_covers_every_frame(model):
    events = []
    track = a_track(1.0, runs=2)
    model.run(track, MATRIX, 1.7, steps=1, hypotheses=1, seed=0, progress=Progress(lambda name, fields: events.append(fields)))
    for stage in ("lift", "refine"):
        mine = [e for e in events if e["stage"] == stage]
        assert mine[0]["done"] == 0 and mine[-1]["done"] == mine[-1]["total"] == len(track)


def test_trunks_are_as_long_as_people_s(model):
    """Shoulders over hips, by thigh and shin together: 0.59 of people (Drillis and Contini 1966: 0.288 of the stature, and 0.491), 0.55 of
    the bodies of which the pictures are rendered. A lifter that learns those makes everybody 7 % shorter, and taller people lean."""
    progress = Progress()
    progress.stage("start")
    video = open_video(SAMPLE, progress)
    track = make_track(segments.detect(video, None, (1.5, "s"), progress), video.info, progress)
    matrix = camera_matrix((video.info.width, video.info.height), DEFAULT_FOV)
    for steps in (0, 1):
        joints = run(model, track, steps=steps, refiner="window", matrix=matrix).joints.astype(float)
        at = {name: joints[:, k] for k, name in enumerate(BODY_22.joints)}
        trunk = (at["shoulder.L"] + at["shoulder.R"] - at["hip.L"] - at["hip.R"]) / 2
        legs = sum(
            np.linalg.norm(at[f"{end}.{side}"] - at[f"{start}.{side}"], axis=-1)
            for start, end in (("hip", "knee"), ("knee", "ankle"))
            for side in "LR"
        )
        share = float(np.median(2 * np.linalg.norm(trunk, axis=-1) / legs))
        assert 0.55 < share < 0.64
