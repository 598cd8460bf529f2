"""From a track to joints in space: the lifter's guess, which way is up, then the diffusion refiner over windows of two seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.failure import Failure
from contract.options import DEFAULT_REFINER
from contract.skeleton import BODY_22
from engine import weights_file
from engine.lifter.codec import NETWORK_FPS, Encoded, decode
from engine.lifter.gravity import LARGER, GravityLayout, GravityNetwork, camera_up
from engine.lifter.network import load_lifter
from engine.lifter.track_run import TrackRun
from engine.long_takes.scratch import let_go, long_array
from engine.long_takes.windows import pieces
from engine.person.track import Track
from engine.progress import Progress
from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.fast import backend
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import AMPLITUDE, Frames, MixtureNoise
from engine.refiner.sampler import Ddim, WholeSampler, refine
from engine.refiner.schedule import Schedule
from engine.refiner.state import GUIDE_SIGNS, METRES, confidence_of, guides, pose_of, states
from engine.refiner.window import STRIDE, WindowConfig, WindowRefiner
from engine.refiner.window_run import Lifted, refine_runs

LIFTER_FILE = weights_file.FOLDER / "lifter.safetensors"
REFINER_FILE = weights_file.FOLDER / "refiner.safetensors"
WINDOW_FILE = weights_file.FOLDER / "window.safetensors"
CHUNK = 2048  # frames lifted at once: bounds the memory for long videos; chunks overlap by the lifter's reach, so no seam is seen
KNOWN_UP_ERROR = math.radians(1.0)  # of a camera that was solved or animated
REFINE_CHUNK = 256  # frames refined between two progress events, more where the refiner likes larger batches

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Poses:
    """joints (T,22,3): metres, camera axes, pelvis at the origin, BODY_22; spread (T,22) metres: the hypotheses' disagreement."""

    joints: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]
    up: Array | None = None  # (3,) unit, where it was found: in the axes of the camera, or of the middle of one that turns
    up_error: float = 0.0  # radians, one standard deviation an axis


def choose_device(name: str) -> torch.device:
    """`auto`, `cpu` or `cuda` -> the device; Failure `no_cuda` where CUDA is asked for and absent."""
    if name == "cuda" and not torch.cuda.is_available():
        raise Failure(
            "no_cuda", "CUDA was asked for, but torch finds no CUDA device here; use --device cpu, or install a CUDA build of torch."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class PoseModel:
    """The shipped lifter and refiners on one device."""

    def __init__(
        self, device: str = "auto", lifter_file: Path = LIFTER_FILE, refiner_file: Path = REFINER_FILE, window_file: Path = WINDOW_FILE
    ) -> None:
        self.device = choose_device(device)
        self.lifter_weights = weights_file.load_weights(lifter_file)
        self.lifter = load_lifter(lifter_file).to(self.device)
        self.refiner_weights = weights_file.load_weights(refiner_file)
        self.config = RefinerConfig.from_dict(self.refiner_weights.header["layout"])
        self.refiner = Refiner(BODY_22, self.config)
        weights_file.load_into(self.refiner, self.refiner_weights.part("refiner"), "refiner")
        self.refiner.to(self.device).eval()
        self.notices: list[tuple[str, str]] = []  # why the refiner is slower than it could be, if it is; run tells it
        self.network = backend.choose(self.refiner, self.device, lambda code, message: self.notices.append((code, message)))
        errors = ErrorModel.from_tensors(self.refiner_weights.tensors)
        self.noise = MixtureNoise(Schedule(), int(self.refiner_weights.header["start_step"]), errors)
        self.window_weights = weights_file.load_weights(window_file)
        self.gravity, self.window = load_window(self.window_weights)
        self.gravity.to(self.device).eval()
        self.window.to(self.device).eval()
        self.gravity_layout, self.window_config = self.gravity.layout, self.window.config
        self.window_step = int(self.window_weights.header["start_step"])

    @property
    def precision(self) -> str:
        """What the refiner multiplies in: `bf16` or `fp32` on a CPU; on CUDA `fp16`, `tf32`, or `plain` without the fused kernels."""
        return str(getattr(self.network, "precision", "fp32"))

    @torch.inference_mode()
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
        joints, spread = long_array((len(track), len(BODY_22), 3)), long_array((len(track), len(BODY_22)))
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
                pose = torch.from_numpy(poses[None, a:b].copy()).to(self.device)
                if steps:
                    for part in refine.parts(b - a):
                        pose[0, part], apart = refine(encoded, visibility, pose, part, a, last)
                        differ[a + part.start : a + part.stop] = height * apart.cpu().numpy()
                        done += part.stop - part.start
                        progress.advance(done)
                poses[a:b] = decode(pose, encoded.rotation, height)[0].cpu().numpy()
                let_go(poses, differ)
            for part in pieces(len(run.times), poses, differ, joints, spread):
                rows = slice(place.start + part.start, place.start + part.stop)
                joints[rows] = run.resample(poses, part)
                spread[rows] = np.maximum(run.resample(differ, part), 0.0)
        if steps:
            for notice in self.notices:
                progress.warning(*notice)
        return Poses(joints, spread, None if up is None else up.cpu().numpy().astype(float), error)


class _OverTime:
    """The refiner over windows at work on a take: lifted once to find up, and piece by piece again to be refined."""

    def __init__(
        self, model: PoseModel, track: Track, camera_matrix: Array, height: float, progress: Progress, turns: Array | None = None
    ) -> None:
        self._turns = turns
        self._model, self._track, self._height, self._progress = model, track, height, progress
        self.runs = [TrackRun(track, run, camera_matrix, model.device) for run in track.runs]
        self.frames = sum(len(run) for run in self.runs)

    def refined(self, steps: int, hypotheses: int, seed: int, ups: Array | None) -> Poses:
        """As `PoseModel.run`."""
        up, error = (None, KNOWN_UP_ERROR) if ups is not None else self.lifted(True)[1:]
        if up is not None and self._turns is not None:
            ups = up.cpu().numpy().astype(float) @ self._turns
        self._progress.stage("refine", self.frames)
        joints, spread = long_array((len(self._track), len(BODY_22), 3)), long_array((len(self._track), len(BODY_22)))
        draws, done = _Draws(self._model, steps, hypotheses, seed), 0
        for place, run in zip(self._track.runs, self.runs, strict=True):
            poses, differ = long_array((len(run), len(BODY_22), 3)), long_array((len(run), len(BODY_22)))
            draws.begin()
            for start in range(0, len(run), CHUNK):
                stop = min(len(run), start + CHUNK)
                lifted, first = self._lift(run, start, stop, STRIDE * self._model.window_config.reach)
                rotation, kept = lifted.encoded.rotation, slice(start - first, stop - first)
                last = first + rotation.shape[1]
                seen = up.expand(*rotation.shape[:2], 3) if up is not None and ups is None else self._ups(run, ups, first, last)
                view_up = (seen[..., None, :] @ rotation)[..., 0, :]
                pose, apart = draws.refined(lifted, view_up, torch.full_like(view_up[..., 0], error), first)
                poses[start:stop] = decode(pose[:, kept], rotation[:, kept], self._height)[0].cpu().numpy()
                differ[start:stop] = self._height * apart[0, kept].cpu().numpy()
                let_go(poses, differ)
                done += stop - start
                self._progress.advance(done)
            for part in pieces(len(run.times), poses, differ, joints, spread):
                rows = slice(place.start + part.start, place.start + part.stop)
                joints[rows] = run.resample(poses, part)
                spread[rows] = np.maximum(run.resample(differ, part), 0.0)
        return Poses(joints, spread, None if up is None else up.cpu().numpy().astype(float), 0.0 if up is None else error)

    def _lift(self, run: TrackRun, start: int, stop: int, around: int) -> tuple[Lifted, int]:
        """The run's frames from `start` to `stop` and `around` more on either side, lifted; and the first of them."""
        reach = around + self._model.lifter.config.reach
        a, b = max(0, start - reach), min(len(run), stop + reach)
        encoded, visibility = run.encode(a, b)
        guess, hints = self._model.lifter.with_hints(encoded)
        return Lifted(encoded, visibility, guess, hints), a

    def lifted(self, find_up: bool) -> tuple[list[npt.NDArray[np.float32]], Tensor | None, float]:
        """The lifter's poses (T,22,3) of every run, statures, view axes; and where it is to be found, up (3,) in the axes of a camera that
        stands still with its error in radians: the mean over all frames, the sure ones most."""
        self._progress.stage("lift", self.frames)
        total, claim, weight, done = torch.zeros(3, device=self._model.device), 0.0, 0.0, 0
        poses = [long_array((len(run), len(BODY_22), 3)) for run in self.runs]
        for run, pose in zip(self.runs, poses, strict=True):
            for start in range(0, len(run), CHUNK):
                stop = min(len(run), start + CHUNK)
                lifted, first = self._lift(run, start, stop, self._model.gravity_layout.reach if find_up else 0)
                rotation, kept = lifted.encoded.rotation, slice(start - first, stop - first)
                pose[start:stop] = lifted.guess[0, kept].cpu().numpy()
                let_go(pose)
                if find_up:
                    up, error = self._model.gravity(lifted.encoded.features, lifted.guess, camera_up(rotation))
                    sure = error[0, kept].square().reciprocal()
                    seen = (up[0, kept, None] @ rotation[0, kept].transpose(-1, -2))[:, 0]
                    if self._turns is not None:
                        turns = torch.from_numpy(self._turns[self._at(run, start, stop)].astype(np.float32)).to(seen.device)
                        seen = (turns @ seen[..., None])[..., 0]
                    total = total + (sure[:, None] * seen).sum(0)
                    claim, weight = claim + float((sure * error[0, kept]).sum()), weight + float(sure.sum())
                done += stop - start
                self._progress.advance(done)
        if not find_up:
            return poses, None, 0.0
        return poses, torch.nn.functional.normalize(total, dim=0), LARGER * claim / weight

    def _ups(self, run: TrackRun, ups: Array | None, first: int, last: int) -> Tensor:
        """(1,T,3) the known ups (K,3) of the track's frames at the networks' times `first` to `last` of the run."""
        assert ups is not None  # or else up was found
        return torch.from_numpy(ups[self._at(run, first, last)].astype(np.float32))[None].to(self._model.device)

    def _at(self, run: TrackRun, first: int, last: int) -> npt.NDArray[np.int64]:
        """Which of the track's frames lie at the networks' times `first` to `last` of the run."""
        return np.searchsorted(self._track.times, run.grid[first:last]).clip(0, len(self._track) - 1)


class _Draws:
    """The hypotheses of the refiner over windows: the guess alone, or several drawn around it, whose draws depend on the seed only."""

    def __init__(self, model: PoseModel, steps: int, hypotheses: int, seed: int) -> None:
        self._model, self._steps, self._hypotheses = model, steps, hypotheses
        self._noise = MixtureNoise(Schedule(), model.window_step, model.noise.errors)
        self._generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws whatever the device
        self._last = LastFrame()

    def begin(self) -> None:
        """A new run, unrelated to the one before."""
        self._last = LastFrame()

    def refined(self, lifted: Lifted, up: Tensor, error: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """(1,T,22,3) the mean of the hypotheses, statures, and (1,T,22) how far they differ. The piece begins with frame `first`."""
        begin = -first % STRIDE  # whatever the piece, the same frames of the run
        if self._hypotheses == 1:
            times = self._noise.schedule.times(self._model.window_step, self._steps)
            pose = refine_runs(self._model.window, lifted, up, error, times, begin)
            return pose, torch.zeros_like(pose[..., 0])
        shape = lifted.guess.shape[:2]
        guess = states(lifted.encoded, lifted.guess).unflatten(0, shape)[0, begin::STRIDE]
        guide = guides(lifted.encoded, lifted.visibility).unflatten(0, shape)[0, begin::STRIDE]
        clock = (first + begin + STRIDE * torch.arange(len(guess), dtype=torch.float64)) / NETWORK_FPS
        known = Frames(confidence_of(guide), clock, self._last)
        moved, step = self._noise.start(guess, self._hypotheses, AMPLITUDE, self._generator, known)
        times = self._noise.schedule.times(step, self._steps)
        each = torch.cat([refine_runs(self._model.window, lifted, up, error, times, begin, one[None]) for one in moved])
        mean = each.mean(0, keepdim=True)
        return mean, (each - mean).square().sum(-1).mean(0, keepdim=True).sqrt()


def load_window(stored: weights_file.Weights) -> tuple[GravityNetwork, WindowRefiner]:
    """The network that finds up and the refiner over windows. Raises Failure `bad_installation` where the layout is another."""
    gravity = GravityNetwork(GravityLayout.from_dict(stored.header["gravity_layout"]))
    window = WindowRefiner(WindowConfig.from_dict(stored.header["layout"]))
    weights_file.load_into(gravity, stored.part("gravity"), "network that finds up")
    weights_file.load_into(window, stored.part("window"), "refiner over windows")
    return gravity, window


class _Refinement:
    """The refiner at work on a take, whose draws depend on the seed and on nothing else."""

    def __init__(self, model: PoseModel, steps: int, hypotheses: int, seed: int) -> None:
        self._model, self._steps, self._hypotheses = model, steps, hypotheses
        self._amplitude = AMPLITUDE if hypotheses > 1 else 0.0
        self._generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws whatever the device
        # On CUDA several of these go together; the noise is still drawn for one after the other, so that all devices draw the same.
        several = max(1, model.network.batch // (REFINE_CHUNK * hypotheses)) if isinstance(model.network, WholeSampler) else 1
        self._batch = several * REFINE_CHUNK
        self.piece = self._batch * max(1, CHUNK // self._batch)  # frames encoded at once: whole batches

    def parts(self, frames: int) -> list[slice]:
        """The frames of a piece in batches."""
        return [slice(a, min(a + self._batch, frames)) for a in range(0, frames, self._batch)]

    def __call__(
        self, encoded: Encoded, visibility: Tensor, pose: Tensor, part: slice, begins: int, last: LastFrame
    ) -> tuple[Tensor, Tensor]:
        """(T,22,3) the refined poses of the piece's frames `part`, in statures, and (T,22) how far the hypotheses differ.

        The piece begins with frame `begins` of its run, in which `last` is the frame before.
        """
        noise = self._model.noise
        guess, guide = states(encoded, pose)[part], guides(encoded, visibility)[part]
        times = torch.arange(begins + part.start, begins + part.stop, dtype=torch.float64) / NETWORK_FPS
        chunks = (values.split(REFINE_CHUNK) for values in (guess, confidence_of(guide), times))
        drawn = [
            noise.start(chunk, self._hypotheses, self._amplitude, self._generator, Frames(sure, clock, last))
            for chunk, sure, clock in zip(*chunks, strict=True)
        ]
        start, step = torch.cat([chunk for chunk, _ in drawn], 1), drawn[0][1]
        visited = noise.schedule.times(step, self._steps)
        sampler = Ddim(noise.schedule)
        refined = refine(self._model.network, BODY_22, sampler, start, guide, visited, flip=False, guide_signs=GUIDE_SIGNS)
        return pose_of(refined.pose), refined.spread / METRES
