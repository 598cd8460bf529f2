"""From a track to joints in space: the lifter's guess over time, then the diffusion refiner on every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.progress import Progress
from engine.refiner import backend, weights
from engine.refiner.codec import NETWORK_FPS, Encoded, decode, encode
from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.lifter import Lifter, LifterConfig
from engine.refiner.network import Refiner, RefinerConfig
from engine.refiner.noise import Frames, MixtureNoise
from engine.refiner.sampler import Ddim, WholeSampler, refine
from engine.refiner.schedule import Schedule
from engine.refiner.state import GUIDE_SIGNS, METRES, confidence_of, guides, pose_of, states
from engine.track import Track

LIFTER_FILE = weights.FOLDER / "lifter.safetensors"
REFINER_FILE = weights.FOLDER / "refiner.safetensors"
CHUNK = 2048  # frames lifted at once: bounds the memory for long videos; chunks overlap by the lifter's reach, so no seam is seen
REFINE_CHUNK = 256  # frames refined between two progress events, more where the refiner likes larger batches
AMPLITUDE = 0.5  # of the mixture's error, drawn around the guess for each of several hypotheses: enough that they differ
SAME_RATE = 0.02  # share by which a video's rate may differ from the networks' before it is resampled (29.97 is 30 to them)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Poses:
    """joints (T,22,3): metres, camera axes, pelvis at the origin, BODY_22; spread (T,22) metres: the hypotheses' disagreement."""

    joints: Array
    spread: Array


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
    """The shipped lifter and refiner on one device."""

    def __init__(self, device: str = "auto", lifter_file: Path = LIFTER_FILE, refiner_file: Path = REFINER_FILE) -> None:
        self.device = choose_device(device)
        self.lifter_weights = weights.load_weights(lifter_file)
        self.lifter = Lifter(LifterConfig.from_dict(self.lifter_weights.header["layout"]))
        weights.load_into(self.lifter, self.lifter_weights.part("lifter"), "lifter")
        self.lifter.to(self.device).eval()
        self.refiner_weights = weights.load_weights(refiner_file)
        self.config = RefinerConfig.from_dict(self.refiner_weights.header["layout"])
        self.refiner = Refiner(BODY_22, self.config)
        weights.load_into(self.refiner, self.refiner_weights.part("refiner"), "refiner")
        self.refiner.to(self.device).eval()
        self.notices: list[tuple[str, str]] = []  # why the refiner is slower than it could be, if it is; run tells it
        self.network = backend.choose(self.refiner, self.device, lambda code, message: self.notices.append((code, message)))
        errors = ErrorModel.from_tensors(self.refiner_weights.tensors)
        self.noise = MixtureNoise(Schedule(), int(self.refiner_weights.header["start_step"]), errors)

    @torch.inference_mode()
    def run(
        self, track: Track, camera_matrix: Array, height: float, *, steps: int, hypotheses: int, seed: int, progress: Progress
    ) -> Poses:
        """Joints of every frame of the track. `steps` 0 leaves the refiner out. The same seed gives the same result on the same device."""
        runs = [self._inputs(track, run, camera_matrix) for run in track.runs]
        progress.stage("lift", len(track))
        encoded, poses, done = [], [], 0
        for run, inputs in zip(track.runs, runs, strict=True):
            e = encode(*inputs)
            encoded.append(e)
            poses.append(self._lift(e))
            done += run.stop - run.start
            progress.advance(done)
        spreads = [torch.zeros(p.shape[:-1], device=self.device) for p in poses]
        if steps:
            self._refine(encoded, poses, spreads, runs, steps, hypotheses, seed, progress)
        joints = np.zeros((len(track), len(BODY_22), 3))
        spread = np.zeros((len(track), len(BODY_22)))
        for run, e, pose, s in zip(track.runs, encoded, poses, spreads, strict=True):
            times = track.times[run]
            grid = _grid(times, track.fps)
            joints[run] = _resample(grid, decode(pose, e.rotation, height)[0].double().cpu().numpy(), times)
            spread[run] = np.maximum(_resample(grid, s[0].double().cpu().numpy() * height, times), 0.0)
        return Poses(joints, spread)

    def _inputs(self, track: Track, run: slice, camera_matrix: Array) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """rays, visibility, world, detected of one run at the networks' rate, (1,T,...)."""
        times = track.times[run]
        grid = _grid(times, track.fps)
        rays = (track.image[run] - camera_matrix[:2, 2]) / np.diag(camera_matrix)[:2]
        parts = (rays, track.visibility[run], track.world[run], track.detected[run].astype(np.float64))
        rate = track.fps if len(grid) == len(times) else NETWORK_FPS
        tensors = []
        for values in parts:
            values = _box(values.astype(np.float64), track.fps / rate)
            flat = values.reshape(len(times), -1)
            at = np.stack([np.interp(grid, times, column) for column in flat.T], 1).reshape(len(grid), *values.shape[1:])
            tensors.append(torch.from_numpy(at.astype(np.float32))[None].to(self.device))
        return tensors[0], tensors[1], tensors[2], tensors[3]

    def _lift(self, encoded: Encoded) -> Tensor:
        """(1,T,22,3) in chunks that overlap by the lifter's reach."""
        frames, reach = encoded.features.shape[1], self.lifter.config.reach
        pieces = []
        for start in range(0, frames, CHUNK):
            a, b = max(0, start - reach), min(frames, start + CHUNK + reach)
            part = Encoded(*(getattr(encoded, f)[:, a:b] for f in ("features", "base", "points", "rotation")))
            pieces.append(self.lifter(part)[:, start - a : min(start + CHUNK, frames) - a])
        return torch.cat(pieces, 1)

    def _refine(
        self, encoded: list[Encoded], poses: list[Tensor], spreads: list[Tensor], runs: Sequence[tuple[Tensor, ...]],
        steps: int, hypotheses: int, seed: int, progress: Progress,
    ) -> None:  # fmt: skip
        """Refines `poses` in place, run by run."""
        progress.stage("refine", sum(p.shape[1] for p in poses))
        schedule = self.noise.schedule
        sampler, amplitude = Ddim(schedule), AMPLITUDE if hypotheses > 1 else 0.0
        generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws whatever the device
        # On CUDA several of these go together; the noise is still drawn for one after the other, so that all devices draw the same.
        several = max(1, self.network.batch // (REFINE_CHUNK * hypotheses)) if isinstance(self.network, WholeSampler) else 1
        done = 0
        for i, (e, inputs) in enumerate(zip(encoded, runs, strict=True)):
            guess, guide = states(e, poses[i]), guides(e, inputs[1])
            times, last = torch.arange(len(guess), dtype=torch.float64) / NETWORK_FPS, LastFrame()
            for a in range(0, len(guess), several * REFINE_CHUNK):
                part = slice(a, a + several * REFINE_CHUNK)
                known = zip(confidence_of(guide[part]).split(REFINE_CHUNK), times[part].split(REFINE_CHUNK), strict=True)
                drawn = [
                    self.noise.start(piece, hypotheses, amplitude, generator, Frames(sure, clock, last))
                    for piece, (sure, clock) in zip(guess[part].split(REFINE_CHUNK), known, strict=True)
                ]
                start, step = torch.cat([piece for piece, _ in drawn], 1), drawn[0][1]
                visited = schedule.times(step, steps)
                refined = refine(self.network, BODY_22, sampler, start, guide[part], visited, flip=False, guide_signs=GUIDE_SIGNS)
                poses[i][0, part] = pose_of(refined.pose)
                spreads[i][0, part] = refined.spread / METRES
                done += len(refined.pose)
                progress.advance(done)
        for notice in self.notices:
            progress.warning(*notice)


def _grid(times: Array, fps: float) -> Array:
    """The networks' times over a run: the run's own where its rate is near enough."""
    if abs(fps / NETWORK_FPS - 1.0) <= SAME_RATE or len(times) < 2:
        return times
    count = max(2, round((times[-1] - times[0]) * NETWORK_FPS) + 1)
    return np.linspace(times[0], times[-1], count)


def _box(values: Array, factor: float) -> Array:
    """A running mean over `factor` frames (odd, rounded) along the first axis, so that dropping frames keeps what they knew."""
    width = 2 * int(factor / 2) + 1
    if width < 3 or len(values) < width:
        return values
    padded = np.concatenate([values[:1].repeat(width // 2, 0), values, values[-1:].repeat(width // 2, 0)])
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0)
    return (total[width:] - total[:-width]) / width


def _resample(grid: Array, values: Array, times: Array) -> Array:
    """Values on the grid -> at the times, by a cubic spline; as they are where the grid is the times."""
    if len(grid) == len(times) and np.array_equal(grid, times):
        return values
    return CubicSpline(grid, values, axis=0)(times)
