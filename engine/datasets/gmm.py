"""DiffPose's `*_gmm.npz`: 2D keypoints as mixtures, (T,J,M,5) with (weight, mean u, mean v, scale u, scale v), read, drawn from and made.

    python -m engine.datasets.gmm data_2d_h36m_cpn_ft_h36m_dbb.npz data_2d_h36m_gt.npz -o data_2d_h36m_cpn_ft_h36m_dbb_gmm.npz

makes one from plain keypoints: a mixture a joint is fitted by expectation maximisation to the detector's errors on the training subjects,
and every detection becomes the mixture of where the joint then is. Means are pixels, as everywhere in these files. The scales multiply
unit noise in the *normalised* picture of the diffusion, so they are the deviation there over the noise of the start step: at that step the
noisy 2D is as uncertain as the detector. In the files that are passed around all weights are (1, 0, 0): an ordinary Gaussian.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import ExitCode, Failure
from contract.outputs import add_overwrite_argument, check_outputs, written_beside
from engine.datasets.human36m import TRAINING, Takes, read_takes
from engine.datasets.human36m_cameras import LENSES

Array = npt.NDArray[np.floating]
FIT_ERRORS = 20_000  # errors a joint that a mixture is fitted to: more change it less than the seed does
START_STEP = 6  # the published start of the reverse process
LEAST_PIXELS = 0.05  # a detector is never surer than that: rounding of the files, and ground truth given as a detection


@dataclass(frozen=True)
class ErrorMixture:
    """A joint's detection errors, pixels: weights (J,M) falling, means (J,M,2), deviations (J,M,2)."""

    weights: Array
    means: Array
    deviations: Array


def draw(kernels: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """One kernel for every joint of every frame, by its weight: (points (T,J,2), noise scales (T,J,5) of u, v, x, y, z).

    kernels (T,J,M,5), means and scales in the units wanted. A kernel of weight 0 is never drawn; the depth's scales are 1, as published.
    Raises Failure `bad_input` where a joint's weights are no probabilities.
    """
    weights = kernels[..., 0].astype(np.float64)
    total = weights.sum(-1, keepdims=True)
    if not np.isfinite(weights).all() or (weights < 0).any() or (np.abs(total - 1) > 1e-3).any():
        raise Failure("bad_input", "The weights of a joint's kernels must be at least 0 and sum to 1; this is no file of mixtures.")
    edges = np.cumsum(weights / total, axis=-1)[..., :-1]
    # strictly below the edge, and a trailing kernel of weight 0 begins at an edge of 1, which no draw reaches
    chosen = (rng.random((*weights.shape[:-1], 1)) >= np.minimum(edges, 1.0)).sum(-1)
    last = weights.shape[-1] - 1 - np.argmax(weights[..., ::-1] > 0, axis=-1)
    picked = np.take_along_axis(kernels, np.minimum(chosen, last)[..., None, None], axis=-2)[..., 0, :]
    return picked[..., 1:3], np.concatenate([picked[..., 3:], np.ones((*picked.shape[:-1], 3))], -1)


def fit_errors(errors: Array, components: int, seed: int = 0) -> ErrorMixture:
    """Expectation maximisation of (N,J,2) pixels of detection minus truth, a joint at a time, with axes of their own."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    if components < 1 or len(errors) < 10 * components:
        raise Failure("bad_input", f"{len(errors)} frames are too few to fit {components} components to.")
    chosen = np.random.default_rng(seed).permutation(len(errors))[:FIT_ERRORS]
    weights, means, deviations = [], [], []
    for joint in range(errors.shape[1]):
        values = errors[chosen, joint].astype(np.float64)
        count = components if values.std(axis=0).max() > LEAST_PIXELS else 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # two components may be one: their order still is by weight
            found = GaussianMixture(count, covariance_type="diag", random_state=seed, max_iter=200, reg_covar=LEAST_PIXELS**2).fit(values)
        order = np.argsort(-found.weights_, kind="stable")
        missing = ((0, components - count), (0, 0))
        weights.append(np.pad(found.weights_[order], (0, components - count)))
        means.append(np.pad(found.means_[order], missing))
        deviations.append(np.pad(np.sqrt(found.covariances_[order]), missing, constant_values=LEAST_PIXELS))
    return ErrorMixture(np.stack(weights), np.stack(means), np.stack(deviations))


def as_kernels(detections: Array, mixture: ErrorMixture, width: int, start_step: int = START_STEP) -> npt.NDArray[np.float32]:
    """(T,J,2) pixels to (T,J,M,5): the joint is at the detection minus the error. `width`: pixels of the picture."""
    from engine.refiner.schedule import Schedule

    sigma = Schedule().sigma(start_step)
    frames = len(detections)
    weights = np.broadcast_to(mixture.weights[None, ..., None], (frames, *mixture.weights.shape, 1))
    scales = np.broadcast_to(mixture.deviations * (2.0 / width / sigma), (frames, *mixture.deviations.shape))
    return np.concatenate([weights, detections[:, :, None] - mixture.means, scales], -1).astype(np.float32)


def training_errors(found: Takes, truth: Takes) -> Array:
    """(N,J,2) pixels of every frame of the training subjects that both files hold; detections are cut to the truth's length."""
    errors = []
    for subject in TRAINING:
        for action, views in truth.get(subject, {}).items():
            seen = found.get(subject, {}).get(action)
            if seen is None or len(seen) != len(views):
                raise Failure(
                    "bad_input", f"The detections have no {subject} {action} before {len(views)} cameras; the files do not match."
                )
            for detected, true in zip(seen, views, strict=True):
                a, b = np.asarray(detected), np.asarray(true)
                if a.ndim != 3 or a.shape[1:] != b.shape[1:] or b.shape[-1] != 2 or len(a) < len(b):
                    raise Failure(
                        "bad_input", f"{subject} {action}: detections of {a.shape} beside a truth of {b.shape}; both are "
                        "(frames, joints, 2) pixels and no detection is missing.",
                    )  # fmt: skip
                errors.append(a[: len(b)] - b)
    if not errors:
        raise Failure("bad_input", f"The truth holds none of the training subjects {', '.join(TRAINING)}.")
    joined = np.concatenate(errors)
    if not np.isfinite(joined).all():
        raise Failure("bad_input", "The keypoints of the training subjects hold NaN or infinity.")
    return joined


def make(plain: Path, truth: Path, output: Path, components: int = 3, start_step: int = START_STEP, seed: int = 0) -> ErrorMixture:
    """Writes the mixtures of a plain file of detections, whole or not at all; returns what was fitted."""
    found = read_takes(plain, "positions_2d")
    mixture = fit_errors(training_errors(found, read_takes(truth, "positions_2d")), components, seed)
    mixed: dict[str, dict[str, Any]] = {}
    for subject, actions in found.items():
        mixed[subject] = {
            action: [as_kernels(np.asarray(v), mixture, LENSES[c % len(LENSES)].size[0], start_step) for c, v in enumerate(views)]
            for action, views in actions.items()
        }
    joints = len(mixture.weights)
    with written_beside(output) as beside, beside.open("wb") as file:
        np.savez_compressed(file, positions_2d=mixed, metadata={"num_joints": joints, "components": components})  # type: ignore[arg-type]
    return mixture


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.datasets.gmm", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("plain", type=Path, help="detections in VideoPose3D's layout")
    parser.add_argument("truth", type=Path, help="data_2d_h36m_gt.npz")
    parser.add_argument("-o", "--output", type=Path, required=True)
    add_overwrite_argument(parser)
    parser.add_argument("--components", type=int, default=3)
    parser.add_argument("--start-step", type=int, default=START_STEP, help="of the reverse process (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    read = parser.parse_args(arguments)
    try:
        (output,) = check_outputs([read.output], [read.plain, read.truth], (".npz",), read.overwrite)
        mixture = make(read.plain, read.truth, output, read.components, read.start_step, read.seed)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print(f"{read.output}: {read.components} components a joint; median weights {np.median(mixture.weights, axis=0).round(2).tolist()}, "
          f"deviations {np.median(mixture.deviations.mean(-1), axis=0).round(1).tolist()} pixels")  # fmt: skip
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
