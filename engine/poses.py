"""From a track to joints in space: the lifter's guess over time, then the diffusion refiner on every frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine import weights_file
from engine.lifter.codec import NETWORK_FPS, Encoded, decode
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

LIFTER_FILE = weights_file.FOLDER / "lifter.safetensors"
REFINER_FILE = weights_file.FOLDER / "refiner.safetensors"
CHUNK = 2048  # frames lifted at once: bounds the memory for long videos; chunks overlap by the lifter's reach, so no seam is seen
REFINE_CHUNK = 256  # frames refined between two progress events, more where the refiner likes larger batches

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Poses:
    """joints (T,22,3): metres, camera axes, pelvis at the origin, BODY_22; spread (T,22) metres: the hypotheses' disagreement."""

    joints: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]


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

    @property
    def precision(self) -> str:
        """What the refiner multiplies in: `bf16` or `fp32` on a CPU; on CUDA `fp16`, `tf32`, or `plain` without the fused kernels."""
        return str(getattr(self.network, "precision", "fp32"))

    @torch.inference_mode()
    def run(
        self, track: Track, camera_matrix: Array, height: float, *, steps: int, hypotheses: int, seed: int, progress: Progress
    ) -> Poses:
        """Joints of every frame of the track. `steps` 0 leaves the refiner out. The same seed gives the same result on the same device."""
        runs = [TrackRun(track, run, camera_matrix, self.device) for run in track.runs]
        frames = sum(len(run) for run in runs)
        progress.stage("lift", frames)
        lifted: list[npt.NDArray[np.float32]] = []
        for run in runs:
            lifted.append(self._lift(run, progress, sum(len(p) for p in lifted)))
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
        return Poses(joints, spread)

    def _lift(self, run: TrackRun, progress: Progress, done: int) -> npt.NDArray[np.float32]:
        """(T,22,3) in chunks that overlap by the lifter's reach. `done`: frames of the runs before."""
        frames, reach = len(run), self.lifter.config.reach
        pose = long_array((frames, len(BODY_22), 3))
        for start in range(0, frames, CHUNK):
            stop = min(frames, start + CHUNK)
            a, b = max(0, start - reach), min(frames, stop + reach)
            pose[start:stop] = self.lifter(run.encode(a, b)[0])[0, start - a : stop - a].cpu().numpy()
            let_go(pose)
            progress.advance(done + stop)
        return pose


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
