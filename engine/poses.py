"""From a track to joints in space: the lifter's guess, which way is up, then the diffusion refiner over windows of two seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from contract.options import NO_REFINER
from contract.skeleton import BODY_22
from engine.arrays import unit
from engine.lifter.codec import NETWORK_FPS, Encoded, camera_up, decode
from engine.lifter.layout import GravityLayout, LifterConfig
from engine.lifter.track_run import TrackRun
from engine.long_takes import Columns, each, joined, made, mapped
from engine.networks import Files, choose_device, load_networks
from engine.person.track import Track
from engine.progress import Progress
from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.layout import STRIDE, WindowConfig
from engine.refiner.noise import AMPLITUDE, Frames, MixtureNoise
from engine.refiner.sampler import Ddim, WholeSampler, refine
from engine.refiner.schedule import Schedule
from engine.refiner.state import GUIDE_SIGNS, METRES, confidence_of, guides, pose_of, states
from engine.refiner.window_run import Lifted, as_runs, lift_both_ways, refine_runs

LIFTER_FILE, REFINER_FILE, WINDOW_FILE = Files.lifter, Files.refiner, Files.window
CHUNK = 2048  # frames lifted at once: bounds the memory for long videos; chunks overlap by the lifter's reach, so no seam is seen
LARGER_ERROR = 2.0  # a claim of the network that finds up is widened by this much: footage is read worse than renderings
# What the refiner is told of up was found about so far around a frame (standard deviation, seconds): of who sits in one half of a take and
# stands in the other, or goes half out of the picture, the mean fits neither, and a part of the take had another than the whole.
UP_SECONDS = 1.0
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
        refiner: str = "window", ups: Array | None = None, turns: Array | None = None,
    ) -> Poses:  # fmt: skip
        """Joints of every frame of the track. The same seed gives the same result on the same device.

        refiner, left out by "none" and by `steps` 0: "frame" is the paper's, which sees single frames, "window" looks at two seconds at a
        time and knows which way is up.
        ups (K,3): up in camera axes at the track's frames, where the camera is known; else it is found, in the axes that `turns` (K,3,3)
        turns each frame's camera axes to; None: the camera stands still.
        """
        steps = 0 if refiner == NO_REFINER else steps
        lifting = _Lifting(self, track, camera_matrix, progress, turns)
        if steps and refiner == "window":
            return self._over_time(lifting, height, _Draws(self, steps, hypotheses, seed), ups)
        found = self._frame_by_frame(lifting, height, _Refinement(self, steps, hypotheses, seed, lifting.advance), ups is None)
        for notice in self.notices if steps else ():
            progress.warning(*notice)
        return found

    def _over_time(self, lifting: _Lifting, height: float, draws: _Draws, ups: Array | None) -> Poses:
        """Refined two seconds at a time. The take is looked at twice: once to find up, and then to be refined."""
        lifting.keep()
        up, error = (None, KNOWN_UP_ERROR) if ups is not None else lifting.lifted(True)[1:]

        def refined(run: TrackRun, seen: slice) -> Columns:
            lifted = lifting.lift(run, seen)
            rotation = lifted.encoded.rotation
            if ups is None:
                towards, unsure = lifting.up_around(run, seen)
            else:
                towards, unsure = lifting.at(run, seen, ups), np.full(rotation.shape[1], error)
            view_up = (towards.astype(np.float32)[None, :, None] @ rotation)[..., 0, :]
            pose, apart = draws.refined(lifted, view_up, unsure.astype(np.float32)[None], seen.start)
            return decode(pose, rotation, height)[0], height * apart[0]

        lifting.begin("refine")
        found = []
        for run in lifting.runs:
            draws.begin()
            found.append(run.on_track(*lifting.made(refined, run, self.lifter_reach + self.window_reach)))
        return _poses(found, up, error)

    def _frame_by_frame(self, lifting: _Lifting, height: float, refine: _Refinement, find_up: bool) -> Poses:
        """Refined by the paper's refiner, which sees single frames, or not at all."""
        lifted, up, error = lifting.lifted(find_up)
        if refine.steps:
            lifting.begin("refine")
        found = []
        for run in lifting.runs:
            refined = partial(_refined_frames, lifted.pop(0), height, refine, LastFrame())
            found.append(run.on_track(*made(partial(refined, run), len(run), size=refine.piece, beside=run.looked_at)))
        return _poses(found, up, error)


def _refined_frames(poses: Floats, height: float, refine: _Refinement, last: LastFrame, run: TrackRun, seen: slice) -> Columns:
    """(T,22,3) metres of the run's `poses` in statures and view axes, and (T,22) metres how far the hypotheses differ."""
    encoded, visibility = run.encode(seen.start, seen.stop)
    pose, differ = poses[None, seen].copy(), np.zeros((seen.stop - seen.start, len(BODY_22)), np.float32)
    for part in refine.parts(len(differ)):
        pose[0, part], apart = refine(encoded, visibility, pose, part, seen.start, last)
        differ[part] = height * apart
    return decode(pose, encoded.rotation, height)[0], differ


def _poses(found: Sequence[Columns], up: Array | None, error: float) -> Poses:
    """Of the runs that were found, joints and spread each."""
    joints, spread = (joined(columns) for columns in zip(*found, strict=True))
    # a spline swings below zero beside a steep rise
    return Poses(joints, mapped(lambda some: np.maximum(some, 0.0), spread), up, 0.0 if up is None else error)


class _Lifting:
    """The lifter at work on the runs of a take, at the networks' rate."""

    def __init__(self, model: PoseModel, track: Track, camera_matrix: Array, progress: Progress, turns: Array | None = None) -> None:
        self._model, self._track, self._progress, self.turns = model, track, progress, turns
        self.runs = [TrackRun(track, run, camera_matrix) for run in track.runs]
        self._frames, self._done = sum(len(run) for run in self.runs), 0
        self._kept: dict[TrackRun, Lifted] | None = None
        self._ups: dict[TrackRun, tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}  # once found: (T,3), and its error (T,) in radians

    def keep(self) -> None:
        """The take will be looked at again: one of one piece (a minute, nearly every one) is lifted once and kept in between; of a longer
        one each piece is lifted again, as all of them together would need too much memory."""
        self._kept = {} if self._frames <= CHUNK else None

    def begin(self, stage: str) -> None:
        """A stage of the progress over all frames."""
        self._progress.stage(stage, self._frames)
        self._done = 0

    def advance(self, frames: int) -> None:
        """So many frames more are done."""
        self._done += frames
        self._progress.advance(self._done)

    def made(self, stage: Callable[[TrackRun, slice], Columns], run: TrackRun, reach: int) -> Columns:
        """What the stage makes of a run, `reach` frames beyond what it gives."""
        return made(partial(stage, run), len(run), reach, CHUNK, run.looked_at, done=self.advance)

    def lift(self, run: TrackRun, seen: slice) -> Lifted:
        """The run's frames `seen`."""
        if self._kept is not None and run in self._kept:
            return self._kept[run]
        encoded, visibility = run.encode(seen.start, seen.stop)
        lifted = lift_both_ways(self._model.networks.lift, encoded, visibility)
        if self._kept is not None:
            self._kept[run] = lifted
        return lifted

    def at(self, run: TrackRun, seen: slice, values: Array) -> Array:
        """Values (K,...) of the track's frames -> those at the times of the run's frames `seen`."""
        return np.asarray(values[np.searchsorted(self._track.times, run.grid[seen]).clip(0, len(self._track) - 1)])

    def up_around(self, run: TrackRun, seen: slice) -> tuple[Array, Array]:
        """(T,3) up in camera axes as it was found around each of the run's frames `seen`, and (T,) its error in radians."""
        reach = round(4 * UP_SECONDS * NETWORK_FPS)
        near = slice(max(0, seen.start - reach), min(len(run), seen.stop + reach))
        ups, own = (columns[near].astype(np.float64) for columns in self._ups[run])
        if self.turns is not None:
            ups = np.einsum("tij,tj->ti", self.at(run, near, self.turns), ups)
        said = np.concatenate([ups / own[:, None] ** 2, own[:, None] ** -1.0, own[:, None] ** -2.0], 1)
        said = gaussian_filter1d(said, UP_SECONDS * NETWORK_FPS, axis=0, mode="constant")[seen.start - near.start : seen.stop - near.start]
        ups = said[:, :3] / np.maximum(np.linalg.norm(said[:, :3], axis=-1, keepdims=True), 1e-9)
        if self.turns is not None:
            ups = np.einsum("ti,tij->tj", ups, self.at(run, seen, self.turns))
        return ups, LARGER_ERROR * said[:, 3] / said[:, 4]

    def lifted(self, find_up: bool) -> tuple[list[Floats], Array | None, float]:
        """The lifter's poses (T,22,3) of every run, statures, view axes; and where it is to be found, up (3,) in the axes of a camera that
        stands still with its error in radians: the mean over all frames, the sure ones most."""

        def guessed(run: TrackRun, seen: slice) -> Columns:
            lifted = self.lift(run, seen)
            if not find_up:
                return (lifted.guess[0],)
            rotation = lifted.encoded.rotation
            up, error = self._model.networks.find_up(lifted.encoded.features, lifted.guess, camera_up(rotation))
            return lifted.guess[0], np.einsum("tij,tj->ti", rotation[0], up[0]), error[0]

        def weighed(up: Floats, error: Floats, turns: Array | None) -> tuple[Array, float, float]:
            own = error.astype(np.float64)
            seen = up if turns is None else np.einsum("tij,tj->ti", turns, up)
            return (seen / own[:, None] ** 2).sum(0), float((1.0 / own).sum()), float((own**-2).sum())

        self.begin("lift")
        reach = self._model.lifter_reach + (self._model.gravity_reach if find_up else 0)
        found = [self.made(guessed, run, reach) for run in self.runs]
        poses = [columns[0] for columns in found]
        self._ups = {run: (columns[1], columns[2]) for run, columns in zip(self.runs, found, strict=True) if find_up}
        if not find_up:
            return poses, None, 0.0
        turned = [None if self.turns is None else self.at(run, slice(None), self.turns) for run in self.runs]
        sums = [one for columns, turns in zip(found, turned, strict=True) for one in each(weighed, *columns[1:], turns)]
        total, claim, weight = (sum(some) for some in zip(*sums, strict=True))
        return poses, unit(total), LARGER_ERROR * claim / weight


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

    def __init__(self, model: PoseModel, steps: int, hypotheses: int, seed: int, advance: Callable[[int], None]) -> None:
        self._model, self.steps, self._hypotheses, self._advance = model, steps, hypotheses, advance
        self._amplitude = AMPLITUDE if hypotheses > 1 else 0.0
        self._generator = np.random.default_rng(seed)
        # On CUDA several of these go together; the noise is still drawn for one after the other, so that all devices draw the same.
        network = model.networks.refiner
        several = max(1, network.batch // (REFINE_CHUNK * hypotheses)) if isinstance(network, WholeSampler) else 1
        self._batch = several * REFINE_CHUNK
        self.piece = self._batch * max(1, CHUNK // self._batch)  # frames encoded at once: whole batches

    def parts(self, frames: int) -> list[slice]:
        """The frames of a piece in batches; none where nothing is refined."""
        if not self.steps:
            return []
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
        visited = noise.schedule.times(step, self.steps)
        sampler = Ddim(noise.schedule)
        refined = refine(self._model.networks.refiner, BODY_22, sampler, start, guide, visited, flip=False, guide_signs=GUIDE_SIGNS)
        self._advance(part.stop - part.start)
        return pose_of(refined.pose), refined.spread / METRES
