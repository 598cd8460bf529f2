"""The noise schedule of the diffusion: how much noise each step holds, and which steps a sampler visits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.arrays import Array, Generator, constant, namespace, normal

STEPS = 51
BETA_START = 1e-4
BETA_END = 1e-3
CLEAN = -1  # the step before step 0: no noise at all


class Schedule:
    """Betas rise linearly; alpha_bar[t] is the product of (1 - beta) up to t, and sigma(t) = sqrt(1 - alpha_bar[t]).

    With the defaults, the paper's, sigma ends at 0.166: the chain never forgets the pose, it refines one.
    """

    def __init__(self, steps: int = STEPS, beta_start: float = BETA_START, beta_end: float = BETA_END) -> None:
        self.steps = steps
        betas = np.linspace(beta_start, beta_end, steps)
        # Entry t + 1 belongs to step t, so that the clean step -1 has an entry too.
        self._alpha_bar: npt.NDArray[np.float64] = np.concatenate([np.ones(1), np.cumprod(1.0 - betas)])

    def alpha_bar(self, t: int) -> float:
        """The share of the clean pose's variance at step t; 1 at step -1."""
        if not CLEAN <= t < self.steps:
            raise ValueError(f"step {t} is outside {CLEAN}..{self.steps - 1}")
        return float(self._alpha_bar[t + 1])

    def sigma(self, t: int) -> float:
        """Deviation of unit noise at step t."""
        return (1.0 - self.alpha_bar(t)) ** 0.5

    def start_step(self, rmse: float) -> int:
        """The step whose noise is nearest to an error of `rmse` (metres per axis, where the noise is 1 m per axis)."""
        sigmas = np.sqrt(1.0 - self._alpha_bar[1:])
        return int(np.abs(sigmas - rmse).argmin())

    def times(self, start: int, evaluations: int) -> list[int]:
        """Steps from `start` down to 0, evenly spaced, `evaluations` of them (fewer where they would repeat)."""
        if not 0 <= start < self.steps or evaluations < 1:
            raise ValueError(f"cannot make {evaluations} evaluations from step {start} of {self.steps}")
        if evaluations == 1:
            return [start]
        spaced = np.linspace(start, 0, evaluations).round().astype(int)
        return sorted({int(step) for step in spaced}, reverse=True)

    def coefficients(self, t: Array, like: Array) -> tuple[Array, Array]:
        """(sqrt(alpha_bar), sigma) of steps t (B,), shaped (B, 1, ..) to multiply `like` (B, ..), on its device."""
        xp, shape = namespace(like), (-1,) + (1,) * (like.ndim - 1)
        # Rounded to the wanted type last: 1 - alpha_bar of float32 numbers would lose four digits at small steps.
        tables = (np.sqrt(self._alpha_bar), np.sqrt(1.0 - self._alpha_bar))
        index = xp.astype(t, xp.int64) + 1
        kept, noise = (xp.reshape(constant(table, like)[index], shape) for table in tables)
        return kept, noise

    def q_sample(self, x0: Array, t: Array, noise: Array) -> Array:
        """The forward process: sqrt(alpha_bar_t) x0 + sigma_t noise. x0, noise: (B, ..); t: (B,)."""
        kept, sigma = self.coefficients(t, x0)
        return kept * x0 + sigma * noise

    def clean(self, x: Array, t: Array, noise: Array) -> Array:
        """The x0 of which `x` is the state at step t with that noise: the inverse of `q_sample`."""
        kept, sigma = self.coefficients(t, x)
        return (x - sigma * noise) / kept

    def noise(self, x: Array, t: Array, clean: Array) -> Array:
        """The noise in the state `x` at step t whose x0 is `clean`: what a sampler steps along where a network predicts clean states."""
        kept, sigma = self.coefficients(t, x)
        return (x - kept * clean) / sigma


def released_times(limit: int = 12, evaluations: int = 2) -> list[int]:
    """The published choice of steps, latest first: every (limit // evaluations)-th step below `limit`. (12, 2) gives 6, 0."""
    return list(range(0, limit, limit // evaluations))[::-1]


def standard_normal(shape: Sequence[int], like: Array, generator: Generator | None = None) -> Array:
    """Unit noise of the type and device of `like`, drawn where the generator is: one seed, the same numbers everywhere."""
    return normal(shape, like, generator)
