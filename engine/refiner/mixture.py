"""A Gaussian mixture for each joint over what detector and lifter get wrong in its (u, v, x, y, z), fitted by expectation maximisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from engine.refiner.embedding import STATE_CHANNELS

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
