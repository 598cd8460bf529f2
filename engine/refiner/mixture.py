"""Noise as it really is: what detector and lifter get wrong, as a Gaussian mixture a joint, and the diffusion run on it.

The paper fits a mixture to the uncertain pose, draws a component G by its weight, and diffuses towards it:

    h_k = mu_G + sqrt(abar_k) (h_0 - mu_G) + sqrt(1 - abar_k) eps_G

Its schedule never reaches abar = 0, so mu_G and eps_G have to be scaled before the state of any step looks like the pose a
lifter gives. Here the mixture is that of the residuals, guess minus truth, with means m_G and covariances S_G in the state's
own units, and the scale follows from one demand: **at the start step K the state is distributed like the guess itself**,
h_0 + m_G + N(0, S_G). Hence, with everything measured from the true pose,

    mu_G = h_0 + m_G / (1 - sqrt(abar_K)),    eps_G ~ N(0, S_G / (1 - abar_K)),
    h_k  = h_0 + a_k m_G + b_k N(0, S_G),     a_k = (1 - sqrt(abar_k)) / (1 - sqrt(abar_K)),  b_k = sigma_k / sigma_K.

Steps below K hold less of the same error, steps above K more. What the network learns to predict is the whole noise,
eps = (h_k - sqrt(abar_k) h_0) / sigma_k, mean shift included, so that every sampler of the plain diffusion fits unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .embedding import STATE_CHANNELS
from .schedule import Schedule, standard_normal

# The published code's noise: a tenth of a unit in (u, v), a metre in (x, y, z).
RELEASED_SCALES = (0.1, 0.1, 1.0, 1.0, 1.0)
# Channels that hardly vary (the root's xyz) are not stretched to unit variance before the fit.
LEAST_DEVIATION = 1e-6
# Added to a covariance's diagonal before its root is taken, so that a singular one, even of zeros, has one.
JITTER = 1e-18
RELATIVE_JITTER = 1e-12


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture a joint over the residuals of its (u, v, x, y, z).

    weights: (J, M), each row sums to 1. means: (J, M, 5). covariances: (J, M, 5, 5). Components come with falling weight;
    one of weight 0 is never drawn, so (1, 0, 0) is an ordinary Gaussian.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __post_init__(self) -> None:
        joints, components = self.weights.shape
        if self.means.shape != (joints, components, STATE_CHANNELS):
            raise ValueError(f"means of shape {tuple(self.means.shape)} for weights of shape {(joints, components)}")
        if self.covariances.shape != (joints, components, STATE_CHANNELS, STATE_CHANNELS):
            raise ValueError(f"covariances of shape {tuple(self.covariances.shape)} for weights of shape {(joints, components)}")
        if not all(bool(torch.isfinite(part).all()) for part in (self.weights, self.means, self.covariances)):
            raise ValueError("the mixture holds values that are not numbers")
        if bool((self.weights < 0).any()) or not torch.allclose(self.weights.sum(dim=1), self.weights.new_ones(joints), atol=1e-4):
            raise ValueError("each joint's weights must be at least 0 and sum to 1")

    @cached_property
    def factors(self) -> Tensor:
        """(J, M, 5, 5) float64: lower-triangular roots of the covariances."""
        covariances = self.covariances.double()
        diagonal = torch.diagonal(covariances, dim1=-2, dim2=-1)
        jitter = JITTER + RELATIVE_JITTER * diagonal.sum(dim=-1, keepdim=True)
        return torch.linalg.cholesky(covariances + torch.diag_embed(jitter.expand_as(diagonal)))

    @cached_property
    def mean(self) -> Tensor:
        """(J, 5): the mean residual."""
        return (self.weights[..., None] * self.means).sum(dim=1)

    @cached_property
    def covariance(self) -> Tensor:
        """(J, 5, 5): the covariance of the whole mixture, its components' means included."""
        centred = self.means - self.mean[:, None]
        each = self.covariances + centred[..., :, None] * centred[..., None, :]
        return (self.weights[..., None, None] * each).sum(dim=1)

    def draw(self, shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """The parts of `shape` draws for every joint: (m_G, N(0, S_G)), both (*shape, J, 5), of the type and device of `like`."""
        joints = len(self.weights)
        home = like.device if generator is None else generator.device
        uniform = torch.rand(*shape, joints, 1, generator=generator, device=home).to(like.device)
        # The last edge is left out, so that rounding in the sum cannot name a component that does not exist.
        edges = self.weights.double().cumsum(dim=1)[:, :-1].to(uniform)
        component = (uniform >= edges).sum(dim=-1)
        joint = torch.arange(joints, device=like.device)
        means = self.means.to(like)[joint, component]
        factors = self.factors.to(like)[joint, component]
        unit = standard_normal((*shape, joints, STATE_CHANNELS), like, generator)
        return means, (factors @ unit[..., None])[..., 0]

    def sample(self, shape: tuple[int, ...], generator: torch.Generator | None = None, like: Tensor | None = None) -> Tensor:
        """Residuals (*shape, J, 5), every joint drawn by itself. The type and device are those of `like`, else of the means."""
        centre, around = self.draw(shape, self.means if like is None else like, generator)
        return centre + around

    def to_tensors(self) -> dict[str, Tensor]:
        """A plain dictionary of float64 tensors, as safetensors stores."""
        return {f"mixture.{name}": getattr(self, name).double().cpu().contiguous() for name in ("weights", "means", "covariances")}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Mixture:
        """The inverse of `to_tensors`; other entries are ignored, a missing one is a ValueError."""
        names = ("weights", "means", "covariances")
        missing = [name for name in names if f"mixture.{name}" not in tensors]
        if missing:
            raise ValueError(f"no mixture here: {', '.join(missing)} missing")
        return cls(*(tensors[f"mixture.{name}"].double() for name in names))


def fit(residuals: Tensor | np.ndarray, components: int = 3, seed: int = 0) -> Mixture:
    """Fit a mixture to each joint by expectation maximisation.

    residuals: (N, J, 5), the guess minus the truth, N at least `components`. The same seed gives the same mixture.
    """
    # Only fitting needs scikit-learn, so a machine that only refines does without it.
    from sklearn.mixture import GaussianMixture

    data = np.asarray(residuals, dtype=np.float64)
    if data.ndim != 3 or data.shape[2] != STATE_CHANNELS:
        raise ValueError(f"expected residuals of shape (N, J, {STATE_CHANNELS}), not {data.shape}")
    if len(data) < max(components, 2):
        raise ValueError(f"{len(data)} residuals are too few for {components} components")
    if not np.isfinite(data).all():
        raise ValueError("the residuals hold values that are not numbers")
    weights, means, covariances = [], [], []
    for joint in range(data.shape[1]):
        values = data[:, joint]
        # In its own units the screen's hundredths would count for nothing beside metres when the fit is begun.
        scale = np.maximum(values.std(axis=0), LEAST_DEVIATION)
        found = GaussianMixture(components, covariance_type="full", random_state=seed, max_iter=200).fit(values / scale)
        order = np.argsort(-found.weights_, kind="stable")
        weights.append(found.weights_[order] / found.weights_.sum())
        means.append(found.means_[order] * scale)
        covariances.append(found.covariances_[order] * scale[:, None] * scale)
    return Mixture(*(torch.from_numpy(np.stack(part)) for part in (weights, means, covariances)))


class Process(Protocol):
    """A forward process: how a true pose turns into a noisy one, and where hypotheses about a guess begin."""

    schedule: Schedule
    start_step: int

    def forward(self, h0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """(h_t, eps), h_t = sqrt(abar_t) h0 + sigma_t eps. h0: (B, J, 5); t: (B,)."""
        ...

    def start(
        self, guess: Tensor, hypotheses: int = 1, amplitude: float = 0.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, int]:
        """(states (H, B, J, 5), their step) around `guess` (B, J, 5)."""
        ...


class FixedNoise:
    """The published code's process: the same Gaussian noise for every joint, `scales` a channel at sigma = 1."""

    def __init__(self, schedule: Schedule, start_step: int, scales: tuple[float, ...] = RELEASED_SCALES) -> None:
        self.schedule = schedule
        self.start_step = start_step
        self.scales = scales

    def forward(self, h0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See `Process.forward`."""
        eps = self._noise(h0.shape, h0, generator)
        return self.schedule.q_sample(h0, t, eps), eps

    def start(
        self, guess: Tensor, hypotheses: int = 1, amplitude: float = 0.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, int]:
        """The guess itself at the start step with amplitude 0, all hypotheses equal, as published; see `MixtureNoise.start`."""
        states = guess.expand(hypotheses, *guess.shape)
        if amplitude > 0.0:
            noise = self._noise(states.shape, guess, generator)
            states = states + amplitude * self.schedule.sigma(self.start_step) * noise
        return states, widened_step(self.schedule, self.start_step, amplitude)

    def _noise(self, shape: torch.Size, like: Tensor, generator: torch.Generator | None) -> Tensor:
        return standard_normal(shape, like, generator) * like.new_tensor(self.scales)


class MixtureNoise:
    """The paper's process on a mixture of residuals; `start_step` is the K of the module's first lines."""

    def __init__(self, schedule: Schedule, start_step: int, mixture: Mixture) -> None:
        self.schedule = schedule
        self.start_step = start_step
        self.mixture = mixture

    def forward(self, h0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See `Process.forward`; one component is drawn for each joint of each pose."""
        centre, around = self.mixture.draw((len(h0),), h0, generator)
        kept, sigma = self.schedule.coefficients(t, h0)
        start_kept, start_sigma = self.schedule.alpha_bar(self.start_step) ** 0.5, self.schedule.sigma(self.start_step)
        # (1 - sqrt(abar)) / sigma = sigma / (1 + sqrt(abar)), which does not cancel where abar is near 1.
        eps = sigma / (1.0 + kept) * (h0 + centre * ((1.0 + start_kept) / start_sigma**2)) + around / start_sigma
        return kept * h0 + sigma * eps, eps

    def start(
        self, guess: Tensor, hypotheses: int = 1, amplitude: float = 1.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, int]:
        """Hypotheses drawn around a guess in pairs: guess +- amplitude (r - mean r), r drawn from the mixture for every pair.

        The two of a pair cancel in the mean what they have in common, so that the mean is not worse than the guess for the noise
        that was put on it; an odd last hypothesis has no partner. guess: (B, J, 5). Returns states (H, B, J, 5) and the step they
        belong to: the guess holds one error of the mixture, the draw another, so the step is the one of deviation
        sqrt(1 + amplitude^2) sigma_K. The guess already holds the mean
        residual once, which is why the draw is centred. Amplitude 0 gives the guess itself at step K.
        """
        states = guess.expand(hypotheses, *guess.shape)
        if amplitude > 0.0:
            pairs = (hypotheses + 1) // 2
            around = self.mixture.sample((pairs, len(guess)), generator, guess) - self.mixture.mean.to(guess)
            states = states + amplitude * torch.stack((around, -around), dim=1).flatten(0, 1)[:hypotheses]
        return states, widened_step(self.schedule, self.start_step, amplitude)


def widened_step(schedule: Schedule, start_step: int, amplitude: float) -> int:
    """The step whose noise holds that of `start_step` and an independent one, `amplitude` times as large, on top."""
    return schedule.start_step((1.0 + amplitude**2) ** 0.5 * schedule.sigma(start_step))
