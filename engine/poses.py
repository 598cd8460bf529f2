"""From a track to joints in space: the lifter's guess, which way is up, then the diffusion refiner over windows of two seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.options import DEFAULT_REFINER
from contract.skeleton import BODY_22
from engine.arrays import unit
from engine.lifter.codec import NETWORK_FPS, Encoded, camera_up, decode
from engine.lifter.layout import GravityLayout, LifterConfig
from engine.lifter.track_run import TrackRun
from engine.long_takes.scratch import let_go, long_array
from engine.long_takes.windows import pieces
from engine.networks import Files, choose_device, load_networks
from engine.person.track import Track
from engine.progress import Progress
from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.layout import STRIDE, WindowConfig
from engine.refiner.noise import AMPLITUDE, Frames, MixtureNoise
from engine.refiner.sampler import Ddim, WholeSampler, refine
from engine.refiner.schedule import Schedule
from engine.refiner.state import GUIDE_SIGNS, METRES, confidence_of, guides, pose_of, states
from engine.refiner.window_run import Lifted, as_runs, refine_runs

LIFTER_FILE, REFINER_FILE, WINDOW_FILE = Files.lifter, Files.refiner, Files.window
CHUNK = 2048  # frames lifted at once: bounds the memory for long videos; chunks overlap by the lifter's reach, so no seam is seen
LARGER_ERROR = 2.0  # a claim of the network that finds up is widened by this much: footage is read worse than renderings
KNOWN_UP_ERROR = math.radians(1.0)  # of a camera that was solved or animated
REFINE_CHUNK = 256  # frames refined between two progress events, more where the refiner likes larger batches

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Poses:
    """joints (T,22,3): metres, camera axes, pelvis at the origin, BODY_22; spread (T,22) metres: the hypotheses' disagreement."""

    joints: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]
    up: Array | None = None  # (3,) unit, where it was found: in the axes of the camera, or of the middle of one that turns
    up_error: float = 0.0  # radians, one standard deviation an axis


class PoseModel:
    """The shipped lifter and refiners on one device: `cpu`, or `cuda` where a torch with CUDA is installed."""

    def __init__(
        self, device: str = "auto", lifter_file: Path = LIFTER_FILE, refiner_file: Path = REFINER_FILE, window_file: Path = WINDOW_FILE
    ) -> None:
        self.device = choose_device(device)
        self.notices: list[tuple[str, str]] = []  # why the refiner is slower than it could be, if it is; run tells it
        files = Files(lifter_file, refiner_file, window_file)
        self.networks = load_networks(self.device, files, lambda code, message: self.notices.append((code, message)))
        lifter, refiner, window = (self.networks.weights[name] for name in ("lifter", "refiner", "window"))
        self.sha256 = {name: stored.sha256 for name, stored in self.networks.weights.items()}
        self.noise = MixtureNoise(Schedule(), int(refiner.header["start_step"]), ErrorModel.from_tensors(refiner.tensors))
        self.lifter_reach = LifterConfig.from_dict(lifter.header["layout"]).reach
        self.gravity_reach = GravityLayout.from_dict(window.header["gravity_layout"]).reach
        self.window_reach = STRIDE * WindowConfig.from_dict(window.header["layout"]).reach
        self.window_step = int(window.header["start_step"])

    @property
    def precision(self) -> str:
        """What the refiner multiplies in, see `networks.Networks`."""
        return self.networks.precision

    def run(
        self, track: Track, camera_matrix: Array, height: float, *, steps: int, hypotheses: int, seed: int, progress: Progress,
        refiner: str = DEFAULT_REFINER, ups: Array | None = None, turns: Array | None = None,
    ) -> Poses:  # fmt: skip
        """Joints of every frame of the track. `steps` 0 leaves the refiner out. The same seed gives the same result on the same device.

        refiner: "frame" is the paper's, which sees single frames, "window" looks at two seconds at a time and knows which way is up.
        ups (K,3): up in camera axes at the track's frames, where the camera is known; else it is found, in the axes that `turns` (K,3,3)
        turns each frame's camera axes to; None: the camera stands still.
        """
        over_time = _OverTime(self, track, camera_matrix, height, progress, turns)
        if steps and refiner == "window":
            return over_time.refined(steps, hypotheses, seed, ups)
        lifted, up, error = over_time.lifted(ups is None)
        runs, frames = over_time.runs, over_time.frames
        found = _OnTrack(len(track))
        refine = _Refinement(self, steps, hypotheses, seed)
        if steps:
            progress.stage("refine", frames)
        done = 0
        for place, run in zip(track.runs, runs, strict=True):
            poses = lifted.pop(0)
            differ = long_array(poses.shape[:-1])
            last = LastFrame()
            for a in range(0, len(run), refine.piece):
                b = min(a + refine.piece, len(run))
                encoded, visibility = run.encode(a, b)
                pose = poses[None, a:b].copy()
                if steps:
                    for part in refine.parts(b - a):
                        pose[0, part], apart = refine(encoded, visibility, pose, part, a, last)
                        differ[a + part.start : a + part.stop] = height * apart
                        done += part.stop - part.start
                        progress.advance(done)
                poses[a:b] = decode(pose, encoded.rotation, height)[0]
                let_go(poses, differ)
            found.put(place, run, poses, differ)
        if steps:
            for notice in self.notices:
                progress.warning(*notice)
        return Poses(found.joints, found.spread, up, error)


class _OnTrack:
    """What was found at the networks' rate, brought to the track's own T frames: `joints` (T,22,3) and `spread` (T,22) as in `Poses`."""

    def __init__(self, frames: int) -> None:
        self.joints, self.spread = long_array((frames, len(BODY_22), 3)), long_array((frames, len(BODY_22)))

    def put(self, place: slice, run: TrackRun, poses: Floats, differ: Floats) -> None:
        """Those of one run (R,22,3) and (R,22), which has the track's frames `place`."""
        for part in pieces(len(run.times), poses, differ, self.joints, self.spread):
            rows = slice(place.start + part.start, place.start + part.stop)
            self.joints[rows] = run.resample(poses, part)
            # a spline swings below zero beside a steep rise
            self.spread[rows] = np.maximum(run.resample(differ, part), 0.0)


class _OverTime:
    """The lifter and the refiner over windows at work on a take, which is looked at twice: once to find up, and then to be refined.

    A take of one piece (a minute, nearly every one) is lifted once and kept in between; of a longer one each piece is lifted again, as all
    of them together would need too much memory.
    """

    def __init__(
        self, model: PoseModel, track: Track, camera_matrix: Array, height: float, progress: Progress, turns: Array | None = None
    ) -> None:
        self._turns = turns
        self._model, self._track, self._height, self._progress = model, track, height, progress
        self.runs = [TrackRun(track, run, camera_matrix) for run in track.runs]
        self.frames = sum(len(run) for run in self.runs)
        self._kept: dict[tuple[TrackRun, int, int], Lifted] | None = None  # what was lifted, of a take that will be looked at again

    def refined(self, steps: int, hypotheses: int, seed: int, ups: Array | None) -> Poses:
        """As `PoseModel.run`."""
        self._kept = {} if self.frames <= CHUNK else None
        up, error = (None, KNOWN_UP_ERROR) if ups is not None else self.lifted(True)[1:]
        if up is not None and self._turns is not None:
            ups = up @ self._turns
        self._progress.stage("refine", self.frames)
        found = _OnTrack(len(self._track))
        draws, done = _Draws(self._model, steps, hypotheses, seed), 0
        for place, run in zip(self._track.runs, self.runs, strict=True):
            poses, differ = long_array((len(run), len(BODY_22), 3)), long_array((len(run), len(BODY_22)))
            draws.begin()
            for start in range(0, len(run), CHUNK):
                stop = min(len(run), start + CHUNK)
                lifted, first = self._lift(run, start, stop, self._model.window_reach)
                rotation, kept = lifted.encoded.rotation, slice(start - first, stop - first)
                last = first + rotation.shape[1]
                if up is None or ups is not None:
                    seen = self._ups(run, ups, first, last)
                else:
                    seen = np.broadcast_to(up.astype(np.float32), (*rotation.shape[:2], 3))
                view_up = (seen[..., None, :] @ rotation)[..., 0, :]
                pose, apart = draws.refined(lifted, view_up, np.full_like(view_up[..., 0], error), first)
                poses[start:stop] = decode(pose[:, kept], rotation[:, kept], self._height)[0]
                differ[start:stop] = self._height * apart[0, kept]
                let_go(poses, differ)
                done += stop - start
                self._progress.advance(done)
            found.put(place, run, poses, differ)
        return Poses(found.joints, found.spread, up, 0.0 if up is None else error)

    def _lift(self, run: TrackRun, start: int, stop: int, around: int) -> tuple[Lifted, int]:
        """The run's frames from `start` to `stop` and `around` more on either side, lifted; and the first of them."""
        reach = around + self._model.lifter_reach
        a, b = max(0, start - reach), min(len(run), stop + reach)
        if self._kept is not None and (run, a, b) in self._kept:
            return self._kept[run, a, b], a
        encoded, visibility = run.encode(a, b)
        lifted = Lifted(encoded, visibility, *self._model.networks.lift(encoded.features, encoded.base))
        if self._kept is not None:
            self._kept[run, a, b] = lifted
        return lifted, a

    def lifted(self, find_up: bool) -> tuple[list[Floats], Array | None, float]:
        """The lifter's poses (T,22,3) of every run, statures, view axes; and where it is to be found, up (3,) in the axes of a camera that
        stands still with its error in radians: the mean over all frames, the sure ones most."""
        self._progress.stage("lift", self.frames)
        total, claim, weight, done = np.zeros(3), 0.0, 0.0, 0
        poses = [long_array((len(run), len(BODY_22), 3)) for run in self.runs]
        for run, pose in zip(self.runs, poses, strict=True):
            for start in range(0, len(run), CHUNK):
                stop = min(len(run), start + CHUNK)
                lifted, first = self._lift(run, start, stop, self._model.gravity_reach if find_up else 0)
                rotation, kept = lifted.encoded.rotation, slice(start - first, stop - first)
                pose[start:stop] = lifted.guess[0, kept]
                let_go(pose)
                if find_up:
                    up, error = self._model.networks.find_up(lifted.encoded.features, lifted.guess, camera_up(rotation))
                    own = error[0, kept].astype(np.float64)
                    seen = np.einsum("tij,tj->ti", rotation[0, kept], up[0, kept])
                    if self._turns is not None:
                        seen = np.einsum("tij,tj->ti", self._turns[self._at(run, start, stop)], seen)
                    total = total + (seen / own[:, None] ** 2).sum(0)
                    claim, weight = claim + float((1.0 / own).sum()), weight + float((own**-2).sum())
                done += stop - start
                self._progress.advance(done)
        if not find_up:
            return poses, None, 0.0
        return poses, unit(total), LARGER_ERROR * claim / weight

    def _ups(self, run: TrackRun, ups: Array | None, first: int, last: int) -> Floats:
        """(1,T,3) the known ups (K,3) of the track's frames at the networks' times `first` to `last` of the run."""
        assert ups is not None  # or else up was found
        return ups[self._at(run, first, last)].astype(np.float32)[None]

    def _at(self, run: TrackRun, first: int, last: int) -> npt.NDArray[np.int64]:
        """Which of the track's frames lie at the networks' times `first` to `last` of the run."""
        return np.searchsorted(self._track.times, run.grid[first:last]).clip(0, len(self._track) - 1)


class _Draws:
    """The hypotheses of the refiner over windows: the guess alone, or several drawn around it, whose draws depend on the seed only."""

    def __init__(self, model: PoseModel, steps: int, hypotheses: int, seed: int) -> None:
        self._model, self._steps, self._hypotheses = model, steps, hypotheses
        self._noise = MixtureNoise(Schedule(), model.window_step, model.noise.errors)
        self._generator = np.random.default_rng(seed)
        self._last = LastFrame()

    def begin(self) -> None:
        """A new run, unrelated to the one before."""
        self._last = LastFrame()

    def refined(self, lifted: Lifted, up: Floats, error: Floats, first: int) -> tuple[Floats, Floats]:
        """(1,T,22,3) the mean of the hypotheses, statures, and (1,T,22) how far they differ. The piece begins with frame `first`."""
        begin = -first % STRIDE  # whatever the piece, the same frames of the run
        if self._hypotheses == 1:
            times = self._noise.schedule.times(self._model.window_step, self._steps)
            pose: Floats = refine_runs(self._model.networks.refine_window, lifted, up, error, times, begin)
            return pose, np.zeros_like(pose[..., 0])
        shape = lifted.guess.shape[:2]
        guess = as_runs(states(lifted.encoded, lifted.guess), shape)[0, begin::STRIDE]
        guide = as_runs(guides(lifted.encoded, lifted.visibility), shape)[0, begin::STRIDE]
        clock = (first + begin + STRIDE * np.arange(len(guess))) / NETWORK_FPS
        known = Frames(confidence_of(guide), clock, self._last)
        moved, step = self._noise.start(guess, self._hypotheses, AMPLITUDE, self._generator, known)
        times = self._noise.schedule.times(step, self._steps)
        network = self._model.networks.refine_window
        each = np.concatenate([refine_runs(network, lifted, up, error, times, begin, one[None]) for one in moved])
        mean = each.mean(0, keepdims=True)
        return mean, np.sqrt(((each - mean) ** 2).sum(-1).mean(0, keepdims=True))


class _Refinement:
    """The refiner at work on a take, whose draws depend on the seed and on nothing else."""

    def __init__(self, model: PoseModel, steps: int, hypotheses: int, seed: int) -> None:
        self._model, self._steps, self._hypotheses = model, steps, hypotheses
        self._amplitude = AMPLITUDE if hypotheses > 1 else 0.0
        self._generator = np.random.default_rng(seed)
        # On CUDA several of these go together; the noise is still drawn for one after the other, so that all devices draw the same.
        network = model.networks.refiner
        several = max(1, network.batch // (REFINE_CHUNK * hypotheses)) if isinstance(network, WholeSampler) else 1
        self._batch = several * REFINE_CHUNK
        self.piece = self._batch * max(1, CHUNK // self._batch)  # frames encoded at once: whole batches

    def parts(self, frames: int) -> list[slice]:
        """The frames of a piece in batches."""
        return [slice(a, min(a + self._batch, frames)) for a in range(0, frames, self._batch)]

    def __call__(
        self, encoded: Encoded, visibility: Floats, pose: Floats, part: slice, begins: int, last: LastFrame
    ) -> tuple[Floats, Floats]:
        """(T,22,3) the refined poses of the piece's frames `part`, in statures, and (T,22) how far the hypotheses differ.

        The piece begins with frame `begins` of its run, in which `last` is the frame before.
        """
        noise = self._model.noise
        guess, guide = states(encoded, pose)[part], guides(encoded, visibility)[part]
        times, sure = np.arange(begins + part.start, begins + part.stop) / NETWORK_FPS, confidence_of(guide)
        drawn = [
            noise.start(guess[few], self._hypotheses, self._amplitude, self._generator, Frames(sure[few], times[few], last))
            for few in (slice(a, a + REFINE_CHUNK) for a in range(0, len(guess), REFINE_CHUNK))
        ]
        start, step = np.concatenate([chunk for chunk, _ in drawn], 1), drawn[0][1]
        visited = noise.schedule.times(step, self._steps)
        sampler = Ddim(noise.schedule)
        refined = refine(self._model.networks.refiner, BODY_22, sampler, start, guide, visited, flip=False, guide_signs=GUIDE_SIGNS)
        return pose_of(refined.pose), refined.spread / METRES
